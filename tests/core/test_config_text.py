"""The text of a configuration: where a key stands, which key was meant, and what references become."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from tieout.core.config_text import Given, line_of, nearest, resolve, unknown_key, validated
from tieout.core.errors import ConfigError

TEXT = """# top = 0
top = 1
[a]
x = 1
  indented = 2
"quoted" = 3
'single' = 4
dotted.part = 5
xy = 6

[ "a" . 'b' ]
x = 7
[[rows]]
z = 8
[a.inner.deep]
w = 9
"""


@pytest.mark.parametrize(
    ("table", "key", "line"),
    [
        ("", "top", 2),
        ("", "x", 0),
        ("", "a", 3),
        ("a", "x", 4),
        ("a", "indented", 5),
        ("a", "quoted", 6),
        ("a", "single", 7),
        ("a", "dotted", 8),
        ("a", "xy", 9),
        ("a", "b", 11),
        ("a.b", "x", 12),
        ("rows", "z", 14),
        ("a.inner", "deep", 15),
        ("a.inner.deep", "w", 16),
        ("a", "w", 0),
        ("a", "z", 0),
        ("a", "quote", 0),
        ("a", "x.", 0),
        ("nowhere", "x", 0),
    ],
)
def test_the_line_of_a_key_is_counted_from_one_and_is_of_its_own_table(table: str, key: str, line: int) -> None:
    assert line_of(TEXT, table, key) == line


def test_the_nearest_key_is_one_that_looks_like_it() -> None:
    known = ["interval", "push", "push_mode", "streams"]
    assert [nearest(word, known) for word in ("intervall", "pushmode", "stream", "pus")] == [
        "interval", "push_mode", "streams", "push"
    ]  # fmt: skip
    assert [nearest(word, known) for word in ("zzz", "start_on", "")] == ["", "", ""]


def test_an_unknown_key_is_told_with_its_place_and_with_all_known_ones_where_none_is_near() -> None:
    near = unknown_key("intervall", "[a]", ["push", "interval"], line=7)
    assert (near.message, near.hint) == ('unknown key "intervall" in [a] (line 7).', 'Did you mean "interval"?')
    far = unknown_key("zzz", "a kingdee connection", ["push", "interval"])
    assert (far.message, far.hint) == ('unknown key "zzz" in a kingdee connection.', "Known keys: interval, push.")


def test_references_are_found_in_tables_and_lists_and_their_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("\n 密码 \n", encoding="utf-8")
    environ = {"A": " kept as it is ", "EMPTY": ""}

    def read(value: object, place: str = "") -> object:
        return resolve(value, place, base=tmp_path, environ=environ)

    assert read({"a": {"b": ["env:A", "file:word", 7]}}) == {"a": {"b": [" kept as it is ", "密码", 7]}}
    assert read("env: EMPTY ") == ""
    assert read("file: word ") == read(f"file:{tmp_path}/word") == "密码"
    assert type(read("env:A")) is type(read("file:word")) is Given
    assert [read(plain) for plain in ("environment", "xenv:A", "profile:word", True)] == [
        "environment", "xenv:A", "profile:word", True
    ]  # fmt: skip
    with pytest.raises(ConfigError) as refused:
        read({"a": {"b": ["env:NONE"]}})
    assert (refused.value.message, refused.value.hint) == (
        "a.b: the environment variable NONE is not set.", "Set NONE and try again."
    )  # fmt: skip
    with pytest.raises(ConfigError, match=r"^top\.a: cannot read "):
        read({"a": "file:none"}, "top")


def test_a_file_may_lie_in_the_persons_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "word").write_text("there", encoding="utf-8")
    assert resolve("file:~/word", "k", base=Path("/nowhere"), environ={}) == "there"


class Held(BaseModel):
    """A table of every kind of value."""

    text: str = ""
    perhaps: str | None = None
    choice: Literal["7", "true"] = "7"
    number: int = 0
    yes: bool = False
    words: list[str] = []
    inner: dict[str, int] = {}


def test_what_was_given_from_outside_is_text_where_text_is_wanted_and_a_value_elsewhere() -> None:
    given = {
        "number": Given("12"), "yes": Given("true"), "words": Given('["a"]'), "inner": Given("{ a = 1 }"),
        "text": Given("12"), "perhaps": Given("true"), "choice": Given("true"),
    }  # fmt: skip
    assert validated(Held, given, "t") == Held(
        number=12, yes=True, words=["a"], inner={"a": 1}, text="12", perhaps="true", choice="true"
    )
    assert type(validated(Held, given, "t").text) is str
    with pytest.raises(ConfigError, match=r"^t\.number: input should be a valid integer"):
        validated(Held, {"number": Given("twelve")}, "t")


def test_the_first_wrong_value_is_told_by_all_its_names_without_places_in_lists() -> None:
    with pytest.raises(ConfigError) as refused:
        validated(Held, {"words": ["a", 7]}, "t.u", text="[t.u]\nwords = []\n")
    assert refused.value.message == "t.u.words (line 2): input should be a valid string."
    with pytest.raises(ConfigError) as refused:
        validated(Held, {"inner": {"a": "x"}}, "t.u")
    assert refused.value.message.startswith("t.u.inner.a: input should be a valid integer, ")
    with pytest.raises(ConfigError) as refused:
        validated(Held, {"nummer": 1}, "t", text="[t]\nnummer = 1\n")
    assert (refused.value.message, refused.value.hint) == (
        'unknown key "nummer" in [t] (line 2).', 'Did you mean "number"?'
    )  # fmt: skip
