"""The objects of the tenant and their fields (reference: object pages of the open platform), as describe shows them.

Custom fields have names that the tenant's designer made up; only their labels say what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NUMERIC = frozenset({"currency", "number", "percentile"})
READ_ONLY = frozenset({"auto_number", "formula", "count", "quote"})
PEOPLE = frozenset({"employee", "department"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `target` is the object a reference points to, `options` are (label, value)."""

    api_name: str
    label: str
    type: str = "text"
    required: bool = False
    target: str = ""
    options: tuple[tuple[str, str], ...] = ()
    custom: bool = False
    unique: bool = False
    computed: bool = False
    decimals: int = 2

    def describe(self) -> dict[str, Any]:
        """As `object/describe` shows it."""
        shown: dict[str, Any] = {
            "api_name": self.api_name,
            "label": self.label,
            "type": self.type,
            "is_required": self.required,
            "is_unique": self.unique,
            "is_active": True,
            "define_type": "custom" if self.custom else "package",
        }
        if self.target:
            shown["target_api_name"] = self.target
        if self.options:
            shown["options"] = [{"label": label, "value": value} for label, value in self.options]
        if self.type in NUMERIC:
            shown["decimal_places"] = self.decimals
        return shown


@dataclass(slots=True)
class ObjectType:
    """One object with its fields by api name; `master` names the master of a detail object."""

    api_name: str
    label: str
    fields: dict[str, Field] = field(default_factory=dict)
    master: str = ""
    custom: bool = False


_STATES = (
    ("未生效", "ineffective"),
    ("审核中", "under_review"),
    ("正常", "normal"),
    ("变更中", "in_change"),
    ("作废", "invalid"),
)
_CURRENCIES = (("人民币", "CNY"), ("美元", "USD"), ("欧元", "EUR"))

SYSTEM = (
    Field("_id", "ID"),
    Field("owner", "负责人", "employee"),
    Field("owner_department", "负责人主属部门"),
    Field("data_own_department", "归属部门", "department"),
    Field("created_by", "创建人", "employee", computed=True),
    Field("create_time", "创建时间", "date_time", computed=True),
    Field("last_modified_by", "最后修改人", "employee", computed=True),
    Field("last_modified_time", "最后修改时间", "date_time", computed=True),
    Field("life_status", "生命状态", "select_one", options=_STATES, computed=True),
    Field("lock_status", "锁定状态", "select_one", options=(("未锁定", "0"), ("锁定", "1")), computed=True),
    Field("record_type", "业务类型", "record_type"),
    Field("version", "版本", computed=True),
    Field("is_deleted", "是否删除", "true_or_false", computed=True),
    Field("tenant_id", "企业", computed=True),
    Field("object_describe_api_name", "对象", computed=True),
    Field("relevant_team", "相关团队", "embedded_object_list"),
    Field("mc_currency", "币种", "select_one", options=_CURRENCIES),
    Field("mc_exchange_rate", "汇率", "number", decimals=6),
)

_ACCOUNT = Field("account_id", "客户名称", "object_reference", target="AccountObj")
_ORDER = Field("order_id", "销售订单编号", "object_reference", target="SalesOrderObj")
_REMARK = Field("remark", "备注", "long_text")
_STAGES = (("需求确认", "2"), ("方案报价", "3"), ("谈判审核", "4"), ("赢单", "5"), ("输单", "6"))
_SALES = (("进行中", "1"), ("赢单", "2"), ("输单", "3"), ("无效", "4"))
_PLAN = (("未完成", "incomplete"), ("已完成", "completed"), ("已逾期", "overdue"))
_INVOICE_TYPES = (("增值税专用发票", "1"), ("增值税普通发票", "2"))
_TERMS = (("预付款", "pre"), ("后付款", "post"))

PRESET: tuple[ObjectType, ...] = tuple(
    ObjectType(name, label, {item.api_name: item for item in (*SYSTEM, *fields)}, master)
    for name, label, master, fields in (
        (
            "AccountObj", "客户", "",
            (
                Field("name", "客户名称", required=True), Field("account_no", "客户编号"), Field("tel", "电话"),
                Field("url", "网址"), Field("address", "详细地址"), Field("account_level", "客户级别"),
                Field("account_source", "来源"), Field("deal_status", "成交状态"), _REMARK,
            ),
        ),
        (
            "AccountFinInfoObj", "客户财务信息", "",
            (
                Field("name", "编号", "auto_number"),
                Field("account_id", "客户名称", "object_reference", required=True, target="AccountObj"),
                Field("invoice_title", "发票抬头"), Field("tax_no", "纳税人识别号"), Field("bank", "开户行"),
                Field("bank_no", "银行账号"), Field("is_default", "是否默认", "true_or_false"),
            ),
        ),
        (
            "NewOpportunityObj", "商机2.0", "",
            (
                Field("name", "商机名称", required=True), _ACCOUNT, Field("amount", "商机金额", "currency"),
                Field("close_date", "预计成交日期", "date"),
                Field("sales_stage", "商机阶段", "select_one", options=_STAGES),
                Field("sales_status", "阶段状态", "select_one", options=_SALES),
                Field("probability", "赢率", "percentile"),
                _REMARK,
            ),
        ),
        (
            "SalesOrderObj", "销售订单", "",
            (
                Field("name", "销售订单编号", required=True),
                Field("account_id", "客户名称", "object_reference", required=True, target="AccountObj"),
                Field("new_opportunity_id", "商机2.0", "object_reference", target="NewOpportunityObj"),
                Field("order_time", "下单日期", "date"), Field("order_amount", "销售订单金额(元)", "currency"),
                Field("payment_amount", "已回款金额", "count", computed=True),
                Field("receivable_amount", "待回款金额", "formula", computed=True), Field("order_status", "订单状态"),
                Field("delivery_date", "交货日期", "date"), _REMARK,
            ),
        ),
        (
            "InvoiceApplicationObj", "开票申请", "",
            (
                Field("name", "开票申请编号", "auto_number"),
                Field("account_id", "客户名称", "object_reference", required=True, target="AccountObj"), _ORDER,
                Field("invoice_applied_amount", "开票金额(元)", "currency"), Field("invoice_date", "开票日期", "date"),
                Field("invoice_no", "发票号码"),
                Field("invoice_type", "开票类型", "select_one", options=_INVOICE_TYPES),
                Field("title_type", "抬头类型", "select_one", options=(("个人", "1"), ("单位", "2"))),
                Field("invoice_title", "开票抬头"), Field("tax_id", "纳税识别号"), _REMARK,
            ),
        ),
        (
            "PaymentObj", "回款", "",
            (
                Field("name", "回款编号", "auto_number"),
                Field("account_id", "客户名称", "object_reference", required=True, target="AccountObj"),
                Field("payment_amount", "本次回款总金额(元)", "currency"), Field("payment_time", "回款日期", "date"),
                Field("payment_term", "回款方式", "select_one", options=_TERMS), _ORDER,
                Field("notification_time", "提醒时间", "date_time"), Field("submit_time", "提交时间", "date_time"),
                Field("attachment", "附件", "file_attachment"), _REMARK,
            ),
        ),
        (
            "OrderPaymentObj", "回款明细", "PaymentObj",
            (
                Field("name", "编号", "auto_number"),
                Field("payment_id", "回款编号", "master_detail", required=True, target="PaymentObj"), _ORDER,
                Field("account_id", "客户名称", "object_reference", target="AccountObj"),
                Field("payment_plan_id", "回款计划编号", "object_reference", target="PaymentPlanObj"),
                Field("payment_amount", "本次回款金额(元)", "currency"), Field("payment_time", "回款日期", "date"),
                Field("payment_term", "回款方式", "select_one", options=_TERMS),
                Field("attachment", "附件", "file_attachment"), _REMARK,
            ),
        ),
        (
            "PaymentPlanObj", "回款计划", "",
            (
                Field("name", "回款计划编号", "auto_number"),
                Field("account_id", "客户名称", "object_reference", required=True, target="AccountObj"),
                Field("order_id", "销售订单编号", "object_reference", required=True, target="SalesOrderObj"),
                Field("plan_payment_amount", "计划回款金额(元)", "currency"),
                Field("plan_payment_time", "计划回款日期", "date"), Field("plan_payment_method", "计划回款方式"),
                Field("plan_payment_status", "状态", "select_one", options=_PLAN, computed=True),
                Field("actual_payment_amount", "实际回款金额(元)", "count", computed=True),
                Field("attachment", "附件", "file_attachment"), _REMARK,
            ),
        ),
        (
            "ActiveRecordObj", "销售记录", "",
            (
                Field("name", "编号", "auto_number"),
                Field("active_record_content", "销售记录内容", "long_text", required=True),
                Field("active_record_type", "销售记录类型"), Field("related_object", "关联业务", "group"),
                Field("related_object_data", "关联业务数据", "what_list"), Field("related_api_names", "关联对象"),
            ),
        ),
        ("ContactObj", "联系人", "", (Field("name", "姓名", required=True), _ACCOUNT, Field("email", "邮件"))),
        (
            "PersonnelObj", "人员", "",
            (
                Field("name", "昵称"), Field("full_name", "姓名"), Field("phone", "手机"), Field("user_id", "员工ID"),
                Field("status", "状态", "select_one", options=(("启用", "0"), ("停用", "1"))),
            ),
        ),
    )
)  # fmt: skip

TAX_FIELD, BILL_FIELD, ORDER_FIELD, RECEIPT_FIELD = (
    "field_K7w2Q__c", "field_A9b3X__c", "field_m4ErP__c", "field_Tz81c__c",
)  # fmt: skip
KEY_FIELDS: dict[str, list[dict[str, Any]]] = {
    "AccountObj": [{"api_name": TAX_FIELD, "label": "统一社会信用代码"}],
    "InvoiceApplicationObj": [{"api_name": BILL_FIELD, "label": "ERP单据编号"}],
    "SalesOrderObj": [{"api_name": ORDER_FIELD, "label": "ERP订单号"}],
    "PaymentObj": [{"api_name": RECEIPT_FIELD, "label": "ERP收款单号"}],
}
"""What joins the branch's records with the books."""


def field_of(given: dict[str, Any]) -> Field:
    """A custom field from its definition: api_name, label, type, options (labels or [label, value]), unique, target."""
    options = tuple(
        (str(one[0]), str(one[1])) if isinstance(one, list | tuple) else (str(one), str(one))
        for one in given.get("options") or ()
    )
    return Field(
        str(given["api_name"]),
        str(given.get("label") or given["api_name"]),
        str(given.get("type") or "text"),
        bool(given.get("required")),
        str(given.get("target") or ""),
        options,
        custom=True,
        unique=bool(given.get("unique")),
        decimals=int(given.get("decimals", 2)),
    )
