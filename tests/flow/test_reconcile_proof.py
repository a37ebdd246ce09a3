"""A reconciliation that cannot read a side, or whose lines miss the journal, is invalid; a bad record ends nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from sqlalchemy import select, update

from tests.flow.harness import make_world, open_installation
from tieout.store.session import unit
from tieout.store.tables import bindings, documents


def sections(service: object) -> dict[str, dict[str, object]]:
    return {one["counterpart"]: one for one in service.reconcile().as_dict()["sections"]}  # type: ignore[attr-defined]


def test_one_unreadable_amount_makes_the_crm_side_invalid_and_leaves_the_books_alone(tmp_path: Path) -> None:
    world = make_world(16, 40)
    with open_installation(tmp_path, world, f"sqlite:///{tmp_path / 'tieout.db'}") as service:
        service.sync()
        assert all(one["is_valid"] for one in sections(service).values())
        with service.ctx.engine.connect() as conn:
            record = conn.execute(select(bindings.c.external_id).where(bindings.c.stream == "invoices")).scalar()
            conn.rollback()
        world.zoho.user_change("update", "Invoices", str(record), {"Currency": "XXX"})
        found = sections(service)
        assert found["kingdee"]["is_valid"]
        assert not found["zoho"]["is_valid"]
        assert str(record) in str(found["zoho"]["invalid_reason"])


def test_a_hand_edited_amount_is_a_break_of_exactly_its_difference(tmp_path: Path) -> None:
    world = make_world(16, 40)
    with open_installation(tmp_path, world, f"sqlite:///{tmp_path / 'tieout.db'}") as service:
        service.sync()
        before = {row["currency"]: row["difference_minor"] for row in sections(service)["zoho"]["totals"]}  # type: ignore[attr-defined]
        with service.ctx.engine.connect() as conn:
            record, opened, currency = conn.execute(
                select(bindings.c.external_id, documents.c.open_minor, documents.c.currency)
                .join(documents, documents.c.id == bindings.c.document_id)
                .where(bindings.c.stream == "invoices", documents.c.open_minor > 0)
            ).first()  # type: ignore[misc]
            conn.rollback()
        world.zoho.user_change("update", "Invoices", record, {"AR_Open_Amount": Decimal("0.01")})
        zoho = sections(service)["zoho"]
        after = {row["currency"]: row["difference_minor"] for row in zoho["totals"]}  # type: ignore[attr-defined]
        assert zoho["is_valid"]
        assert after[currency] - before.get(currency, 0) == opened - 1
        assert [one["kind"] for one in zoho["breaks"] if one["counterpart"] == record] == ["amount"]  # type: ignore[attr-defined]


def test_lines_that_miss_the_journal_make_the_run_invalid(tmp_path: Path) -> None:
    world = make_world(16, 40)
    with open_installation(tmp_path, world, f"sqlite:///{tmp_path / 'tieout.db'}") as service:
        service.sync()
        with unit(service.ctx.engine, "admin.commit") as conn:
            one = conn.execute(select(documents.c.id).where(documents.c.open_minor > 0).limit(1)).scalar()
            conn.execute(update(documents).where(documents.c.id == one).values(open_minor=documents.c.open_minor + 7))
        book = sections(service)["kingdee"]
        assert not book["is_valid"]
        assert "minor units" in str(book["invalid_reason"])
