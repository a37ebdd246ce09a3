"""The streams of Zoho CRM: which module, what is asked when no profile says more, what is never hashed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tieout.core.ports import StreamInfo


@dataclass(frozen=True, slots=True)
class ZohoStream:
    """One module read as a stream."""

    name: str
    module: str
    record_kind: str
    default_fields: tuple[str, ...]
    writable: bool = True

    def info(self, overlap_seconds: int) -> StreamInfo:
        return StreamInfo(
            name=self.name,
            remote=self.module,
            record_kind=self.record_kind,
            overlap_seconds=overlap_seconds,
            has_deletes=True,
            sweepable=True,
            writable=self.writable,
        )


STREAMS = {
    stream.name: stream
    for stream in (
        ZohoStream(
            "customers",
            "Accounts",
            "customer",
            (
                "Account_Name", "Account_Number", "Phone", "Website", "Billing_Street", "Billing_City",
                "Billing_State", "Billing_Code", "Billing_Country", "Currency", "Owner",
            ),
        ),
        ZohoStream(
            "deals",
            "Deals",
            "deal",
            ("Deal_Name", "Stage", "Amount", "Closing_Date", "Account_Name", "Currency", "Exchange_Rate", "Owner"),
        ),
        ZohoStream(
            "invoices",
            "Invoices",
            "invoice",
            (
                "Subject", "Invoice_Number", "Invoice_Date", "Due_Date", "Status", "Account_Name", "Grand_Total",
                "Currency", "Exchange_Rate",
            ),
        ),
    )
}  # fmt: skip

MAX_FIELDS = 50
STAMPS = ("Modified_Time", "Created_Time")
_SYSTEM = frozenset(
    (
        "id", "Modified_Time", "Created_Time", "Modified_By", "Created_By", "Last_Activity_Time", "Record_Status__s",
        "Locked__s", "User_Modified_Time", "System_Related_Activity_Time", "User_Related_Activity_Time",
        "System_Modified_Time",
    )
)  # fmt: skip


def is_system(name: str) -> bool:
    """True for keys that move without the record's content moving: stamps, `$` keys, activity times."""
    return name.startswith("$") or name in _SYSTEM


def top_names(paths: Iterable[str]) -> list[str]:
    """The field names at the head of profile paths (`Account_Name.id` -> `Account_Name`), in order, once."""
    names = (path.split(".", 1)[0].split("[", 1)[0].strip() for path in paths)
    return list(dict.fromkeys(name for name in names if name and name != "id" and not name.startswith("$")))
