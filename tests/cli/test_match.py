"""`tieout match`: customer tables in, clusters and questions out."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from typer.testing import CliRunner

from tieout.cli.app import app

BOOKS = """source_id,name,name_en,tax_id,phone,email_domain,city,address,country
A1,深圳市晨鸟科技有限公司,,91440300319331004W,,,深圳,,CN
A2,上海落霞贸易有限公司,,,,,上海,,CN
"""
CRM = """source_id,name,tax_id
Z1,晨鸟科技,91440300319331004w
Z2,北京孤鹜食品有限公司,
"""


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
