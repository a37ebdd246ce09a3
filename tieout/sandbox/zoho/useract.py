"""Records put or changed without the API: seeding, and what people do in the UI."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tieout.sandbox.state import Doc
from tieout.sandbox.zoho.problems import RowProblem
from tieout.sandbox.zoho.settings import ZohoSettings
from tieout.sandbox.zoho.stamps import stamp
from tieout.sandbox.zoho.tables import Tables
from tieout.sandbox.zoho.writing import Change, WriteCall, Writer

OPERATIONS = ("create", "update", "delete", "undelete", "purge", "lock", "unlock")


class UserActions:
    """Changes by hand; values are not checked, people and imports leave odd ones."""

    def __init__(self, tables: Tables, writer: Writer, settings: ZohoSettings, new_id: Callable[[], str]) -> None:
        self._tables = tables
        self._writer = writer
        self._settings = settings
        self._new_id = new_id

    def seed(self, module: str, record: Doc, now: datetime) -> None:
        if module not in self._tables.catalog:
            raise KeyError(f"no module {module!r}")
        text = stamp(now, self._settings.zone)
        owner = self._settings.ui_user.ref()
        made: Doc = {"Created_Time": text, "Created_By": owner, "Modified_By": owner, "Owner": owner, **record}
        made.setdefault("Modified_Time", made["Created_Time"])
        if not made.get("id"):
            made["id"] = self._new_id()
        made["id"] = str(made["id"])
        self._tables[module].put(made)

    def change(
        self,
        operation: str,
        module: str,
        record_id: str | None,
        fields: Doc,
        now: datetime,
        modified_at: datetime | str | None,
    ) -> tuple[Doc, list[Change]]:
        """The record after the change and what channels are to be told; KeyError: no such record or module."""
        if module not in self._tables.catalog:
            raise KeyError(f"no module {module!r}")
        if operation not in OPERATIONS:
            raise ValueError(f"unknown operation {operation!r}; one of {', '.join(OPERATIONS)}")
        call = WriteCall("user", self._settings.ui_user, _instant(modified_at) if modified_at else now)
        if operation == "create":
            return self._writer.insert_by_hand(module, record_id, fields, call), call.changes
        if not record_id:
            raise ValueError(f"{operation} needs an id")
        if operation == "undelete":
            restored = self._writer.restore(module, record_id, call)
            if restored is None:
                raise KeyError(f"{module} {record_id} is not in the recycle bin")
            return restored, call.changes
        table = self._tables[module]
        if operation == "purge":
            grave = table.graves.get(record_id)
            if grave is None:
                raise KeyError(f"{module} {record_id} is not in the recycle bin")
            table.graves.put(record_id, {**grave, "type": "permanent"})
            return {"id": record_id}, []
        record = table.get(record_id)
        if record is None:
            raise KeyError(f"no {module} {record_id}")
        if operation == "lock":
            table.locks.put(record_id, {"id": record_id})
        elif operation == "unlock":
            table.locks.delete(record_id)
        elif operation == "update":
            return self._writer.apply_update(module, record, fields, call), call.changes
        else:
            try:
                self._writer.delete(module, record_id, call)
            except RowProblem as error:
                raise ValueError(str(error)) from None
        return record, call.changes


def _instant(value: datetime | str) -> datetime:
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if instant.tzinfo is None:
        raise ValueError("modified_at needs an offset")
    return instant.astimezone(UTC)
