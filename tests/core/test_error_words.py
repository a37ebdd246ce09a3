"""Errors in Chinese: every sentence of the catalogue is one the code says, and what is put in stands in its place."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

import tieout
from tieout.core.error_words import catalogue, line, said
from tieout.core.errors import Gone

ROOT = Path(tieout.__file__).parent.parent


def _template(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def test_every_sentence_of_the_catalogue_is_said_somewhere() -> None:
    files = [path for room in ("tieout", "sync") for path in (ROOT / room).rglob("*.py")]
    said_in_code = {_template(node) for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))}
    assert len(files) > 300
    assert sorted(set(catalogue()) - said_in_code) == []


def test_both_languages_put_in_the_same_number_of_values() -> None:
    for english, chinese in catalogue().items():
        places = [name for _, name, _, _ in string.Formatter().parse(chinese) if name is not None]
        numbered = {int(name) for name in places if name}
        assert english.count("{}") == len(places), english
        assert numbered in (set(), set(range(len(places)))), english
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese), english


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("there is no customer cus_1", "没有客户 cus_1"),
        ('unknown key "colour" in [tieout].', "[tieout] 中有未知的键“colour”。"),
        ("a reason is needed", "需要填写理由"),
        ("the rows sum to 1.00 CNY, but 2.00 CNY is open", "各行合计 1.00 CNY，而未清金额为 2.00 CNY"),
        ("the home /a/b\nc cannot be written: no room.", "数据目录 /a/b\nc 无法写入：no room。"),
        ("something nobody translated", "something nobody translated"),
        ("", ""),
    ],
)
def test_a_sentence_is_told_in_the_readers_language(english: str, chinese: str) -> None:
    assert said("zh-CN", english) == chinese
    assert said("en", english) == english


def test_braces_in_what_is_put_in_stay() -> None:
    assert said("zh-CN", "there is no customer {x}") == "没有客户 {x}"
    assert said("zh-CN", "x" * 5000) == "x" * 5000


def test_a_line_ends_as_the_language_does() -> None:
    error = Gone("there is no role 'king'", hint="Roles: viewer, admin.")
    assert line("zh-CN", error.message, error.hint) == "没有角色 'king'。角色：viewer, admin。"
    assert line("en", error.message, error.hint) == str(error) == "there is no role 'king'. Roles: viewer, admin."
    assert line("zh-CN", "there is no run r", "") == "没有运行 r"
