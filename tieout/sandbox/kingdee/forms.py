"""Metadata of the forms that the sandbox knows: fields, entries, lookups (accounting reference 1.3)."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.sandbox.kingdee.errors import UnknownField, UnknownForm

# Properties a lookup can be asked for, besides its plain internal id.
_LOOKUP_PARTS = {"fnumber": "FNumber", "fname": "FName"}
_CURRENCY_PARTS = {**_LOOKUP_PARTS, "fcode": "FCode"}


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A resolved field key: the entry it lives in ("" = header), its key, the lookup part and its kind.

    Kinds: text, int, amount, date, bool, id (plain lookup).
    """

    entry: str
    key: str
    part: str
    kind: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """One business object: primary key, number field, caption, fields of the header and of each entry."""

    id: str
    caption: str
    pk: str
    number: str
    head: dict[str, str]
    entries: dict[str, dict[str, str]]

    def resolve(self, asked: str) -> FieldRef:
        """The field of a key such as `FCUSTOMERID.FNumber`; unknown keys raise UnknownField. Case does not matter."""
        base, _, part = asked.strip().partition(".")
        low = base.lower()
        for entry, fields in (("", self.head), *self.entries.items()):
            for key, kind in fields.items():
                if key.lower() == low:
                    return _reference(asked, entry, key, kind, part.lower())
        raise UnknownField(asked.strip())


def _reference(asked: str, entry: str, key: str, kind: str, part: str) -> FieldRef:
    if not kind.startswith("base:"):
        if part:
            raise UnknownField(asked.strip())
        return FieldRef(entry, key, "", kind)
    target = kind[5:]
    if not part or part == "id":
        return FieldRef(entry, key, "", "id", target)
    parts = _CURRENCY_PARTS if target == "BD_Currency" else _LOOKUP_PARTS
    if part not in parts:
        raise UnknownField(asked.strip())
    return FieldRef(entry, key, parts[part], "text", target)


def _fields(text: str) -> dict[str, str]:
    """`FKey:kind` words; the kind is text when left out."""
    out = {}
    for word in text.split():
        key, _, kind = word.partition(":")
        out[key] = kind or "text"
    return out


_ORGS = "FSETTLEORGID:base:ORG_Organizations FPAYORGID:base:ORG_Organizations FSALEORGID:base:ORG_Organizations"
_LIFE = (
    "FDOCUMENTSTATUS FCancelStatus FCreateDate:date FModifyDate:date FAPPROVEDATE:date FCREATORID:base:SEC_User "
    "FBillTypeID:base:BOS_BillType"
)
_CURRENCY = "FCURRENCYID:base:BD_Currency"

FORMS: dict[str, Form] = {
    form.id: form
    for form in (
        Form(
            "BD_Currency",
            "币别",
            "FCURRENCYID",
            "FNumber",
            _fields(
                "FCURRENCYID:int FNumber FName FCode FAmountDigits:int FDocumentStatus FForbidStatus FModifyDate:date"
            ),
            {},
        ),
        Form(
            "BD_Customer",
            "客户",
            "FCUSTID",
            "FNumber",
            _fields(
                "FCUSTID:int FNumber FName FShortName FCreateOrgId:base:ORG_Organizations "
                "FUseOrgId:base:ORG_Organizations FTRADINGCURRID:base:BD_Currency FRECCONDITIONID:base:BD_RecCondition "
                "FTAXREGISTERCODE FSOCIALCRECODE FINVOICETITLE FINVOICEADDRESS FINVOICETEL FISCREDITCHECK:bool "
                "FTaxRate:base:BD_TaxRate FDocumentStatus FForbidStatus FCreateDate:date FModifyDate:date"
            ),
            {},
        ),
        Form(
            "BD_Rate",
            "汇率体系",
            "FRateID",
            "FRateID",
            _fields(
                "FRateID:int FRATETYPEID:base:BD_RateType FCyForID:base:BD_Currency FCyToID:base:BD_Currency "
                "FExchangeRate:amount FReverseExRate:amount FBegDate:date FEndDate:date "
                "FUseOrgId:base:ORG_Organizations FDocumentStatus FForbidStatus FCreateDate:date FModifyDate:date"
            ),
            {},
        ),
        Form(
            "CRE_CustArchives",
            "信用档案",
            "FID",
            "FBillNo",
            _fields(
                "FID:int FBillNo FUseOrgId:base:ORG_Organizations FDocumentStatus FCreateDate:date FModifyDate:date "
                "FApproveDate:date"
            ),
            {
                "FEntity": _fields(
                    "FEntity_FEntryID:int FOBJECTTYPEID FOBJECTID:base:BD_Customer FCURRENCYID:base:BD_Currency "
                    "FCREDITAMOUNT:amount FTEMPCREDITAMOUNT:amount FTEMPBEGDATE:date FTEMPENDDATE:date FOVERDUEDAYS:int"
                )
            },
        ),
        Form(
            "AR_receivable",
            "应收单",
            "FID",
            "FBillNo",
            _fields(
                f"FID:int FBillNo FDATE:date FENDDATE_H:date FCUSTOMERID:base:BD_Customer {_CURRENCY} "
                "FPayConditon:base:BD_RecCondition FALLAMOUNTFOR:amount FNoTaxAmountFor:amount FTaxAmountFor:amount "
                "FExchangeRate:amount FMAINBOOKSTDCURRID:base:BD_Currency FWRITTENOFFSTATUS FOPENSTATUS FISINIT:bool "
                f"FISTAX:bool FBUSINESSTYPE FSetAccountType FAR_Remark {_ORGS} {_LIFE}"
            ),
            {
                "FEntityDetail": _fields(
                    "FEntityDetail_FEntryID:int FMATERIALID:base:BD_MATERIAL FPriceQty:amount FEntryTaxRate:amount "
                    "FNoTaxAmountFor_D:amount FTAXAMOUNTFOR_D:amount FALLAMOUNTFOR_D:amount FORDERNUMBER"
                ),
                "FEntityPlan": _fields(
                    "FEntityPlan_FEntryID:int FENDDATE:date FPAYRATE:amount FPAYAMOUNTFOR:amount "
                    "FWRITTENOFFAMOUNTFOR:amount"
                ),
            },
        ),
        Form(
            "AR_RECEIVEBILL",
            "收款单",
            "FID",
            "FBillNo",
            _fields(
                f"FID:int FBillNo FDATE:date FCONTACTUNITTYPE FCONTACTUNIT:base:BD_Customer FPAYUNITTYPE "
                f"FPAYUNIT:base:BD_Customer {_CURRENCY} FSETTLECUR:base:BD_Currency FEXCHANGERATE:amount "
                f"FRECAMOUNTFOR:amount FREALRECAMOUNTFOR:amount FWRITTENOFFSTATUS FISINIT:bool FREMARK {_ORGS} {_LIFE}"
            ),
            {
                "FRECEIVEBILLENTRY": _fields(
                    "FRECEIVEBILLENTRY_FEntryID:int FSETTLETYPEID:base:BD_SETTLETYPE FPURPOSEID:base:CN_RECPAYPURPOSE "
                    "FRECTOTALAMOUNTFOR:amount FRECAMOUNTFOR_E:amount FHANDLINGCHARGEFOR:amount FSETTLENO FCOMMENT "
                    "FWRITTENOFFAMOUNTFOR_D:amount FWRITTENOFFSTATUS_D"
                )
            },
        ),
        Form(
            "AR_REFUNDBILL",
            "收款退款单",
            "FID",
            "FBillNo",
            _fields(
                f"FID:int FBillNo FDATE:date FCONTACTUNITTYPE FCONTACTUNIT:base:BD_Customer {_CURRENCY} "
                f"FSETTLECUR:base:BD_Currency FREFUNDTOTALAMOUNTFOR:amount FREMARK FWRITTENOFFSTATUS {_ORGS} {_LIFE}"
            ),
            {},
        ),
        Form(
            "AR_RECMacthLog",
            "应收核销记录",
            "FID",
            "FMATCHID",
            _fields(
                "FID:int FMATCHID:int FVERIFYDATE:date FREPORTDATE:date FMATCHMETHODID FISACTIVATION:bool "
                "FTARGETFROMID FTARGETBILLID:int FTARGETBILLNO FTARGETENTRYID:int "
                "FSOURCEFROMID FSRCBILLID:int FSRCBILLNO FSRCROWID:int "
                f"FCURWRITTENOFFAMOUNTFOR:amount FCURWRITTENOFFAMOUNT:amount {_CURRENCY} FCONTACTUNITTYPE "
                "FCONTACTUNIT:base:BD_Customer FSETTLEORGID:base:ORG_Organizations FModifyDate:date"
            ),
            {},
        ),
    )
}


def form_of(form_id: object) -> Form:
    """The form of an id, exactly as it is spelt; anything else raises UnknownForm."""
    form = FORMS.get(form_id) if isinstance(form_id, str) else None
    if form is None:
        raise UnknownForm(str(form_id))
    return form


def without(form: Form, key: str) -> Form:
    """The form without one header field (builds differ)."""
    head = {name: kind for name, kind in form.head.items() if name != key}
    return Form(form.id, form.caption, form.pk, form.number, head, form.entries)
