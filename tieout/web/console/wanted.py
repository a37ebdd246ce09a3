"""Where a person wanted to go before they had to sign in, and the form they had filled in by then."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Request

LONGEST = 2000
MOST_KEPT = 16_384  # of a form's fields, in bytes of a request's body
_ELSEWHERE = ("/login", "/logout", "/account/password", "/static/", "/v1/", "/webhooks/")
# Never kept in a page: what proves who somebody is.
_SECRET = re.compile(r"csrf|token|old|again|.*(password|secret).*")


@dataclass(frozen=True, slots=True)
class Wanted:
    """`next` = the page to show after signing in; `to` and `kept` = the address of a form and what was written."""

    next: str = ""
    to: str = ""
    kept: str = ""

    def fields(self) -> Sequence[tuple[str, str]]:
        """What was written into the form, without anything secret."""
        try:
            found = parse_qsl(self.kept[: 4 * MOST_KEPT], keep_blank_values=True, max_num_fields=200)
        except ValueError:  # more fields than any form of ours has
            return []
        return [(name, value) for name, value in found if not _SECRET.fullmatch(name)]


def local(address: str) -> str:
    """A path of this console with its query; "" for any other address, so that nobody is led elsewhere."""
    if len(address) > LONGEST or not re.fullmatch(r"/(?![/\\\\])[^\\\\\x00-\x20\x7f]*", address):
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.scheme or parts.netloc or parts.path.startswith(_ELSEWHERE):
        return ""
    return address


def wanted_of(request: Request) -> Wanted:
    """What a request without a session was after.

    Of a form that came too late its fields stay, where it was sent from a page of ours; the page it stood on is next.
    """
    path = local(request.url.path)
    if request.method in ("GET", "HEAD"):
        query = f"?{request.url.query}" if request.url.query else ""
        return Wanted(local(f"{path}{query}") if path not in ("", "/") else "")
    came_from = urlsplit(request.headers.get("referer", ""))
    back = f"{came_from.path}?{came_from.query}" if came_from.query else came_from.path
    page = local(back) if came_from.netloc == request.url.netloc else ""
    raw: bytes = request.scope.get("state", {}).get("body", b"")
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    is_ours = request.headers.get("sec-fetch-site", "same-origin") == "same-origin" and bool(page)
    if not path or not is_ours or kind != "application/x-www-form-urlencoded" or len(raw) > MOST_KEPT:
        return Wanted(page)
    fields = Wanted(kept=raw.decode("utf-8", "replace")).fields()
    return Wanted(page, path, urlencode(fields))
