"""What breaks and their causes are called, in English and Chinese: one place for terminal, files and pages."""

from __future__ import annotations

Words = tuple[str, str]  # English, Chinese

KINDS: dict[str, Words] = {
    "missing_in_left": ("only at the counterpart", "仅对方有"),
    "missing_in_right": ("only in the ledger", "仅总账有"),
    "amount": ("amount differs", "金额不一致"),
    "currency": ("currency differs", "币种不一致"),
    "status": ("status differs", "状态不一致"),
    "field": ("field differs", "字段不一致"),
    "duplicate": ("duplicate", "重复"),
    "customer": ("other customer", "客户不一致"),
    "timing": ("timing", "时间差"),
    "ours_not_in_accounting": ("ours, not yet in accounting", "本方已记、会计系统未记"),
}

CAUSES: dict[str, Words] = {
    "unexplained": ("not explained", "原因不明"),
    "in_flight": ("changed there since the last pull", "上次读取后对方已变更"),
    "changed_after_read": ("changed after the other side was read", "对方读取后发生变更"),
    "pushed_after_read": ("written while this comparison ran", "对账期间已写入"),
    "not_settled_yet": ("read, not yet worked in", "已读取，尚未入账"),
    "deleted_at_source": ("deleted there", "对方已删除"),
    "hand_edit": ("edited by hand", "人工改动"),
    "push_pending": ("not yet written", "尚未写回"),
    "push_in_flight": ("being written", "正在写回"),
    "push_planned": ("waits for the plan to be sent", "等待发送计划"),
    "push_parked": ("waits for an approver", "等待审批"),
    "push_refused": ("write was refused", "写回被拒绝"),
    "push_off": ("writing is switched off", "写回已关闭"),
    "push_paused": ("writing is paused", "写回已暂停"),
    "field_missing": ("the field does not exist there", "对方没有该字段"),
    "conflict_pending": ("an open conflict", "有待处理冲突"),
    "unbound": ("bound to no document", "未绑定单据"),
    "no_crm_record": ("no record names this document", "没有记录对应该单据"),
    "other_crm": ("named by a record of another CRM", "由其他 CRM 的记录对应"),
    "record_gone": ("the bound record is gone", "绑定的记录已不存在"),
    "same_document_twice": ("two records for one document", "同一单据有两条记录"),
    "not_posted": ("draft or void on the other side", "另一方为草稿或作废"),
    "voided_since": ("voided since that day", "该日之后作废"),
    "never_read": ("never read from there", "从未读取"),
    "record_problem": ("the record could not be mapped", "记录无法映射"),
    "allocation_refused": ("a settlement our books refuse", "核销未被接受"),
    "ours_not_in_accounting": ("our own posting, not yet in accounting", "本方记账，会计系统未记"),
    "unknown_status": ("a status that is not known", "未知状态"),
    "sign_flip": ("the other sign", "正负号相反"),
    "times_100": ("one side is 100 times the other", "一方为另一方的100倍"),
    "credit_note_not_synced": ("a credit note of that amount", "有相同金额的红字单据"),
    "gross_against_net": ("gross against net", "含税与不含税"),
    "rounding": ("rounding", "尾差"),
    "digits_transposed": ("two digits swapped", "数字错位"),
}

REASONS: dict[str, Words] = {
    "before_the_books": (
        "has no books of that day here: they begin later",
        "当日尚未启用账簿",
    ),
    "shows_today_only": (
        "shows today's values only and cannot say what it showed then; compared on the day itself",
        "只显示当前值，无法得知当日所示；仅在当日对账",
    ),
    "not_dated": ("cannot say what was open on a past day", "无法说明过去某日的未结金额"),
    "sum_of_documents": (
        "states no total of its own: the figure is the sum of its documents",
        "未提供自身合计：该数为其单据之和",
    ),
    "no_own_sums": (
        "states no total of its own: the figure is the sum of its records",
        "未提供自身合计：该数为其记录之和",
    ),
}


PARAMS: dict[str, Words] = {
    "conflict_id": ("conflict", "冲突"),
    "push_id": ("push", "写回"),
    "amount_minor": ("amount in smallest units", "金额（最小单位）"),
    "changed_at": ("changed at", "变更于"),
    "connection": ("connection", "连接"),
    "credit_notes": ("credit notes", "红字单据"),
    "error": ("error", "错误"),
    "field": ("field", "字段"),
    "gross": ("gross side", "含税一方"),
    "larger": ("larger side", "较大一方"),
    "problem": ("problem", "问题"),
    "pushed_at": ("written at", "写回于"),
    "read_at": ("read at", "读取于"),
    "record": ("record", "记录"),
    "rows": ("records", "记录"),
    "settlement": ("settlement", "核销"),
    "side": ("side", "一方"),
    "state": ("state", "状态"),
    "statuses": ("statuses", "状态"),
    "stream": ("records", "数据流"),
    "tax_minor": ("tax in smallest units", "税额（最小单位）"),
    "was": ("was", "原值"),
    "why": ("why", "原因"),
    "written": ("written", "已写入"),
}


def _word(words: dict[str, Words], code: str, language: str) -> str:
    found = words.get(code)
    return code.replace("_", " ") if found is None else found[1 if language == "zh-CN" else 0]


def kind(code: str, language: str) -> str:
    """The name of a kind of break."""
    return _word(KINDS, code, language)


def cause(code: str, language: str) -> str:
    """The name of a cause."""
    return _word(CAUSES, code, language)


def reason(code: str, language: str) -> str:
    """Why a side was not compared or states no total; a message of a remote is given as it is."""
    return _word(REASONS, code, language) if code in REASONS else code


def hint(params: dict[str, str], language: str) -> str:
    """What an explanation knows beside its name, in words of a language."""
    return ("；" if language == "zh-CN" else "; ").join(f"{name} {value}" for name, value in told(params, language))


def told(params: dict[str, str], language: str) -> list[tuple[str, str]]:
    """What an explanation knows beside its name, as (word, value)."""
    return [(_word(PARAMS, name, language), value) for name, value in params.items() if value]
