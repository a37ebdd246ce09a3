"""A company's credit policy as people order it: thresholds by name, checked, with a version made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from tieout.core import exact_json
from tieout.core.errors import TieoutError
from tieout.core.money import exponent
from tieout.receivables.credit import CreditPolicy

_RANGES: Mapping[str, tuple[int, int]] = {
    "hold_above_percent": (1, 1000),
    "release_at_percent": (1, 1000),
    "watch_above_percent": (1, 1000),
    "hold_days": (1, 3650),
    "min_days_on_hold": (0, 365),
    "max_broken_promises": (1, 1000),
}


class PolicyError(TieoutError):
    """A credit policy cannot be ordered like this."""

    code = "credit_policy"


def policy_of(values: Mapping[str, Any]) -> CreditPolicy:
    """The policy with these thresholds, the others as shipped; raises PolicyError naming the first mistake.

    `watch_above_percent` None switches the early warning off; `min_overdue_minor` holds minor units per currency.
    """
    known = {one.name for one in fields(CreditPolicy)} - {"version"}
    for name, value in values.items():
        if name not in known:
            raise PolicyError(f"there is no threshold {name!r}", hint=f"Thresholds: {', '.join(sorted(known))}.")
        if name == "min_overdue_minor":
            _check_minimums(value)
        elif not (name == "watch_above_percent" and value is None):
            low, high = _RANGES[name]
            if type(value) is not int or not low <= value <= high:
                raise PolicyError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    made = CreditPolicy(version="", **values)
    if made.release_at_percent > made.hold_above_percent:
        raise PolicyError("a hold would end above the level at which it begins", hint="Lower release_at_percent.")
    if made.watch_above_percent is not None and made.watch_above_percent > made.hold_above_percent:
        raise PolicyError("the warning would come after the hold", hint="Lower watch_above_percent.")
    shipped = CreditPolicy()
    if asdict(made) | {"version": ""} == asdict(shipped) | {"version": ""}:
        return shipped
    digest = exact_json.digest({name: value for name, value in asdict(made).items() if name != "version"})
    return CreditPolicy(**{**values, "version": digest[:12]})


def _check_minimums(value: Any) -> None:
    if not isinstance(value, Mapping):
        raise PolicyError("min_overdue_minor is a table: currency and minor units")
    for code, amount in value.items():
        exponent(code)
        if type(amount) is not int or not 0 <= amount <= 10**15:
            raise PolicyError(f"min_overdue_minor of {code} must be minor units, not {amount!r}")
