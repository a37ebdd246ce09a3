"""Invented company names: region + brand + industry + legal form, with the other spellings people use.

Every word list is general vocabulary and public geography; brands are random pairs of rarely used characters,
so that no name is meant to be anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from opencc import OpenCC

# Brand characters with their toneless reading.
_BRAND = dict(
    pair.split(":")
    for pair in (
        "澄:cheng 砚:yan 岚:lan 霁:ji 彦:yan 舟:zhou 霖:lin 沐:mu 珩:heng 晏:yan 栩:xu 翊:yi 昱:yu 钧:jun 棠:tang "
        "泓:hong 旻:min 峤:qiao 潼:tong 祺:qi 绮:qi 筠:yun 苓:ling 荻:di 菡:han 葭:jia 蔚:wei 蘅:heng 衍:yan 谌:chen "
        "邺:ye 铎:duo 锦:jin 陌:mo 隽:juan 霏:fei 韶:shao 颂:song 骁:xiao 鹭:lu 麓:lu 黛:dai 屿:yu 垚:yao 奕:yi "
        "嵘:rong 帆:fan 徽:hui 恺:kai 曜:yao 朔:shuo 枫:feng 柘:zhe 桐:tong 榆:yu 槿:jin 樾:yue 汐:xi 洛:luo 淇:qi"
    ).split()
)

# City, English name, province-level word, 6-digit region code (GB/T 2260).
CITIES: tuple[tuple[str, str, str], ...] = (
    ("北京", "Beijing", "110108"),
    ("上海", "Shanghai", "310115"),
    ("天津", "Tianjin", "120116"),
    ("重庆", "Chongqing", "500112"),
    ("广州", "Guangzhou", "440106"),
    ("深圳", "Shenzhen", "440305"),
    ("东莞", "Dongguan", "441900"),
    ("佛山", "Foshan", "440604"),
    ("杭州", "Hangzhou", "330106"),
    ("宁波", "Ningbo", "330206"),
    ("温州", "Wenzhou", "330302"),
    ("苏州", "Suzhou", "320505"),
    ("南京", "Nanjing", "320114"),
    ("无锡", "Wuxi", "320211"),
    ("常州", "Changzhou", "320412"),
    ("青岛", "Qingdao", "370212"),
    ("济南", "Jinan", "370112"),
    ("厦门", "Xiamen", "350203"),
    ("福州", "Fuzhou", "350102"),
    ("武汉", "Wuhan", "420106"),
    ("长沙", "Changsha", "430104"),
    ("郑州", "Zhengzhou", "410105"),
    ("合肥", "Hefei", "340104"),
    ("成都", "Chengdu", "510107"),
    ("西安", "Xi'an", "610113"),
    ("沈阳", "Shenyang", "210102"),
    ("大连", "Dalian", "210211"),
    ("昆明", "Kunming", "530102"),
)

INDUSTRIES: tuple[tuple[str, str], ...] = (
    ("智能装备", "Intelligent Equipment"),
    ("精密机械", "Precision Machinery"),
    ("电子科技", "Electronics Technology"),
    ("新材料", "Advanced Materials"),
    ("自动化设备", "Automation Equipment"),
    ("医疗器械", "Medical Devices"),
    ("供应链管理", "Supply Chain Management"),
    ("国际贸易", "International Trade"),
    ("食品", "Foods"),
    ("包装制品", "Packaging Products"),
    ("环保科技", "Environmental Technology"),
    ("信息技术", "Information Technology"),
    ("汽车零部件", "Auto Parts"),
    ("纺织", "Textiles"),
    ("光电", "Optoelectronics"),
    ("建材", "Building Materials"),
    ("物流", "Logistics"),
    ("生物科技", "Biotechnology"),
)

_ENGLISH_BRANDS = tuple(
    "Alder Bracken Corvel Dunmore Elstow Fennic Garrow Halden Ivelle Jarrow Keswin Lorne Marlock Norvale Ostrel "
    "Penrith Quarlen Rowden Selwick Tarnow Umbrin Velmere Wexlow Yarvin Zellow Ashgrove Birchen Cranlow Dovrel "
    "Everby Foxmere Glenvar Harrowick Inverly Kestrow Larkmoor Merrin Northam Oakvel Pellam".split()
)
_GERMAN_BRANDS = tuple(
    "Albrecken Bergwald Dornfeld Eichhof Falkenau Grünbach Hohenlau Isenthal Königsau Lindbruck Mühlenau Nordhain "
    "Ostwald Rabental Steinmark Tannhof Ulmental Wiesgrund Zellbach Birkental".split()
)
_WORKS = (
    "Tools",
    "Components",
    "Controls",
    "Packaging",
    "Instruments",
    "Filtration",
    "Fasteners",
    "Robotics",
    "Optics",
)
_GERMAN_WORKS = (
    "Maschinenbau",
    "Messtechnik",
    "Werkzeuge",
    "Antriebstechnik",
    "Verpackung",
    "Medizintechnik",
    "Elektronik",
)


@dataclass(frozen=True, slots=True)
class CompanyName:
    """The spellings of one company: legal name, brand as people say it, English name, region code."""

    legal: str
    short: str
    english: str
    region_code: str
    city: str
    country: str


@lru_cache(maxsize=1)
def _traditional_table() -> OpenCC:
    return OpenCC("s2t")


def traditional(name: str) -> str:
    """The name in traditional characters (OpenCC table s2t)."""
    return str(_traditional_table().convert(name))


def bracket_or_space_variant(rng: Random, name: str) -> str:
    """The same name as it is typed in a CRM: other bracket width, blanks, full-width letters."""
    if "（" in name or "(" in name:
        swapped = name.translate(str.maketrans("（）()", "()（）"))
        return rng.choice((swapped, swapped.replace("(", " (").replace(")", ") ").strip()))
    if " " in name:  # Latin words, umlauts included: a blank inside a word would be another name
        return rng.choice((name.replace(" ", "  ", 1), name + " ", name.replace(" ", "\u00a0", 1)))
    if len(name) < 5:  # too short to be cut: a blank inside would make two words of it
        return name + " "
    cut = rng.randrange(2, len(name) - 2)
    return rng.choice((name[:cut] + " " + name[cut:], name + " ", name[:cut] + "　" + name[cut:]))


class NameMaker:
    """Draws company names whose brand was not used before (`sibling` reuses one on purpose)."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._used: set[str] = set()

    def chinese(self) -> CompanyName:
        """A mainland company with a fresh brand."""
        characters = list(_BRAND)
        while True:
            length = 2 if len(self._used) < 2000 else 3
            brand = "".join(self._rng.sample(characters, length))
            if self._fresh(brand):
                return self._compose(brand, self._rng.choice(CITIES), self._rng.choice(INDUSTRIES))

    def sibling(self, name: CompanyName) -> CompanyName:
        """Another company with the same brand, in another city and another industry."""
        city = self._rng.choice([c for c in CITIES if c[0] != name.city])
        industry = self._rng.choice([i for i in INDUSTRIES if i[0] not in name.legal])
        return self._compose(name.short, city, industry)

    def _compose(self, brand: str, city: tuple[str, str, str], industry: tuple[str, str]) -> CompanyName:
        style = self._rng.random()
        form = "股份有限公司" if self._rng.random() < 0.12 else "有限公司"
        if style < 0.6:
            legal = f"{city[0]}{brand}{industry[0]}{form}"
        elif style < 0.8:
            legal = f"{city[0]}市{brand}{industry[0]}{form}"
        else:
            legal = f"{brand}{industry[0]}（{city[0]}）{form}"
        latin = "".join(_BRAND[char] for char in brand).capitalize()
        english = f"{latin} {industry[1]} ({city[1]}) Co., Ltd."
        return CompanyName(legal, brand, english, city[2], city[0], "CN")

    def foreign(self, country: str) -> CompanyName:
        """A company of HK, SG, US, GB or DE with a fresh brand."""
        while True:
            pool = _GERMAN_BRANDS if country == "DE" else _ENGLISH_BRANDS
            brand = self._rng.choice(pool)
            work = self._rng.choice(_GERMAN_WORKS if country == "DE" else _WORKS)
            # A second word keeps brands apart once the single words are used up.
            short = f"{brand} {work}" if len(self._used) < 60 else f"{brand} & {self._rng.choice(pool)} {work}"
            if self._fresh(short):
                break
        form, city = {
            "HK": ("Limited", "Hong Kong"),
            "SG": ("Pte. Ltd.", "Singapore"),
            "US": (self._rng.choice(("Inc.", "LLC", "Corp.")), self._rng.choice(("Austin", "Cleveland", "San Jose"))),
            "GB": ("Ltd", self._rng.choice(("Leeds", "Bristol", "Derby"))),
            "DE": (self._rng.choice(("GmbH", "AG", "GmbH & Co. KG")), self._rng.choice(("Kassel", "Ulm", "Bremen"))),
        }[country]
        legal = f"{short} (Hong Kong) {form}" if country == "HK" else f"{short} {form}"
        return CompanyName(legal, short, legal, "", city, country)

    def _fresh(self, brand: str) -> bool:
        if brand in self._used:
            return False
        self._used.add(brand)
        return True
