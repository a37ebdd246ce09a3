"""People and departments of the tenant, in the old `/cgi/user` calls."""

from __future__ import annotations

from typing import Any

from tieout.sandbox.fxiaoke.problems import FxiaokeProblem
from tieout.sandbox.fxiaoke.settings import Employee, FxiaokeSettings

WHOLE_COMPANY = 999999


def people(settings: FxiaokeSettings, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """The answer of a user or department call; None for any other path."""
    if path == "/cgi/user/getByMobile":
        mobile = str(body.get("mobile") or "")
        found = [one for one in settings.employees if mobile and _mobile(one) == mobile]
        if not found:
            raise FxiaokeProblem(30027, "employee not found", "员工不存在")
        return {"empList": [_shown(one) for one in found]}
    if path == "/cgi/user/get":
        given = str(body.get("openUserId") or "")
        user = next((one for one in settings.employees if one.open_id == given), None)
        if user is None:
            raise FxiaokeProblem(20012, "the openUserId is not found", "openUserId不存在")
        return {"user": _shown(user)}
    if path in ("/cgi/user/list", "/cgi/user/simpleList"):
        if body.get("departmentId") not in (WHOLE_COMPANY, 1000):
            raise FxiaokeProblem(30007, "department not found", "部门不存在")
        return {"userList": [_shown(one) for one in settings.employees]}
    if path == "/cgi/department/list":
        return {
            "departments": [{"id": WHOLE_COMPANY, "name": "全公司", "isStop": False}, {"id": 1000, "name": "销售部"}]
        }
    return None


def _mobile(one: Employee) -> str:
    return f"1000000{one.id}"


def _shown(one: Employee) -> dict[str, Any]:
    return {
        "openUserId": one.open_id,
        "name": one.name,
        "fullName": one.name,
        "mobile": _mobile(one),
        "departmentIds": [1000],
        "mainDepartmentId": 1000,
        "employeeNumber": one.id,
        "isStop": False,
    }
