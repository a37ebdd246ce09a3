"""Create, update, invalidate, delete, recover, change owner, lock: one record a call, as the platform does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from tieout.sandbox.fxiaoke.derived import Derived
from tieout.sandbox.fxiaoke.objects import NUMERIC, READ_ONLY, ObjectType
from tieout.sandbox.fxiaoke.problems import FxiaokeProblem, locked, no_relation, not_there, parameter
from tieout.sandbox.fxiaoke.tenant import Tenant
from tieout.sandbox.state import Doc

NUMBERED = {
    "AccountFinInfoObj": "CWXX", "InvoiceApplicationObj": "KP", "PaymentObj": "HK", "OrderPaymentObj": "HKMX",
    "PaymentPlanObj": "HKJH", "ActiveRecordObj": "XS",
}  # fmt: skip


@dataclass(slots=True)
class Call:
    """What holds for one call: who, when, and which automations the caller wants; `changes` collects the events."""

    actor: str
    user: str
    now: datetime
    request_no: int = 0
    triggers: list[str] = field(default_factory=list)
    changes: list[tuple[str, str, str]] = field(default_factory=list)  # event type, object, id
    ignored: list[str] = field(default_factory=list)

    @property
    def ms(self) -> int:
        return int(self.now.timestamp() * 1000)


class Writer:
    """Checks and writes rows, moves version and last_modified_time, tells the oracle."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._derived = Derived(tenant)

    # ------------------------------------------------------------- seeding
    def seed(self, api_name: str, row: Doc, now: datetime) -> None:
        """Put a record as it is; stamps and states are completed, no oracle entry, no event."""
        made = {**self._system(api_name, row.get("owner", ["1000"]), int(now.timestamp() * 1000)), **row}
        made.setdefault("_id", self.new_id(int(made["create_time"])))
        if "name" not in made and api_name in NUMBERED:
            made["name"] = self._number(api_name, int(made["create_time"]))
        self._tenant.table(api_name).put(made)
        self._derived.after(api_name, made, int(now.timestamp() * 1000))

    # ------------------------------------------------------------- verbs
    def create(self, kind: ObjectType, given: Mapping[str, Any], details: Mapping[str, Any], call: Call) -> str:
        """Write a record and its details; gives the id."""
        values = self._values(kind, given, None, call)
        for name, one in kind.fields.items():
            if one.required and values.get(name) in (None, "", []) and name != "payment_id":
                raise parameter(f"字段[{one.label}]为必填项")
        row = self._new(kind, values, call)
        for api_name, rows in details.items():
            detail = self._tenant.object(api_name)
            if detail.master != kind.api_name or not isinstance(rows, list):
                raise parameter(f"[{api_name}]不是[{kind.api_name}]的从对象")
            link = next(name for name, one in detail.fields.items() if one.type == "master_detail")
            for one in rows:
                inner = self._values(detail, {**one, link: row["_id"]}, None, call)
                for shared in ("account_id", "payment_time", "payment_term", "mc_currency"):
                    if shared in detail.fields and shared in row:
                        inner.setdefault(shared, row[shared])
                self._new(detail, inner, call)
        return str(row["_id"])

    def update(self, kind: ObjectType, given: Mapping[str, Any], call: Call) -> None:
        """Change the given fields of a record; a locked one answers 50009."""
        record_id = str(given.get("_id") or "")
        old = self._living(kind, record_id)
        if old.get("lock_status") == "1":
            raise locked(str(old.get("name")))
        if old.get("life_status") in ("under_review", "in_change"):
            raise FxiaokeProblem(50009, f"数据[{old.get('name')}]正在审批中，不能进行[编辑]操作")
        values = self._values(kind, {key: value for key, value in given.items() if key != "_id"}, old, call)
        values.pop("owner", None)  # only changeOwner moves it
        self._store(kind, old, values, call, "update")

    def invalid(self, kind: ObjectType, record_id: str, call: Call) -> None:
        old = self._living(kind, record_id)
        if old.get("lock_status") == "1":
            raise locked(str(old.get("name")))
        state = {"life_status": "invalid", "life_status_before_invalid": old.get("life_status"), "is_deleted": False}
        self._store(kind, old, state, call, "invalid")

    def recover(self, kind: ObjectType, ids: list[str], call: Call) -> None:
        for record_id in ids:
            old = self._tenant.table(kind.api_name).get(record_id)
            if old is None or old.get("life_status") != "invalid":
                raise not_there(record_id)
            back = {"life_status": old.get("life_status_before_invalid") or "normal"}
            self._store(kind, old, back, call, "recover")

    def delete(self, kind: ObjectType, ids: list[str], call: Call) -> None:
        """Only what is invalid already can be deleted, and then it leaves no trace."""
        table = self._tenant.table(kind.api_name)
        for record_id in ids:
            old = table.get(record_id)
            if old is None:
                raise not_there(record_id)
            if old.get("life_status") != "invalid":
                raise parameter(f"数据[{old.get('name')}]未作废，不能删除")
        for record_id in ids:
            table.remove(record_id)
            self._note(kind, record_id, "delete", {}, call)

    def change_owner(self, kind: ObjectType, rows: Any, call: Call) -> None:
        if not isinstance(rows, list) or not rows:
            raise parameter("Data为必填项，不能为空")
        for one in rows:
            owner = one.get("ownerId") if isinstance(one, dict) else None
            if not isinstance(owner, list) or not owner:
                raise parameter("ownerId格式不正确")
            old = self._living(kind, str(one.get("objectDataId") or ""))
            people = [self._tenant.settings.employee_id(str(person)) for person in owner]
            self._store(kind, old, {"owner": people}, call, "update")

    def lock(self, kind: ObjectType, ids: list[str], status: str, call: Call) -> None:
        for record_id in ids:
            old = self._living(kind, record_id)
            self._store(kind, old, {"lock_status": status}, call, "update")

    # ------------------------------------------------------------- inner
    def _living(self, kind: ObjectType, record_id: str) -> Doc:
        found = self._tenant.table(kind.api_name).get(record_id)
        if found is None or found.get("life_status") == "invalid":
            raise not_there(record_id)
        return found

    def _values(self, kind: ObjectType, given: Mapping[str, Any], old: Doc | None, call: Call) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, value in given.items():
            one = kind.fields.get(name)
            if name in ("dataObjectApiName", "object_describe_api_name", "_id"):
                continue
            if one is None or ((one.computed or one.type in READ_ONLY) and call.actor == "api"):
                call.ignored.append(name)  # unknown and computed fields are taken and dropped
                continue
            out[name] = self._checked(kind, one.api_name, value, old or given)
        return out

    def _checked(self, kind: ObjectType, name: str, value: Any, shown: Mapping[str, Any]) -> Any:
        one = kind.fields[name]
        if value is None or value == "":
            return None
        if one.type in NUMERIC:
            try:
                amount = Decimal(str(value))
            except InvalidOperation:
                raise parameter(f"字段[{one.label}]的值不是数字") from None
            return f"{amount:.{one.decimals}f}"
        if one.type in ("date", "date_time", "time"):
            if isinstance(value, bool) or not isinstance(value, int):
                raise parameter(f"字段[{one.label}]的值必须是毫秒时间戳")
            return value
        if one.type == "select_one" and one.options and str(value) not in {option for _, option in one.options}:
            raise parameter(f"字段[{one.label}]的选项值[{value}]不存在")
        if one.type == "employee":
            if not isinstance(value, list):
                raise parameter(f"字段[{one.label}]必须是数组")
            return [self._tenant.settings.employee_id(str(person)) for person in value]
        if one.target and self._tenant.table(one.target).get(str(value)) is None:
            raise no_relation(str(shown.get("name") or shown.get("_id") or ""), one.label)
        if one.unique:
            twins = self._tenant.table(kind.api_name).find(name, str(value))
            if any(twin["_id"] != shown.get("_id") and twin.get("life_status") != "invalid" for twin in twins):
                raise parameter(f"字段[{one.label}]的值[{value}]已存在，不能重复")
        return value

    def _new(self, kind: ObjectType, values: dict[str, Any], call: Call) -> Doc:
        values.setdefault("owner", [call.user])
        row = {**self._system(kind.api_name, values["owner"], call.ms), "created_by": [call.user], **values}
        row["_id"] = self.new_id(call.ms)
        if "name" in kind.fields and not row.get("name"):
            row["name"] = self._number(kind.api_name, call.ms)
        self._tenant.table(kind.api_name).put(row)
        shown = {key: [None, value] for key, value in values.items() if value is not None}
        self._note(kind, str(row["_id"]), "create", shown, call, row)
        self._derived.after(kind.api_name, row, call.ms)
        return row

    def _store(self, kind: ObjectType, old: Doc, values: Mapping[str, Any], call: Call, operation: str) -> None:
        changed = {key: [old.get(key), value] for key, value in values.items() if old.get(key) != value}
        row = {**old, **values}
        # Every accepted edit moves stamp and version, also one that says what is there already.
        row |= {
            "last_modified_time": call.ms,
            "last_modified_by": [call.user],
            "version": str(int(old.get("version") or 0) + 1),
        }
        self._tenant.table(kind.api_name).put(row)
        self._note(kind, str(old["_id"]), operation, changed, call, row)
        self._derived.after(kind.api_name, row, call.ms)

    def _note(
        self,
        kind: ObjectType,
        record_id: str,
        operation: str,
        changes: dict[str, list[Any]],
        call: Call,
        row: Doc | None = None,
    ) -> None:
        key = next((str(value[1]) for name, value in changes.items() if name.startswith("ar_key")), "")
        self._tenant.store.effects.record(
            call.now, "fxiaoke", operation, kind.api_name, record_id, changes,
            key=key, request_no=call.request_no, actor=call.actor, trigger=call.triggers,
        )  # fmt: skip
        call.changes.append((operation, kind.api_name, record_id))

    def _system(self, api_name: str, owner: Any, ms: int) -> Doc:
        return {
            "tenant_id": self._tenant.settings.tenant_id,
            "object_describe_api_name": api_name,
            "owner": owner,
            "created_by": owner,
            "create_time": ms,
            "last_modified_by": owner,
            "last_modified_time": ms,
            "life_status": "normal",
            "lock_status": "0",
            "record_type": "default__c",
            "is_deleted": False,
            "version": "1",
        }

    def new_id(self, ms: int) -> str:
        """24 hex digits: seconds, then a counter."""
        number = self._tenant.store.next_number("fxiaoke", "record", 0x0E4400E0001217)
        return f"{ms // 1000:08x}{number:016x}"

    def _number(self, api_name: str, ms: int) -> str:
        number = self._tenant.store.next_number("fxiaoke", api_name, 1)
        day = datetime.fromtimestamp(ms / 1000, ZoneInfo(self._tenant.settings.zone))
        return f"{NUMBERED.get(api_name, 'NO')}{day:%Y%m%d}-{number:06d}"
