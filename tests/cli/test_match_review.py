"""What `--review` says of two records is true of these two, and why they were not linked stands there."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from mapping.identity.evidence import compare
from mapping.identity.weights import weights
from tests.cli.test_match import _collections as collections_go_on  # noqa: F401 - the command switches them off
from tests.cli.test_match import run
from tests.mapping.test_identity_link import TAX, party

HEADER = "source_id,name,name_en,tax_id,phone,email_domain,city,address,country\n"
FIRM = "深圳市澄砚智能装备有限公司"
ROAD = "深圳市南山区科苑路15号"
ROWS = {
    "books": [("A1", FIRM, "", TAX, "", "chengyan.cn", "深圳", ROAD, ""), ("A2", "上海沐珩食品有限公司", *[""] * 7)],
    "fxiaoke": [("F1", FIRM, "", TAX, "0755-26731188", "", "", "", "")],
    "zoho": [
        ("Z1", "Chengyan Trading", "", "", "0755-26731188", "", "", ROAD, ""),
        ("Z2", "深圳市澄砚投资有限公司", "", TAX, "", "", "深圳", "", ""),
        ("Z3", "澄砚智能", *[""] * 7),
    ],
}


def test_reasons_are_those_of_the_records_that_are_named(tmp_path: Path) -> None:
    folder, review = tmp_path / "in", tmp_path / "review.csv"
    folder.mkdir()
    for source, rows in ROWS.items():
        text = HEADER + "".join(",".join(row) + "\n" for row in rows)
        (folder / f"{source}.csv").write_text(text, encoding="utf-8")
    assert run("match", folder, "--out", tmp_path / "out.csv", "--review", review)[0] == 0
    known = {}
    for source, rows in ROWS.items():
        for ref, name, _, tax, phone, web, city, address, _ in rows:
            more = {"phone": phone, "website": web, "city": city, "address": address}
            known[source, ref] = party(f"{source}/{ref}", name, tax, side=source, **more)
    rows = list(csv.DictReader(review.open(encoding="utf-8")))
    assert {row["source_id"] for row in rows} == {"Z1", "Z2", "Z3"}
    marked = 0
    for row in rows:
        mine = known[row["source"], row["source_id"]]
        theirs = known[row["candidate_source"], row["candidate_source_id"]]
        assert (row["name"], row["candidate_name"]) == (mine.shown_names(), theirs.shown_names())
        true_of_both, total = set(compare(mine, theirs).codes), 0.0
        *reasons, held = row["reasons"].split("; ")
        for reason in reasons:
            code, weight = re.fullmatch(r"(\w+) ([+-]\d+\.\d)(?: \(by others of the cluster\))?", reason).groups()
            total += float(weight)
            is_marked = reason.endswith(")")
            marked += is_marked
            assert is_marked or code == "prior" or code in true_of_both, (row, true_of_both)
        assert abs(total - float(row["score"])) < 0.06 * len(reasons), "the weights add up to the score"
        assert held.startswith("held by ")
    assert marked, "a cluster knows more than one of its records"
    why = {row["source_id"]: row["reasons"].split("; ")[-1] for row in rows}
    assert why == {"Z1": "held by no_rule", "Z2": "held by trade_apart", "Z3": "held by no_rule"}
    assert weights().codes["trade_apart"] < 0


def test_no_name_becomes_a_formula_in_a_spreadsheet(tmp_path: Path) -> None:
    folder, review = tmp_path / "in", tmp_path / "review.csv"
    folder.mkdir()
    for source, name in (("books", FIRM), ("zoho", "=澄砚智能")):
        (folder / f"{source}.csv").write_text(HEADER + f"{source}1,{name},,,,,深圳,,\n", encoding="utf-8")
    assert run("match", folder, "--out", tmp_path / "out.csv", "--review", review)[0] == 0
    (row,) = csv.DictReader(review.open(encoding="utf-8"))
    assert sorted((row["name"], row["candidate_name"])) == ["'=澄砚智能", FIRM]
