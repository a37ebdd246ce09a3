"""Facts of a record as the store keeps them: the same when read back, and not read when other code wrote them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.identity import stored
from mapping.identity.facts import facts
from tests.mapping.invented import FIRM, NAMES, PLACE
from tests.mapping.test_identity_link import TAX
from tieout.canonical.parties import PartyCandidate

TEXTS = st.one_of(st.sampled_from(NAMES), st.text(max_size=12))


@given(
    names=st.lists(TEXTS, max_size=3),
    tax_ids=st.lists(st.one_of(st.text(max_size=20), st.sampled_from([TAX, "GB999999973"])), max_size=2),
    more=st.fixed_dictionaries({name: st.one_of(st.just(PLACE.get(name, "")), st.text(max_size=16))
                                for name in ("phone", "website", "country", "city", "address", "number")}),
)  # fmt: skip
def test_what_is_stored_is_read_back(names: list[str], tax_ids: list[str], more: dict[str, str]) -> None:
    party = PartyCandidate("1", tuple(names), tax_ids=tuple(tax_ids), **more)  # type: ignore[arg-type]  # texts all
    known = facts("acc_1", party, side="book", group="cus_1", rule="must_link")
    assert stored.restored(stored.stored(known), "acc_1", "book", "cus_1", "must_link") == known
    assert stored.stored_party(party) == stored.stored(known)


def test_facts_of_other_code_or_tables_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = stored.stored_party(PartyCandidate("1", (FIRM,)))
    assert stored.restored(kept, "acc_1") is not None
    assert stored.restored(None, "acc_1") is None
    monkeypatch.setattr(stored, "_DATA", stored._DATA[1:])  # as if a table were another one
    stored.version.cache_clear()
    assert stored.restored(kept, "acc_1") is None
    monkeypatch.undo()
    stored.version.cache_clear()
    assert stored.restored(kept, "acc_1") is not None


def test_every_module_and_table_that_takes_a_record_apart_changes_the_version() -> None:
    home = Path(stored.__file__).parent
    needed, seen = ["facts"], set[str]()
    while needed:
        name = needed.pop()
        if name in seen:
            continue
        seen.add(name)
        text = (home / f"{name}.py").read_text(encoding="utf-8")
        needed += re.findall(r"^from mapping\.identity\.(\w+) import", text, re.MULTILINE)
        needed += [
            one
            for line in re.findall(r"^from mapping\.identity import (.+)$", text, re.MULTILINE)
            for one in line.split(", ")
        ]
    assert seen <= set(stored._CODE)
    read = {
        table
        for name in seen
        for table in re.findall(r'"(\w+\.(?:yaml|txt))"', (home / f"{name}.py").read_text(encoding="utf-8"))
    }
    assert read <= set(stored._DATA), "tables named by the code"
