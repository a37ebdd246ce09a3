"""Refusals: an errorCode in a body with HTTP 200, worded as the gateway was seen to word them."""

from __future__ import annotations

from typing import Any

from tieout.sandbox.http import Response, json_response


class FxiaokeProblem(Exception):
    """One refusal; `more` are extra keys of the body."""

    def __init__(self, code: int, message: str, description: str = "", **more: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.description, self.more = code, message, description, more

    def response(self, trace: str) -> Response:
        body: dict[str, Any] = {"traceId": trace, "errorCode": self.code, "errorMessage": self.message}
        if self.description:
            body["errorDescription"] = self.description
        return json_response({**body, **self.more})


def unknown_path(path: str) -> FxiaokeProblem:
    return FxiaokeProblem(10006, f"the request uri=[{path}], apiName=[null] is not exists")


def bad_token() -> FxiaokeProblem:
    return FxiaokeProblem(20016, "the cropId,cropAccessToken or authorization is error")  # their spelling


def no_credential() -> FxiaokeProblem:
    return FxiaokeProblem(20017, "corpAccessToken为必填项，不能为空")


def parameter(message: str) -> FxiaokeProblem:
    return FxiaokeProblem(32000, message, "参数错误")


def out_of_range(cap: int) -> FxiaokeProblem:
    return FxiaokeProblem(10013, f"offset out of range {cap}", f"offset 不能超过{cap}")


def too_fast() -> FxiaokeProblem:
    return FxiaokeProblem(30004, "second request limit exceeded", "秒频次超限")


def day_is_used() -> FxiaokeProblem:
    return FxiaokeProblem(30002, "daily request limit exceeded", "当天频次超限")


def not_purchased() -> FxiaokeProblem:
    return FxiaokeProblem(30003, "no api quota purchased", "未购买配额")


def too_many_tokens() -> FxiaokeProblem:
    return FxiaokeProblem(14001, "interface call exceeds the limit", "接口调用超过限制")


def service_timeout() -> FxiaokeProblem:
    return FxiaokeProblem(50009, "service error or timeout", "服务异常或超时")


def locked(names: str) -> FxiaokeProblem:
    return FxiaokeProblem(50009, f"不能进行[编辑]操作，以下这些数据已被锁定。{names}")


def no_relation(name: str, label: str) -> FxiaokeProblem:
    return FxiaokeProblem(32000, f"数据[{name}]的字段[{label}]关联关系不存在-201112011")


def not_there(record_id: str) -> FxiaokeProblem:
    return FxiaokeProblem(32000, f"数据[{record_id}]不存在或已作废")
