"""Signatures of the K3Cloud WebAPI: the login signature and the per-request signature of the official SDK."""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import hmac
from urllib.parse import quote

# The SDK masks the second half of an app id with this fixed key (stored there in rot13).
_MASK = codecs.decode("0054s397p6234378o09pn7q3r5qropr7", "rot13").encode()


def login_sign(acct_id: str, user: str, app_id: str, app_secret: str, timestamp: str) -> str:
    """`sign` of LoginBySign: SHA-256 hex of the five values, sorted ordinally and joined."""
    parts = sorted((acct_id, user, app_id, app_secret, timestamp))
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def hmac_text(message: str, key: str) -> str:
    """Base64 of the lower-case hex text of HMAC-SHA256 (not of the raw digest)."""
    digest = hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()
    return base64.b64encode(digest.encode()).decode()


def client_secret(app_id: str) -> str:
    """The client secret hidden in the 32 characters after the underscore of an app id; empty when there is none."""
    _, _, suffix = app_id.partition("_")
    if len(suffix) != 32:
        return ""
    try:
        masked = base64.b64decode(suffix, validate=True)
    except binascii.Error:
        return ""
    return base64.b64encode(bytes(a ^ b for a, b in zip(masked, _MASK, strict=False))).decode()


def request_sign(path: str, nonce: str, timestamp: str, secret: str) -> str:
    """`X-Api-Signature` of a POST to a path (every slash of the path is written %2F)."""
    escaped = quote(path, encoding="utf-8").replace("/", "%2F")
    return hmac_text(f"POST\n{escaped}\n\nx-api-nonce:{nonce}\nx-api-timestamp:{timestamp}\n", secret)
