"""An invented firm with its places and spellings, rows of such records, and what a matching made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from mapping.identity.matching import Matching, Record, match
from tests.mapping.test_identity_link import TAX, TAX2
from tieout.canonical.parties import PartyCandidate

FIRM = "深圳市澄砚智能装备有限公司"
PLACE = {"city": "深圳", "address": "深圳市南山区科苑路15号", "phone": "0755-26731188", "website": "chengyan.cn"}
NAMES = (
    FIRM, "澄砚智能装备", "澄砚", "深圳市澄砚科技有限公司", FIRM + "厦门分公司", "澄砚集团有限公司", "测试",
    "上海澄砚智能装备有限公司", "Chengyan Intelligent Equipment Co., Ltd.", "Shenzhen Chengyan", "澄研智能装备",
)  # fmt: skip
FIELDS: dict[str, Sequence[str]] = {
    "city": ("", "深圳", "Shanghai"),
    "phone": ("", PLACE["phone"], "021-55556666"),
    "website": ("", "chengyan.cn", "qq.com"),
    "address": ("", PLACE["address"], "深圳市南山区科苑路15"),
}
ROWS = st.lists(
    st.tuples(
        st.sampled_from("abz"),
        st.sampled_from(NAMES),
        st.sampled_from(("", TAX, TAX2, TAX[:14])),
        st.fixed_dictionaries({key: st.sampled_from(values) for key, values in FIELDS.items()}),
    ),
    max_size=9,
)


def record(ref: str, name: str, tax: str = "", **more: Any) -> Record:
    names = (name, *more.pop("names", ()))
    return Record(ref, ref.split("/")[0], PartyCandidate(ref, names, tax_ids=(tax,) if tax else (), **more))


def same(made: Matching, left: str, right: str) -> bool:
    return made.clusters[left] == made.clusters[right]


def asked(made: Matching, left: str, right: str) -> bool:
    return any({one.ref, one.other} == {left, right} for one in made.questions)


def two(first: Record, second: Record, *others: Record) -> str:
    """auto, review or separate for the first two."""
    made = match([first, second, *others])
    if same(made, first.ref, second.ref):
        return "auto"
    return "review" if asked(made, first.ref, second.ref) else "separate"
