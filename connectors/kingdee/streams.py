"""The streams of Kingdee: form, key, what is required, what moves without the content moving, what marks a state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.kingdee.settings import KingdeeSettings
from tieout.core.errors import ConfigError
from tieout.core.ports import StreamInfo


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry (分录) of a form that is read row by row: its key, its id field, what is asked when no profile says."""

    key: str
    default_fields: tuple[str, ...]

    @property
    def id_key(self) -> str:
        return f"{self.key}_FEntryID"


@dataclass(frozen=True, slots=True)
class KingdeeStream:
    """One form read as a stream.

    `required` fields must exist; all others are dropped when the form lacks them. `stamps` are the fields whose
    movement makes a row changed. `prefixed` ids carry the form (`AR_receivable:100001`), because the FIDs of
    different forms overlap. `by_log_id` streams also ask for rows above the highest id seen.
    """

    name: str
    form: str
    key: str
    record_kind: str
    required: tuple[str, ...]
    default_fields: tuple[str, ...]
    stamps: tuple[str, ...] = ("FModifyDate", "FAPPROVEDATE")
    marks: tuple[str, ...] = ("FDOCUMENTSTATUS", "FCancelStatus")
    org_key: str = "FSETTLEORGID.FNumber"
    entries: tuple[Entry, ...] = field(default=())
    prefixed: bool = True
    by_log_id: bool = False
    optional_form: bool = False
    advisory: bool = False  # without it nothing is wrong: a form that lacks its required fields counts as absent

    def external_id(self, key: object) -> str:
        return f"{self.form}:{key}" if self.prefixed else str(key)

    def key_of(self, external_id: str) -> str:
        """The form's own id; ids that are not a number are refused (they would end up in a filter)."""
        form, _, key = external_id.rpartition(":")
        if form not in {"", self.form} or not key.isascii() or not key.isdigit():
            raise ConfigError(f"{external_id!r} is no id of {self.form}")
        return key

    def info(self, overlap_seconds: int) -> StreamInfo:
        ordinary = "True" if self.marks == ("FISACTIVATION",) else ""
        return StreamInfo(self.name, self.form, self.record_kind, overlap_seconds, False, True, False, ordinary)


# Fields that move without the content moving, or that another stream tells: never part of the hash.
NOT_HASHED = frozenset(
    name.lower()
    for name in (
        "FModifyDate FAPPROVEDATE FCreateDate FMODIFIERID FAPPROVERID FWRITTENOFFSTATUS FWRITTENOFFSTATUS_D "
        "FOPENSTATUS FWRITTENOFFAMOUNTFOR FWRITTENOFFAMOUNTFOR_P FWRITTENOFFAMOUNTFOR_D FWRITTENOFFAMOUNT "
        "FRelateHadPayAmount FNOTWRITTENOFFAMOUNTFOR FNORECEIVEAMOUNT FRECEIVEAMOUNT FOPENAMOUNTFOR FNOINVOICEAMOUNT"
    ).split()
)


def streams_of(settings: KingdeeSettings) -> dict[str, KingdeeStream]:
    """The streams by name, with the forms and fields that the connection may rename."""
    bill = ("FID", "FBillNo", "FDOCUMENTSTATUS", "FModifyDate", "FCURRENCYID.FCode")
    all_streams = (
        KingdeeStream(
            "customers",
            "BD_Customer",
            "FCUSTID",
            "customer",
            ("FCUSTID", "FNumber", "FName", "FModifyDate"),
            (
                "FShortName", "FSOCIALCRECODE", "FTAXREGISTERCODE", "FDOCUMENTSTATUS", "FForbidStatus",
                "FTRADINGCURRID.FCode", "FUseOrgId.FNumber", "FINVOICETEL", "FINVOICEADDRESS",
            ),
            stamps=("FModifyDate",),
            marks=("FDOCUMENTSTATUS", "FForbidStatus"),
            org_key="FUseOrgId.FNumber",
            prefixed=False,
        ),
        KingdeeStream(
            "invoices",
            "AR_receivable",
            "FID",
            "invoice",
            (*bill, "FALLAMOUNTFOR", "FCUSTOMERID.FNumber"),
            (
                "FDATE", "FENDDATE_H", "FCancelStatus", "FSETTLEORGID.FNumber", "FISINIT", "FSetAccountType",
                "FBUSINESSTYPE", "FExchangeRate",
            ),
            entries=(
                Entry("FEntityPlan", ("FENDDATE", "FPAYRATE", "FPAYAMOUNTFOR")),
                Entry("FEntityDetail", ("FORDERNUMBER", "FNoTaxAmountFor_D", "FTAXAMOUNTFOR_D", "FALLAMOUNTFOR_D")),
            ),
        ),
        KingdeeStream(
            "payments",
            "AR_RECEIVEBILL",
            "FID",
            "payment",
            (*bill, "FRECAMOUNTFOR", "FCONTACTUNIT.FNumber"),
            (
                "FDATE", "FCancelStatus", "FSETTLEORGID.FNumber", "FCONTACTUNITTYPE", "FREALRECAMOUNTFOR", "FISINIT",
                "FEXCHANGERATE",
            ),
            entries=(Entry("FRECEIVEBILLENTRY", ()),),
        ),
        KingdeeStream(
            "refunds",
            settings.refund_form,
            "FID",
            "refund",
            (*bill, "FREFUNDTOTALAMOUNTFOR", "FCONTACTUNIT.FNumber"),
            ("FDATE", "FCancelStatus", "FSETTLEORGID.FNumber", "FCONTACTUNITTYPE", "FISINIT"),
            optional_form=True,
        ),
        KingdeeStream(
            "allocations",
            settings.settlement_form,
            "FID",
            "allocation",
            (
                "FID", "FVERIFYDATE", "FISACTIVATION", "FTARGETFROMID", "FTARGETBILLID", "FSOURCEFROMID", "FSRCBILLID",
                "FCURWRITTENOFFAMOUNTFOR", "FCURRENCYID.FCode",
            ),
            (
                "FTARGETBILLNO", "FTARGETENTRYID", "FSRCBILLNO", "FSRCROWID", "FCONTACTUNIT.FNumber", "FMATCHID",
                "FCONTACTUNITTYPE", "FSETTLEORGID.FNumber",
            ),
            stamps=("FVERIFYDATE", "FModifyDate"),
            marks=("FISACTIVATION",),
            prefixed=False,
            by_log_id=True,
        ),
        KingdeeStream(
            "credit_limits",
            settings.credit_form,
            f"{settings.credit_entry}_FEntryID",
            "limit",
            (f"{settings.credit_entry}_FEntryID", "FOBJECTID.FNumber", "FCURRENCYID.FCode", "FCREDITAMOUNT"),
            (
                "FOBJECTTYPEID", "FDOCUMENTSTATUS", "FUseOrgId.FNumber", "FTEMPCREDITAMOUNT", "FTEMPBEGDATE",
                "FTEMPENDDATE",
            ),
            stamps=("FModifyDate",),
            marks=("FDOCUMENTSTATUS",),
            org_key="FUseOrgId.FNumber",
            prefixed=False,
            optional_form=True,
            advisory=True,
        ),
        KingdeeStream(
            "rates",
            settings.rate_form,
            "FRateID",
            "rate",
            ("FRateID", "FCyForID.FCode", "FCyToID.FCode", "FExchangeRate", "FBegDate"),
            ("FRATETYPEID.FNumber", "FEndDate", "FDOCUMENTSTATUS", "FForbidStatus", "FUseOrgId.FNumber"),
            stamps=("FModifyDate",),
            marks=("FDOCUMENTSTATUS", "FForbidStatus"),
            org_key="FUseOrgId.FNumber",
            prefixed=False,
            optional_form=True,
            advisory=True,
        ),
    )  # fmt: skip
    return {stream.name: stream for stream in all_streams}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one stream asks: header keys in order and keys per entry."""

    head: tuple[str, ...]
    entries: dict[str, tuple[str, ...]]


def wanted(stream: KingdeeStream, paths: Iterable[str] | None, dropped: Iterable[str]) -> Wanted:
    """The keys to ask: required ones, stamps, and what the profile reads (or defaults), less `dropped`."""
    gone = {key.lower() for key in dropped}
    names = {entry.key.lower(): entry for entry in stream.entries}
    entries: dict[str, list[str]] = {entry.key: [] for entry in stream.entries}
    head = [*stream.required, *stream.stamps, *stream.marks, stream.org_key]
    if paths:
        for path in paths:
            first, _, rest = path.replace("[]", "").partition(".")
            entry = names.get(first.lower())
            if entry is None:
                head.append(path)
            elif rest:
                entries[entry.key].append(rest)
    else:
        head += stream.default_fields
        for entry in stream.entries:
            entries[entry.key] += entry.default_fields
    kept = {
        entry.key: tuple(_once([entry.id_key, *entries[entry.key]], gone))
        for entry in stream.entries
        if any(key.lower() not in gone for key in entries[entry.key] if key != entry.id_key)
    }
    return Wanted(tuple(_once(head, gone)), kept)


def _once(keys: Iterable[str], gone: set[str]) -> list[str]:
    out: dict[str, str] = {}
    for key in keys:
        if key.lower() not in gone and key.split(".", 1)[0].lower() not in gone:
            out[key.lower()] = key  # keys know no case, but the profile reads its own spelling: the last one counts
    return list(out.values())
