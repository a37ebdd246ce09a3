"""The streams of Fxiaoke: which object, what is asked when no profile says more, what is found by its label.

Names of custom fields differ per tenant (`field_AbC12__c`), and preset ones were seen to differ too: what a profile
reads as `$by.NAME` is looked up in the object's description, first by the names here, then by the labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tieout.core.ports import StreamInfo


@dataclass(frozen=True, slots=True)
class Alias:
    """One meaning of a field: usual names, then labels, then the one reference to an object that fits."""

    name: str
    names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    target: str = ""


@dataclass(frozen=True, slots=True)
class FxStream:
    """One object read as a stream. `optional`: a tenant may do without it; then the stream is empty.

    `module` is the name by which the rest of the product knows it; `object` is what stands for it in this tenant.
    """

    name: str
    module: str
    object: str
    record_kind: str
    default_fields: tuple[str, ...]
    aliases: tuple[Alias, ...]
    writable: bool = False
    optional: bool = False

    def info(self, overlap_seconds: int) -> StreamInfo:
        return StreamInfo(
            name=self.name,
            remote=self.module,
            record_kind=self.record_kind,
            overlap_seconds=overlap_seconds,
            has_deletes=False,  # invalid rows come with the changes
            sweepable=True,
            writable=self.writable,
        )


_CURRENCY = Alias("currency", ("mc_currency",), ("币种", "货币"))
_TAX = Alias(
    "tax_id",
    ("tax_id", "tax_no"),
    ("统一社会信用代码", "纳税人识别号", "纳税识别号", "税号", "纳税人税号", "Tax ID"),
)
_PARTY = Alias("account", ("account_id",), ("客户名称", "客户"), "AccountObj")
_ORDER = Alias("order", ("order_id",), ("销售订单编号", "销售订单"), "SalesOrderObj")
_CONTRACT = Alias("contract_no", (), ("合同编号", "合同号"))

FINANCE_OBJECT = "AccountFinInfoObj"
FINANCE = (
    _PARTY,
    Alias("title", ("invoice_title",), ("发票抬头", "开票抬头", "抬头", "抬头名称", "单位名称")),
    _TAX,
    Alias("bank", (), ("开户行", "开户银行")),
    Alias("bank_account", (), ("银行账号", "账号", "开户账号")),
)
ACTIVITY_OBJECT = "ActiveRecordObj"


def streams_of(deal_object: str, invoice_object: str) -> dict[str, FxStream]:
    """The table, with the objects that stand for deals and invoices in this tenant."""
    table = (
        FxStream(
            "customers",
            "AccountObj",
            "AccountObj",
            "customer",
            ("name", "account_no", "tel", "url", "address", "owner"),
            (_TAX, Alias("legal_name", (), ("公司全称", "客户全称", "法定名称", "工商名称")), _CURRENCY),
            writable=True,
        ),
        FxStream(
            "deals",
            "NewOpportunityObj",
            deal_object,
            "deal",
            ("name", "account_id", "close_date", "sales_status", "owner"),
            (
                _PARTY,
                Alias("amount", ("amount",), ("商机金额", "预计成交金额")),
                Alias("erp_order_no", (), ("ERP订单号", "ERP订单编号", "金蝶订单号")),
                _CONTRACT,
                _CURRENCY,
            ),
            writable=True,
            optional=True,
        ),
        FxStream(
            "orders",
            "SalesOrderObj",
            "SalesOrderObj",
            "order",
            ("name", "account_id", "order_time", "order_amount", "order_status", "owner"),
            (
                _PARTY,
                Alias("amount", ("order_amount",), ("销售订单金额(元)", "销售订单金额", "订单金额")),
                Alias("opportunity", ("new_opportunity_id", "opportunity_id"), ("商机2.0", "商机"), deal_object),
                Alias("erp_order_no", (), ("ERP订单号", "ERP订单编号", "金蝶订单号")),
                _CONTRACT,
                _CURRENCY,
            ),
            writable=True,
        ),
        FxStream(
            "invoices",
            "InvoiceApplicationObj",
            invoice_object,
            "invoice",
            ("name", "account_id", "invoice_no", "invoice_date", "owner"),
            (
                _PARTY,
                _ORDER,
                Alias(
                    "amount",
                    ("invoice_applied_amount",),
                    ("开票金额(元)", "开票金额", "本次开票金额", "应收金额", "发票金额"),
                ),
                Alias("invoice_no", ("invoice_no",), ("发票号码", "发票号", "应收单编号")),
                Alias("issued", ("invoice_date",), ("开票日期", "应收日期")),
                Alias("due", (), ("到期日", "到期日期", "应收到期日")),
                Alias("erp_bill_no", (), ("ERP单据编号", "ERP单据号", "ERP应收单号", "金蝶单据编号", "应收单号")),
                _CURRENCY,
            ),
            writable=True,
        ),
        FxStream(
            "payments",
            "PaymentObj",
            "PaymentObj",
            "payment",
            ("name", "account_id", "payment_time", "payment_term", "remark", "owner"),
            (
                _PARTY,
                _ORDER,
                Alias("amount", ("payment_amount", "amount"), ("本次回款总金额(元)", "本次回款总金额", "回款金额")),
                Alias("received", ("payment_time",), ("回款日期", "收款日期")),
                Alias("erp_receipt_no", (), ("ERP收款单号", "金蝶收款单号", "收款单号")),
                _CURRENCY,
            ),
        ),
        FxStream(
            "payment_lines",
            "OrderPaymentObj",
            "OrderPaymentObj",
            "payment_line",
            ("name", "payment_time", "owner"),
            (
                Alias("payment", ("payment_id",), ("回款编号", "回款"), "PaymentObj"),
                _PARTY,
                _ORDER,
                Alias("plan", ("payment_plan_id",), ("回款计划编号", "回款计划"), "PaymentPlanObj"),
                Alias("amount", ("payment_amount", "amount"), ("本次回款金额(元)", "本次回款金额")),
                Alias("received", ("payment_time",), ("回款日期", "收款日期")),
                _CURRENCY,
            ),
            optional=True,
        ),
        FxStream(
            "payment_plans",
            "PaymentPlanObj",
            "PaymentPlanObj",
            "payment_plan",
            ("name", "plan_payment_time", "plan_payment_status", "owner"),
            (
                _PARTY,
                _ORDER,
                Alias("amount", ("plan_payment_amount",), ("计划回款金额(元)", "计划回款金额")),
                Alias("due", ("plan_payment_time",), ("计划回款日期",)),
                _CURRENCY,
            ),
            optional=True,
        ),
    )
    return {stream.name: stream for stream in table}


STAMPS = ("last_modified_time", "create_time")
SYSTEM = frozenset(
    (
        "_id", "version", "create_time", "last_modified_time", "last_modified_by", "created_by", "submit_time",
        "lock_status", "lock_user", "lock_rule", "tenant_id", "object_describe_api_name", "extend_obj_data_id",
        "last_followed_time", "owner_modified_time", "searchAfterId", "total_num", "is_deleted",
        "life_status_before_invalid", "relevant_team",
    )
)  # fmt: skip


def top_names(paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Record fields and aliases that profile paths read, each once and in order.

    `$by.x` and `$name.x` are aliases, `$on.y` the day of field y, `$owner` the owner; other `$` names are made here.
    """
    names: dict[str, None] = {}
    aliases: dict[str, None] = {}
    for path in paths:
        head, _, rest = path.partition(".")
        head = head.split("[", 1)[0].strip()
        if head in ("$by", "$name"):
            aliases[rest.partition(".")[0]] = None
        elif head == "$on":
            names[rest.partition(".")[0]] = None
        elif head == "$owner":
            names["owner"] = None
        elif head and not head.startswith("$") and head != "_id":
            names[head.removesuffix("__r")] = None
    return list(names), list(aliases)
