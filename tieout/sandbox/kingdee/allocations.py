"""Allocations (核销): made and undone without moving FModifyDate of the bills they touch."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal

from tieout.sandbox.kingdee.errors import KingdeeError
from tieout.sandbox.kingdee.forms import FORMS
from tieout.sandbox.kingdee.library import Doc, Library
from tieout.sandbox.kingdee.logrows import Side, log_pair, match_method, written_off_status
from tieout.sandbox.kingdee.templates import next_id

BILL, RECEIPT, LOG = FORMS["AR_receivable"], FORMS["AR_RECEIVEBILL"], FORMS["AR_RECMacthLog"]


class Allocations:
    """Moves written-off amounts on plan rows and receipt lines, and keeps the log."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def settle(
        self, source_no: str, bill_no: str, amount: Decimal, stamp: str, plan_entry_id: int | None = None
    ) -> list[int]:
        """Allocate an amount of a receipt (or red bill) to a bill, oldest plan row first; gives the match ids.

        Different customers or currencies, documents that are not posted and more than is open raise KingdeeError.
        """
        library = self._library
        bill = library.by_number(BILL).get(bill_no)
        source_form = RECEIPT if source_no in library.by_number(RECEIPT) else BILL
        source = library.by_number(source_form).get(source_no)
        if bill is None or source is None:
            raise KingdeeError(f"单据不存在: {bill_no if bill is None else source_no}")
        _check(bill, source, source_form.id, amount)
        matches = []
        left = amount
        for row in sorted(bill["FEntityPlan"], key=lambda row: (row["FENDDATE"], row["FEntityPlan_FEntryID"])):
            if plan_entry_id is not None and row["FEntityPlan_FEntryID"] != plan_entry_id:
                continue
            part = min(left, row["FPAYAMOUNTFOR"] - row["FWRITTENOFFAMOUNTFOR"])
            if part > 0:
                matches.append(self._match(bill, row["FEntityPlan_FEntryID"], source, source_form.id, part, stamp))
                left -= part
        if left:
            raise KingdeeError(f"本次核销金额大于未核销金额: {bill_no}")
        return matches

    def _match(self, bill: Doc, entry_id: int, source: Doc, source_form: str, part: Decimal, stamp: str) -> int:
        library = self._library
        first_id = next_id(library, LOG, 700001)
        match_id = max((int(doc["FMATCHID"]) for doc in library.ordered(LOG)), default=300000) + 1
        own = part if source_form == RECEIPT.id else -part
        source_entry = (
            source["FRECEIVEBILLENTRY"][0]["FRECEIVEBILLENTRY_FEntryID"]
            if source_form == RECEIPT.id
            else source["FEntityPlan"][0]["FEntityPlan_FEntryID"]
        )
        on = f"{stamp[:10]}T00:00:00"
        shared: Doc = {
            "FMATCHID": match_id,
            "FVERIFYDATE": on,
            "FREPORTDATE": on,
            "FMATCHMETHODID": match_method(source_form),
            "FISACTIVATION": True,
            "FCURRENCYID": bill["FCURRENCYID"],
            "FCONTACTUNITTYPE": "BD_Customer",
            "FCONTACTUNIT": bill["FCUSTOMERID"],
            "FSETTLEORGID": bill["FSETTLEORGID"],
            "FModifyDate": stamp,
        }
        target_side = Side(BILL.id, bill["FID"], bill["FBillNo"], entry_id, part)
        source_side = Side(source_form, source["FID"], source["FBillNo"], source_entry, own)
        pair = log_pair(first_id, shared, target_side, source_side, Decimal(bill["FExchangeRate"]))
        library.put_all(LOG, pair)
        self._write_off(target_side, 1)
        self._write_off(source_side, 1)
        return match_id

    def undo(self, match_id: int, stamp: str) -> Doc:
        """Take an allocation back: both log rows stay and lose FISACTIVATION, the amounts are open again."""
        rows = [doc for doc in self._library.ordered(LOG) if doc["FMATCHID"] == match_id and doc["FISACTIVATION"]]
        if not rows:
            raise KingdeeError(f"核销记录不存在: {match_id}")
        for row in rows:
            self._write_off(
                Side(
                    row["FTARGETFROMID"],
                    row["FTARGETBILLID"],
                    row["FTARGETBILLNO"],
                    row["FTARGETENTRYID"],
                    Decimal(row["FCURWRITTENOFFAMOUNTFOR"]),
                ),
                -1,
            )
        changed = [{**row, "FISACTIVATION": False, "FModifyDate": stamp} for row in rows]
        self._library.put_all(LOG, changed)
        return changed[0]

    def undo_all_of(self, form_id: str, bill_id: int, stamp: str) -> None:
        """Take back every allocation of a document, as a user must before voiding or deleting it."""
        for row in self._library.ordered(LOG):
            if row["FTARGETFROMID"] == form_id and row["FTARGETBILLID"] == bill_id and row["FISACTIVATION"]:
                self.undo(int(row["FMATCHID"]), stamp)

    def _write_off(self, side: Side, direction: int) -> None:
        form = FORMS[side.form]
        entry, key = (
            ("FEntityPlan", "FWRITTENOFFAMOUNTFOR") if form is BILL else ("FRECEIVEBILLENTRY", "FWRITTENOFFAMOUNTFOR_D")
        )
        found = self._library.by_number(form).get(side.bill_no)
        if found is None:
            return
        doc = deepcopy(found)
        for line in doc[entry]:
            if line[f"{entry}_FEntryID"] == side.entry_id:
                line[key] += direction * side.amount
                if form is RECEIPT:
                    line["FWRITTENOFFSTATUS_D"] = written_off_status(line[key], line["FRECAMOUNTFOR_E"])
        total = doc["FALLAMOUNTFOR"] if form is BILL else doc["FRECAMOUNTFOR"]
        doc["FWRITTENOFFSTATUS"] = written_off_status(sum((line[key] for line in doc[entry]), Decimal(0)), total)
        self._library.put(form, doc)


def _check(bill: Doc, source: Doc, source_form: str, amount: Decimal) -> None:
    payer = source["FCONTACTUNIT"] if source_form == RECEIPT.id else source["FCUSTOMERID"]
    if payer["FNumber"] != bill["FCUSTOMERID"]["FNumber"]:
        raise KingdeeError("往来单位不一致，不能核销")
    if source["FCURRENCYID"]["FCode"] != bill["FCURRENCYID"]["FCode"]:
        raise KingdeeError("币别不一致，不能核销")
    for doc in (bill, source):
        if doc["FDOCUMENTSTATUS"] != "C" or doc["FCancelStatus"] != "A":
            raise KingdeeError(f"单据未审核，不能核销: {doc['FBillNo']}")
    open_bill = sum((row["FPAYAMOUNTFOR"] - row["FWRITTENOFFAMOUNTFOR"] for row in bill["FEntityPlan"]), Decimal(0))
    if source_form == RECEIPT.id:
        written = sum((row["FWRITTENOFFAMOUNTFOR_D"] for row in source["FRECEIVEBILLENTRY"]), Decimal(0))
        open_source = source["FRECAMOUNTFOR"] - written
    else:
        open_source = sum(
            (row["FWRITTENOFFAMOUNTFOR"] - row["FPAYAMOUNTFOR"] for row in source["FEntityPlan"]), Decimal(0)
        )
    if amount <= 0 or amount > open_bill or amount > open_source:
        raise KingdeeError(f"本次核销金额大于未核销金额: {bill['FBillNo']}")
