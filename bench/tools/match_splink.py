"""Splink on customer tables, in an environment of its own: `python -m bench.tools.match_splink FOLDER OUT`.

Columns are cleaned first as its documentation advises; blocking, term frequencies and training by expectation
maximisation are its own. Every pair it finds at all likely goes to OUT with its match weight, for any threshold.
"""

from __future__ import annotations

import csv
import gzip
import logging
import re
import sys
import unicodedata
from pathlib import Path
from typing import TextIO

import pyarrow
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from bench.measure import cpu_now, report

MAILBOXES = frozenset("qq.com 163.com 126.com gmail.com sina.com hotmail.com outlook.com yahoo.com 139.com".split())
HAN = re.compile(r"[\u3400-\u9fff]")
FORMS = re.compile(
    r"(股份有限公司|有限责任公司|集团有限公司|有限公司)$|\b(co|ltd|inc|corp|llc|limited|corporation|company|gmbh|ag|kk)\b"
)
COLUMNS = ("unique_id", "chinese", "english", "tax", "phone", "domain", "city", "address")


def clean(row: dict[str, str], source: str) -> tuple[str | None, ...]:
    """One record with its columns folded; None where nothing is stated."""
    texts = [fold(row["name"]), fold(row.get("name_en") or "")]
    chinese = next((text.replace(" ", "") for text in texts if HAN.search(text)), "")
    english = next((text for text in texts if text and not HAN.search(text)), "")
    digits = re.sub(r"\D", "", re.sub(r"-\d{1,5}$", "", (row.get("phone") or "").strip()))
    domain = (row.get("email_domain") or "").strip().lower()
    made = (
        f"{source}/{row['source_id']}",
        chinese,
        english,
        re.sub(r"[^0-9A-Z]", "", (row.get("tax_id") or "").upper()),
        digits[-8:],
        "" if domain in MAILBOXES else domain,
        fold(row.get("city") or "").removesuffix("市"),
        fold(row.get("address") or "").replace(" ", ""),
    )
    return tuple(value or None for value in made)


def fold(text: str) -> str:
    """Lower case, full width folded, marks and legal forms dropped."""
    plain = re.sub(r"[^\w]+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()
    return " ".join(FORMS.sub(" ", plain).split())


def reading(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def rows(folder: Path) -> list[tuple[str | None, ...]]:
    out = []
    for path in sorted(folder.iterdir()):
        if not path.name.endswith((".csv", ".csv.gz")):
            continue
        with reading(path) as file:
            table = csv.DictReader(file)
            if not {"source_id", "name"} <= set(table.fieldnames or ()):
                continue
            for row in table:
                out.append(clean(row, row.get("source") or path.name.split(".")[0]))
    return out


def main(folder: Path, out: Path) -> None:
    logging.getLogger("splink").setLevel(logging.ERROR)
    start = cpu_now()
    read = rows(folder)
    table = pyarrow.table({name: [row[at] for row in read] for at, name in enumerate(COLUMNS)})
    blocks = [
        block_on("tax"),
        block_on("domain"),
        block_on("phone"),
        block_on("address"),
        block_on("substr(chinese, 1, 4)"),
        block_on("substr(english, 1, 12)"),
    ]
    settings = SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=blocks,
        comparisons=[
            cl.JaroWinklerAtThresholds("chinese", [0.95, 0.85]).configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("english", [0.95, 0.88]).configure(term_frequency_adjustments=True),
            cl.LevenshteinAtThresholds("tax", 1),
            cl.ExactMatch("phone"),
            cl.ExactMatch("domain").configure(term_frequency_adjustments=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("address", [0.95]),
        ],
    )
    api = DuckDBAPI()
    linker = Linker(api.register(table), settings)
    train = linker.training
    train.estimate_probability_two_random_records_match([block_on("tax"), block_on("chinese", "city")], recall=0.4)
    train.estimate_u_using_random_sampling(max_pairs=5e6)
    for rule in (block_on("tax"), block_on("chinese"), block_on("domain")):
        train.estimate_parameters_using_expectation_maximisation(rule)
    made = linker.inference.predict(threshold_match_weight=-10)
    found = made.as_duckdbpyrelation().select("match_weight, unique_id_l, unique_id_r")
    with out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(found.fetchall())
    report(start_cpu=start, records=len(read))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
