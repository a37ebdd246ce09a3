"""What the command line says to people, in English and Chinese."""

from __future__ import annotations

import os

_TEXTS: dict[str, tuple[str, str]] = {
    "error": ("Error", "错误"),
    "open": ("Tieout is running at {url}", "Tieout 已启动：{url}"),
    "login": ("Log in once with {link}", "一次性登录链接：{link}"),
    "port_moved": ("Port {wanted} is taken; {port} is used instead.", "端口 {wanted} 已被占用，改用 {port}。"),
    "home": ("Home: {home} (logs in {logs})", "数据目录：{home}（日志在 {logs}）"),
    "key_made": (
        "A secret key was made: {path}. Keep it with your backups.",
        "已生成密钥：{path}。请与备份一并妥善保存。",
    ),
    "sandbox": (
        "Local vendor servers with an invented company; nothing leaves this machine.",
        "使用本机模拟的供应商系统和虚构公司，数据不会离开本机。",
    ),
    "sandbox_limits": (
        "The local Zoho tenant has a raised daily limit ({demo} credits, documented: {documented}).",
        "本机模拟的 Zoho 租户提高了每日额度（{demo} 点，官方文档为 {documented} 点）。",
    ),
    "first_sync": ("The first sync runs:", "正在进行首次同步："),
    "going_on": ("Going on where the last run stopped.", "从上次停止的地方继续。"),
    "sync_done": ("The sync is done.", "同步完成。"),
    "sync_failed": (
        "The sync ended with errors: see above, or run `{tieout} doctor`.",
        "同步结束但有错误：见上文，或运行 `{tieout} doctor`。",
    ),
    "refused": (
        "{count} changes were refused by the vendors; `{tieout} doctor` says why.",
        "有 {count} 项变更被供应商系统拒绝；运行 `{tieout} doctor` 查看原因。",
    ),
    "try": ("Three things to try:", "可以试试这三件事："),
    "try_1": ("  1. See what is owed and overdue: {url}", "  1. 查看应收与逾期：{url}"),
    "try_2": (
        "  2. See what a person must decide: {tieout} conflicts list",
        "  2. 查看需要人工判断的冲突：{tieout} conflicts list",
    ),
    "try_3": (
        "  3. Compare the books figure by figure: {tieout} reconcile",
        "  3. 逐笔核对两套账：{tieout} reconcile",
    ),
    "stop_hint": ("Ctrl-C stops everything.", "按 Ctrl-C 停止全部进程。"),
    "stopping": ("Stopping …", "正在停止 …"),
    "stopped": ("Stopped. Nothing was left running.", "已停止，没有遗留进程。"),
    "crashed": (
        "{name} ended ({why}) and is started again; its log: {log}",
        "{name} 已退出（{why}），正在重新启动；日志：{log}",
    ),
    "back": ("{name} runs again.", "{name} 已恢复运行。"),
    "killed": ("{name} did not stop in time and was killed.", "{name} 未能及时停止，已强制结束。"),
    "leftover": (
        "A queue server left by a killed run was shut down.",
        "已关闭上次异常退出遗留的队列服务。",
    ),
    "disk_full": (
        "the disk is full or cannot be written ({why}): nothing of this step was stored.",
        "磁盘已满或无法写入（{why}）：这一步没有写入任何内容。",
    ),
    "disk_full_hint": (
        "Free some space and run it again: it goes on where it was. `df -h` shows what is left.",
        "请清理空间后重新运行：会从中断处继续。`df -h` 可查看剩余空间。",
    ),
    "damaged": ("the database file is damaged: {why}.", "数据库文件已损坏：{why}。"),
    "damaged_hint": (
        "Stop everything and restore a copy: `tieout restore FILE --replace` (the damaged file is kept beside it).",
        "请停止所有进程并从备份恢复：`tieout restore 备份文件 --replace`（损坏的文件会另存保留）。",
    ),
    "wrote": ("Wrote {path}.", "已写入 {path}。"),
    "next_check": (
        "Fill in what is yours, set the variables named with env:, then run `{tieout} check`.",
        "请填写您的信息，设置 env: 引用的环境变量，然后运行 `{tieout} check`。",
    ),
    "nothing": ("Nothing.", "无。"),
    "ok": ("OK", "正常"),
    "key_once": ("This key is shown once only; keep it safe.", "此密钥只显示一次，请妥善保存。"),
    "after_restore": (
        "Pushing is paused. Next: `tieout pull --full`, `tieout apply`, `tieout reconcile`, then `tieout push resume`.",
        "写回已暂停。接下来：`tieout pull --full`、`tieout apply`、`tieout reconcile`，然后 `tieout push resume`。",
    ),
    "more": ("More: --cursor {cursor}", "更多：--cursor {cursor}"),
}

_LABELS = {
    "action": "动作", "already_sent": "此前已发送",
    "age_days": "天数", "as_of": "截止日期", "amount": "金额", "at": "时间", "breaches": "违例",
    "breaks": "差异", "code": "代码", "company": "公司", "connection": "连接", "connections": "连接",
    "count": "数量", "currency": "币种", "customer": "客户", "difference": "差额", "digest": "摘要", "done": "完成",
    "errors": "错误", "evidence": "依据", "field": "字段", "from": "原值", "hint": "建议", "id": "编号",
    "kind": "类型", "ledger": "总账", "level": "级别", "message": "说明", "module": "模块", "name": "名称",
    "open": "未结", "overdue": "逾期", "pages": "页数", "reason": "原因", "record": "记录", "remote_id": "远端编号",
    "rows": "行数", "source": "来源", "state": "状态", "step": "步骤", "stream": "数据流", "streams": "数据流",
    "suggestions": "建议", "to": "新值", "total": "合计", "totals": "合计", "valid": "有效", "value": "值",
    "approve_within_days": "批准期限（天）", "approver": "批准人", "asked_at": "申请时间", "author": "申请人",
    "base": "原币",
    "body": "内容", "books": "账套额度", "credit": "信用", "customers": "客户数", "effect": "影响",
    "end_reason": "撤回原因", "examples": "示例", "hold_above_percent": "冻结线（%）", "hold_days": "冻结逾期天数",
    "ids": "编号", "items": "列表", "max_broken_promises": "承诺违约上限", "min_days_on_hold": "最短冻结天数",
    "min_overdue": "最低逾期金额", "moves": "变动", "next": "下一页", "orders": "人工设定", "quote": "目标币",
    "rate": "汇率",
    "rate_on": "生效日期", "release_at_percent": "解除线（%）", "stated": "新增", "status": "状态",
    "then": "接下来", "unchanged": "未变",
    "until_on": "失效日期", "valid_from": "生效日期", "valid_until": "失效日期", "version": "版本",
    "watch_above_percent": "关注线（%）",
    "clusters": "客户簇", "dropped_blocks": "略过的常见键", "ids_gone": "随记录消失的编号", "ids_kept": "沿用的编号",
    "ids_merged": "因合并终止的编号", "ids_new": "新记录的新编号", "ids_split": "因拆分新增的编号",
    "linked_records": "已关联记录", "questions": "待人工判断", "records": "记录", "tables": "客户表",
}  # fmt: skip


def system_language() -> str:
    """The language to speak before a configuration is read: from LC_ALL, LC_MESSAGES or LANG."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return "zh-CN" if os.environ[name].lower().startswith("zh") else "en"
    return "en"


def text(language: str, key: str, **values: object) -> str:
    """A sentence in the language (`zh-CN`, else English)."""
    english, chinese = _TEXTS[key]
    return (chinese if language == "zh-CN" else english).format(**values)


def label(language: str, key: str) -> str:
    """A column or field name for people: `open_minor` is shown as an amount, so the unit is dropped."""
    plain = key.removesuffix("_minor")
    if language == "zh-CN":
        return _LABELS.get(plain, plain.replace("_", " "))
    return plain.replace("_", " ")
