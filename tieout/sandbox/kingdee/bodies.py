"""Request bodies in the three styles that K3Cloud clients use, read into one shape.

Named `{"formid": …, "data": …}`, positional `{"parameters": […]}` (the list itself may be JSON text), and the older
`{"format":1, "useragent":"ApiClient", "rid":…, "parameters": […], "timestamp":…, "v":"1.0"}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tieout.core import exact_json
from tieout.core.errors import BadPayload
from tieout.sandbox.kingdee.errors import KingdeeError

# Other names of login arguments in named bodies.
_ALIASES = {"username": "user", "acctid": "acctid", "pwd": "password", "signeddata": "sign"}


def read_body(body: bytes) -> dict[str, Any]:
    """The body as an object; an empty body is an empty object; anything unreadable raises KingdeeError."""
    if not body.strip():
        return {}
    try:
        value = exact_json.loads(body)
    except BadPayload as error:
        raise KingdeeError(f"请求内容不是合法的JSON: {error}") from None
    if not isinstance(value, dict):
        raise KingdeeError("请求内容应为JSON对象")
    return value


def arguments(body: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Arguments by lower-case name, from a named body or from `parameters` in the given order."""
    parameters = next((value for key, value in body.items() if key.lower() == "parameters"), None)
    if isinstance(parameters, str):
        try:
            parameters = exact_json.loads(parameters)
        except BadPayload:
            raise KingdeeError("parameters不是合法的JSON") from None
    if isinstance(parameters, list):
        return dict(zip(names, parameters, strict=False))
    if parameters is not None:
        raise KingdeeError("parameters应为数组")
    return {_ALIASES.get(key.lower(), key.lower()): value for key, value in body.items()}
