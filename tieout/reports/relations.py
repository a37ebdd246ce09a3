"""Relations of a customer as the API and the console show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from tieout.store.queries import parties, relations


def of_customer(conn: Connection, customer_id: str, members: Sequence[str]) -> list[dict[str, Any]]:
    """Branches and groups in both directions, and further names: who is meant, by which rule or person, since when.

    `direction`: "to" = this customer is the branch, the member, the bearer of the name; "from" = the other one is.
    """
    rows = relations.of_customer(conn, customer_id, members)
    home = relations.homes(conn, {ref for row in rows for ref in (row["member"], row["target"])})
    bearers = relations.bearers(conn, {row["name"] for row in rows if row["name"]})
    mine = {customer_id, *members}
    out = []
    for row in rows:
        direction = "to" if row["member"] in mine else "from"
        other = row["target"] if direction == "to" else row["member"]
        customer = home.get(other)
        out.append(
            {
                "kind": row["kind"],
                "direction": direction,
                "member": row["member"],
                "target": row["target"],
                "name": row["name"],
                "is_ambiguous": bearers.get(row["name"], 0) > 1,
                "other_name": row["name"] or _called(conn, other) or (customer[1] if customer else other),
                "other_customer_id": customer[0] if customer else None,
                "rule": row["rule"],
                "rule_version": row["rule_version"],
                "evidence": row["evidence"],
                "recorded_at": row["recorded_at"],
                "actor": row["actor"] or (row["evidence"] or {}).get("actor") or None,
                "conflict_id": row["conflict_id"],
            }
        )
    return out


def _called(conn: Connection, ref: str) -> str:
    if ref.startswith("cus_"):
        return ""
    party = parties.party_of(conn, ref)
    return party.display_name if party is not None else ""
