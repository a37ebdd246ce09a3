"""Tax identifiers with correct check characters, made up for the seeded company.

The numbers are drawn from a seeded generator; they pass their official check but belong to nobody on purpose.
"""

from __future__ import annotations

from random import Random

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_UEN_WEIGHTS = (10, 8, 6, 4, 9, 7, 5, 3, 1)
_EIN_PREFIXES = ("20", "26", "27", "45", "46", "47", "81", "82", "83", "84")


def uscc_check(body: str) -> str:
    """Check character of the first 17 characters (GB 32100-2015: weights 3^i mod 31)."""
    total = sum(USCC_ALPHABET.index(char) * weight for char, weight in zip(body, _USCC_WEIGHTS, strict=True))
    return USCC_ALPHABET[(31 - total % 31) % 31]


def organisation_check(body: str) -> str:
    """Check character of an 8-character organisation code (GB 11714: A = 10, modulus 11, 10 is written X)."""
    total = sum(int(char, 36) * weight for char, weight in zip(body, _ORG_WEIGHTS, strict=True))
    rest = 11 - total % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def uscc(rng: Random, region_code: str) -> str:
    """A valid 18-character 统一社会信用代码 of an enterprise registered in a 6-digit region."""
    body = "MA" + "".join(rng.choice(USCC_ALPHABET) for _ in range(6))
    first = "91" + region_code + body + organisation_check(body)
    return first + uscc_check(first)


def ein(rng: Random) -> str:
    """A United States employer number, `NN-NNNNNNN` (no check digit exists)."""
    return f"{rng.choice(_EIN_PREFIXES)}-{rng.randrange(10**6, 10**7)}"


def german_vat(rng: Random) -> str:
    """A German VAT number: DE, eight digits and an ISO 7064 mod 11,10 check digit."""
    digits = str(rng.randrange(10**7, 10**8))
    product = 10
    for digit in digits:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return f"DE{digits}{(11 - product) % 10}"


def british_vat(rng: Random) -> str:
    """A British VAT number: GB, seven digits and two check digits modulo 97 (weights 8 to 2)."""
    digits = str(rng.randrange(10**6, 10**7))
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(8, 1, -1), strict=True))
    return f"GB{digits}{(97 - total % 97) % 97:02d}"


def singapore_uen(rng: Random) -> str:
    """A Singapore local company number: year, five digits and a check letter."""
    digits = f"{rng.randrange(1990, 2021)}{rng.randrange(10**4, 10**5)}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, _UEN_WEIGHTS, strict=True))
    return digits + "ZKCMDNERGWH"[total % 11]


def hong_kong_br(rng: Random) -> str:
    """A Hong Kong business registration number: eight digits, no public check."""
    return str(rng.randrange(3 * 10**7, 7 * 10**7))
