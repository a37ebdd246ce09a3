"""The books written down as Kingdee K3Cloud holds them: documents nested by field key (accounting reference 1.3)."""

from __future__ import annotations

from decimal import Decimal

from tieout.sandbox.company.model import (
    ACCOUNTANT,
    CURRENCIES,
    ORG,
    RATES,
    Bill,
    Books,
    Customer,
    Doc,
    Match,
    Receipt,
    amount,
)
from tieout.sandbox.kingdee.logrows import Side, log_pair, match_method, written_off_status

FIRST_MATCH, FIRST_LOG = 300001, 700001


def kingdee_documents(books: Books, since: str) -> dict[str, list[Doc]]:
    """Documents by form id; `since` is the stamp at which customers and currencies were entered."""
    logs = [row for index, match in enumerate(books.matches) for row in _log_rows(index, match)]
    return {
        "BD_Currency": [_currency(code, index, since) for index, code in enumerate(CURRENCIES)],
        "BD_Customer": [_customer(customer, index, since) for index, customer in enumerate(books.customers)],
        "AR_receivable": [_bill(bill) for bill in books.bills],
        "AR_RECEIVEBILL": [_receipt(receipt) for receipt in books.receipts],
        "AR_REFUNDBILL": [],
        "AR_RECMacthLog": logs,
    }


def _currency(code: str, index: int, since: str) -> Doc:
    entry = CURRENCIES[code]
    return {
        "FCURRENCYID": index + 1,
        "FNumber": entry["FNumber"],
        "FName": entry["FName"],
        "FCode": code,
        "FAmountDigits": 2,
        "FDocumentStatus": "C",
        "FForbidStatus": "A",
        "FModifyDate": since,
    }


def customer_ref(customer: Customer) -> Doc:
    """A lookup to a customer."""
    return {"FNumber": customer.number, "FName": customer.name.legal}


def invented_address(customer: Customer) -> str:
    """Where a customer of the demo stories has its seat, the same in all systems; "" for the others."""
    return f"示例路{int(customer.number[4:])}号" if customer.mark.startswith("story") else ""


def _customer(customer: Customer, index: int, since: str) -> Doc:
    term = _term(customer)
    chinese = customer.name.country == "CN"
    return {
        "FCUSTID": 80001 + index,
        "FNumber": customer.number,
        "FName": customer.name.legal,
        "FShortName": customer.name.short if index % 10 < 7 else "",
        "FCreateOrgId": ORG,
        "FUseOrgId": ORG,
        "FTRADINGCURRID": CURRENCIES[customer.currency],
        "FRECCONDITIONID": term,
        "FTAXREGISTERCODE": customer.tax_id,
        "FSOCIALCRECODE": customer.tax_id if chinese else "",
        "FINVOICETITLE": customer.name.legal,
        "FINVOICEADDRESS": invented_address(customer),
        "FINVOICETEL": f"+86 000 2000{index:04d}" if customer.mark.startswith("story") else "",
        "FISCREDITCHECK": customer.credit_checked,
        "FTaxRate": {"FNumber": "SL02_SYS" if chinese else "SL04_SYS", "FName": "13%增值税" if chinese else "零税率"},
        "FDocumentStatus": "C",
        "FForbidStatus": "A",
        "FCreateDate": since,
        "FModifyDate": since,
    }


def _term(customer: Customer) -> Doc:
    name = f"月结{customer.term_days}天" if customer.end_of_month else f"{customer.term_days}天"
    return {"FNumber": f"SKTJ{customer.term_days:02d}{'M' if customer.end_of_month else 'D'}", "FName": name}


def _bill(bill: Bill) -> Doc:
    total = bill.minor
    net = sum(line[1] for line in bill.lines)
    return {
        "FID": bill.fid,
        "FBillNo": bill.number,
        "FBillTypeID": {"FNumber": "YSD01_SYS", "FName": "标准应收单"},
        "FDATE": f"{bill.issued_on}T00:00:00",
        "FENDDATE_H": f"{bill.plan[-1].due_on}T00:00:00",
        "FCUSTOMERID": customer_ref(bill.customer),
        "FCURRENCYID": CURRENCIES[bill.currency],
        "FPayConditon": _term(bill.customer),
        "FALLAMOUNTFOR": amount(total),
        "FNoTaxAmountFor": amount(net),
        "FTaxAmountFor": amount(total - net),
        "FExchangeRate": RATES[bill.currency],
        "FMAINBOOKSTDCURRID": CURRENCIES["CNY"],
        "FWRITTENOFFSTATUS": written_off_status(bill.settled_minor, total),
        "FOPENSTATUS": "A",
        "FSETTLEORGID": ORG,
        "FPAYORGID": ORG,
        "FSALEORGID": ORG,
        "FISINIT": False,
        "FISTAX": True,
        "FBUSINESSTYPE": "BZ",
        "FSetAccountType": "1",
        "FDOCUMENTSTATUS": bill.status,
        "FCancelStatus": "B" if bill.cancelled else "A",
        "FCreateDate": bill.created_at,
        "FModifyDate": bill.modified_at,
        "FAPPROVEDATE": bill.modified_at if bill.status == "C" else None,
        "FCREATORID": ACCOUNTANT,
        "FAR_Remark": "红字应收单" if total < 0 else "",
        "FEntityDetail": [_line(bill, *line) for line in bill.lines],
        "FEntityPlan": [
            {
                "FEntityPlan_FEntryID": row.entry_id,
                "FENDDATE": f"{row.due_on}T00:00:00",
                "FPAYRATE": (Decimal(row.minor) * 100 / Decimal(total)).quantize(Decimal("0.01"))
                if total
                else Decimal(0),
                "FPAYAMOUNTFOR": amount(row.minor),
                "FWRITTENOFFAMOUNTFOR": amount(row.settled_minor),
            }
            for row in bill.plan
        ],
    }


def _line(bill: Bill, entry_id: int, net: int, tax: int) -> Doc:
    return {
        "FEntityDetail_FEntryID": entry_id,
        "FMATERIALID": {"FNumber": f"M{entry_id % 97:03d}", "FName": f"物料{entry_id % 97:03d}"},
        "FPriceQty": 1 if net > 0 else -1,
        "FEntryTaxRate": 13 if bill.currency == "CNY" else 0,
        "FNoTaxAmountFor_D": amount(net),
        "FTAXAMOUNTFOR_D": amount(tax),
        "FALLAMOUNTFOR_D": amount(net + tax),
        "FORDERNUMBER": bill.order_no,
    }


def _receipt(receipt: Receipt) -> Doc:
    status = written_off_status(receipt.settled_minor, receipt.minor)
    total = amount(receipt.minor)
    return {
        "FID": receipt.fid,
        "FBillNo": receipt.number,
        "FBillTypeID": {"FNumber": "SKDLX01_SYS", "FName": "销售收款单"},
        "FDATE": f"{receipt.received_on}T00:00:00",
        "FCONTACTUNITTYPE": "BD_Customer",
        "FCONTACTUNIT": customer_ref(receipt.customer),
        "FPAYUNITTYPE": "BD_Customer",
        "FPAYUNIT": customer_ref(receipt.customer),
        "FCURRENCYID": CURRENCIES[receipt.currency],
        "FSETTLECUR": CURRENCIES[receipt.currency],
        "FEXCHANGERATE": RATES[receipt.currency],
        "FSETTLEORGID": ORG,
        "FPAYORGID": ORG,
        "FSALEORGID": ORG,
        "FRECAMOUNTFOR": total,
        "FREALRECAMOUNTFOR": total,
        "FWRITTENOFFSTATUS": status,
        "FISINIT": False,
        "FREMARK": receipt.remark,
        "FDOCUMENTSTATUS": receipt.status,
        "FCancelStatus": "A",
        "FCreateDate": receipt.created_at,
        "FModifyDate": receipt.modified_at,
        "FAPPROVEDATE": receipt.modified_at if receipt.status == "C" else None,
        "FRECEIVEBILLENTRY": [
            {
                "FRECEIVEBILLENTRY_FEntryID": receipt.entry_id,
                "FSETTLETYPEID": {"FNumber": "JSFS04_SYS", "FName": "电汇"},
                "FPURPOSEID": {"FNumber": "SFKYT02_SYS", "FName": "预收款"}
                if receipt.prepayment
                else {"FNumber": "SFKYT01_SYS", "FName": "销售收款"},
                "FRECTOTALAMOUNTFOR": total,
                "FRECAMOUNTFOR_E": total,
                "FHANDLINGCHARGEFOR": amount(0),
                "FSETTLENO": f"T{receipt.entry_id}",
                "FCOMMENT": receipt.remark,
                "FWRITTENOFFAMOUNTFOR_D": amount(receipt.settled_minor),
                "FWRITTENOFFSTATUS_D": status,
            }
        ],
    }


def _log_rows(index: int, match: Match) -> tuple[Doc, Doc]:
    source_form = "AR_RECEIVEBILL" if isinstance(match.source, Receipt) else "AR_receivable"
    sign = 1 if source_form == "AR_RECEIVEBILL" else -1
    target = Side("AR_receivable", match.target.fid, match.target.number, match.target_entry_id, amount(match.minor))
    source = Side(source_form, match.source.fid, match.source.number, match.source_entry_id, amount(sign * match.minor))
    on = f"{match.verified_on}T00:00:00"
    shared: Doc = {
        "FMATCHID": FIRST_MATCH + index,
        "FVERIFYDATE": on,
        "FREPORTDATE": on,
        "FMATCHMETHODID": match_method(source_form),
        "FISACTIVATION": True,
        "FCURRENCYID": CURRENCIES[match.target.currency],
        "FCONTACTUNITTYPE": "BD_Customer",
        "FCONTACTUNIT": customer_ref(match.target.customer),
        "FSETTLEORGID": ORG,
        "FModifyDate": f"{match.verified_on}T19:30:00",
    }
    return log_pair(FIRST_LOG + 2 * index, shared, target, source, RATES[match.target.currency])
