"""Merge, relink and unmerge in random order: what follows from who is who comes back with an unmerge, exactly."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from sqlalchemy import select

from sync.service import Service
from tests.flow.books import Synced, books, differences, journal, rows, waiting
from tests.flow.test_identity_decided import standing
from tieout.core import exact_json
from tieout.store.tables import remote_seen

# Decisions that a customer has nothing in a currency: no documents, and nothing to remind of.
_NOTHING = ('[{"code":"no_documents","params":{}}]]', '[[],0],[{"code":"settled","params":{}}]]')


def aging(service: Service) -> list[dict[str, Any]]:
    """The rows of the aging report by customer and currency, as they stand now."""
    tables = json.loads(service.report("aging").body)["tables"]
    return [row for table in tables for row in table["rows"] if "customer_id" in row]


def desired(service: Service) -> set[str]:
    """What every CRM record is to show: what it was seen to hold, and over it what waits to be pushed."""
    seen = rows(service, select(remote_seen).where(remote_seen.c.module != "Tasks"))
    fields = {(row["connection"], row["module"], row["remote_id"]): dict(row["fields"]) for row in seen}
    for row in waiting(service):
        if row["operation"] == "update":
            fields.setdefault((row["connection"], row["module"], row["remote_id"]), {}).update(row["fields"])
    return {
        exact_json.canonical([*key, name, value]).decode()
        for key, held in fields.items()
        for name, value in held.items()
        if value not in (None, "", "0") and not name.startswith("AR_As_Of")
    }


def state(service: Service) -> dict[str, set[str]]:
    """Memberships, balances, conflicts, statuses, dunning, aging and desired pushes, by natural keys.

    Not compared: alerts, which are events (that a breach is over stays said), and decisions that a customer has nothing
    in a currency, which say the same as none.
    """
    found = {kind: facts for kind, facts in books(service).items() if kind != "shown"}
    found["decisions"] = {
        one for one in found["decisions"] if not one.startswith('["credit_alert') and not one.endswith(_NOTHING)
    }
    found["aging"] = {exact_json.canonical(row).decode() for row in aging(service)}
    found["desired pushes"] = desired(service)
    return found


def balances_of(service: Service, customer: str) -> dict[str, int]:
    return {
        row["currency"]: row["balance"] for row in aging(service) if "balance" in row and row["customer_id"] == customer
    }


@pytest.mark.parametrize("seed", [3, 11, 29])
def test_an_unmerge_restores_aging_dunning_and_pushes_exactly(synced: Synced, seed: int) -> None:
    """What was done last is undone first; after each undoing everything is as it was before that step."""
    world, service = synced
    chance = random.Random(seed)
    with service:
        world.clock.advance(86_400 * 40)  # dunning steps are due
        assert service.sync().ok
        lines = journal(service)
        done: list[tuple[str, list[str], dict[str, set[str]]]] = []
        for _ in range(4):
            before, held = state(service), standing(service)
            owners = sorted({customer for member, (customer, _) in held.items() if member.startswith("acc_")})
            records = sorted(member for member, (_, rule) in held.items() if "/" in member and rule != "must_link")
            if done and chance.random() < 0.3:
                customer, members, earlier = done.pop()
                service.unmerge(customer, members, "li")
                assert differences(state(service), earlier) == []
            elif chance.random() < 0.4:
                record = chance.choice(records)
                customer = chance.choice([one for one in owners if one != held[record][0]])
                service.relink(customer, [record], "li")
                done.append((customer, [record], before))
            else:
                keep, gone = chance.sample(owners, 2)
                owed = [balances_of(service, one) for one in (keep, gone)]
                service.merge(keep, gone, "li")
                came = sorted(one for one, (home, _) in standing(service).items() if home == keep != held[one][0])
                done.append((keep, came, before))
                whole = {currency: sum(one.get(currency, 0) for one in owed) for one in owed for currency in one}
                assert balances_of(service, keep) == whole
                assert balances_of(service, gone) == {}
            assert journal(service) == lines
        while done:
            customer, members, earlier = done.pop()
            service.unmerge(customer, members, "li")
            assert differences(state(service), earlier) == []
        assert journal(service) == lines
        assert service.verify() == []
        assert service.rebuild_check().differences == []
