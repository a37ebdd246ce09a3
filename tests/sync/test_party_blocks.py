"""Who is looked at together in a store: common keys are not read whole, and nobody whose candidates moved is missed."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, delete, select, update

from bench.config import write_config
from mapping.identity.blocks import opened
from mapping.identity.keys import COUNTED_KINDS, RULE_KINDS
from mapping.identity.rivals import MOST, SHARED_KINDS
from mapping.identity.stored import stored_party
from sync.fold import blocks
from sync.fold.batch import Batch, open_batch
from sync.fold.changes import Change
from sync.fold.parties import fold_parties
from sync.settle.parties import settle_accounts, settle_parties
from tests.mapping.test_identity_link import code
from tieout.canonical import codec
from tieout.canonical.parties import PartyCandidate
from tieout.cli.vendors import vendor_settings
from tieout.core.config import Config, load
from tieout.store.queries.blocks import holders
from tieout.store.session import unit
from tieout.store.tables import conflicts, dirty, key_bearers, memberships, party_keys, source_records
from tieout.store.upsert import upsert

AT = datetime(2026, 11, 24, tzinfo=UTC)
FIRM = "深圳市澄砚智能装备有限公司"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """One book of record, called `source`; every other connection is a CRM."""
    path = write_config(tmp_path, "http://127.0.0.1:1", str(tmp_path / "none.db"), page_rows=100, vendor="kingdee")
    return load(path, vendor_settings=vendor_settings)


def batch_of(conn: Connection, config: Config) -> Batch:
    return open_batch(conn, config, {}, body={"phase": "test"}, now=AT)


def fold(conn: Connection, config: Config, connection: str, *parties: PartyCandidate, gone: bool = False) -> Batch:
    """Fold records of one connection; answers the batch, which knows what became dirty."""
    upsert(
        conn,
        source_records,
        [
            {
                "connection": connection,
                "stream": "customers",
                "external_id": one.external_id,
                "seq": 1,
                "source_hash": "",
                "read_started_at": AT,
                "is_deleted": gone,
                "candidate_kind": "party",
                "candidate": codec.encode(one),
                "facts": stored_party(one),
            }
            for one in parties
        ],
    )
    batch = batch_of(conn, config)
    fold_parties(
        batch,
        [
            Change(connection, "customers", one.external_id, 1, None if gone else one, None, gone, False)
            for one in parties
        ],
    )
    batch.flush()
    return batch


def party(ref: str, name: str, tax: str = "", **more: str) -> PartyCandidate:
    return PartyCandidate(ref, (name,), tax_ids=(tax,) if tax else (), **more)  # type: ignore[arg-type]  # any fields


def touched(conn: Connection) -> set[str]:
    """What is marked to be judged again, and no longer is."""
    found = set(conn.execute(select(dirty.c.key).where(dirty.c.kind.in_(("party", "account")))).scalars())
    conn.execute(delete(dirty))
    return found


def stored(conn: Connection) -> dict[str, set[tuple[str, str]]]:
    out: dict[str, set[tuple[str, str]]] = {}
    for kind, value, member in conn.execute(select(party_keys.c.kind, party_keys.c.value, party_keys.c.member)):
        out.setdefault(member, set()).add((kind, value))
    return out


def seen_by_all(held: Mapping[str, Collection[tuple[str, str]]], cap: int) -> dict[str, set[str]]:
    """Everybody's candidates, from all keys at once."""
    by_key: dict[tuple[str, str], list[str]] = {}
    for member in sorted(held):
        for key in held[member]:
            if key[0] not in COUNTED_KINDS:
                by_key.setdefault(key, []).append(member)
    out = {}
    for member, keys in held.items():
        mine = {key: by_key[key] for key in keys if key in by_key}
        chosen, _ = opened(sorted((block for block in mine.values() if len(block) <= cap), key=len))
        for (kind, _), block in mine.items():
            if kind in RULE_KINDS:
                own = [one for one in block if blocks.side_of(one) == blocks.side_of(member) and "/" in one]
                chosen |= set(block) if len(block) <= cap else {*block[:cap], *own[:2]}
        out[member] = chosen - {member}
    return out


def counted(held: Mapping[str, Collection[tuple[str, str]]]) -> dict[tuple[str, str], int]:
    """Legal persons by key, where they are several."""
    persons: dict[tuple[str, str], set[str]] = {}
    for keys in held.values():
        ids = {value for kind, value in keys if kind == "tax"}
        for key in keys:
            if key[0] in SHARED_KINDS:
                persons.setdefault(key, set()).update(ids)
    return {key: min(len(ids), MOST) for key, ids in persons.items() if len(ids) > 1}


NAMES = (
    FIRM, "澄砚智能装备", "澄砚", "深圳市澄砚科技有限公司", "上海澄砚智能装备有限公司", "杭州沐珩食品有限公司",
    "沐珩食品", "Chengyan Intelligent Equipment Co., Ltd.", "Shenzhen Chengyan", "澄研智能装备",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_whoever_sees_other_candidates_is_judged_again_and_persons_are_counted_right(
    engine: Engine, config: Config, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("sync.fold.blocks.BLOCK_CAP", 4)
    monkeypatch.setattr("mapping.identity.blocks.CANDIDATES", 5)
    chance = random.Random(seed)
    with unit(engine, "apply.commit") as conn:
        before: dict[str, set[str]] = {}
        for _ in range(45):
            connection = chance.choice(("source", "zoho", "sales", "aaa"))
            parties = [
                party(
                    f"{connection[0]}{chance.randrange(9)}",
                    chance.choice(NAMES),
                    chance.choice(("", code(chance.randrange(12)))),
                    phone=chance.choice(("", "0755-26731188", "021-55556666")),
                    website=chance.choice(("", "chengyan.cn", "muheng.cn")),
                )
                for _ in range(chance.choice((1, 1, 3)))
            ]
            once = list({one.external_id: one for one in parties}.values())
            fold(conn, config, connection, *once, gone=connection != "source" and chance.random() < 0.2)
            held = stored(conn)
            after = seen_by_all(held, 4)
            moved = {member for member in after if after[member] != before.get(member, set())}
            assert moved <= touched(conn)
            found = blocks.candidates(batch_of(conn, config), list(held))
            assert found == after
            rows = conn.execute(select(key_bearers.c.kind, key_bearers.c.value, key_bearers.c.persons))
            assert {(kind, value): persons for kind, value, persons in rows} == counted(held)
            before = after
        assert any(
            len(block) > 4 for block in holders(conn, {key for keys in held.values() for key in keys}, 9).values()
        )


def test_a_key_that_everybody_holds_is_read_no_further_than_it_matters(engine: Engine, config: Config) -> None:
    crowd = [party(f"s{n:03d}", f"澄砚{NAMES[5][2:4]}{chr(0x4E00 + n)}店", "", address=f"道{n}号") for n in range(90)]
    with unit(engine, "apply.commit") as conn:
        fold(conn, config, "sales", *crowd)
        books = fold(conn, config, "source", party("k1", FIRM, code(1), number="k1"))
        settle_accounts(books, [one for one in touched(conn) if one.startswith("acc_")])
        batch = fold(conn, config, "zoho", party("z1", FIRM, code(1)))
        key = ("core", "澄砚")
        assert len(holders(conn, [key], 61)[key]) == 61
        assert not {member for member in touched(conn) if member.startswith("sales/")}
        settle_parties(batch, ["zoho/customers/z1"])
        assert batch.counts["blocks_dropped"] >= 1
        (rule,) = conn.execute(select(memberships.c.rule).where(memberships.c.member == "zoho/customers/z1")).scalars()
        assert rule == "tax_id"


@pytest.mark.parametrize("own", [0, 1])
def test_a_legal_name_above_the_cap_still_shows_a_duplicate_of_the_own_side(
    engine: Engine, config: Config, own: int
) -> None:
    with unit(engine, "apply.commit") as conn:
        fold(conn, config, "source", party("k1", FIRM, number="k1"))
        fold(conn, config, "sales", *[party(f"s{n:03d}", FIRM) for n in range(80)])
        fold(conn, config, "zoho", *[party(f"z{n}", FIRM) for n in range(own)])
        batch = fold(conn, config, "zoho", party("z9", FIRM))
        seen = blocks.candidates(batch, ["zoho/customers/z9"])["zoho/customers/z9"]
        assert len(seen) <= 60 + blocks.RIVALS
        assert ("zoho/customers/z0" in seen) == bool(own)
        settle_parties(batch, ["zoho/customers/z9"])
        asked = conn.execute(select(conflicts.c.evidence).where(conflicts.c.cause == "zoho/customers/z9")).scalars()
        codes = {reason["code"] for evidence in asked for reason in evidence["reasons"]}
        assert ("duplicate_in_source" in codes) == bool(own)


def test_facts_that_other_code_stored_are_not_believed_and_are_stored_anew(engine: Engine, config: Config) -> None:
    other = b"8 bytes." + stored_party(party("k1", "杭州沐珩食品有限公司", code(2)))[8:]
    facts = select(source_records.c.facts).where(source_records.c.external_id == "k1")
    with unit(engine, "apply.commit") as conn:
        books = fold(conn, config, "source", party("k1", FIRM, code(1), number="k1"))
        settle_accounts(books, [one for one in touched(conn) if one.startswith("acc_")])
        batch = fold(conn, config, "zoho", party("z1", FIRM, code(1)))
        good = conn.execute(facts).scalar_one()
        assert good == stored_party(party("k1", FIRM, code(1), number="k1"))
        for bad in (other, None):
            conn.execute(update(source_records).where(source_records.c.external_id == "k1").values(facts=bad))
            conn.execute(delete(memberships).where(memberships.c.member == "zoho/customers/z1"))
            settle_parties(batch, ["zoho/customers/z1"])
            linked = select(memberships.c.rule).where(memberships.c.member == "zoho/customers/z1")
            assert conn.execute(linked).scalar_one() == "tax_id"
            assert conn.execute(facts).scalar_one() == good


def test_a_record_that_is_gone_is_nobodys_candidate_though_its_facts_are_stored(engine: Engine, config: Config) -> None:
    with unit(engine, "apply.commit") as conn:
        books = fold(conn, config, "source", party("k1", FIRM, code(1), number="k1"))
        settle_accounts(books, [one for one in touched(conn) if one.startswith("acc_")])
        conn.execute(update(source_records).where(source_records.c.external_id == "k1").values(is_deleted=True))
        batch = fold(conn, config, "zoho", party("z1", FIRM, code(1)))
        settle_parties(batch, ["zoho/customers/z1"])
        assert conn.execute(select(memberships.c.rule).where(memberships.c.member.like("zoho/%"))).all() == []
