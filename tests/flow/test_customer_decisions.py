"""What is decided per customer: its payment status per currency, and an exposure that is never shown incomplete."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from tests.flow.harness import make_world, open_installation
from tieout.sandbox.kingdee.forms import FORMS
from tieout.store.session import reading
from tieout.store.tables import conflicts, decisions, memberships, remote_seen


def test_each_customer_has_a_payment_status_and_a_missing_rate_leaves_exposure_alone(tmp_path: Path) -> None:
    world = make_world(60, 400)
    for doc in world.kingdee.library.ordered(FORMS["BD_Rate"]):
        world.kingdee.user_change("forbid", "BD_Rate", str(doc["FRateID"]))
    with open_installation(tmp_path, world, f"sqlite:///{tmp_path / 'tieout.db'}") as service:
        service.sync()
        with reading(service.ctx.engine) as conn:
            standing = conn.execute(select(decisions).where(decisions.c.is_current.is_(True))).mappings().all()
            seen = {row.remote_id: row.fields for row in conn.execute(select(remote_seen))}
            member_of = {
                row.customer_id: row.member.split("/")[-1]
                for row in conn.execute(select(memberships).where(memberships.c.to_seq.is_(None)))
                if "/" in row.member
            }
            asked = set(conn.execute(select(conflicts.c.cause).where(conflicts.c.cause.like("rate/%"))).scalars())
        credit = {row["subject"]: row for row in standing if row["kind"] == "credit"}
        status = {row["subject"]: row for row in standing if row["kind"] == "payment_status" and "|" in row["subject"]}
        for subject, row in credit.items():
            for code, amount in row["body"]["overdue_by_currency"].items():
                if amount and not row["body"]["credits_by_currency"].get(code):
                    assert status[f"{subject}|{code}"]["value"] == "overdue"
                    assert status[f"{subject}|{code}"]["body"]["overdue_minor"] == amount
        assert {"overdue", "paid"} <= {row["value"] for row in status.values()}
        mixed = {subject: row for subject, row in credit.items() if row["body"]["missing_rates"]}
        assert mixed
        assert asked == {
            f"rate/{row['company_id']}/{code}" for row in mixed.values() for code in row["body"]["missing_rates"]
        }
        shown = [seen[member_of[s.split("|")[0]]] for s in mixed if s.split("|")[0] in member_of]
        assert shown
        assert all(fields.get("AR_Credit_Exposure") is None for fields in shown)
        assert service.rebuild_check().ok
