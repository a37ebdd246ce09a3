"""The outbox: one open row per record, coalescing, waiting behind a flight, events once, limits that park."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from tieout.core.clock import ManualClock
from tieout.core.config import ChangeLimits
from tieout.core.errors import StaleWrite
from tieout.core.ids import SeededIds
from tieout.store import delivery, pushes, receipts
from tieout.store.outbox import EventIntent, IntendCounts, Intent, Mode, intend, judge_run
from tieout.store.receipts import Result
from tieout.store.session import unit
from tieout.store.tables import inputs, outbox, remote_seen

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
LEASE = timedelta(seconds=60)


def change(remote_id: str = "1", fields: dict[str, Any] | None = None, money: int = 0) -> Intent:
    return Intent(
        "zoho", "Invoices", remote_id, {"AR_Open_Amount": Decimal("10.50")} if fields is None else fields, {},
        {"why": "paid"}, f"inv_{remote_id}", "CNY", money,
    )  # fmt: skip


def reminder(key: str, text: str = "pay") -> EventIntent:
    return EventIntent("zoho", "Tasks", key, "AR_Key", "Accounts", "9", {"Subject": text}, {}, "cus_1", "CNY", 5)


class House:
    def __init__(self, engine: Engine) -> None:
        self.engine, self.clock, self.ids = engine, ManualClock(NOW), SeededIds(7)

    def intend(
        self,
        *intents: Intent,
        events: Sequence[EventIntent] = (),
        mode: Mode = "auto",
        limits: ChangeLimits | None = None,
    ) -> IntendCounts:
        with unit(self.engine, "settle.commit") as conn:
            return intend(
                conn, intents, events, modes={"zoho": mode}, limits={"zoho": limits or ChangeLimits()},
                now=self.clock.now(), ids=self.ids,
            )  # fmt: skip

    def judge(self, limits: ChangeLimits) -> dict[str, int]:
        with unit(self.engine, "settle.commit") as conn:
            return judge_run(conn, {"zoho": limits}, self.clock.now())

    def claim(self, limit: int = 100, owner: str = "me") -> list[delivery.Claimed]:
        return delivery.claim(self.engine, "zoho", owner=owner, lease=LEASE, limit=limit, clock=self.clock)

    def record(self, *results: Result) -> dict[str, str]:
        return receipts.record(self.engine, "zoho", results, clock=self.clock, ids=self.ids)

    def see(self, remote_id: str, fields: dict[str, Any]) -> None:
        with unit(self.engine, "landing.commit") as conn:
            conn.execute(
                insert(remote_seen).values(
                    connection="zoho", module="Invoices", remote_id=remote_id, fields=fields, seen_at=NOW
                )
            )

    def rows(self) -> list[Any]:
        with self.engine.connect() as conn:
            return list(conn.execute(select(outbox).order_by(outbox.c.id)).mappings())

    def states(self) -> list[str]:
        return [row["state"] for row in self.rows()]


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine)


def test_an_open_row_is_coalesced_and_only_a_real_change_makes_a_new_version(house: House) -> None:
    house.intend(change(), mode="plan")
    counts = house.intend(change(fields={"AR_Open_Amount": Decimal("10.5")}), mode="plan")
    assert counts.unchanged == 1
    counts = house.intend(change(fields={"AR_Open_Amount": Decimal("9.00")}), mode="plan")
    assert counts.coalesced == 1
    (row,) = house.rows()
    assert (row["version"], row["state"], row["fields"]) == (2, "planned", {"AR_Open_Amount": Decimal("9.00")})
    house.intend(change(fields={}), mode="plan")
    assert house.states() == ["superseded"]


def test_a_change_of_what_was_approved_goes_back_to_the_plan(house: House) -> None:
    house.intend(change(), mode="plan")
    (row,) = house.rows()
    with unit(house.engine, "plan.commit") as conn:
        conn.execute(update(outbox).values(state="ready", approved_by="ann"))
    house.intend(change(), mode="plan")
    assert house.states() == ["ready"]
    house.intend(change(fields={"AR_Open_Amount": Decimal(1)}), mode="plan")
    (row,) = house.rows()
    assert (row["state"], row["approved_by"], row["version"]) == ("planned", None, 2)


def test_mode_off_keeps_rows_planned_and_auto_lets_them_go(house: House) -> None:
    house.intend(change(), mode="off")
    assert house.states() == ["planned"]
    assert house.claim() == []
    house.intend(change(), mode="auto")
    assert house.states() == ["ready"]


def test_a_row_in_flight_is_left_alone_and_the_next_waits_behind_it(house: House) -> None:
    house.see("1", {"A": 1, "B": 1})
    house.intend(change(fields={"A": 2, "B": 2}))
    (held,) = house.claim()
    counts = house.intend(change(fields={"A": 3}))  # B should stay as it was seen: 1
    assert counts.waiting == 1
    assert house.claim() == []
    house.record(Result(held.id, held.fence, "done"))
    (after,) = house.claim()
    assert after.fields == {"A": 3, "B": 1}
    house.record(Result(after.id, after.fence, "done"))
    with house.engine.connect() as conn:
        assert conn.execute(select(remote_seen.c.fields)).scalar_one() == {"A": 3, "B": 1}


def test_going_back_while_in_flight_is_not_lost(house: House) -> None:
    house.see("1", {"A": 1})
    house.intend(change(fields={"A": 2}))
    (held,) = house.claim()
    house.intend(change(fields={}))  # the decision went back to what the remote still shows
    house.record(Result(held.id, held.fence, "done"))
    (back,) = house.claim()
    assert back.fields == {"A": 1}


def test_fields_that_the_remote_holds_already_are_dropped_at_the_claim(house: House) -> None:
    house.intend(change("1", {"A": Decimal("1.10"), "B": 2}), change("2", {"A": ""}))
    house.see("1", {"A": Decimal("1.1"), "B": 1})
    house.see("2", {"A": None})
    (held,) = house.claim()
    assert (held.remote_id, held.fields) == ("1", {"B": 2})
    assert sorted(house.states()) == ["claimed", "superseded"]


def test_a_field_that_only_rides_along_is_no_reason_to_write(house: House) -> None:
    ride = Intent("zoho", "Invoices", "1", {"A": 2, "AR_As_Of": "2026-11-24"}, {}, {}, "s", riders=["AR_As_Of"])
    house.intend(ride)
    (held,) = house.claim()
    assert held.fields == {"A": 2, "AR_As_Of": "2026-11-24"}
    house.intend(change(fields={"A": 1}))
    house.record(Result(held.id, held.fence, "done"))
    (back,) = house.claim()
    assert back.fields == {"A": 1}  # the date is not put back
    house.record(Result(back.id, back.fence, "done"))
    house.intend(ride)
    house.see("2", {"A": 2})
    house.intend(Intent("zoho", "Invoices", "2", {"A": 2, "AR_As_Of": "x"}, {}, {}, "s", riders=["AR_As_Of"]))
    assert [row.remote_id for row in house.claim()] == ["1"]


def test_a_batch_of_needless_rows_does_not_end_the_claiming(house: House) -> None:
    for number in range(4):
        house.see(str(number), {"A": 1})
    house.intend(*(change(str(n), {"A": 1}, money=100) for n in range(4)), change("5", {"A": 1}))
    assert [row.remote_id for row in house.claim(limit=2)] == ["5"]


def test_money_at_stake_decides_the_order(house: House) -> None:
    house.intend(change("1", money=5), change("2", money=-900), change("3", money=70))
    assert [row.remote_id for row in house.claim(limit=2)] == ["2", "3"]


def test_an_event_is_made_once_for_ever_but_its_text_follows_until_it_is_sent(house: House) -> None:
    house.intend(events=[reminder("k1"), reminder("k1")])
    house.intend(events=[reminder("k1", "pay 5 less")])
    (row,) = house.rows()
    assert (row["fields"], row["version"]) == ({"Subject": "pay 5 less"}, 2)
    (held,) = house.claim()
    house.intend(events=[reminder("k1", "too late")])
    house.record(Result(held.id, held.fence, "done", remote_id="77"))
    house.intend(events=[reminder("k1", "again")])
    (row,) = house.rows()
    assert (row["state"], row["remote_id"], row["fields"]) == ("done", "77", {"Subject": "pay 5 less"})


def test_a_cancelled_event_can_come_back_before_it_was_ever_sent(house: House) -> None:
    house.intend(events=[reminder("k1")], mode="plan")
    with unit(house.engine, "settle.commit") as conn:
        assert pushes.cancel_events(conn, "zoho", ["k1"], "paid", NOW) == 1
    assert house.states() == ["cancelled"]
    house.intend(events=[reminder("k1")], mode="plan")
    assert house.states() == ["planned"]


def test_a_run_over_its_limit_is_parked_altogether_until_approved(house: House) -> None:
    limits = ChangeLimits(rows=3)
    house.intend(change("1"), change("2"), limits=limits)
    assert house.claim() == []  # the run goes on: nobody knows yet how much it will change
    house.intend(change("3"), change("4"), limits=limits)
    house.intend(change("4", {"A": 2}), limits=limits)  # the same row once more counts once
    assert house.judge(limits) == {"zoho": 4}
    assert house.states() == ["parked"] * 4
    assert house.claim() == []
    house.intend(change("5"), limits=limits)
    assert house.judge(limits) == {}  # another run
    assert [row.remote_id for row in house.claim()] == ["5"]
    assert pushes.approve(house.engine, "zoho", "ann", house.clock) == 4
    assert len(house.claim()) == 4


def test_without_a_limit_nothing_waits_for_the_end_of_the_run(house: House) -> None:
    house.intend(change("1"), change("2"))
    assert len(house.claim()) == 2


def test_a_limit_taken_out_of_the_configuration_lets_what_waits_go(house: House) -> None:
    house.intend(change("1"), change("2"), limits=ChangeLimits(rows=1))
    assert house.judge(ChangeLimits()) == {}
    assert len(house.claim()) == 2


def test_a_share_of_the_bound_records_parks_too(house: House) -> None:
    limits = ChangeLimits(share_percent=10)
    for number in range(20):
        house.see(str(number), {"A": 0})
    house.intend(change("1", {"A": 1}), change("2", {"A": 1}), limits=limits)
    assert house.judge(limits) == {}
    house.intend(*(change(str(n), {"A": 2}) for n in range(3, 6)), limits=limits)
    assert house.judge(limits) == {"zoho": 3}
    assert house.states() == ["ready", "ready", "parked", "parked", "parked"]


def test_a_late_sender_writes_nothing_once_its_claim_has_run_out(house: House) -> None:
    house.intend(change())
    (late,) = house.claim()
    assert delivery.expire(house.engine, "zoho", clock=house.clock) == 0
    house.clock.advance(61)
    assert delivery.expire(house.engine, "zoho", clock=house.clock) == 1
    assert house.record(Result(late.id, late.fence, "done")) == {}
    assert house.states() == ["uncertain"]
    with house.engine.connect() as conn:
        assert conn.execute(select(remote_seen)).all() == []
        assert conn.execute(select(inputs)).all() == []


def test_uncertain_rows_are_taken_once_and_only_after_the_vendors_timeout(house: House) -> None:
    house.intend(change())
    (held,) = house.claim()
    house.record(Result(held.id, held.fence, "uncertain"))

    def take() -> list[delivery.Claimed]:
        return delivery.claim_uncertain(
            house.engine, "zoho", owner="x", lease=LEASE, settle=timedelta(seconds=30), limit=9, clock=house.clock
        )

    assert take() == []
    house.clock.advance(31)
    (again,) = take()
    assert take() == []
    assert again.fence == held.fence + 1
    house.record(Result(again.id, again.fence, "done", seen={"AR_Open_Amount": Decimal("10.5")}))
    assert house.states() == ["done"]


def test_a_row_that_would_be_sent_again_loses_to_a_newer_one(house: House) -> None:
    house.intend(change(fields={"A": 1}))
    (held,) = house.claim()
    house.intend(change(fields={"A": 2}))
    assert house.record(Result(held.id, held.fence, "retry"))[held.id] == "superseded"
    assert [(row.fields, row.version) for row in house.claim()] == [({"A": 2}, 1)]


def test_refused_rows_are_dead_letters_that_can_be_retried_and_do_not_come_back_by_themselves(house: House) -> None:
    house.intend(change(fields={"A": 1}))
    (held,) = house.claim()
    house.record(Result(held.id, held.fence, "rejected", code="INVALID_DATA", message="too long"))
    (row,) = house.rows()
    assert (row["state"], row["error_code"], row["error"]) == ("dead", "INVALID_DATA", "too long")
    assert house.intend(change(fields={"A": 1})).refused_before == 1
    pushes.retry(house.engine, held.id, "ann", house.clock)
    with pytest.raises(StaleWrite, match="not a dead letter"):
        pushes.retry(house.engine, held.id, "ann", house.clock)
    (again,) = house.claim()
    house.record(Result(again.id, again.fence, "rejected"))
    house.intend(change(fields={"A": 2}))
    assert house.states() == ["superseded", "ready"]
    with house.engine.connect() as conn:
        bodies = conn.execute(select(inputs.c.body).where(inputs.c.kind == "receipt")).scalars().all()
    assert [body["outcome"] for body in bodies] == ["dead", "dead"]


def test_a_retry_that_is_older_than_an_open_change_is_refused(house: House) -> None:
    house.intend(change(fields={"A": 1}))
    (held,) = house.claim()
    house.record(Result(held.id, held.fence, "rejected"))
    with unit(house.engine, "admin.commit") as conn:
        conn.execute(
            insert(outbox).values(
                id="out_x",
                connection="zoho",
                module="Invoices",
                operation="update",
                remote_id="1",
                fields={"A": 2},
                before={},
                reason={},
                key_field="",
                parent_module="",
                parent_id="",
                subject="s",
                version=1,
                money_minor=0,
                state="planned",
                attempts=0,
                fence=0,
                created_at=NOW,
                updated_at=NOW,
            )
        )
    with pytest.raises(StaleWrite):
        pushes.retry(house.engine, held.id, "ann", house.clock)


def test_failed_attempts_wait_longer_each_time_and_end_as_a_dead_letter(house: House) -> None:
    house.intend(change())
    waits = []
    for _ in range(receipts.MAX_ATTEMPTS - 1):
        (held,) = house.claim()
        house.record(Result(held.id, held.fence, "retry", code="INTERNAL_ERROR"))
        (row,) = house.rows()
        waits.append((row["not_before_at"] - house.clock.now()).total_seconds())
        assert house.claim() == []
        house.clock.set(row["not_before_at"])
    (held,) = house.claim()
    house.record(Result(held.id, held.fence, "retry"))
    assert house.states() == ["dead"]
    assert 2.5 <= waits[0] <= 7.5
    assert waits[-1] >= 5 * 2**6 / 2


def test_what_was_given_back_costs_no_attempt(house: House) -> None:
    house.intend(change())
    (held,) = house.claim()
    house.record(Result(held.id, held.fence, "give_back"))
    (row,) = house.rows()
    assert (row["state"], row["attempts"]) == ("ready", 0)


def test_many_rows_are_written_in_few_statements(house: House) -> None:
    from sqlalchemy import event

    house.intend(*(change(str(n), {"A": 1}) for n in range(400)))
    seen: list[str] = []
    event.listen(house.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    counts = house.intend(*(change(str(n), {"A": 2}) for n in range(400)), events=[reminder(str(n)) for n in range(50)])
    assert (counts.coalesced, counts.ready) == (400, 450)
    assert len(seen) < 12
