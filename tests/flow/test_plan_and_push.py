"""A plan is what the push does; what moved on since is reported, not sent; looking writes nothing anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select

from sync.plan import PlanView
from sync.plan_about import about
from sync.service import Service
from tests.flow.books import examples, receive, rows, waiting, writes_since, zoho_record
from tests.flow.harness import make_world, open_installation, outbox_states
from tieout.reports import work
from tieout.sandbox.world import SandboxWorld
from tieout.store.plans import pending
from tieout.store.queries.debts import at_stake
from tieout.store.session import reading
from tieout.store.tables import customers, documents, inputs, outbox, remote_seen


def _planned(service: Service) -> PlanView:
    service.prepare()  # the write-back fields; made outside of any plan
    assert all(pull.ok for pull in service.pull())
    service.apply()
    return service.plan()


def _effects(world: SandboxWorld, seq: int) -> dict[tuple[str, str, str], dict[str, object]]:
    """What was written since: (module, operation, record or key) -> field -> value."""
    out: dict[tuple[str, str, str], dict[str, object]] = {}
    for effect in writes_since(world, seq):
        key = (effect.entity, effect.operation, effect.record_id)
        assert key not in out, "a record was written twice"
        out[key] = {name: str(after) for name, (_, after) in effect.changes.items()}
    return out


def test_a_plan_writes_nothing_and_push_of_its_digest_writes_exactly_its_rows(tmp_path: Path, engine_url: str) -> None:
    world = make_world(16, 40)
    with open_installation(tmp_path, world, engine_url, push_mode="plan") as service:
        seq_before_setup = world.store.effects.last_seq
        view = _planned(service)
        assert len(view.rows) > 40
        seq = world.store.effects.last_seq
        assert [
            one for one in writes_since(world, seq_before_setup) if one.entity in ("Invoices", "Deals", "Accounts")
        ] == []
        state, last_input = outbox_states(service), max(row["seq"] for row in rows(service, select(inputs.c.seq)))
        before = world.store.requests.next_no()
        again = service.plan()
        assert (again.digest, again.rows, again.totals) == (view.digest, view.rows, view.totals)
        assert world.store.requests.since(before) == []
        fresh = service.plan(fresh=True)
        assert fresh.digest == view.digest
        assert {row.id: {c.field: c.after for c in row.changes} for row in fresh.rows} == {
            row.id: {c.field: c.after for c in row.changes} for row in view.rows
        }
        assert outbox_states(service) == state == {"planned": len(view.rows)}
        assert max(row["seq"] for row in rows(service, select(inputs.c.seq))) == last_input
        assert world.store.effects.last_seq == seq

        world.clock.advance(60)
        pushed = service.push(view.digest)
        assert (pushed.exit_code, pushed.sent, pushed.moved_on, pushed.unsent) == (0, len(view.rows), [], [])
        updates = {
            (row.module, "update", row.remote_id): {c.field: _text(c.after) for c in row.changes if c.after is not None}
            for row in view.rows
            if row.operation == "update"
        }
        written = _effects(world, seq)
        assert {key: _texts(fields) for key, fields in written.items() if key[1] != "insert"} == {
            key: _texts(fields) for key, fields in updates.items()
        }
        planned = [
            {"module": row.module, **{c.field: _text(c.after) for c in row.changes}}
            for row in view.rows
            if row.operation == "create"
        ]
        made = [{"module": key[0], **fields} for key, fields in written.items() if key[1] == "insert"]
        assert planned
        assert len({fields["AR_Key"] for fields in made}) == len(made)
        addressed = (
            "AR_Key",
            "What_Id",
            "$se_module",
        )  # how the vendor keeps it: its own key and the record it hangs on
        shown = [{name: text for name, text in fields.items() if name not in addressed} for fields in made]
        assert sorted(shown, key=_in_order) == sorted(planned, key=_in_order)
        assert service.plan().rows == []
        assert outbox_states(service) == {"done": len(view.rows)}
        assert service.rebuild_check().as_dict()["differences"] == []


def _line(line: Mapping[str, Any]) -> tuple[str, str, str]:
    return line["connection"], line["state"], line["operation"]


def test_totals_count_a_debt_once_however_many_records_show_it(tmp_path: Path, engine_url: str) -> None:
    world = make_world(16, 40)
    with open_installation(tmp_path, world, engine_url, push_mode="plan") as service:
        view = _planned(service)
        d = documents.c
        invoices = rows(service, select(d.id, d.currency, d.open_minor).where(d.kind == "invoice", d.open_minor > 0))
        owed = {row["id"]: (row["currency"], row["open_minor"]) for row in invoices}
        shown = {row.subject for row in view.rows if row.module == "Invoices"} & owed.keys()
        assert shown
        with reading(service.ctx.engine) as conn:
            told = work.pending(conn)
        assert {one["currency"]: one["minor"] for one in told["totals"]} == view.totals
        assert told["rows"] == len(view.rows)
        for line in told["lines"]:
            mine = [row for row in view.rows if (row.connection, row.state, row.operation) == _line(line)]
            behind = about(
                service.ctx, [row for row in pending(service.ctx.engine) if row["id"] in {m.id for m in mine}]
            )
            assert line["rows"] == len(mine)
            totals = {one["currency"]: one["minor"] for one in line["totals"]}
            assert totals == at_stake(one.debts for one in behind.values())

        one = next(
            example
            for example in examples(service)
            if example.deals and {module for module, _ in example.dependants} >= {"Accounts", "Deals", "Invoices"}
        )
        mine = [row for row in pending(service.ctx.engine) if (row["module"], row["remote_id"]) in one.dependants]
        known = about(service.ctx, mine)
        debts = {doc for found in known.values() for doc in found.debts}
        assert debts <= owed.keys()
        assert at_stake(found.debts for found in known.values()) == _summed(owed[doc] for doc in debts)
        assert sum(row["money_minor"] for row in mine) > sum(owed[doc][1] for doc in debts), "one debt, several records"

        every = _summed(owed.values())
        for code, amount in view.totals.items():
            assert _summed(owed[doc] for doc in shown).get(code, 0) <= amount <= every[code]
        of_invoices = next(one for one in view.modules if one.module == "Invoices")
        assert of_invoices.totals == _summed(owed[doc] for doc in shown)
        assert sum(one.records for one in view.modules) == len(view.rows)


def test_a_plan_names_records_as_the_crm_shows_them(tmp_path: Path, engine_url: str) -> None:
    world = make_world(16, 40)
    with open_installation(tmp_path, world, engine_url, push_mode="plan") as service:
        view = _planned(service)
        c = customers.c
        names = {row["id"]: row["name"] for row in rows(service, select(c.id, c.name))}
        titles = {"Accounts": ("Legal_Name", "Account_Name"), "Deals": ("Deal_Name",), "Invoices": ("Subject",)}
        for module, fields in titles.items():
            mine = [row for row in view.rows if row.module == module]
            assert mine
            for row in mine:
                record = zoho_record(world, module, row.remote_id)
                assert row.label == next(record[name] for name in fields if record.get(name))
        for row in view.rows:
            if row.subject.startswith("cus_"):
                assert row.customer == names[row.subject.partition("|")[0]]
            if row.operation == "update":
                assert {c.currency for c in row.changes if c.field == "AR_Open_Amount"} <= {
                    row.decided_in,
                    row.currency,
                }
                assert not [c for c in row.changes if c.field == "AR_As_Of" and c.currency]
        by_number = {row.subject: row.number for row in view.rows if row.module == "Invoices" and row.number}
        d = documents.c
        assert by_number.items() <= {(row["id"], row["number"]) for row in rows(service, select(d.id, d.number))}


def _summed(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    out: dict[str, int] = {}
    for code, amount in amounts:
        out[code] = out.get(code, 0) + amount
    return dict(sorted(out.items()))


def _in_order(fields: Mapping[str, object]) -> str:
    return str(sorted(fields.items()))


def _text(value: object) -> str:
    return str(value)


def _texts(fields: Mapping[str, object]) -> dict[str, str]:
    """Amounts as exact texts without trailing zeros."""
    out = {}
    for name, value in fields.items():
        text = str(value)
        is_decimal = "." in text and text.replace(".", "").removeprefix("-").isdigit()
        out[name] = text.rstrip("0").rstrip(".") if is_decimal else text
    return out


def test_what_moved_on_since_the_plan_is_reported_and_the_rest_is_sent(tmp_path: Path, engine_url: str) -> None:
    world = make_world(16, 40)
    with open_installation(tmp_path, world, engine_url, push_mode="plan") as service:
        view = _planned(service)
        one = next(example for example in examples(service) if example.open_minor > 10_000)
        world.clock.advance(3600)
        receive(world, one.number, "12.34")
        world.clock.advance(60)
        service.pull()
        service.apply()
        moved = {
            row.id for row in view.rows if row.operation == "update" and (row.module, row.remote_id) in one.dependants
        }
        assert moved
        seq = world.store.effects.last_seq
        pushed = service.push(view.digest)
        assert pushed.exit_code == 3
        assert {row["id"] for row in pushed.moved_on if row["id"] not in _events(service)} == moved
        assert pushed.sent == len(view.rows) - len(pushed.moved_on)
        assert not {key[2] for key in _effects(world, seq)} & {record for _, record in one.dependants}
        left = service.plan()
        assert moved <= {row.id for row in left.rows}
        assert left.digest != view.digest

        pushed = service.push(left.digest)
        assert pushed.exit_code == 0
        (seen,) = rows(service, select(remote_seen.c.fields).where(remote_seen.c.remote_id == one.invoice))
        assert str(seen["fields"]["AR_Paid_Amount"]).startswith("12.34")
        assert service.plan().rows == []
        assert service.rebuild_check().as_dict()["differences"] == []


def _events(service: Service) -> set[str]:
    return {row["id"] for row in rows(service, select(outbox.c.id).where(outbox.c.event_key.is_not(None)))}


def test_a_planned_change_of_a_record_deleted_in_the_crm_leaves_the_plan(tmp_path: Path, engine_url: str) -> None:
    world = make_world(16, 40)
    with open_installation(tmp_path, world, engine_url, push_mode="plan") as service:
        _planned(service)
        one = next(example for example in examples(service) if example.deals)
        assert one.invoice in {row["remote_id"] for row in waiting(service)}
        world.clock.advance(3600)
        world.zoho.user_change("delete", "Invoices", one.invoice)
        world.clock.advance(60)
        service.pull()
        service.apply()
        assert one.invoice not in {row["remote_id"] for row in waiting(service)}
        view = service.plan()
        pushed = service.push(view.digest)
        assert (pushed.exit_code, pushed.sent) == (0, len(view.rows))
