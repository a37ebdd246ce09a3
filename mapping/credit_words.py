"""Credit reasons as people read them in a CRM field, in Chinese and English; the codes stay in the stored decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieout.core.money import format_minor

_WORDS = {
    "en": {
        "over_limit": "exposure {exposure} is over the limit {limit}",
        "overdue_beyond_hold_days": "overdue more than {hold_days} days: {overdue} (oldest due {oldest_due_on})",
        "overdue": "overdue: {overdue} (oldest due {oldest_due_on})",
        "broken_promises": "{count} broken promises to pay",
        "manual_hold": "held by a person: {reason}",
        "override": "{status} by order of a person until {until}: {reason}",
        "override_outgrown": "an order of a person no longer counts: exposure {exposure} is above {cap}",
        "near_limit": "exposure {exposure} is near the limit {limit}",
        "above_release_level": "still above the release level: exposure {exposure}, limit {limit}",
        "release_needs_rate": "a rate is missing, so the hold cannot end",
        "hold_waits": "the hold ends {until} at the earliest",
        "rate_missing": "{open} is not in the exposure: no rate",
        "no_limit_known": "no credit limit known (grade {grade})",
    },
    "zh-CN": {
        "over_limit": "风险敞口 {exposure} 超过信用额度 {limit}",
        "overdue_beyond_hold_days": "逾期超过 {hold_days} 天：{overdue}（最早到期日 {oldest_due_on}）",
        "overdue": "逾期：{overdue}（最早到期日 {oldest_due_on}）",
        "broken_promises": "付款承诺违约 {count} 次",
        "manual_hold": "人工冻结：{reason}",
        "override": "人工设定为 {status}，有效至 {until}：{reason}",
        "override_outgrown": "人工设定已失效：风险敞口 {exposure} 超过上限 {cap}",
        "near_limit": "风险敞口 {exposure} 接近信用额度 {limit}",
        "above_release_level": "仍高于解除水平：风险敞口 {exposure}，额度 {limit}",
        "release_needs_rate": "缺少汇率，暂不能解除冻结",
        "hold_waits": "最早 {until} 解除冻结",
        "rate_missing": "{open} 未计入风险敞口：缺少汇率",
        "no_limit_known": "尚无信用额度（等级 {grade}）",
    },
}


def credit_words(reason: Mapping[str, Any], currency: str, language: str) -> str:
    """One stored reason as a short sentence; amounts with their currency. A code without words is shown as it is."""
    words = _WORDS.get(language, _WORDS["en"]).get(str(reason["code"]))
    if words is None:
        return str(reason["code"])
    params = dict(reason.get("params") or {})
    shown: dict[str, Any] = dict(params)
    for name in ("exposure", "limit", "cap"):
        if params.get(f"{name}_minor") is None:
            shown[name] = "?"
        else:
            shown[name] = format_minor(int(params[f"{name}_minor"]), currency)
    if "open_minor" in params:
        shown["open"] = format_minor(int(params["open_minor"]), str(params["currency"]))
    if isinstance(params.get("overdue_minor"), Mapping):
        shown["overdue"] = ", ".join(
            format_minor(int(amount), code) for code, amount in sorted(params["overdue_minor"].items())
        )
    return words.format(**shown)
