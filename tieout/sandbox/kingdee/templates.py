"""New documents as a user enters them: what the form fills in by itself, around the few fields that were given."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from tieout.sandbox.kingdee.errors import KingdeeError
from tieout.sandbox.kingdee.forms import FORMS, Form
from tieout.sandbox.kingdee.library import Doc, Library

_CENT = Decimal("0.01")


def exact(value: object) -> Decimal:
    """An amount as Decimal; floats and text that is no number are refused."""
    if isinstance(value, bool | float):
        raise KingdeeError(f"金额不精确: {value!r}")
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise KingdeeError(f"金额不正确: {value!r}") from None


def lookup(library: Library, target: str, value: object) -> Doc | None:
    """A lookup given as a number, a currency code or an object with FNumber or FCode; None empties the field."""
    if value is None or value == "":
        return None
    if isinstance(value, dict):
        lowered = {str(key).lower(): item for key, item in value.items()}
        value = lowered.get("fnumber") or lowered.get("fcode")
    form = FORMS.get(target)
    if form is None:
        return {"FNumber": str(value), "FName": str(value)}
    for doc in library.ordered(form):
        if value in (doc["FNumber"], doc.get("FCode")):
            found = {"FNumber": doc["FNumber"], "FName": doc["FName"]}
            return {**found, "FCode": doc["FCode"]} if "FCode" in doc else found
    raise KingdeeError(f"基础资料不存在: {value}")


def next_id(library: Library, form: Form, start: int) -> int:
    """One above the highest internal id."""
    docs = library.ordered(form)
    return int(docs[-1][form.pk]) + 1 if docs else start


def next_entry_id(library: Library, form: Form, entry: str, start: int) -> int:
    """One above the highest entry id of a form."""
    key = f"{entry}_FEntryID"
    return max((line[key] for doc in library.ordered(form) for line in doc.get(entry, [])), default=start - 1) + 1


def next_number(library: Library, form: Form, prefix: str) -> str:
    """The next automatic bill number, eight digits after the prefix."""
    width = len(prefix)
    used = (number[width:] for number in library.by_number(form) if number.startswith(prefix))
    return f"{prefix}{max((int(tail) for tail in used if tail.isdigit()), default=0) + 1:08d}"


def _common(library: Library, form: Form, given: Doc, org: str, stamp: str) -> Doc:
    return {
        "FDATE": given.get("FDATE") or f"{stamp[:10]}T00:00:00",
        "FCURRENCYID": lookup(library, "BD_Currency", given.get("FCURRENCYID") or "CNY"),
        "FSETTLEORGID": {"FNumber": org, "FName": "示例科技有限公司"},
        "FPAYORGID": {"FNumber": org, "FName": "示例科技有限公司"},
        "FSALEORGID": {"FNumber": org, "FName": "示例科技有限公司"},
        "FWRITTENOFFSTATUS": "A",
        "FISINIT": False,
        "FDOCUMENTSTATUS": given.get("FDOCUMENTSTATUS", "C"),
        "FCancelStatus": "A",
        "FCreateDate": stamp,
        "FAPPROVEDATE": stamp if given.get("FDOCUMENTSTATUS", "C") == "C" else None,
        "FCREATORID": {"FNumber": "100001", "FName": "会计一"},
    }


def new_document(library: Library, form: Form, given: dict[str, Any], org: str, stamp: str) -> Doc:
    """A complete document from the fields given; required ones missing raise KingdeeError."""
    if form.id == "AR_receivable":
        return _receivable(library, form, given, org, stamp)
    if form.id == "AR_RECEIVEBILL":
        return _receipt(library, form, given, org, stamp)
    if form.id in ("BD_Customer", "BD_Currency"):
        return _master(library, form, given, org, stamp)
    if form.id in ("BD_Rate", "CRE_CustArchives"):
        return _terms(library, form, given, org, stamp)
    raise KingdeeError(f"{form.caption}不能手工新增")


def _required(given: dict[str, Any], key: str, caption: str) -> Any:
    if given.get(key) in (None, ""):
        raise KingdeeError(f"字段[{caption}]是必录字段", key)
    return given[key]


def _receivable(library: Library, form: Form, given: dict[str, Any], org: str, stamp: str) -> Doc:
    total = exact(_required(given, "FALLAMOUNTFOR", "价税合计"))
    doc = _common(library, form, given, org, stamp)
    domestic = (doc["FCURRENCYID"] or {}).get("FCode") == "CNY"
    rate = Decimal(13) if domestic else Decimal(0)
    net = (total * 100 / (100 + rate)).quantize(_CENT, ROUND_HALF_UP)
    due = given.get("FENDDATE_H") or doc["FDATE"]
    line_id = next_entry_id(library, form, "FEntityDetail", 200001)
    plan_id = next_entry_id(library, form, "FEntityPlan", 1000001)
    plan = given.get("FEntityPlan") or [{"FENDDATE": due, "FPAYAMOUNTFOR": total}]
    lines = given.get("FEntityDetail") or [
        {
            "FMATERIALID": {"FNumber": "M001", "FName": "物料001"},
            "FPriceQty": 1,
            "FEntryTaxRate": rate,
            "FNoTaxAmountFor_D": net,
            "FTAXAMOUNTFOR_D": total - net,
            "FALLAMOUNTFOR_D": total,
            "FORDERNUMBER": given.get("FORDERNUMBER", ""),
        }
    ]
    rows = [{"FPAYRATE": Decimal(100) / len(plan), **row, "FPAYAMOUNTFOR": exact(row["FPAYAMOUNTFOR"])} for row in plan]
    return {
        "FID": next_id(library, form, 100001),
        "FBillNo": given.get("FBillNo") or next_number(library, form, "AR"),
        "FBillTypeID": {"FNumber": "YSD01_SYS", "FName": "标准应收单"},
        **doc,
        "FENDDATE_H": max(row["FENDDATE"] for row in rows),
        "FCUSTOMERID": lookup(library, "BD_Customer", _required(given, "FCUSTOMERID", "客户")),
        "FPayConditon": None,
        "FALLAMOUNTFOR": total,
        "FNoTaxAmountFor": net,
        "FTaxAmountFor": total - net,
        "FExchangeRate": exact(given.get("FExchangeRate", 1)),
        "FMAINBOOKSTDCURRID": lookup(library, "BD_Currency", "CNY"),
        "FOPENSTATUS": "A",
        "FISTAX": True,
        "FBUSINESSTYPE": "BZ",
        "FSetAccountType": "1",
        "FAR_Remark": given.get("FAR_Remark", ""),
        "FEntityDetail": [{"FEntityDetail_FEntryID": line_id + i, **line} for i, line in enumerate(lines)],
        "FEntityPlan": [
            {"FEntityPlan_FEntryID": plan_id + i, **row, "FWRITTENOFFAMOUNTFOR": Decimal(0)}
            for i, row in enumerate(rows)
        ],
    }


def _receipt(library: Library, form: Form, given: dict[str, Any], org: str, stamp: str) -> Doc:
    total = exact(_required(given, "FRECAMOUNTFOR", "收款金额"))
    doc = _common(library, form, given, org, stamp)
    payer = lookup(library, "BD_Customer", _required(given, "FCONTACTUNIT", "往来单位"))
    entry_id = next_entry_id(library, form, "FRECEIVEBILLENTRY", 600001)
    return {
        "FID": next_id(library, form, 500001),
        "FBillNo": given.get("FBillNo") or next_number(library, form, "SKD"),
        "FBillTypeID": {"FNumber": "SKDLX01_SYS", "FName": "销售收款单"},
        **doc,
        "FCONTACTUNITTYPE": "BD_Customer",
        "FCONTACTUNIT": payer,
        "FPAYUNITTYPE": "BD_Customer",
        "FPAYUNIT": payer,
        "FSETTLECUR": doc["FCURRENCYID"],
        "FEXCHANGERATE": exact(given.get("FEXCHANGERATE", 1)),
        "FRECAMOUNTFOR": total,
        "FREALRECAMOUNTFOR": total,
        "FREMARK": given.get("FREMARK", ""),
        "FRECEIVEBILLENTRY": [
            {
                "FRECEIVEBILLENTRY_FEntryID": entry_id,
                "FSETTLETYPEID": {"FNumber": "JSFS04_SYS", "FName": "电汇"},
                "FPURPOSEID": {"FNumber": "SFKYT01_SYS", "FName": "销售收款"},
                "FRECTOTALAMOUNTFOR": total,
                "FRECAMOUNTFOR_E": total,
                "FHANDLINGCHARGEFOR": Decimal(0),
                "FSETTLENO": f"T{entry_id}",
                "FCOMMENT": given.get("FREMARK", ""),
                "FWRITTENOFFAMOUNTFOR_D": Decimal(0),
                "FWRITTENOFFSTATUS_D": "A",
            }
        ],
    }


def _master(library: Library, form: Form, given: dict[str, Any], org: str, stamp: str) -> Doc:
    doc: Doc = {}
    for key, kind in form.head.items():
        doc[key] = lookup(library, kind[5:], given.get(key)) if kind.startswith("base:") else given.get(key, "")
    doc[form.pk] = next_id(library, form, 80001)
    doc["FNumber"] = given.get("FNumber") or f"CUST{len(library.ordered(form)) + 1:04d}"
    doc["FName"] = _required(given, "FName", "名称")
    doc["FDocumentStatus"], doc["FForbidStatus"] = "C", "A"
    if form.id == "BD_Customer":
        doc["FCreateOrgId"] = doc["FUseOrgId"] = {"FNumber": org, "FName": "示例科技有限公司"}
        doc["FISCREDITCHECK"], doc["FCreateDate"] = False, stamp
        doc["FTRADINGCURRID"] = doc["FTRADINGCURRID"] or lookup(library, "BD_Currency", "CNY")
    return doc


def _terms(library: Library, form: Form, given: dict[str, Any], org: str, stamp: str) -> Doc:
    """An exchange rate (FCyForID and FExchangeRate given) or a credit archive (FEntity lines given)."""
    doc: Doc = {}
    for key, kind in form.head.items():
        value = given.get(key)
        if kind.startswith("base:"):
            doc[key] = lookup(library, kind[5:], value)
        else:
            doc[key] = exact(value) if kind == "amount" and value not in (None, "") else value
    doc[form.pk] = next_id(library, form, 100 if form.id == "BD_Rate" else 880001)
    doc["FUseOrgId"] = {"FNumber": org, "FName": "示例科技有限公司"}
    doc["FDocumentStatus"], doc["FCreateDate"] = given.get("FDocumentStatus", "C"), stamp
    if form.id == "BD_Rate":
        _required(given, "FExchangeRate", "直接汇率")
        _required(given, "FCyForID", "原币")
        doc["FCyToID"] = doc["FCyToID"] or lookup(library, "BD_Currency", "CNY")
        doc["FRATETYPEID"] = doc["FRATETYPEID"] or {"FNumber": "HLTX01_SYS", "FName": "固定汇率"}
        doc["FBegDate"] = doc["FBegDate"] or f"{stamp[:10]}T00:00:00"
        doc["FEndDate"] = doc["FEndDate"] or "2099-12-31T00:00:00"
        doc["FReverseExRate"] = (1 / doc["FExchangeRate"]).quantize(Decimal("0.0000000001"))
        doc["FForbidStatus"] = "A"
        return doc
    doc["FBillNo"] = given.get("FBillNo") or next_number(library, form, "XYDA")
    first = next_entry_id(library, form, "FEntity", 900001)
    doc["FEntity"] = [
        {
            "FEntity_FEntryID": first + index,
            "FOBJECTTYPEID": "BD_Customer",
            "FTEMPCREDITAMOUNT": Decimal(0),
            "FTEMPBEGDATE": None,
            "FTEMPENDDATE": None,
            "FOVERDUEDAYS": 0,
            **line,
            "FOBJECTID": lookup(library, "BD_Customer", line.get("FOBJECTID")),
            "FCURRENCYID": lookup(library, "BD_Currency", line.get("FCURRENCYID") or "CNY"),
            "FCREDITAMOUNT": exact(line.get("FCREDITAMOUNT")),
        }
        for index, line in enumerate(_required(given, "FEntity", "信用档案分录"))
    ]
    return doc
