"""The hash chain finds every change, gap and reordering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.ledger.chain import GENESIS, ChainLink, link, verify_chain


def chain(records: list[Mapping[str, object]]) -> list[ChainLink]:
    out: list[ChainLink] = []
    previous = GENESIS
    for seq, record in enumerate(records, start=1):
        out.append(ChainLink(seq, previous, record, link(previous, record)))
        previous = out[-1].hash
    return out


RECORDS: list[Mapping[str, object]] = [{"entry": f"e{n}", "amount": n * 100} for n in range(5)]


def test_whole_chain_and_its_tail_verify() -> None:
    links = chain(RECORDS)
    assert verify_chain(links) is None
    assert verify_chain(links[2:], prev_hash=links[1].hash, first_seq=3) is None
    assert verify_chain([]) is None


def test_hash_does_not_depend_on_key_order_but_on_every_value() -> None:
    assert link(GENESIS, {"a": 1, "b": Decimal("1.10")}) == link(GENESIS, {"b": Decimal("1.1"), "a": 1})
    assert link(GENESIS, {"a": 1}) != link(GENESIS, {"a": 2})
    assert link("1" * 64, {"a": 1}) != link(GENESIS, {"a": 1})
    assert len(link(GENESIS, {})) == 64


@pytest.mark.parametrize(
    ("damage", "kind", "seq"),
    [
        (lambda links: [*links[:2], replace(links[2], record={"entry": "e2", "amount": 201}), *links[3:]], "hash", 3),
        (lambda links: [*links[:2], *links[3:]], "sequence", 4),
        (lambda links: [replace(links[0], prev_hash="f" * 64), *links[1:]], "previous_hash", 1),
        (lambda links: links[1:], "sequence", 2),
        (
            lambda links: [
                *links[:2],
                replace(links[2], record={"x": 1}, hash=link(links[1].hash, {"x": 1})),
                *links[3:],
            ],
            "previous_hash",
            4,
        ),
    ],
)
def test_first_breach_is_named(damage: object, kind: str, seq: int) -> None:
    breach = verify_chain(damage(chain(RECORDS)))  # type: ignore[operator]
    assert breach is not None
    assert (breach.kind, breach.seq) == (kind, seq)
    assert breach.expected != breach.found


@given(at=st.integers(0, 4), amount=st.integers())
def test_any_changed_amount_is_found(at: int, amount: int) -> None:
    links = chain(RECORDS)
    links[at] = replace(links[at], record={**links[at].record, "amount": amount})
    breach = verify_chain(links)
    assert (breach is None) == (amount == at * 100)
