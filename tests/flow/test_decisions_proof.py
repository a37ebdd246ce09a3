"""`verify` judges every stored decision again; `rebuild --check` misses inputs that were wiped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from sync.service import Service
from tests.flow.books import Synced, examples, receive, rows, tampering
from tieout.store.tables import decisions


def one(service: Service, kind: str, form: str) -> Mapping[Any, Any]:
    """A standing decision of a kind: of a document, a deal (`/deal:`) or a customer (`|`)."""
    found = [
        row
        for row in rows(service, select(decisions).where(decisions.c.kind == kind, decisions.c.is_current.is_(True)))
        if (form in row["subject"] if form else not {"|", "/"} & set(row["subject"]))
    ]
    assert found, f"no {kind} of that form"
    return next((row for row in found if row["body"].get("open_minor")), found[0])


def change(service: Service, row: Mapping[Any, Any], **values: Any) -> None:
    with tampering(service) as conn:
        conn.execute(update(decisions).where(decisions.c.id == row["id"]).values(**values))


def test_every_tampered_decision_is_found_and_named(synced: Synced) -> None:
    world, service = synced
    with service:
        receive(world, examples(service)[0].number, "1.00")
        world.clock.advance(86_400 * 12)
        assert service.sync().ok
        assert service.verify() == []
        cases = [("payment_status", ""), ("payment_status", "/deal:"), ("payment_status", "|"), ("credit", "|")]
        for kind, form in cases:
            row = one(service, kind, form)
            name = f"{kind} {row['subject']} ({row['id']})"
            body = dict(row["body"])
            figure = "exposure_minor" if kind == "credit" else "open_minor"
            for values in (
                {"value": "hold" if kind == "credit" and row["value"] != "hold" else "void"},
                {"body": {**body, figure: body[figure] + 1}},
                {"reasons": [*row["reasons"], {"code": "made_up", "params": {}}]},
            ):
                change(service, row, **values)
                (breach,) = [b for b in service.verify() if b.subject == name]
                assert breach.invariant == "decision follows from its inputs"
                change(service, row, **{key: row[key] for key in values})
            for inputs in (
                {},
                {key: value for key, value in row["inputs"].items() if key not in ("as_of", "decisions")},
            ):
                change(service, row, inputs=inputs)
                (breach,) = [b for b in service.verify() if b.subject == name]
                assert breach.invariant == "decision has inputs"
                assert not service.rebuild_check().ok
                change(service, row, inputs=row["inputs"])
            assert service.verify() == []
        assert service.rebuild_check().ok


def test_old_decisions_are_judged_too_and_a_rule_that_is_gone_is_asked_for_inputs_only(synced: Synced) -> None:
    world, service = synced
    with service:
        receive(world, examples(service)[0].number, "1.00")
        world.clock.advance(120)
        assert service.sync().ok
        old = rows(
            service,
            select(decisions).where(decisions.c.is_current.is_(False), decisions.c.kind == "payment_status"),
        )[0]
        change(service, old, body={**old["body"], "paid_minor": 1})
        assert [b.invariant for b in service.verify()] == ["decision follows from its inputs"]
        change(service, old, rule_version="payment-status-0")
        assert service.verify() == []
        change(service, old, inputs={})
        assert [b.invariant for b in service.verify()] == ["decision has inputs"]
