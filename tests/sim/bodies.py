"""What happens to an answer on its way: cut, garbled, replaced, repeated. Pure."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from functools import cache

from tieout.sandbox.http import Response, json_response, text_response

JSON = "application/json;charset=UTF-8"
_HTML = "<!DOCTYPE html><html><body><form action='/login'>Please sign in</form></body></html>"


def truncated(answer: Response) -> Response:
    """The first half, with a length that fits: only its content tells."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def invalid_json(answer: Response) -> Response:
    """Complete by its length, but not JSON; no value in it becomes another one."""
    return replace(answer, body=answer.body[:-1] + b";")


def html_200(_: Response) -> Response:
    """The login page of a proxy."""
    return text_response(_HTML, 200)


def empty_200(answer: Response) -> Response:
    return Response(200, b"", {"content-type": JSON})


def wrong_charset(answer: Response) -> Response:
    body = answer.body.decode("utf-8", "replace").encode("gb18030", "replace")
    return replace(answer, body=body, headers={**answer.headers, "content-type": "application/json;charset=GB18030"})


def bom(answer: Response) -> Response:
    return replace(answer, body=b"\xef\xbb\xbf" + answer.body)


def nan(answer: Response) -> Response:
    """A number that is none, somewhere among the values."""
    return replace(answer, body=answer.body.replace(b": null", b": NaN", 1).replace(b":null", b":NaN", 1))


def error_in_200(answer: Response, vendor: str) -> Response:
    """Success by status, failure by content."""
    if vendor == "zoho":
        return json_response({"code": "INTERNAL_ERROR", "details": {}, "message": "try again", "status": "error"})
    errors = [{"FieldName": None, "Message": "服务器繁忙，请稍后再试", "DIndex": 0}]
    return json_response([[{"Result": {"ResponseStatus": {"ErrorCode": 500, "IsSuccess": False, "Errors": errors}}}]])


def empty_page(answer: Response, vendor: str) -> Response:
    """No rows, although more are promised where the vendor can promise."""
    if vendor == "zoho":
        info = {"more_records": True, "count": 0, "page": 1, "per_page": 200, "next_page_token": None}
        return json_response({"data": [], "info": info})
    return Response(200, b"[]", {"content-type": JSON})


def short_page(answer: Response, vendor: str) -> Response:
    """Only the first row, and nothing is said to follow."""
    try:
        doc = json.loads(answer.body)
    except ValueError:
        return answer
    if vendor == "zoho" and isinstance(doc, dict) and isinstance(doc.get("info"), dict):
        doc["info"] |= {"more_records": False, "next_page_token": None}
        doc["data"] = doc.get("data", [])[:1]
    elif isinstance(doc, list):
        doc = doc[:1]
    return replace(answer, body=json.dumps(doc, ensure_ascii=False).encode())


def deep_json(answer: Response) -> Response:
    """Brackets without end."""
    return replace(answer, body=b"[" * 100_000 + b"]" * 100_000)


@cache
def _bomb() -> bytes:
    return gzip.compress(b"[" + b" " * 70_000_000 + b"]", 1)


def zip_bomb(answer: Response) -> Response:
    """Small on the wire, larger than any answer may be once it is unpacked."""
    return replace(answer, body=_bomb(), headers={**answer.headers, "content-encoding": "gzip"})


def endless_token(answer: Response) -> Response:
    """The same page token for ever."""
    try:
        doc = json.loads(answer.body)
    except ValueError:
        return answer
    if not isinstance(doc, dict) or not isinstance(doc.get("info"), dict):
        return answer
    doc["info"] |= {"more_records": True, "next_page_token": "0123456789abcdef"}
    return replace(answer, body=json.dumps(doc, ensure_ascii=False).encode())


def with_lines(answer: Response, lines: list[dict[str, object]]) -> Response:
    """A list of Zoho's with lines that belong to it no longer; one that was empty has these alone."""
    doc = json.loads(answer.body) if answer.status == 200 else {"data": [], "info": {"page": 1, "more_records": False}}
    doc["data"] += lines
    doc["info"]["count"] = len(doc["data"])
    return json_response(doc)


DAMAGE = {
    "truncated": truncated,
    "invalid_json": invalid_json,
    "html_200": html_200,
    "empty_200": empty_200,
    "wrong_charset": wrong_charset,
    "bom": bom,
    "nan": nan,
    "endless_token": endless_token,
    "deep_json": deep_json,
    "zip_bomb": zip_bomb,
}
