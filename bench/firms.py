"""Invented customer tables of four systems with the truth beside them, or tables that are given: rows for matching."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TextIO

from mapping.identity.tax_ids import organisation_check, uscc_check

COLUMNS = ("source", "source_id", "name", "name_en", "tax_id", "phone", "email_domain", "city", "address", "country")
Row = dict[str, str]
_PLACES = [
    line.split()
    for line in """
深圳 Shenzhen 440300 0755
广州 Guangzhou 440100 020
上海 Shanghai 310100 021
北京 Beijing 110100 010
杭州 Hangzhou 330100 0571
苏州 Suzhou 320500 0512
成都 Chengdu 510100 028
武汉 Wuhan 420100 027
西安 Xi'an 610100 029
青岛 Qingdao 370200 0532
厦门 Xiamen 350200 0592
长沙 Changsha 430100 0731
""".strip().splitlines()
]
_SYLLABLES = (
    "澄cheng 砚yan 沐mu 珩heng 屹yi 岚lan 泓hong 曜yao 骁xiao 珂ke 韬tao 翊yi 霖lin 湛zhan 嵘rong "
    "溢yi 琅lang 灏hao 铮zheng 峤qiao 弘hong 朗lang 誉yu 臻zhen 睿rui 晟sheng 琪qi 岳yue 帆fan 舟zhou 桥qiao 岭ling "
    "禾he 谷gu 泉quan 瀚han 昂ang 启qi 承cheng 拓tuo"
).split()
_TRADES = [
    tuple(line.split(" ", 1))
    for line in """
科技 Technology
电子 Electronics
贸易 Trading
物流 Logistics
医药 Pharmaceutical
机械设备 Machinery
包装材料 Packaging
食品 Food
环保工程 Environmental Engineering
化工 Chemical
医疗器械 Medical Devices
光电 Optoelectronics
""".strip().splitlines()
]
_FORMS = ("有限公司",) * 6 + ("股份有限公司", "有限责任公司", "集团有限公司")
_SYSTEMS = (("crm_zoho", "Z", 0.15), ("crm_fxiaoke", "F", 0.42), ("crm_salesforce", "S", 0.12), ("books", "A", 0.93))
_MAILBOXES = ("qq.com", "163.com", "gmail.com")


def invented(records: int, seed: int = 7) -> Iterator[tuple[Row, str]]:
    """That many records, each with the firm it is; about 2.9 records a firm, in the same order for the same seed."""
    chance = Random(seed)  # noqa: S311 - invents firms
    count = firm = 0
    while count < records:
        firm += 1
        for row in _firm(chance, firm, count):
            if count >= records:
                return
            count += 1
            yield row, f"X{firm:08d}"


def _firm(chance: Random, number: int, first: int) -> Iterator[Row]:
    place, trade = chance.choice(_PLACES), chance.choice(_TRADES)
    parts = [chance.choice(_SYLLABLES) for _ in range(2 if chance.random() < 0.65 else 3)]
    brand, spelled = "".join(part[0] for part in parts), "".join(part[1:] for part in parts).capitalize()
    region = place[0] + chance.choice(("市", "", "")) if chance.random() < 0.85 else ""
    full = region + brand + trade[0] + chance.choice(_FORMS)
    english = f"{place[1]} {spelled} {trade[1]} Co., Ltd."
    organisation = f"{number % 10**8:08d}"
    tax = f"91{place[2]}{organisation}{organisation_check(organisation)}"
    tax += uscc_check(tax)
    phone = f"{chance.randint(2, 8)}{chance.randrange(10**7):07d}"
    domain = (
        spelled.lower() + chance.choice(("", trade[1][:4].lower(), str(number % 97))) + chance.choice((".com", ".cn"))
    )
    copies = chance.choices((1, 2, 3, 4, 5), (14, 28, 30, 20, 8))[0]
    systems = chance.sample(_SYSTEMS, min(copies, 4)) + ([chance.choice(_SYSTEMS)] if copies == 5 else [])
    for at, (source, letter, tax_share) in enumerate(systems):
        name, name_en = _written(chance, source, full, english, brand, trade, spelled)
        telephones = (
            f"{place[3]}-{phone}",
            f"+86 {place[3][1:]} {phone}",
            f"1{chance.randrange(3 * 10**9, 9 * 10**9)}",
        )
        yield {
            "source": source,
            "source_id": f"{letter}{first + at + 1:08d}",
            "name": name,
            "name_en": name_en,
            "tax_id": tax if chance.random() < tax_share else "",
            "phone": chance.choice(telephones) if chance.random() < 0.5 else "",
            "email_domain": (domain if chance.random() < 0.85 else chance.choice(_MAILBOXES))
            if chance.random() < 0.5
            else "",
            "city": chance.choice((place[0], place[0] + "市", place[1])) if chance.random() < 0.6 else "",
            "address": f"{place[0]}市工业大道{number % 999}号" if chance.random() < 0.4 else "",
            "country": "CN" if chance.random() < 0.6 else "",
        }


def _written(
    chance: Random, source: str, full: str, english: str, brand: str, trade: tuple[str, ...], spelled: str
) -> tuple[str, str]:
    """The name, and the English name beside it, as people write them in that system."""
    short = brand + trade[0][:2]
    x = chance.random()
    if source == "books":
        return full if x < 0.93 else full.replace("股份", "").replace("责任", ""), ""
    if source == "crm_fxiaoke":
        return full if x < 0.5 else short if x < 0.75 else full[:-4] if x < 0.9 else brand + trade[0] + "有限公司", ""
    if source == "crm_salesforce":
        return (
            english
            if x < 0.45
            else english[:-10]
            if x < 0.65
            else f"{spelled} {trade[1]}"
            if x < 0.85
            else english.upper()
        ), ""
    name = english if x < 0.3 else full if x < 0.6 else short if x < 0.85 else full.replace("有限公司", "")
    return name, english if not name.isascii() and chance.random() < 0.3 else ""


def write(folder: Path, records: int) -> None:
    """Invented records as a folder of the kind `tieout match` reads, with truth.csv.gz beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        gzip.open(folder / "records.csv.gz", "wt", encoding="utf-8", newline="", compresslevel=4) as table,
        gzip.open(folder / "truth.csv.gz", "wt", encoding="utf-8", newline="", compresslevel=4) as truth,
    ):
        out, said = csv.DictWriter(table, COLUMNS), csv.writer(truth)
        out.writeheader()
        said.writerow(("source", "source_id", "entity_id"))
        for row, firm in invented(records):
            out.writerow(row)
            said.writerow((row["source"], row["source_id"], firm))


def reading(path: Path) -> TextIO:
    """A table, compressed or not."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def truth_of(folder: Path) -> dict[str, str]:
    """The firm of each `source/source_id`."""
    path = next(path for path in (folder / "truth.csv.gz", folder / "truth.csv") if path.exists())
    with reading(path) as file:
        return {f"{row['source']}/{row['source_id']}": row["entity_id"] for row in csv.DictReader(file)}
