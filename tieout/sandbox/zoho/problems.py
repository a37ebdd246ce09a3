"""Zoho's error bodies: one object for the caller's faults, a wrapped list for faults in records."""

from __future__ import annotations

from typing import Any

from tieout.sandbox.http import Response, json_response


def problem(code: str, message: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    """The object every Zoho error is made of."""
    return {"code": code, "details": details or {}, "message": message, "status": "error"}


class ZohoProblem(Exception):
    """An answer that ends the request. 400 and 412 are wrapped in the route's list on v8, all others are bare."""

    def __init__(self, status: int, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.body = problem(code, message, details)

    def response(self, wrap: str | None) -> Response:
        if wrap is not None and self.status in (400, 412):
            return json_response({wrap: [self.body]}, self.status)
        return json_response(self.body, self.status)


class RowProblem(Exception):
    """What is wrong with one row of a write; the other rows go on."""

    def __init__(self, code: str, message: str, details: dict[str, Any]) -> None:
        super().__init__(code)
        self.body = problem(code, message, details)


def invalid_module() -> ZohoProblem:
    return ZohoProblem(400, "INVALID_MODULE", "the module name given seems to be invalid", {"resource_path_index": 0})


def invalid_url() -> ZohoProblem:
    return ZohoProblem(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")


def invalid_method() -> ZohoProblem:
    return ZohoProblem(400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one")


def missing_param(name: str) -> ZohoProblem:
    return ZohoProblem(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", {"param": name})


def invalid_param(name: str, expected: str = "") -> ZohoProblem:
    details: dict[str, Any] = {"param_name": name}
    if expected:
        details["expected_data_type"] = expected
    return ZohoProblem(400, "INVALID_DATA", "invalid data", details)


def too_many_requests() -> ZohoProblem:
    return ZohoProblem(429, "TOO_MANY_REQUESTS", "too many requests. please try again after some time")
