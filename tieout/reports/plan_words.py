"""Why a row of a plan would be written, as sentences in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapping.credit_words import credit_words
from tieout.core.money import format_minor, is_currency

Words = tuple[str, str]  # English, Chinese

_REASONS: dict[str, Words] = {
    "past_due": ("{overdue} is overdue, {oldest}", "逾期 {overdue}，{oldest}"),
    "nothing_open": ("nothing is open any more", "已无未结金额"),
    "nothing_paid": ("nothing has been paid yet, nothing is overdue", "尚未付款，未逾期"),
    "paid_in_part": ("a part has been paid", "已部分付款"),
    "net_credit": ("more was credited than is owed: {open}", "贷方多于应收：{open}"),
    "paid_includes_credit_notes": ("{credited} of it by credit notes", "其中红字冲抵 {credited}"),
    "credit_notes_net_overdue": ("before credit notes {gross_overdue} is overdue", "冲抵红字前逾期 {gross_overdue}"),
    "credit_partly_used": ("the credit note is used in part", "红字单据已部分使用"),
    "credit_unused": ("the credit note is not used yet", "红字单据尚未使用"),
    "all_void": ("all its documents are void", "其全部单据均已作废"),
    "voided": ("the document is void", "单据已作废"),
    "not_posted": ("the document is not posted", "单据尚未过账"),
    "no_documents": ("no document of the books belongs to it", "没有对应的单据"),
    "other_currency_left_out": ("documents in {currency} are left out", "未计入 {currency} 单据"),
}
_SENTENCES: dict[str, Words] = {
    "oldest_due_on": ("the oldest was due {day}", "最早到期日 {day}"),
    "overdue_since": ("since {day}", "自 {day} 起"),
    "payment": ("Payment status {value}", "付款状态 {value}"),
    "credit": ("Credit status {value}", "信用状态 {value}"),
    "in_order": ("within the limit, nothing overdue", "额度之内，无逾期"),
    "reminder": (
        "Reminder step {step}: {count} overdue, {amount} in all",
        "催款步骤 {step}：逾期 {count} 笔，共 {amount}",
    ),
    "approval": ("a person must approve it", "需要审批"),
    "unbound": (
        "No document of the books is bound to it: what was shown there is cleared",
        "未绑定单据：清除此前显示的内容",
    ),
    "unlinked": (
        "No customer of the books is linked to it: what was shown there is cleared",
        "未关联客户：清除此前显示的内容",
    ),
    "colon": (": ", "："),
    "semicolon": ("; ", "；"),
    "stop": (".", "。"),
}  # fmt: skip


def sentence(why: Any, currency: str, money_minor: int, language: str) -> str:
    """The reason of one row; `currency` is that of the decision's amounts, `money_minor` what a reminder asks for.

    A kind or code without words is shown as it is.
    """
    if not isinstance(why, Mapping):
        return str(why or "")
    kind, value = str(why.get("kind", "")), str(why.get("value", ""))
    reasons = [one for one in why.get("reasons") or () if isinstance(one, Mapping)]
    if kind == "payment_status":
        parts = [_status_reason(one, currency, language) for one in reasons]
        return _told(_say("payment", language, value=value), parts, language)
    if kind == "credit":
        parts = [credit_words(one, currency, language) for one in reasons] or [_say("in_order", language)]
        return _told(_say("credit", language, value=value), parts, language)
    if kind == "reminder":
        amount = _amount(money_minor, str(why.get("currency") or currency))
        head = _say("reminder", language, step=why.get("step", ""), count=len(why.get("items") or ()), amount=amount)
        needs = [_say("approval", language)] if why.get("needs_approval") else []
        return _say("semicolon", language).join([head, *needs]) + _say("stop", language)
    if kind in ("unbound", "unlinked"):
        return _say(kind, language) + _say("stop", language)
    return str(why.get("why") or kind.replace("_", " "))


def _told(head: str, parts: list[str], language: str) -> str:
    tail = _say("colon", language) + _say("semicolon", language).join(parts) if parts else ""
    return head + tail + _say("stop", language)


def _status_reason(reason: Mapping[str, Any], currency: str, language: str) -> str:
    code = str(reason.get("code", ""))
    if code not in _REASONS:
        return code.replace("_", " ")
    params = dict(reason.get("params") or {})
    shown = {
        name.removesuffix("_minor"): _amount(value, currency)
        for name, value in params.items()
        if name.endswith("_minor") and type(value) is int
    }
    oldest = next((name for name in ("overdue_since", "oldest_due_on") if params.get(name)), "")
    shown["oldest"] = _say(oldest, language, day=params[oldest]) if oldest else ""
    shown["currency"] = str(params.get("currency", ""))
    template = _REASONS[code][language == "zh-CN"]
    try:
        return template.format(**shown)
    except KeyError:  # stored by an older rule, without the figure
        return code.replace("_", " ")


def _say(key: str, language: str, **values: object) -> str:
    return _SENTENCES[key][language == "zh-CN"].format(**values)


def _amount(minor: int, currency: str) -> str:
    return format_minor(minor, currency) if is_currency(currency) else str(minor)
