"""What alerts say, in English and Chinese: what is wrong, and what to do."""

from __future__ import annotations

from datetime import datetime

from tieout.core.dates import iso_utc

Words = tuple[str, str]

_WRONG: dict[str, Words] = {
    "auth": (
        "{subject}: the credentials are refused. Renew them, then `tieout check {subject}`.",
        "{subject}：凭证被拒绝。请更新后运行 `tieout check {subject}`。",
    ),
    "stream": (
        "{subject}: not read for too long. `tieout doctor` says why.",
        "{subject}：太久没有读取成功。运行 `tieout doctor` 查看原因。",
    ),
    "channel": (
        "{subject}: the notification channel has lapsed; changes come by polling only.",
        "{subject}：通知通道已失效，目前只靠轮询。",
    ),
    "dead_letters": (
        "{subject}: changes were refused for good. `tieout push dead {subject}` lists them.",
        "{subject}：有变更被最终拒绝。运行 `tieout push dead {subject}` 查看。",
    ),
    "books": (
        "The books or the audit chain do not hold. Stop pushing and run `tieout verify`.",
        "账簿或审计链校验不通过。请停止写回并运行 `tieout verify`。",
    ),
    "reconciliation": (
        "The latest reconciliation is invalid. `tieout report reconcile` shows where.",
        "最近一次对账无效。运行 `tieout report reconcile` 查看。",
    ),
    "report": (
        "The scheduled report {subject} failed; it is tried again.",
        "定时报告 {subject} 失败，将重试。",
    ),
    "credit_limit": (
        "{subject}: over the credit limit. The customer's page shows exposure and reasons.",
        "{subject}：超出信用额度。客户页面列有敞口与原因。",
    ),
    "notice": (
        "{subject}: the report did not go out, or may not have. Check [mail] and send it by hand if it is missing.",
        "{subject}：报告未能送出，或不确定是否送出。请检查 [mail]，缺失时手工发送。",
    ),
}
_OVER: Words = ("Over: {subject} ({kind}), since {since}.", "已恢复：{subject}（{kind}），始于 {since}。")
_KINDS: dict[str, Words] = {
    "auth": ("credentials", "凭证"),
    "stream": ("stream", "数据流"),
    "channel": ("notification channel", "通知通道"),
    "dead_letters": ("refused changes", "被拒变更"),
    "books": ("books", "账簿"),
    "reconciliation": ("reconciliation", "对账"),
    "report": ("scheduled report", "定时报告"),
    "notice": ("delivery", "送达"),
    "credit_limit": ("credit limit", "信用额度"),
}


def alert_line(kind: str, subject: str, detail: str, over_since: datetime | None, language: str) -> str:
    """One line about one alert; `over_since` given = it is over."""
    at = 1 if language == "zh-CN" else 0
    if kind == "credit_limit" and detail:  # the detail names the customer; the subject is its id
        subject, detail = detail, ""
    if over_since is not None:
        name = _KINDS.get(kind, (kind, kind))[at]
        return _OVER[at].format(subject=subject, kind=name, since=iso_utc(over_since)[:19] + "Z")
    words = _WRONG.get(kind, ("{subject}", "{subject}"))[at].format(subject=subject)
    return f"{words} ({detail})" if detail else words


def more_lines(count: int, language: str) -> list[str]:
    """What stands under a message that was cut, if it was."""
    if count <= 0:
        return []
    return [f"…另有 {count} 条，见 `tieout doctor`。" if language == "zh-CN" else f"… and {count} more."]


def alert_subject(new: int, over: int, language: str) -> str:
    """The subject of a message about so many new alerts and so many that are over."""
    if language == "zh-CN":
        parts = [f"{new} 条新告警" if new else "", f"{over} 条已恢复" if over else ""]
        return "Tieout：" + "，".join(part for part in parts if part)
    parts = [f"{new} new alert{'s' if new > 1 else ''}" if new else "", f"{over} over" if over else ""]
    return "Tieout: " + ", ".join(part for part in parts if part)
