"""What `tieout match` says about its files, in English and Chinese."""

from __future__ import annotations

from tieout.cli.texts import system_language
from tieout.core.errors import TieoutError

# code -> what is wrong, what to do; in English, then in Chinese. `{at}` is the file, with the line where one is known.
_PROBLEMS: dict[str, tuple[str, str, str, str]] = {
    "no_folder": (
        "{at} is not a folder.", "Name the folder that holds the customer tables.",
        "{at} 不是文件夹。", "请指定存放客户表的文件夹。",
    ),
    "no_tables": (
        "{at} holds no customer table.",
        "A table is a CSV file (UTF-8) with the columns source_id and name, and any of name_en, tax_id, phone, "
        "email_domain, city, address, country, source.",
        "{at} 中没有客户表。",
        "客户表是 UTF-8 编码的 CSV 文件，必须有 source_id 和 name 列，可有 name_en、tax_id、phone、email_domain、city、"
        "address、country、source 列。",
    ),
    "no_records": (
        "the customer tables of {at} hold no record.", "Export them again with their rows; nothing was written.",
        "{at} 中的客户表没有任何记录。", "请重新导出包含数据行的表；没有写入任何内容。",
    ),
    "unreadable": (
        "{at} cannot be read: {why}.", "Check the path and its access rights.",
        "无法读取 {at}：{why}。", "请检查路径和访问权限。",
    ),
    "not_utf8": (
        "{at} is not UTF-8.", "Save the table as UTF-8 (CSV UTF-8 in Excel).",
        "{at} 不是 UTF-8 编码。", "请另存为 UTF-8（Excel 中选择“CSV UTF-8”）。",
    ),
    "bad_gzip": (
        "{at} is damaged, or is no gzip file: {why}.", "Copy or compress it again, or give the plain .csv.",
        "{at} 已损坏或不是 gzip 文件：{why}。", "请重新复制或压缩，或直接提供 .csv 文件。",
    ),
    "nul": (
        "{at} holds a NUL character.", "Export the file again as CSV in UTF-8.",
        "{at} 含有 NUL 字符。", "请重新导出为 UTF-8 编码的 CSV。",
    ),
    "bad_csv": (
        "{at} cannot be read as CSV: {why}.", "Look for a quote that is not closed, or not doubled inside a field.",
        "{at} 无法按 CSV 解析：{why}。", "请检查是否有未闭合的引号，或字段内的引号没有写成两个。",
    ),
    "swallowed_rows": (
        "{at}: a quote that opens there takes in whole rows.",
        "Close it in its own row; where the line break is meant, write a space instead.",
        "{at}：该处的引号把后面的整行也包了进去。", "请在同一行内闭合引号；如确需换行，请改为空格。",
    ),
    "wrong_separator": (
        "{at}: the columns are not separated by commas.", "Save the file as CSV with commas.",
        "{at}：各列不是用逗号分隔。", "请另存为以逗号分隔的 CSV。",
    ),
    "column_twice": (
        "{at}: the column {column} stands there twice.", "Rename or drop one of them.",
        "{at}：列 {column} 出现了两次。", "请改名或删除其中一列。",
    ),
    "column_mistyped": (
        "{at}: there is no column {column}, but one called {found}.",
        "Rename it to {column}; a file that is no customer table belongs elsewhere.",
        "{at}：没有 {column} 列，但有 {found} 列。", "请把它改名为 {column}；如果不是客户表，请移到别处。",
    ),
    "columns_missing": (
        "{at} lacks the columns {columns}.", "Its columns are {wanted}.",
        "{at} 缺少列 {columns}。", "应有的列：{wanted}。",
    ),
    "row_length": (
        "{at}: fields in the row: {found}, in the header: {wanted}.",
        "Quote a field that holds a comma, and write a comma also for a field that is empty.",
        "{at}：该行有 {found} 个字段，表头有 {wanted} 个。", "含逗号的字段请加引号，空字段也要保留逗号。",
    ),
    "too_long": (
        "{at}: {column} has {found} characters, more than {wanted}.",
        "Shorten it; often a quote before it is not closed.",
        "{at}：{column} 有 {found} 个字符，超过 {wanted} 个。", "请缩短；常见原因是前面的引号没有闭合。",
    ),
    "empty_field": (
        "{at}: {column} is empty.", "Give every row one.",
        "{at}：{column} 为空。", "每一行都必须填写。",
    ),
    "line_break": (
        "{at}: {column} holds a line break.", "Write it in one line.",
        "{at}：{column} 中有换行。", "请写成一行。",
    ),
    "duplicate_record": (
        "{at}: {ref} stands there twice (first in {first}).",
        "source_id must be unique in a source; without a column source, the file's name is the source.",
        "{at}：{ref} 重复（首次出现在 {first}）。",
        "source_id 在同一来源内必须唯一；没有 source 列时，以文件名为来源。",
    ),
    "unknown_record": (
        "{at}: there is no record {ref}.", "Name records of the tables, by source and source_id.",
        "{at}：没有记录 {ref}。", "请用 source 和 source_id 指明表中的记录。",
    ),
    "unknown_answer": (
        "{at}: there is no answer {found}.", "An answer is same or different.",
        "{at}：没有 {found} 这种答案。", "答案只能是 same 或 different。",
    ),
    "answers_contradict": (
        "{at} says that {left} and {right} are different, and other lines say that they are the same.",
        "The lines that say same join them, perhaps over other records; drop one of the lines.",
        "{at} 说 {left} 和 {right} 不同，而其他行说它们相同。",
        "写着 same 的行（可能经由其他记录）把它们连在一起；请删去其中一行。",
    ),
    "out_is_folder": (
        "{option} {at} is a folder.", "Name a file in it.",
        "{option} {at} 是文件夹。", "请指定其中的一个文件。",
    ),
    "out_no_folder": (
        "{option} {at}: there is no folder {folder}.", "Make it first, or name another file.",
        "{option} {at}：文件夹 {folder} 不存在。", "请先创建该文件夹，或指定别的文件。",
    ),
    "out_is_special": (
        "{option} {at} is no ordinary file.", "Name a file; the result is put there whole.",
        "{option} {at} 不是普通文件。", "请指定一个文件；结果会整体写入。",
    ),
    "out_gzip": (
        "{option} {at}: results are written as plain CSV.", "Name a file without .gz.",
        "{option} {at}：结果以普通 CSV 写出。", "请指定不带 .gz 的文件名。",
    ),
    "out_is_input": (
        "{option} {at} is read by this very run.", "Name another file: what is read is never overwritten.",
        "{option} {at} 是本次运行要读取的文件。", "请指定别的文件：读取的文件不会被覆盖。",
    ),
    "out_holds_other": (
        "{option} {at} exists and is no result of an earlier run.", "Name another file, or move that one away first.",
        "{option} {at} 已存在，且不是以前运行的结果。", "请指定别的文件，或先移走该文件。",
    ),
    "out_twice": (
        "--out and --review are both {at}.", "Name two files.",
        "--out 和 --review 是同一个文件 {at}。", "请指定两个不同的文件。",
    ),
    "not_writable": (
        "{option} {at} cannot be written: {why}.", "Check the folder's access rights, or name another file.",
        "无法写入 {option} {at}：{why}。", "请检查文件夹的访问权限，或指定别的文件。",
    ),
    "worker_lost": (
        "a process of this run was ended from outside, often because memory ran out; nothing was written.",
        "Run it again with fewer processes (--processes 1), or with more memory.",
        "本次运行的一个子进程被外部终止（常见原因是内存不足）；没有写入任何内容。",
        "请减少进程数（--processes 1）或增加内存后重试。",
    ),
}  # fmt: skip

_SAID: dict[str, tuple[str, str]] = {
    "at_line": ("{path} line {line}", "{path} 第 {line} 行"),
    "not_a_table": (
        "Not read: {path} is no customer table, for it lacks the columns {columns}.",
        "未读取：{path} 不是客户表，缺少列 {columns}。",
    ),
    "own_result": (
        "Not read: {path} is a result of an earlier run.",
        "未读取：{path} 是以前运行的结果。",
    ),
    "empty_file": (
        "Not read: {path} has no column names in its first line.",
        "未读取：{path} 的第一行没有列名。",
    ),
    "not_a_file": ("Not read: {path} is no ordinary file.", "未读取：{path} 不是普通文件。"),
    "other_form": (
        "Not read: {path} is no CSV file. Save it as CSV (UTF-8) if it is a customer table.",
        "未读取：{path} 不是 CSV 文件。如果是客户表，请另存为 CSV（UTF-8）。",
    ),
    "unused_columns": ("Not used: the columns {columns} of {path}.", "未使用：{path} 的列 {columns}。"),
    "empty_rows": ("Not read: {count} empty rows of {path}.", "未读取：{path} 的 {count} 个空行。"),
    "stopped": ("Stopped; nothing was written.", "已停止；没有写入任何内容。"),
    "step_check": ("checking the tables", "检查客户表"),
    "step_read": ("reading records", "读取记录"),
    "step_index": ("finding candidates", "查找候选"),
    "step_compare": ("comparing", "比较"),
    "step_join": ("joining clusters", "合并客户簇"),
    "step_write": ("writing", "写入"),
}


def said(key: str, **values: object) -> str:
    """A sentence or word in the language of this machine."""
    return _SAID[key][system_language() == "zh-CN"].format(**values)


def place(path: object, line: int = 0) -> str:
    """A file, with a line where it is known (counted from 1)."""
    return said("at_line", path=path, line=line) if line else str(path)


def problem(code: str, path: object = "", line: int = 0, **values: object) -> TieoutError:
    """The error of that code, with file, line and what to do."""
    english, hint, chinese, advice = _PROBLEMS[code]
    chosen = (chinese, advice) if system_language() == "zh-CN" else (english, hint)
    filled = {"at": place(path, line), **values}
    return TieoutError(chosen[0].format(**filled), hint=chosen[1].format(**filled), code=code)
