"""Amounts as people type them into forms, commands and policies: read strictly, so that none is ever guessed."""

from __future__ import annotations

import re

from tieout.core.money import MoneyError, exponent

MOST_TYPED = 10**15  # minor units: no person means more

# Chinese input methods write digits, point and comma full-width, and nobody means anything else by them.
_NARROW = {ord(wide): narrow for wide, narrow in zip("０１２３４５６７８９．，", "0123456789.,", strict=True)}
_TYPED = re.compile(r"([0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.([0-9]+))?")
# One group after a comma, in a currency of three places: `1,500` KWD is 1.5 to one reader and 1500 to another.
_EITHER = re.compile(r"[0-9]+,[0-9]{3}")


def typed_minor(text: str, currency: str) -> int:
    """Minor units of an amount that a person typed: `5000.50`, `5,000.50`; not negative, at most `MOST_TYPED`.

    Commas stand between groups of three digits before the point; full-width digits, point and comma count as the plain
    ones. All else, a decimal comma above all, and more places than the currency has raise MoneyError saying what to
    write.
    """
    places = exponent(currency)
    written = text.strip().translate(_NARROW)
    found = _TYPED.fullmatch(written)
    if found is None or len(found[2] or "") > places or (places == 3 and _EITHER.fullmatch(written)):
        raise _refused(f"{text.strip()[:40]!r} is not an amount in {currency}", places)
    minor = int((found[1].replace(",", "") + (found[2] or "").ljust(places, "0"))[:60])
    if minor > MOST_TYPED:
        raise _refused(f"{text.strip()[:40]!r} is more than an amount in {currency} may be", places)
    return minor


def _refused(message: str, places: int) -> MoneyError:
    if not places:
        hint = "Write it without decimals, like 5000 or 5,000."
    else:
        plain, grouped = (f"{whole}.{'5'.ljust(places, '0')}" for whole in ("5000", "5,000"))
        hint = f"Write it with a decimal point, like {plain} or {grouped}."
    return MoneyError(message, hint=hint, code="bad_amount")
