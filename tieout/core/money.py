"""Exact money: integer minor units with an ISO 4217 code, never a float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from tieout.core.errors import TieoutError

# ISO 4217 exponents that differ from 2 (list of 2026, current currencies).
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_EXPONENTS = {
    **dict.fromkeys(_ZERO.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
    **dict.fromkeys(_FOUR.split(), 4),
}
_TWO = frozenset(
    (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
        "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL "
        "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP "
        "MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD "
        "SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS "
        "VED VES WST XCD YER ZAR ZMW ZWG"
    ).split()
)

# Most minor units of one amount: it and a sum of four such fit the 64 bits that both databases keep.
MAX_MINOR = 2 * 10**18


class MoneyError(TieoutError):
    """An amount or currency cannot be read exactly."""

    code = "money"


def exponent(currency: str) -> int:
    """Number of decimal places of a currency (ISO 4217); unknown codes raise MoneyError."""
    if currency in _TWO:
        return 2
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise MoneyError(f"unknown currency {currency!r}", code="unknown_currency") from None


def is_currency(code: str) -> bool:
    """True when the code is a known ISO 4217 currency."""
    return code in _TWO or code in _EXPONENTS


def to_minor(value: Decimal | int | str, currency: str) -> int:
    """Exact minor units of an amount; more places than the currency has raise MoneyError.

    Trailing zeros beyond the exponent are accepted (`1.100` CNY = 110); floats, and more than `MAX_MINOR`, are refused.
    """
    if isinstance(value, bool | float):
        raise MoneyError(f"amount {value!r} is not exact", code="inexact_amount")
    places = exponent(currency)
    if type(value) is Decimal:
        whole, _, part = str(value).partition(".")
        if len(part) <= places and len(whole) < 39:
            try:
                return _held(int(whole + part.ljust(places, "0")), value, currency)
            except ValueError:
                pass  # an exponent, or no number: judged below
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError, TypeError):
        raise MoneyError(f"amount {value!r} is not a number", code="bad_amount") from None
    if not number.is_finite():
        raise MoneyError(f"amount {value!r} is not finite", code="bad_amount")
    if number.adjusted() >= 40:
        raise _too_large(value, currency)
    sign, digits, power = number.as_tuple()
    # Whole numbers from here on: decimal arithmetic would round at the 28 digits of its context.
    coefficient, shift = int("".join(map(str, digits))), int(power) + places
    if shift < 0:
        cut = min(-shift, len(digits) + 1)  # beyond its digits only a zero is whole
        coefficient, rest = divmod(coefficient, 10**cut)
        if rest:
            raise MoneyError(f"amount {value} has more than {places} decimal places for {currency}", code="too_precise")
    elif coefficient:
        coefficient *= 10**shift
    return _held(-coefficient if sign else coefficient, value, currency)


def _held(minor: int, value: object, currency: str) -> int:
    if not -MAX_MINOR <= minor <= MAX_MINOR:
        raise _too_large(value, currency)
    return minor


def _too_large(value: object, currency: str) -> MoneyError:
    return MoneyError(f"amount {str(value)[:60]} {currency} is larger than any that can be kept", code="too_large")


def round_minor(value: Decimal, currency: str) -> int:
    """Minor units of a computed amount, rounded half up (receivables reference, section 1)."""
    return int(value.scaleb(exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def to_decimal(minor: int, currency: str) -> Decimal:
    """The amount in major units, with all places of the currency (110 CNY minor = 1.10)."""
    return Decimal(minor).scaleb(-exponent(currency))


def format_minor(minor: int, currency: str, *, code: bool = True) -> str:
    """`1234567` CNY as `12,345.67 CNY`, for people."""
    text = f"{to_decimal(minor, currency):,.{exponent(currency)}f}"
    return f"{text} {currency}" if code else text


def split(total_minor: int, parts: Sequence[Decimal]) -> list[int]:
    """Split by shares; every part is rounded down, the last takes the rest.

    Source: receivables reference, section 1 (1,000.01 at 30/70 = 300.00 + 700.01).
    """
    if not parts:
        raise MoneyError("nothing to split into")
    whole = sum(parts, Decimal(0))
    if whole <= 0:
        raise MoneyError("shares must sum to more than zero")
    sign = -1 if total_minor < 0 else 1
    out = [sign * int(abs(total_minor) * share / whole) for share in parts[:-1]]
    return [*out, total_minor - sum(out)]


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount of one currency in integer minor units."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise MoneyError(f"minor units must be an int, got {self.minor!r}")
        exponent(self.currency)

    @classmethod
    def of(cls, value: Decimal | int | str, currency: str) -> Money:
        return cls(to_minor(value, currency), currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise MoneyError(f"cannot combine {self.currency} with {other.currency}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __str__(self) -> str:
        return format_minor(self.minor, self.currency)
