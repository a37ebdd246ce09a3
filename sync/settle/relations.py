"""Relations: whose branch a record is, which firms belong to a group, what else a customer is called.

They stand beside memberships and move nothing: a branch and a member of a group stay customers of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from mapping.identity import relations as rules
from mapping.identity.blocks import BLOCK_CAP
from mapping.identity.facts import facts
from sync.fold.batch import Batch
from sync.fold.relations import FOUND, Relation, replace_found, standing
from sync.settle import memberships
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.queries.blocks import holders, keys_held
from tieout.store.queries.parties import parties_of
from tieout.store.tables import accounts, answers
from tieout.store.tables import memberships as membership_table

STAGE = "relation"
_KINDS = ("core", "brand")
_NAMED_BY_ID = ("tax_id", "must_link")  # memberships whose names need not agree


def mark_related(batch: Batch, keys: Sequence[str]) -> None:
    """Of records that were just settled: who may have a relation, or had one."""
    names = _names(batch, keys)
    marked = {key for key, texts in names.items() if rules.may_relate(texts)}
    marked |= {row["owner"] for row in standing(batch, keys, FOUND)}
    home = memberships.standing(batch, [key for key in names if "/" in key])
    home = {key: row for key, row in home.items() if row["rule"] in _NAMED_BY_ID}
    books = _accounts_of(batch, {row["customer_id"] for row in home.values()})
    called = _names(batch, sorted({account for ids in books.values() for account in ids}))
    for key, row in home.items():
        known = {text for account in books.get(row["customer_id"], ()) for text in called.get(account, ())}
        if not {text for text in names[key] if text} <= known:
            marked.add(key)
    batch.touch(STAGE, marked)


def settle_relations(batch: Batch, keys: Sequence[str]) -> None:
    """Find the relations of these records anew."""
    known = {ref: facts(ref, party) for ref, party in parties_of(batch.conn, keys).items()}
    near = _near(batch, [key for key, one in known.items() if rules.is_branch(one) or rules.is_group(one)])
    home = memberships.standing(batch, [key for key in keys if "/" in key])
    books = _accounts_of(batch, {row["customer_id"] for row in home.values() if row["rule"] in _NAMED_BY_ID})
    more = {one for group in (*near.values(), *books.values()) for one in group} - known.keys()
    known |= {ref: facts(ref, party) for ref, party in parties_of(batch.conn, more).items()}
    said = _linked_by_people(batch, list(home))
    wanted: dict[Relation, Any] = {}
    for key in keys:
        mine = known.get(key)
        if mine is None:
            continue
        others = [known[ref] for ref in sorted(near.get(key, ())) if ref in known]
        if rules.is_branch(mine) and (head := rules.head_of(mine, others)) is not None:
            wanted[Relation(key, key, rules.BRANCH_OF, head.ref)] = {"codes": ["name_without_branch"]}
        if rules.is_group(mine):
            for member, codes in rules.members_of(mine, others):
                wanted[Relation(key, member.ref, rules.MEMBER_OF_GROUP, key)] = {"codes": list(codes)}
        row = home.get(key)
        if row is not None and row["rule"] in _NAMED_BY_ID:
            known_books = [known[ref] for ref in books.get(row["customer_id"], ()) if ref in known]
            by_person = row["rule"] == "must_link"
            for name in rules.other_names(mine, known_books, in_any_script=by_person):
                kind = rules.ALIAS if by_person or not name.is_full else rules.FORMER_NAME
                evidence = {"rule": row["rule"], "actor": said.get(key, "") if by_person else ""}
                wanted[Relation(key, key, kind, row["customer_id"], name.raw.strip())] = evidence
    replace_found(batch, keys, wanted, rules.RELATION_VERSION)


def _names(batch: Batch, keys: Sequence[str]) -> dict[str, Sequence[str]]:
    """What members are called: accounts by their name, CRM records by all their names."""
    a = accounts.c
    out: dict[str, Sequence[str]] = {}
    for part in chunks(sorted(key for key in keys if "/" not in key)):
        out.update({row.id: (row.name,) for row in batch.conn.execute(select(a.id, a.name).where(among(a.id, part)))})
    for key, party in parties_of(batch.conn, [key for key in keys if "/" in key]).items():
        out[key] = (party.legal_name, *party.names)
    return out


def _near(batch: Batch, keys: Sequence[str]) -> dict[str, set[str]]:
    """Members that bear the same core or brand as each of these; words that too many bear are left out."""
    mine = [(member, (kind, value)) for member, kind, value in keys_held(batch.conn, keys, _KINDS)]
    found = holders(batch.conn, {key for _, key in mine}, BLOCK_CAP + 1)
    out: dict[str, set[str]] = {}
    for member, key in mine:
        block = found.get(key, [])
        if len(block) <= BLOCK_CAP:
            out.setdefault(member, set()).update(one for one in block if one != member)
    return out


def _accounts_of(batch: Batch, customers: Iterable[str]) -> dict[str, list[str]]:
    """The accounts of customers now."""
    m = membership_table.c
    out: dict[str, list[str]] = {}
    for part in chunks(sorted(set(customers))):
        for row in batch.conn.execute(
            select(m.customer_id, m.member)
            .where(among(m.customer_id, part), m.to_seq.is_(None), m.member.like("acc\\_%", escape="\\"))
            .order_by(m.member)
        ):
            out.setdefault(row.customer_id, []).append(row.member)
    return out


def _linked_by_people(batch: Batch, records: Sequence[str]) -> Mapping[str, str]:
    """Who linked each of these records, where a person did."""
    n = answers.c
    out: dict[str, str] = {}
    for part in chunks(sorted(records)):
        for row in batch.conn.execute(
            select(n.subject, n.actor)
            .where(among(n.subject, part), n.action == "link", n.is_active.is_(True))
            .order_by(n.seq)
        ):
            out[row.subject] = row.actor
    return out
