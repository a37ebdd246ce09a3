"""`tieout match` on bad input: each mistake is one line with file and line, before anything is written."""

from __future__ import annotations

import csv
import errno
import gc
import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tieout.cli import csv_input
from tieout.cli.app import app

GOOD = "source_id,name\nA1,晨鸟科技\n"


@pytest.fixture(autouse=True)
def _collections() -> Iterator[None]:
    yield
    gc.enable()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (made := tmp_path / "in").mkdir()
    (made / "good.csv").write_text(GOOD, encoding="utf-8")
    return made


def run(*args: object) -> Result:
    return CliRunner().invoke(app, ["match", *(str(arg) for arg in args), "--processes", "1"])


def flat(text: str) -> str:
    return " ".join(text.split())


def refused(folder: Path, wanted: str, *more: object, out: Path | None = None) -> None:
    """The run ends with 1 and this sentence, leaves what was there, and writes nothing."""
    before = listing(folder.parent)
    made = run(folder, "--out", out or folder.parent / "out.csv", *more)
    assert isinstance(made.exception, SystemExit), made.exception
    assert (made.exit_code, made.stdout) == (1, "")
    assert wanted in flat(made.stderr), made.stderr
    assert "Traceback" not in made.stderr
    assert listing(folder.parent) == before


def listing(place: Path) -> dict[str, bytes | None]:
    return {str(one): one.read_bytes() if one.is_file() else None for one in sorted(place.rglob("*"))}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("source_id,name,city\nA1,x,y\nA2\n", "bad.csv line 3: fields in the row: 1, in the header: 3. Quote a field"),
        ("source_id,name\nA1,晨鸟, Ltd\n", "bad.csv line 2: fields in the row: 3, in the header: 2."),
        ("source_id,name\n,x\n", "bad.csv line 2: source_id is empty. Give every row one."),
        ("source_id,name\n  ,x\n", "bad.csv line 2: source_id is empty."),
        ('source_id,name\n"A\n1",x\n', "bad.csv line 2: source_id holds a line break."),
        ('source_id,name,source\nA1,x,"a\nb"\n', "bad.csv line 2: source holds a line break."),
        ('source_id,name\nA0,x\n\nA1,"abc\nA2,d\n', "bad.csv line 4 cannot be read as CSV: unexpected end of data."),
        ('source_id,name\nA1,"abc\nA2,"def"\n', "bad.csv line 2 cannot be read as CSV: "),
        ('source_id,name\nA1,"abc\nA2,d\nA3,e"\nA4,f\n', "bad.csv line 2: a quote that opens there takes in whole"),
        ("source_id,name\nA1,ab\0c\n", "bad.csv line 2 holds a NUL character."),
        ("source_id,name\nA1,x\nA1,y\n", "bad.csv line 3: bad/A1 stands there twice (first in "),
        ("source_id,nam\nA1,x\n", "bad.csv line 1: there is no column name, but one called nam. Rename it to name;"),
        ("sourceid,name\nA1,x\n", "bad.csv line 1: there is no column source_id, but one called sourceid."),
        ("source_id,name,Name\nA1,x,y\n", "bad.csv line 1: the column name stands there twice."),
        ("source_id;name\nA1;x\n", "bad.csv line 1: the columns are not separated by commas."),
        ("source_id\tname\nA1\tx\n", "bad.csv line 1: the columns are not separated by commas."),
        (f"source_id,name\nA1,{'x' * 200_000}\n", "bad.csv line 2: name has 200000 characters, more than 5000."),
        (f"source_id,name\nA1,{'x' * 5_001}\n", "bad.csv line 2: name has 5001 characters, more than 5000."),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_meant_is_said_with_its_line(folder: Path, text: str, wanted: str) -> None:
    (folder / "bad.csv").write_text(text, encoding="utf-8")
    refused(folder, wanted)


def test_a_record_twice_over_two_files_names_both_places(folder: Path) -> None:
    (folder / "more.csv").write_text("source_id,name,source\nB1,y,\nA1,x,good\n", encoding="utf-8")
    refused(folder, f"more.csv line 3: good/A1 stands there twice (first in {folder / 'good.csv'} line 2).")


def test_other_encodings_are_said_with_the_line(folder: Path) -> None:
    (folder / "bad.csv").write_bytes(b"source_id,name\nA1,x\n" + "A2,晨鸟\n".encode("gbk"))
    refused(folder, "bad.csv line 3 is not UTF-8. Save the table as UTF-8")
    (folder / "bad.csv").write_bytes("source_id,name\nA1,x\n".encode("utf-16"))
    refused(folder, "bad.csv line 1 is not UTF-8.")
    (folder / "bad.csv").unlink()
    (folder / "bad.csv.gz").write_bytes(gzip.compress(b"source_id,name\nA1,x\n" + "A2,晨鸟\n".encode("gbk")))
    refused(folder, "bad.csv.gz line 3 is not UTF-8.")


def test_a_bad_gzip_is_said(folder: Path) -> None:
    whole = gzip.compress(b"source_id,name\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(50_000)))
    for body in (b"no gzip", whole[: len(whole) // 2], whole[:2000] + b"\xff" * 200 + whole[2200:]):
        (folder / "bad.csv.gz").write_bytes(body)
        refused(folder, "bad.csv.gz is damaged, or is no gzip file: ")


def test_long_and_broken_fields_that_can_be_meant_are_read(folder: Path, tmp_path: Path) -> None:
    """An address over two lines, a note of 300,000 characters in a column of no interest, empty rows and cells."""
    (folder / "more.csv").write_text(
        "\ufeffSource ID, Name ,address,note,,\r\n"
        f'B1,晨鸟,"一号楼\r\n二层, 左",{"n" * 300_000},,\r\n'
        "\r\n,,,,,\r\nB2,孤鹜,,,,,,\r\n",
        encoding="utf-8",
        newline="",
    )
    csv_limit = csv.field_size_limit(1000)  # another part of the process may have set its own
    try:
        made = run(folder, "--out", tmp_path / "out.csv")
    finally:
        csv.field_size_limit(csv_limit)
    assert made.exit_code == 0, made.stderr
    rows = list(csv.DictReader((tmp_path / "out.csv").open(encoding="utf-8")))
    assert [(row["source"], row["source_id"]) for row in rows] == [("good", "A1"), ("more", "B1"), ("more", "B2")]
    assert f"Not used: the columns note of {folder / 'more.csv'}." in flat(made.stderr)
    assert f"Not read: 2 empty rows of {folder / 'more.csv'}." in flat(made.stderr)


def test_a_field_of_the_longest_length_is_read_in_time(folder: Path, tmp_path: Path) -> None:
    text = "晨鸟" * (csv_input.LONGEST // 2)
    (folder / "more.csv").write_text(f"source_id,name,name_en,address\nB1,{text},{'ab ' * 1600},{text}\n", "utf-8")
    assert run(folder, "--out", tmp_path / "out.csv").exit_code == 0


def test_what_is_not_read_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / "truth.csv").write_text("source,source_id,entity_id\n", encoding="utf-8")
    (folder / "empty.csv").touch()
    (folder / "old.xlsx").write_bytes(b"PK")
    (folder / "folder.csv").mkdir()
    (folder / "UPPER.CSV").write_text("source_id,name\nU1,孤鹜\n", encoding="utf-8")
    made = run(folder, "--out", folder / "pred.csv", "--review", folder / "review.csv")
    assert made.exit_code == 0, made.stderr
    first = (folder / "pred.csv").read_bytes()
    assert b"\nUPPER,U1," in first
    said = flat(made.stderr)
    for wanted in (
        "truth.csv is no customer table, for it lacks the columns name.",
        "empty.csv has no column names in its first line.",
        "old.xlsx is no CSV file.",
        "folder.csv is no ordinary file.",
    ):
        assert wanted in said
    made = run(folder, "--out", folder / "pred.csv", "--review", folder / "review.csv", "--json")
    assert made.exit_code == 0, made.stderr  # the results of before stand in DIR and break nothing
    assert (folder / "pred.csv").read_bytes() == first
    for name in ("pred.csv", "review.csv"):
        assert f"Not read: {folder / name} is a result of an earlier run." in flat(made.stderr)
    assert made.stdout.startswith("{")


def test_answers_and_an_earlier_run_in_the_folder_are_read_and_not_named(folder: Path, tmp_path: Path) -> None:
    (folder / "links.csv").write_text("source,source_id,other_source,other_source_id\n", encoding="utf-8")
    (folder / "before.csv").write_text("source,source_id,cluster_id\ngood,A1,x\n", encoding="utf-8")
    told = ("--must-links", folder / "links.csv", "--previous", folder / "before.csv")
    made = run(folder, "--out", tmp_path / "out.csv", *told)
    assert (made.exit_code, "Not read" in made.stderr) == (0, False), made.stderr
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[1] == "good,A1,x,separate"


def test_tables_without_a_record_are_no_empty_result(folder: Path) -> None:
    (folder / "good.csv").write_text("source_id,name\n", encoding="utf-8")
    refused(folder, "hold no record")


def test_a_result_goes_over_no_input(folder: Path, tmp_path: Path) -> None:
    refused(folder, "--out " + str(folder / "good.csv") + " is read by this very run.", out=folder / "good.csv")
    (tmp_path / "link.csv").symlink_to(folder / "good.csv")
    refused(folder, "is read by this very run", out=tmp_path / "link.csv")
    os.link(folder / "good.csv", tmp_path / "hard.csv")
    refused(folder, "is read by this very run", "--review", tmp_path / "hard.csv")
    before = tmp_path / "before.csv"
    before.write_text("source,source_id,cluster_id,decision\ngood,A1,x,separate\n", encoding="utf-8")
    refused(folder, "is read by this very run", "--previous", before, out=before)
    links = tmp_path / "links.csv"
    links.write_text("source,source_id,other_source,other_source_id\n", encoding="utf-8")
    refused(folder, "--review " + str(links) + " is read by this very run", "--must-links", links, "--review", links)


def test_a_result_goes_over_no_file_of_other_content(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("id,amount\n1,2\n", encoding="utf-8")
    refused(folder, "mine.csv exists and is no result of an earlier run.", out=tmp_path / "mine.csv")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    refused(folder, "photo.png exists and is no result", "--review", tmp_path / "photo.png")
    (tmp_path / "new.csv").touch()
    assert run(folder, "--out", tmp_path / "new.csv").exit_code == 0
    assert run(folder, "--out", tmp_path / "new.csv").exit_code == 0


def test_places_where_no_result_can_go_are_said_before_the_work(folder: Path, tmp_path: Path) -> None:
    refused(folder, "is a folder. Name a file in it.", out=tmp_path)
    refused(folder, f"there is no folder {tmp_path / 'no'}", out=tmp_path / "no" / "out.csv")
    refused(folder, "--review", "--review", tmp_path / "no" / "review.csv")
    refused(folder, "is no ordinary file", out=Path(os.devnull))
    refused(folder, "written as plain CSV", out=tmp_path / "out.csv.gz")
    refused(folder, "--out and --review are both", "--review", tmp_path / "out.csv")
    refused(folder, "cannot be written: ", out=tmp_path / ("x" * 300))
    (tmp_path / "round").symlink_to(tmp_path / "round")
    refused(folder, "--out", out=tmp_path / "round")


def test_a_folder_that_takes_no_file_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The superuser may write everywhere, so the refusal is made here; it must come from opening a file there."""
    opened = Path.open

    def refuse(self: Path, mode: str = "r", *args: Any, **more: Any) -> Any:
        if self.parent.name == "shut" and "w" in mode:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, mode, *args, **more)

    (tmp_path / "shut").mkdir()
    monkeypatch.setattr(Path, "open", refuse)
    refused(folder, "out.csv cannot be written: Permission denied.", out=tmp_path / "shut" / "out.csv")


def test_a_table_that_may_not_be_read_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refuse(self: Path, *args: Any, **more: Any) -> Any:
        if self.name == "good.csv":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *args, **more)

    made = listing(folder.parent)
    monkeypatch.setattr(Path, "open", refuse)
    answer = run(folder, "--out", folder.parent / "out.csv")
    monkeypatch.undo()
    assert (answer.exit_code, "good.csv cannot be read: Permission denied." in flat(answer.stderr)) == (1, True)
    assert listing(folder.parent) == made


def test_a_link_stays_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "real.csv").touch()
    (tmp_path / "out.csv").symlink_to(tmp_path / "real.csv")
    assert run(folder, "--out", tmp_path / "out.csv").exit_code == 0
    assert (tmp_path / "out.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text(encoding="utf-8").startswith("source,source_id,cluster_id")


def test_all_of_it_is_said_in_chinese_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    (folder / "truth.csv").write_text("source,source_id,entity_id\n", encoding="utf-8")
    (folder / "bad.csv").write_text("source_id,name\n,x\n", encoding="utf-8")
    refused(folder, f"{folder / 'bad.csv'} 第 2 行：source_id 为空。每一行都必须填写。")
    refused(folder, f"未读取：{folder / 'truth.csv'} 不是客户表，缺少列 name。")


def test_every_sentence_fills_the_same_places_in_both_languages() -> None:
    import string

    from tieout.cli import match_words

    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for code, (english, hint, chinese, advice) in match_words._PROBLEMS.items():
        assert (fields(english), fields(hint)) == (fields(chinese), fields(advice)), code
    for key, (english, chinese) in match_words._SAID.items():
        assert fields(english) == fields(chinese), key
