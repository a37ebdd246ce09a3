"""page_token: opaque, signed, bound to the parameters and the user, good for 24 hours (Zoho docs v8 get-records)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import astuple, dataclass

from tieout.core import exact_json
from tieout.core.errors import BadPayload
from tieout.sandbox.http import encode


@dataclass(frozen=True, slots=True)
class PagePosition:
    """Where the next page starts: after this index entry; how many rows were given, which page comes next."""

    binding: str
    expires: int
    key: int
    number: int
    given: int
    page: int


def binding_of(parts: list[str]) -> str:
    """One text for the exact parameters and the user a token belongs to."""
    return hashlib.blake2b("\x00".join(parts).encode(), digest_size=12).hexdigest()


def seal(position: PagePosition, secret: str) -> str:
    body = encode(list(astuple(position)))
    return base64.urlsafe_b64encode(_mac(body, secret) + body).decode().rstrip("=")


def unseal(token: str, secret: str) -> PagePosition | None:
    """The position, or None for a token this server never gave."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        if not hmac.compare_digest(raw[:16], _mac(raw[16:], secret)):
            return None
        return PagePosition(*exact_json.loads(raw[16:]))
    except (ValueError, TypeError, BadPayload):
        return None


def _mac(body: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).digest()[:16]
