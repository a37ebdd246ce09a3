"""What dunning decisions are called, in English and Chinese: for files."""

from __future__ import annotations

Words = tuple[str, str]  # English, Chinese

DECISIONS: dict[str, Words] = {
    "send": ("to be sent", "应发送"),
    "withdrawn": ("withdrawn before it went out", "发送前撤回"),
    "settled": ("settled", "已结清"),
    "due": ("the step is due", "已到催收步骤"),
    "not_due": ("not due yet", "尚未到期"),
    "already_sent": ("reminded already", "已催收"),
    "disputed": ("disputed", "有争议"),
    "promised": ("promised", "已承诺付款"),
    "plan": ("on a payment plan", "分期计划中"),
    "paused": ("paused by a person", "人工暂停"),
    "legal": ("with the lawyers", "已转法务"),
    "pay_by": ("the time to pay still runs", "付款期限未到"),
    "net_credit": ("nothing is owed net of credits", "冲抵后无欠款"),
    "below_minimum": ("below the minimum", "低于最低金额"),
    "waiting": ("an earlier message waits", "前一条尚待发送"),
    "cooldown": ("reminded lately", "冷却期内"),
    "monthly_limit": ("enough this month", "本月次数已满"),
    "day_off": ("a day off", "休息日"),
    "stale_data": ("the books were not read lately", "账簿数据未更新"),
    "no_record": ("no record to write to", "没有可写入的记录"),
    "no_contact": ("no contact to write to", "没有联系人"),
}


def dunning_word(code: str, language: str) -> str:
    """The name of a decision or reason; a code without words is shown as it is."""
    found = DECISIONS.get(code)
    return code.replace("_", " ") if found is None else found[1 if language == "zh-CN" else 0]
