"""`tieout match`: customer tables in, clusters and questions out."""

from __future__ import annotations

import csv
import gc
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mapping.identity import cluster, matching
from tieout.cli.app import app

BOOKS = """source_id,name,name_en,tax_id,phone,email_domain,city,address,country
A1,深圳市晨鸟科技有限公司,,91440300319331004W,,,深圳,,CN
A2,上海落霞贸易有限公司,,,,,上海,,CN
"""
CRM = """source_id,name,tax_id
Z1,晨鸟科技,91440300319331004w
Z2,北京孤鹜食品有限公司,
"""


@pytest.fixture(autouse=True)
def _collections() -> Iterator[None]:
    """The command switches the collector off for the rest of its process, which here goes on with other tests."""
    yield
    gc.enable()


def run(*args: object) -> tuple[int, str]:
    made = CliRunner().invoke(app, [str(arg) for arg in args])
    return made.exit_code, made.output


def tables(folder: Path) -> Path:
    folder.mkdir()
    (folder / "books.csv").write_text(BOOKS, encoding="utf-8-sig")
    with gzip.open(folder / "crm.csv.gz", "wt", encoding="utf-8") as file:
        file.write(CRM)
    (folder / "truth.csv").write_text("source,source_id,entity_id\n", encoding="utf-8")
    return folder


def test_equal_tax_ids_make_one_cluster(tmp_path: Path) -> None:
    out = tmp_path / "clusters.csv"
    code, said = run("match", tables(tmp_path / "in"), "--out", out, "--review", tmp_path / "review.csv", "--json")
    assert code == 0, said
    rows = {row["source_id"]: row for row in csv.DictReader(out.open(encoding="utf-8"))}
    assert rows["A1"]["cluster_id"] == rows["Z1"]["cluster_id"] != rows["A2"]["cluster_id"]
    assert [rows[key]["decision"] for key in ("A1", "A2", "Z1", "Z2")] == ["auto", "separate", "auto", "separate"]
    assert rows["Z2"]["source"] == "crm"


def test_wrong_input_is_said_in_one_line(tmp_path: Path) -> None:
    code, said = run("match", tmp_path / "missing", "--out", tmp_path / "x.csv")
    assert code == 1
    assert "is not a folder" in said
    (tmp_path / "empty").mkdir()
    code, said = run("match", tmp_path / "empty", "--out", tmp_path / "x.csv")
    assert code == 1
    assert "source_id and name" in said
    double = tables(tmp_path / "double")
    (double / "books.csv").write_text(BOOKS + "A1,again,,,,,,,\n", encoding="utf-8")
    code, said = run("match", double, "--out", tmp_path / "x.csv")
    assert code == 1
    assert "stands there twice" in said
    assert not (tmp_path / "x.csv").exists()


def answered(folder: Path, *lines: str) -> Path:
    path = folder / "answers.csv"
    path.write_text(
        "\n".join(("source,source_id,other_source,other_source_id,answer", *lines)) + "\n", encoding="utf-8"
    )
    return path


def clusters(path: Path) -> dict[str, str]:
    return {row["source_id"]: row["cluster_id"] for row in csv.DictReader(path.open(encoding="utf-8"))}


def test_what_people_said_comes_before_everything(tmp_path: Path) -> None:
    folder, out = tables(tmp_path / "in"), tmp_path / "clusters.csv"
    said = answered(tmp_path, "crm,Z1,books,A1,different", "crm,Z2,books,A2,same")
    assert run("match", folder, "--out", out, "--must-links", said)[0] == 0
    found = clusters(out)
    assert found["Z2"] == found["A2"]
    assert found["Z1"] != found["A1"]


def test_answers_that_cannot_hold_are_said_with_their_line(tmp_path: Path) -> None:
    folder, out = tables(tmp_path / "in"), tmp_path / "clusters.csv"
    for lines, wanted in (
        (("crm,Z9,books,A1,same",), "line 2: there is no record crm/Z9"),
        (("crm,Z1,books,A1,maybe",), "line 2: there is no answer 'maybe'"),
        (
            ("crm,Z1,books,A1,same", "crm,Z2,books,A1,same", "crm,Z1,crm,Z2,different"),
            "line 4 says that crm/Z1 and crm/Z2 are different",
        ),
        (("crm,Z1,books,A1",), "line 2: fields in the row: 4, in the header: 5"),
        (("crm,,books,A1,same",), "line 2: source_id is empty"),
    ):
        code, said = run("match", folder, "--out", out, "--must-links", answered(tmp_path, *lines))
        assert (code, f"answers.csv {wanted}" in " ".join(said.split())) == (1, True), said
    (tmp_path / "answers.csv").write_text("source,source_id\n", encoding="utf-8")
    assert "lacks the columns" in run("match", folder, "--out", out, "--must-links", tmp_path / "answers.csv")[1]
    code, words = run("match", folder, "--out", out, "--must-links", tmp_path / "nowhere.csv")
    assert (code, "nowhere.csv cannot be read: No such file" in words) == (1, True), words
    assert not out.exists()


def test_two_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "PART", 7)
    (folder := tmp_path / "in").mkdir()
    brands = [a + b for a in "晨落孤秋长渔" for b in "鸟霞鹜水天舟"]
    rows = [
        f"{side}{n},深圳市{brand}科技有限公司,0755-2673{1000 + n}" for n, brand in enumerate(brands) for side in "az"
    ]
    rows += [f"s{n},{brand}科技,0755-2673{1000 + n}" for n, brand in enumerate(brands)]
    (folder / "t.csv").write_text("source_id,name,phone\n" + "\n".join(rows) + "\n", encoding="utf-8")
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    assert run("match", folder, "--out", one, "--processes", 1)[0] == 0
    monkeypatch.setattr(cluster, "PART", 2)  # what stands between clusters is worked out by both as well
    assert run("match", folder, "--out", two, "--processes", 2)[0] == 0
    assert one.read_bytes() == two.read_bytes()
    assert len(set(clusters(one).values())) == len(brands)


def test_a_source_with_a_slash_stays_apart_and_comes_out_as_it_went_in(tmp_path: Path) -> None:
    """`a/b` + `c` and `a` + `b/c` are two records, and a percent sign means itself."""
    (folder := tmp_path / "in").mkdir()
    wanted = [("a/b", "c"), ("a", "b/c"), ("a%2Fb", "c"), ("50%", "x/y/z"), ("//", "/")]
    names = ("晨鸟", "孤鹜", "落霞", "深圳市澄砚智能装备有限公司", "澄砚")
    rows = [f"{one},{source},{name}" for name, (source, one) in zip(names, wanted, strict=True)]
    (folder / "t.csv").write_text("source_id,source,name\n" + "\n".join(rows) + "\n", encoding="utf-8")
    out, review, said = tmp_path / "o.csv", tmp_path / "r.csv", tmp_path / "answers.csv"
    said.write_text("source,source_id,other_source,other_source_id\na/b,c,a,b/c\n", encoding="utf-8")
    code, words = run("match", folder, "--out", out, "--review", review, "--must-links", said)
    assert code == 0, words
    rows_out = list(csv.DictReader(out.open(encoding="utf-8")))
    found = {(row["source"], row["source_id"]): row["cluster_id"] for row in rows_out}
    assert found.keys() == set(wanted)
    assert found["a/b", "c"] == found["a", "b/c"] != found["a%2Fb", "c"]
    asked = list(csv.DictReader(review.open(encoding="utf-8")))
    assert asked, "a short name is asked about"
    for row in asked:
        assert {(row["source"], row["source_id"]), (row["candidate_source"], row["candidate_source_id"])} <= set(wanted)
    old = {one: f"kept {number}" for number, one in enumerate(wanted)}
    before, again = tmp_path / "before.csv", tmp_path / "again.csv"
    lines = [f"{source},{one},{name}" for (source, one), name in old.items()]
    before.write_text("source,source_id,cluster_id\n" + "\n".join(lines) + "\n", encoding="utf-8")
    code, words = run("match", folder, "--out", again, "--review", review, "--previous", before)
    assert code == 0, words
    kept = {
        (row["source"], row["source_id"]): row["cluster_id"] for row in csv.DictReader(again.open(encoding="utf-8"))
    }
    assert kept == old
    for row in csv.DictReader(review.open(encoding="utf-8")):  # the questions name the clusters by the same ids
        assert row["cluster_id"] == old[row["source"], row["source_id"]]
        assert row["candidate_cluster_id"] == old[row["candidate_source"], row["candidate_source_id"]]


def test_ids_of_an_earlier_run_stay(tmp_path: Path) -> None:
    """A record that sorts before all others comes to a cluster; without --previous it renames it."""
    folder, first, then = tables(tmp_path / "in"), tmp_path / "first.csv", tmp_path / "then.csv"
    assert run("match", folder, "--out", first)[0] == 0
    (folder / "a.csv").write_text("source_id,name,tax_id\nN1,晨鸟,91440300319331004W\nN2,霞,\n", encoding="utf-8")
    assert run("match", folder, "--out", then)[0] == 0
    assert clusters(then)["A1"] != clusters(first)["A1"]
    code, words = run("match", folder, "--out", then, "--previous", first, "--json")
    assert code == 0, words
    old, new = clusters(first), clusters(then)
    assert {one: new[one] for one in old} == old
    assert new["N1"] == old["A1"]
    counts = {name: count for name, count in json.loads(words.splitlines()[-1]).items() if name.startswith("ids_")}
    assert counts == {"ids_kept": 3, "ids_merged": 0, "ids_split": 0, "ids_new": 1, "ids_gone": 0}


def test_ids_follow_merges_and_splits_of_people(tmp_path: Path) -> None:
    folder, first, then, back = (tables(tmp_path / "in"), *(tmp_path / f"{n}.csv" for n in ("first", "then", "back")))
    assert run("match", folder, "--out", first)[0] == 0
    said = answered(tmp_path, "crm,Z2,books,A1,same", "crm,Z1,books,A1,different", "crm,Z1,books,A2,same")
    code, words = run("match", folder, "--out", then, "--previous", first, "--must-links", said, "--json")
    assert code == 0, words
    old, new = clusters(first), clusters(then)
    # {A1 Z1} {A2} {Z2} became {A1 Z2} {A2 Z1}: each brings one record, so the smaller id goes first.
    assert new == {"A1": old["A1"], "Z2": old["A1"], "A2": old["A2"], "Z1": old["A2"]}
    assert json.loads(words.splitlines()[-1])["ids_merged"] == 1
    assert run("match", folder, "--out", back, "--previous", then)[0] == 0
    assert clusters(back)["A1"] == clusters(back)["Z1"] == old["A1"]


def test_an_earlier_run_that_cannot_be_one_is_said_with_its_line(tmp_path: Path) -> None:
    folder, out, before = tables(tmp_path / "in"), tmp_path / "out.csv", tmp_path / "before.csv"
    for text, wanted in (
        ("source,source_id\ncrm,Z1\n", "line 1 lacks the columns cluster_id"),
        ("source,source_id,cluster_id\ncrm,Z1,\n", "line 2: cluster_id is empty"),
        ("source,source_id,cluster_id\ncrm,Z1\n", "line 2: fields in the row: 2"),
        ("source,source_id,cluster_id\ncrm,Z1,x\n\ncrm,Z1,y\n", "line 4: crm/Z1 stands there twice (first in "),
    ):
        before.write_text(text, encoding="utf-8")
        code, words = run("match", folder, "--out", out, "--previous", before)
        assert (code, f"before.csv {wanted}" in " ".join(words.split())) == (1, True), words
    code, words = run("match", folder, "--out", out, "--previous", tmp_path / "nowhere.csv")
    assert (code, "nowhere.csv cannot be read" in words) == (1, True), words
    assert not out.exists()
