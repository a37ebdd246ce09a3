"""What users of the accounting system do, for the control plane and the tests."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from decimal import Decimal
from typing import Any

from tieout.core.dates import parse_local, require_aware, zone
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.kingdee.allocations import BILL, LOG, RECEIPT, Allocations
from tieout.sandbox.kingdee.errors import KingdeeError
from tieout.sandbox.kingdee.forms import Form, form_of
from tieout.sandbox.kingdee.library import VENDOR, Doc, Library
from tieout.sandbox.kingdee.settings import KingdeeSettings
from tieout.sandbox.kingdee.templates import exact, lookup, new_document

_DELETED = "_deleted"
OPERATIONS = frozenset(
    "create update delete undelete audit unaudit cancel uncancel forbid enable settle unsettle".split()
)


class Changes:
    """Edits, life-cycle steps and allocations, each stamped with the sandbox clock unless a stamp is given."""

    def __init__(self, library: Library, clock: SandboxClock, settings: KingdeeSettings) -> None:
        self._library, self._clock, self._settings = library, clock, settings
        self._allocations = Allocations(library)

    def apply(
        self,
        operation: str,
        form_id: str,
        record_id: str,
        fields: dict[str, Any],
        modified_at: datetime | str | None = None,
    ) -> Doc:
        """One change by a user; gives the document afterwards (as it was, after delete).

        `record_id` is a bill number, master-data number or internal id. `modified_at` sets FModifyDate to that instant
        instead of now, which is how a late-arriving row is made. Operations:

        - create: AR_receivable needs FCUSTOMERID and FALLAMOUNTFOR, AR_RECEIVEBILL needs FCONTACTUNIT and
          FRECAMOUNTFOR and takes `allocations` [{bill, amount}], BD_Customer needs FName; the rest is filled in.
        - update: header fields, lookups by number, whole entry lists; a new FALLAMOUNTFOR or FENDDATE_H is carried
          to the only line and plan row.
        - audit, unaudit (status D), cancel, uncancel, delete, undelete; forbid, enable for master data. Leaving the
          posted state takes back the document's allocations first, as the system demands of a user.
        - settle (fields source, bill, amount, plan_entry_id) and unsettle (record_id = FMATCHID), also reached by
          create and delete on AR_RECMacthLog: FModifyDate of the bills does not move.

        Raises KingdeeError when the system would refuse.
        """
        if operation not in OPERATIONS:
            raise KingdeeError(f"不支持的操作: {operation}")
        form = form_of(form_id)
        stamp = self._stamp(modified_at)
        with self._library.store.batch():
            if operation == "settle" or (operation == "create" and form is LOG):
                return self._settle(fields, stamp)
            if operation == "unsettle" or (operation == "delete" and form is LOG):
                return self._unsettle(record_id, stamp)
            if operation == "create":
                return self._create(form, fields, stamp)
            if operation == "undelete":
                return self._undelete(form, record_id)
            found = self._library.find(form, record_id)
            if found is None:
                raise KingdeeError(f"单据不存在: {record_id}")
            if operation == "delete":
                return self._delete(form, found, stamp)
            return self._edit(form, found, operation, fields, stamp)

    def settle(self, source_no: str, bill_no: str, amount: Decimal | int | str) -> int:
        """Allocate now; gives the (first) match id."""
        doc = self.apply("settle", LOG.id, "", {"source": source_no, "bill": bill_no, "amount": amount})
        return int(doc["FMATCHID"])

    def _stamp(self, modified_at: datetime | str | None) -> str:
        if modified_at is None:
            at = self._clock.now()
        elif isinstance(modified_at, str):
            at = parse_local(modified_at, self._settings.timezone)
        else:
            at = require_aware(modified_at)
        local = at.astimezone(zone(self._settings.timezone)).replace(tzinfo=None)
        return local.isoformat(timespec="milliseconds" if self._settings.milliseconds else "seconds")

    def _note(self, operation: str, form: Form, doc: Doc, changes: dict[str, list[Any]]) -> None:
        self._library.store.effects.record(
            self._clock.now(), VENDOR, operation, form.id, str(doc[form.pk]), changes, actor="user"
        )

    def _create(self, form: Form, fields: dict[str, Any], stamp: str) -> Doc:
        given = {key: value for key, value in fields.items() if key != "allocations"}
        for key in given:
            if key not in form.entries and key != "FORDERNUMBER":
                form.resolve(key)
        number = given.get(form.number)
        if number and self._library.by_number(form).get(str(number)) is not None:
            raise KingdeeError(f"编码已存在: {number}")
        doc = new_document(self._library, form, given, self._settings.org_number, stamp)
        doc["FModifyDate"] = stamp
        self._library.put(form, doc)
        self._note("create", form, doc, {key: [None, value] for key, value in given.items()})
        for allocation in fields.get("allocations", []):
            self._settle({"source": doc["FBillNo"], **allocation}, stamp)
        return self._library.find(form, str(doc[form.number])) or doc

    def _settle(self, fields: dict[str, Any], stamp: str) -> Doc:
        amount, plan_entry = exact(fields.get("amount")), fields.get("plan_entry_id")
        source = str(fields.get("source") or fields.get("receipt") or "")
        entry = int(plan_entry) if plan_entry is not None else None
        matches = self._allocations.settle(source, str(fields.get("bill") or ""), amount, stamp, entry)
        row = next(doc for doc in self._library.ordered(LOG) if doc["FMATCHID"] == matches[0])
        self._note("settle", LOG, row, {"FCURWRITTENOFFAMOUNTFOR": [None, amount]})
        return row

    def _unsettle(self, record_id: str, stamp: str) -> Doc:
        row = self._library.find(LOG, record_id)
        match_id = int(row["FMATCHID"]) if row is not None else int(record_id) if record_id.isdigit() else -1
        undone = self._allocations.undo(match_id, stamp)
        self._note("unsettle", LOG, undone, {"FISACTIVATION": [True, False]})
        return undone

    def _delete(self, form: Form, doc: Doc, stamp: str) -> Doc:
        self._allocations.undo_all_of(form.id, int(doc[form.pk]), stamp)
        doc = self._library.find(form, str(doc[form.number])) or doc
        self._library.remove(form, doc)
        self._library.store.collection(VENDOR, _DELETED).put(f"{form.id}/{doc[form.number]}", doc)
        self._note("delete", form, doc, {})
        return doc

    def _undelete(self, form: Form, record_id: str) -> Doc:
        deleted = self._library.store.collection(VENDOR, _DELETED)
        doc = deleted.get(f"{form.id}/{record_id}")
        if doc is None:
            raise KingdeeError(f"单据不存在: {record_id}")
        deleted.delete(f"{form.id}/{record_id}")
        self._library.put(form, doc)  # restored from a backup: its old FModifyDate comes back with it
        self._note("undelete", form, doc, {})
        return doc

    def _edit(self, form: Form, found: Doc, operation: str, fields: dict[str, Any], stamp: str) -> Doc:
        if operation in ("unaudit", "cancel") and form in (BILL, RECEIPT):
            self._allocations.undo_all_of(form.id, int(found[form.pk]), stamp)
            found = self._library.find(form, str(found[form.number])) or found
        doc = deepcopy(found)
        status = "FDOCUMENTSTATUS" if "FDOCUMENTSTATUS" in form.head else "FDocumentStatus"
        if operation == "audit":
            doc[status] = "C"
            if "FAPPROVEDATE" in form.head:
                doc["FAPPROVEDATE"] = stamp
        elif operation == "unaudit":
            doc[status] = "D"
        elif operation in ("cancel", "uncancel"):
            doc["FCancelStatus"] = "B" if operation == "cancel" else "A"
            if operation == "cancel" and doc[status] == "C":
                doc[status] = "D"
        elif operation in ("forbid", "enable"):
            doc["FForbidStatus"] = "B" if operation == "forbid" else "A"
        else:
            self._set_fields(form, doc, fields)
        changes = {key: [found.get(key), value] for key, value in doc.items() if found.get(key) != value}
        doc["FModifyDate"] = stamp
        self._library.put(form, doc)
        self._note("update" if operation == "update" else operation, form, doc, changes)
        return doc

    def _set_fields(self, form: Form, doc: Doc, fields: dict[str, Any]) -> None:
        for asked, value in fields.items():
            if asked in form.entries:
                doc[asked] = value
                continue
            ref = form.resolve(asked)
            if ref.entry:
                raise KingdeeError(f"分录字段请整行提交: {asked}")
            kind = form.head[ref.key]
            if kind.startswith("base:"):
                doc[ref.key] = lookup(self._library, kind[5:], value)
            elif kind == "amount":
                doc[ref.key] = exact(value)
            else:
                doc[ref.key] = value
        if form is BILL:
            _carry(doc, {form.resolve(key).key for key in fields if key not in form.entries})


def _carry(doc: Doc, changed: set[str]) -> None:
    """Carry a new total or due date of the header to the only line and plan row."""
    if "FALLAMOUNTFOR" in changed and len(doc["FEntityPlan"]) == 1 and len(doc["FEntityDetail"]) == 1:
        line, total = doc["FEntityDetail"][0], doc["FALLAMOUNTFOR"]
        net = (total * 100 / (100 + Decimal(line["FEntryTaxRate"]))).quantize(Decimal("0.01"))
        line |= {"FNoTaxAmountFor_D": net, "FTAXAMOUNTFOR_D": total - net, "FALLAMOUNTFOR_D": total}
        doc["FNoTaxAmountFor"], doc["FTaxAmountFor"] = net, total - net
        doc["FEntityPlan"][0]["FPAYAMOUNTFOR"] = total
    if "FENDDATE_H" in changed and len(doc["FEntityPlan"]) == 1:
        doc["FEntityPlan"][0]["FENDDATE"] = doc["FENDDATE_H"]
