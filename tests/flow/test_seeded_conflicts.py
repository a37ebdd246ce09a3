"""What the seeded company holds as duplicates and contradictions is what people are asked about, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests.flow.books import crm_records_of_account, rows, zoho_record
from tests.flow.harness import make_world, open_installation
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import accounts, conflicts

KINDS = {"accounts": ("identity", "customers"), "invoices": ("unlinked_document", "invoices")}


def _expected(world: SandboxWorld, part: str) -> dict[str, dict[str, Any]]:
    """Records by id that the company's own answers call conflicts."""
    return {key: answer for key, answer in world.truth[part].items() if answer["expect"] == "conflict"}


def _decided_twins(world: SandboxWorld) -> dict[str, str]:
    """CRM accounts of which a twin exists, but which alone carry the tax id of the customer -> that twin."""
    twins: dict[str, list[str]] = {}
    for key, answer in _expected(world, "accounts").items():
        if answer["way"] == "duplicate":
            twins.setdefault(answer["customer"], []).append(key)
    out = {}
    for pair in twins.values():
        first, second = pair
        told = [key for key in pair if zoho_record(world, "Accounts", key)["Tax_ID"]]
        if len(told) == 1:
            out[told[0]] = second if told[0] == first else first
    return out


def test_the_open_conflicts_are_those_that_the_company_holds(tmp_path: Path, engine_url: str) -> None:
    world = make_world(120, 200)
    with open_installation(tmp_path, world, engine_url) as service:
        assert service.sync().ok
        found = rows(service, select(conflicts).where(conflicts.c.state == "open"))
        expected = {
            (kind, "zoho", stream, key) for part, (kind, stream) in KINDS.items() for key in _expected(world, part)
        }
        decided = _decided_twins(world)
        assert decided, "the company holds no pair of which one alone has a tax id"
        expected -= {("identity", "zoho", "customers", key) for key in decided}
        asked = [(row["kind"], row["connection"], row["stream"], row["external_id"]) for row in found]
        assert sorted(asked) == sorted(expected)

        ways = {part: {answer["way"] for answer in _expected(world, part).values()} for part in KINDS}
        assert {"duplicate", "tax_id_contradiction", "ambiguous_name", "no_counterpart"} <= ways["accounts"]
        assert {"duplicate", "not_posted", "amount", "wrong_number"} <= ways["invoices"]

        # Of such a pair the one with the tax id is linked; the other is asked about, with the first as the reason.
        by_record = {(row["kind"], row["external_id"]): row for row in found}
        party = {row["id"]: row["party_ref"] for row in rows(service, select(accounts.c.id, accounts.c.party_ref))}
        owners = {
            record: {ref for account, ref in party.items() if record in crm_records_of_account(service, account)}
            for record in decided
        }
        for record, twin in decided.items():
            assert owners[record] == {world.truth["accounts"][record]["customer"]}
            reasons = by_record["identity", twin]["evidence"]["reasons"]
            assert ("duplicate_in_source", f"zoho/customers/{record}") in {(r["code"], r["ref"]) for r in reasons}
        assert service.rebuild_check().as_dict()["differences"] == []
