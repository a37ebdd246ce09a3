"""Every stored decision: its inputs exist, and its pinned rule makes of them what is stored (reliability I7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from sync.settle.statuses import status_of
from tieout.core import exact_json
from tieout.receivables import again
from tieout.store.among import among
from tieout.store.tables import case_links, decisions, memberships, open_items

Found = tuple[str, str, str, str]  # invariant, subject, expected, found
_CHUNK = 500


def wrong_decisions(conn: Connection) -> Iterator[Found]:
    """What is wrong with stored decisions; those made by a rule that is gone are asked for their inputs only."""
    yield from _strangers_words(conn)
    last = ""
    d = decisions.c
    while True:
        rows = conn.execute(select(decisions).where(d.id > last).order_by(d.id).limit(_CHUNK)).mappings().all()
        if not rows:
            return
        held = _referred(conn, rows)
        for row in rows:
            yield from _wrong(row, held)
        last = rows[-1]["id"]


def _strangers_words(conn: Connection) -> Iterator[Found]:
    """Promises and plans that stand under a customer which has none of the items they are about."""
    d, k, o, m = decisions.c, case_links.c, open_items.c, memberships.c
    standing = select(d.id, d.kind, d.subject).where(d.kind.in_(("promise", "plan")), d.is_current.is_(True))
    for row in conn.execute(standing.order_by(d.id)).all():
        customer, _, case = row.subject.split("|", 2)
        held = (
            select(m.customer_id)
            .join(open_items, o.account_id == m.member)
            .join(case_links, k.ref == o.id)
            .where(k.case_id == case, m.to_seq.is_(None))
        )
        holders = set(conn.execute(held).scalars())
        if holders and customer not in holders:
            yield "words stand with their items", f"{row.kind} {row.subject} ({row.id})", min(holders), customer


def _referred(conn: Connection, rows: Sequence[Mapping[Any, Any]]) -> dict[str, Mapping[Any, Any]]:
    """The decisions that these ones stand on, by id."""
    ids: set[str] = set()
    for row in rows:
        if isinstance(row["inputs"], Mapping):
            ids.update((row["inputs"].get("decisions") or {}).values())
    out: dict[str, Mapping[Any, Any]] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        found = conn.execute(select(decisions).where(among(decisions.c.id, part))).mappings()
        out.update({row["id"]: row for row in found})
    return out


def _wrong(row: Mapping[Any, Any], held: Mapping[str, Mapping[Any, Any]]) -> Iterator[Found]:
    name = f"{row['kind']} {row['subject']} ({row['id']})"
    inputs = row["inputs"]
    if not isinstance(inputs, Mapping) or not inputs:
        yield "decision has inputs", name, "inputs", "none"
        return
    missing = sorted(set((inputs.get("decisions") or {}).values()) - held.keys())
    if missing:
        yield "decision has inputs", name, missing[0], "none"
        return
    if not again.is_known(row["rule_version"]) or row["kind"] not in ("payment_status", "credit"):
        return
    try:
        stored, made = _both(row, held)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield "decision has inputs", name, "inputs of its rule", f"{type(error).__name__}: {error}"
        return
    if exact_json.canonical(stored) != exact_json.canonical(made):
        different = sorted(
            key for key in made if exact_json.canonical([stored[key]]) != exact_json.canonical([made[key]])
        )
        key = different[0]
        yield "decision follows from its inputs", name, f"{key} {_short(made[key])}", f"{key} {_short(stored[key])}"


def _both(row: Mapping[Any, Any], held: Mapping[str, Mapping[Any, Any]]) -> tuple[Mapping[Any, Any], Mapping[Any, Any]]:
    """What is stored, and what the rule makes of the stored inputs."""
    inputs, body = row["inputs"], row["body"]
    if row["kind"] == "credit":
        made = again.credit_by_rule(inputs, body)
        mine = len(made["reasons"])
        stored = {name: body[name] for name in again.CREDIT_FIELDS}
        stored["reasons"] = row["reasons"][len(row["reasons"]) - mine :] if mine else []
        if not body["override"]:  # what a person ordered for a while stands above the rule
            made, stored = {**made, "value": made["by_rule"]}, {**stored, "value": row["value"]}
        return stored, made
    stored = {"value": row["value"], "body": body, "reasons": row["reasons"]}
    if "documents" not in inputs:
        return stored, again.document_status(inputs, body["currency"])
    documents = {
        key: status_of(held[decision]["body"], held[decision]) for key, decision in inputs["decisions"].items()
    }
    return stored, again.combined_status(documents, body["currency"], of_customer="|" in row["subject"])


def _short(value: Any) -> str:
    text = exact_json.dumps(value).decode()
    return text if len(text) <= 120 else text[:117] + "..."
