"""What `tieout init` asks and says, in English and Chinese."""

from __future__ import annotations

_WORDS: dict[str, tuple[str, str]] = {
    "intro": (
        "A few questions; Enter takes the answer in brackets, Ctrl-C ends and writes nothing.",
        "回答几个问题即可：直接回车采用方括号中的答案，按 Ctrl-C 退出且不写入任何内容。",
    ),
    "language": ("Language of screens and reminders (zh-CN, en)", "界面和提醒的语言（zh-CN、en）"),
    "name": ("Legal name of your company", "公司全称"),
    "company": ("A short name for it (small letters, digits, - and _)", "公司简称（小写字母、数字、- 和 _）"),
    "currency": ("Its functional currency (ISO 4217)", "本位币（ISO 4217）"),
    "timezone": ("Its business time zone", "营业时区"),
    "crm": ("The CRM ({known})", "CRM 系统（{known}）"),
    "accounting": ("The accounting system ({known})", "财务系统（{known}）"),
    "book": ("The book of record, whose documents post ({known})", "账簿来源（以其单据入账，{known}）"),
    "start_on": (
        "The day the books begin (what is open before it enters as opening items)",
        "账簿开始日（此前未结清的作为期初余额入账）",
    ),
    "keys": (
        "Access to {name} ({vendor}). See docs/connectors/{page}.md",
        "{name}（{vendor}）的访问信息，见 docs/connectors/{page}.md",
    ),
    "plain": ("  {field}", "  {field}"),
    "secret": (
        "  {field} (not shown; empty: read from the variable {variable})",
        "  {field}（输入不回显；留空则从环境变量 {variable} 读取）",
    ),
    "confirm": ("Write {path}{files}?", "写入 {path}{files}？"),
    "files": (" and {n} secret files in {folder}", "以及 {folder} 中的 {n} 个密钥文件"),
    "nothing": ("Nothing was written.", "没有写入任何内容。"),
    "variables": ("Set these variables first: {names}", "请先设置以下环境变量：{names}"),
    "next": ("Next:", "接下来："),
    "next_check": ("test the credentials", "检查访问信息"),
    "next_setup": ("the fields that would be made in the CRM", "查看将在 CRM 中创建的字段"),
    "next_sync": ("read, post and decide; nothing is written to the CRM", "读取、入账、判定；不写入 CRM"),
    "next_plan": ("what would be written", "查看将要写入的内容"),
    "next_up": ("the whole service with its console", "启动整个服务和控制台"),
    "not_language": ("write zh-CN or en", "请输入 zh-CN 或 en"),
    "not_name": ("a name is needed", "请输入名称"),
    "not_short": ("use small letters, digits, - and _", "请使用小写字母、数字、- 和 _"),
    "not_currency": ("{value!r} is no currency code of ISO 4217", "{value!r} 不是 ISO 4217 货币代码"),
    "not_zone": ("there is no time zone {value!r}", "没有时区 {value!r}"),
    "not_known": ("choose one of: {known}", "请选择：{known}"),
    "not_day": ("write a date as yyyy-mm-dd", "请按 yyyy-mm-dd 输入日期"),
}


def say(language: str, key: str, **values: object) -> str:
    """A sentence in the language (`zh-CN`, else English)."""
    english, chinese = _WORDS[key]
    return (chinese if language == "zh-CN" else english).format(**values)
