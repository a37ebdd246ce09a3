"""Errors as K3Cloud reports them: HTTP 200 and a ResponseStatus, inside the result."""

from __future__ import annotations

from typing import Any


class KingdeeError(ValueError):
    """A refusal with the vendor's message and `MsgCode` (1 = session lost, 0 otherwise)."""

    msg_code = 0

    def __init__(self, message: str, field_name: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field_name = field_name

    def result(self) -> dict[str, Any]:
        """The `Result` object that carries this error."""
        return {
            "Result": {
                "ResponseStatus": {
                    "ErrorCode": 500,
                    "IsSuccess": False,
                    "Errors": [{"FieldName": self.field_name, "Message": self.message, "DIndex": 0}],
                    "SuccessEntitys": [],
                    "SuccessMessages": [],
                    "MsgCode": self.msg_code,
                }
            }
        }


class SessionLost(KingdeeError):
    """No session, an expired one, or wrong account or app authorisation."""

    msg_code = 1

    def __init__(self) -> None:
        super().__init__("会话信息已丢失，请重新登录")


class UnknownField(KingdeeError):
    """A field key that the form does not have."""

    def __init__(self, key: str) -> None:
        super().__init__(f"元数据中标识为{key}的字段不存在")


class UnknownForm(KingdeeError):
    """A form id that does not exist (case matters)."""

    def __init__(self, form_id: str) -> None:
        super().__init__(f"业务对象不存在: {form_id}")


class NoPermission(KingdeeError):
    """The user lacks the function right."""

    def __init__(self) -> None:
        super().__init__("您没有该功能的操作权限")


class BadFilter(KingdeeError):
    """A FilterString or OrderString that cannot be read."""

    def __init__(self, why: str) -> None:
        super().__init__(f"过滤条件解析错误: {why}")
