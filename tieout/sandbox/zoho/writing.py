"""Insert, update, upsert and delete of single rows (Zoho docs v8 insert-, update-, upsert-, delete-records)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tieout.sandbox.state import Doc, SandboxStore
from tieout.sandbox.zoho.fieldtable import SYSTEM_KEYS
from tieout.sandbox.zoho.problems import RowProblem
from tieout.sandbox.zoho.rowcheck import RowChecker
from tieout.sandbox.zoho.settings import User, ZohoSettings
from tieout.sandbox.zoho.stamps import stamp
from tieout.sandbox.zoho.table import normal
from tieout.sandbox.zoho.tables import Tables


@dataclass(slots=True)
class Change:
    """One change for the notification channels: operation insert, update or delete, and the new values."""

    operation: str
    module: str
    record_id: str
    values: dict[str, Any]


@dataclass(slots=True)
class WriteCall:
    """What holds for all rows of one call."""

    actor: str
    user: User
    now: datetime
    request_no: int = 0
    trigger: list[str] | None = None
    unmodified_since: int | None = None
    ignored: set[str] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)


class Writer:
    """Checks rows, writes them, moves Modified_Time and tells the oracle."""

    def __init__(self, store: SandboxStore, tables: Tables, settings: ZohoSettings, new_id: Callable[[], str]) -> None:
        self._store = store
        self._tables = tables
        self._settings = settings
        self._new_id = new_id
        self._checker = RowChecker(tables, settings)

    def insert(self, module: str, row: Any, index: int, call: WriteCall) -> Doc:
        """Write a new record; raises RowProblem."""
        values = self._checker.values(module, row, index, None, call.ignored)
        self._checker.mandatory(module, values, index)
        self._checker.refuse_twins(module, values, index, None)
        self._checker.learn_picks(module, values)
        record = self._stored(module, self._new_id(), {**self._defaults(module, values), **values}, call)
        return _success("record added", record)

    def update(self, module: str, record_id: str, row: Any, index: int, call: WriteCall) -> Doc:
        """Change an existing record; raises RowProblem."""
        table = self._tables[module]
        old = table.get(record_id)
        if old is None:
            raise RowProblem(
                "INVALID_DATA",
                "the id given seems to be invalid",
                {"api_name": "id", "json_path": f"$.data[{index}].id"},
            )
        if record_id in table.locks:
            raise RowProblem("RECORD_LOCKED", "record is locked", {"id": record_id, "json_path": f"$.data[{index}]"})
        if call.unmodified_since is not None and table.modified(record_id) > call.unmodified_since:
            raise RowProblem("ALREADY_MODIFIED", "the record has been modified since the given time", {"id": record_id})
        values = self._checker.values(module, row, index, old, call.ignored)
        self._checker.refuse_twins(module, values, index, record_id)
        self._checker.learn_picks(module, values)
        return _success("record updated", self.apply_update(module, old, values, call))

    def upsert(self, module: str, row: Any, index: int, keys: list[str] | None, call: WriteCall) -> Doc:
        """Update the record that the duplicate check finds, else insert.

        Without `duplicate_check_fields` the module's system key is checked; with them the unlisted system key is not,
        but all unique fields still are.
        """
        fields = self._tables.catalog.fields(module)
        wanted = list(keys) if keys is not None else [SYSTEM_KEYS[module]] if module in SYSTEM_KEYS else []
        wanted += [name for name, item in fields.items() if item.unique and name not in wanted]
        given = row if isinstance(row, dict) else {}
        record_id, matched = (str(given["id"]), None) if given.get("id") else ("", None)
        for name in wanted if not record_id else ():
            found = self._tables[module].find(name, given.get(name)) if normal(given.get(name)) else []
            if found:
                record_id, matched = found[0], name
                break
        if record_id:
            result = self.update(module, record_id, row, index, call)
            return {**result, "duplicate_field": matched, "action": "update"}
        return {**self.insert(module, row, index, call), "duplicate_field": None, "action": "insert"}

    def delete(self, module: str, record_id: str, call: WriteCall) -> Doc:
        """Move a record to the recycle bin; raises RowProblem."""
        table = self._tables[module]
        if record_id in table.locks:
            raise RowProblem("RECORD_LOCKED", "record is locked", {"id": record_id})
        record = table.remove(record_id)
        if record is None:
            raise RowProblem("INVALID_DATA", "the id given seems to be invalid", {"id": record_id})
        grave = {
            "id": record_id,
            "display_name": self._tables.name_of(module, record),
            "type": "recycle",
            "deleted_time": stamp(call.now, self._settings.zone),
            "deleted_by": call.user.short(),
            "created_by": {key: record["Created_By"][key] for key in ("name", "id")},
            "record": record,
        }
        table.graves.put(record_id, grave)
        self._note(call, "delete", module, record_id, {}, record, {})
        return {"code": "SUCCESS", "details": {"id": record_id}, "message": "record deleted", "status": "success"}

    def restore(self, module: str, record_id: str, call: WriteCall) -> Doc | None:
        """Take a record out of the recycle bin; None when it is not there."""
        table = self._tables[module]
        grave = table.graves.get(record_id)
        if grave is None or grave["type"] != "recycle":
            return None
        table.graves.delete(record_id)
        record = dict(grave["record"])
        if self._settings.restore_bumps_modified:
            record["Modified_Time"] = stamp(call.now, self._settings.zone)
        table.put(record, call.now.timestamp())
        self._note(call, "undelete", module, record_id, {}, record, {})
        return record

    def apply_update(self, module: str, old: Doc, values: Doc, call: WriteCall) -> Doc:
        """Write checked values over a record; Modified_Time moves even when nothing changed."""
        changed = {name: [old.get(name), value] for name, value in values.items() if not _same(old.get(name), value)}
        record = {**old, **values, "Modified_By": call.user.ref()}
        record["Modified_Time"] = stamp(call.now, self._settings.zone)
        self._finish(module, record)
        self._tables[module].put(record, call.now.timestamp())
        self._note(call, "update", module, record["id"], changed, record, {name: values[name] for name in changed})
        return record

    def insert_by_hand(self, module: str, record_id: str | None, values: Doc, call: WriteCall) -> Doc:
        """A new record as the UI or an import makes it; values are not checked."""
        return self._stored(module, record_id or self._new_id(), {**self._defaults(module, values), **values}, call)

    def _stored(self, module: str, record_id: str, values: Doc, call: WriteCall) -> Doc:
        now = stamp(call.now, self._settings.zone)
        record: Doc = {**values, "id": record_id}
        record |= {"Created_Time": now, "Modified_Time": now}
        record |= {"Created_By": call.user.ref(), "Modified_By": call.user.ref()}
        record.setdefault("Owner", call.user.ref())
        self._finish(module, record)
        self._tables[module].put(record, call.now.timestamp())
        changes = {name: [None, value] for name, value in values.items() if value is not None}
        self._note(call, "insert", module, record["id"], changes, record, values)
        return record

    def _defaults(self, module: str, values: Doc) -> Doc:
        fields = self._tables.catalog.fields(module)
        defaults: Doc = {}
        if "Currency" in fields:
            currency = values.get("Currency") or self._settings.home_currency
            defaults = {"Currency": currency, "Exchange_Rate": self._settings.currencies.get(str(currency))}
        if module == "Invoices":
            number = self._store.next_number("zoho", "invoice_number", len(self._tables[module]) + 1)
            defaults["Invoice_Number"] = f"ZINV-{number:06d}"
        return defaults

    def _finish(self, module: str, record: Doc) -> None:
        """Derived fields and ids of line items."""
        if module == "Contacts":
            names = (record.get("First_Name"), record.get("Last_Name"))
            record["Full_Name"] = " ".join(str(name) for name in names if name)
        lines = record.get("Invoiced_Items")
        if lines:
            record["Invoiced_Items"] = [
                line if "id" in line else {"id": self._new_id(), **line} for line in lines if isinstance(line, dict)
            ]

    def _note(
        self, call: WriteCall, operation: str, module: str, record_id: str, changed: Doc, record: Doc, values: Doc
    ) -> None:
        self._store.effects.record(
            call.now,
            "zoho",
            operation,
            module,
            record_id,
            changed,
            key=str(record.get("AR_Key") or _key_of_note(record)),
            request_no=call.request_no,
            actor=call.actor,
            trigger=call.trigger,
        )
        told = {"undelete": "insert"}.get(operation, operation)
        call.changes.append(Change(told, module, record_id, values))


def _key_of_note(record: Doc) -> str:
    """What stands in brackets in the last line of a note: a note has no field for a key."""
    last = str(record.get("Note_Content") or "").rstrip().rsplit("\n", 1)[-1].strip()
    return last[1:-1] if last.startswith("[") and last.endswith("]") else ""


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, dict) and isinstance(new, dict) and "id" in old:
        return str(old["id"]) == str(new.get("id"))
    return bool(old == new)


def _success(message: str, record: Doc) -> Doc:
    details = {name: record[name] for name in ("id", "Created_Time", "Modified_Time")}
    for name in ("Created_By", "Modified_By"):
        details[name] = {key: record[name][key] for key in ("name", "id")}
    details["$approval_state"] = "approved"
    return {"code": "SUCCESS", "details": details, "message": message, "status": "success"}
