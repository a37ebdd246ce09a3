"""The contract battery: what every connector must do, run for each vendor against its sandbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tieout.core import exact_json
from tieout.core.errors import AuthError, RateLimited, SourceError, Transient
from tieout.core.ports import Cursor, SourceRow

Pull = Callable[..., tuple[dict[str, SourceRow], Cursor]]
SMALL = {"zoho_crm": {"per_page": 10}, "fxiaoke": {"per_page": 10}, "kingdee": {"page_rows": 10}}
REFUSED = {
    "zoho_crm": {"refresh_token": "1000.wrong.token12345"},
    "fxiaoke": {"app_secret": "wrong-secret-12345"},
    "kingdee": {"app_secret": "wrong-secret-12345"},
}
# Objects that are asked beside a stream's own: Fxiaoke keeps tax ids of customers in an object of its own.
BESIDE = {"fxiaoke": 1}


def touch(rig: Any, external_id: str, modified_at: Any = None) -> None:
    """Change a customer's name as a user would."""
    if rig.vendor == "zoho_crm":
        rig.server.user_change("update", "Accounts", external_id, {"Phone": "010-5550"}, modified_at)
    elif rig.vendor == "fxiaoke":
        rig.server.user_change("update", "AccountObj", external_id, {"tel": "010-5550"}, modified_at)
    else:
        rig.server.user_change("update", "BD_Customer", external_id, {"FShortName": "改名"}, modified_at)


def test_it_connects(rig: Any) -> None:
    findings = rig.connector().check()
    assert findings
    assert [finding for finding in findings if finding.level == "error"] == []


def test_every_stream_is_read_whole_and_each_payload_is_a_json_object(rig: Any, pull: Pull) -> None:
    connector = rig.connector(**SMALL[rig.vendor])
    for info in connector.streams():
        rows, _ = pull(connector, info.name)
        listed = {external_id for page in connector.ids(info.name) for external_id, _ in page}
        assert set(rows) == listed
        for row in rows.values():
            assert isinstance(exact_json.loads(row.payload), dict)
            assert row.source_hash
            assert not row.is_deleted


def test_dead_credentials_stop_the_connection_and_show_no_secret(rig: Any) -> None:
    connector = rig.connector(**REFUSED[rig.vendor])
    with pytest.raises(AuthError) as caught:
        list(connector.read("customers", Cursor()))
    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__} {caught.value.__context__}"
    for secret in (*rig.secrets, *REFUSED[rig.vendor].values()):
        assert secret not in shown
    assert [finding.level for finding in connector.check()] == ["error"]


def test_credentials_that_lapse_in_the_middle_are_renewed_once(rig: Any, pull: Pull) -> None:
    want, _ = pull(rig.connector(**SMALL[rig.vendor]), "customers")
    minted = rig.tokens.minted
    rig.fault("expire_token", after=1)
    rows, _ = pull(rig.connector(**SMALL[rig.vendor]), "customers")
    assert rows.keys() == want.keys()
    assert rig.tokens.minted == minted + 1


def test_credentials_refused_again_and_again_are_an_auth_error(rig: Any) -> None:
    rig.fault("expire_token", times=None)
    with pytest.raises(AuthError):
        list(rig.connector().read("customers", Cursor()))


@pytest.mark.parametrize("action", ["status_500", "html_502", "timeout_before", "timeout_after", "reset", "cut_body"])
def test_a_read_survives_a_passing_fault(rig: Any, pull: Pull, action: str) -> None:
    want, _ = pull(rig.connector(), "customers")
    rig.fault(action, times=2)
    rows, _ = pull(rig.connector(), "customers")
    assert rows.keys() == want.keys()
    assert len(rig.clock.slept) == 2


@pytest.mark.parametrize("action", ["status_500", "html_502", "timeout_before", "reset", "cut_body"])
def test_a_lasting_fault_ends_as_transient_after_the_set_attempts(rig: Any, action: str) -> None:
    rig.fault(action, times=None)
    with pytest.raises(Transient) as caught:
        list(rig.connector(attempts=3).read("customers", Cursor()))
    assert len(rig.clock.slept) == 2
    assert caught.value.connection == "test"


def test_429_is_waited_out_and_tells_everybody(rig: Any, pull: Pull) -> None:
    want, _ = pull(rig.connector(), "customers")
    rig.fault("rate_limit")
    rows, _ = pull(rig.connector(), "customers")
    assert rows.keys() == want.keys()
    assert len(rig.budget.backoffs) == 1
    assert len(rig.clock.slept) == 1


def test_429_without_end_is_rate_limited(rig: Any) -> None:
    rig.fault("rate_limit", times=None)
    with pytest.raises(RateLimited):
        list(rig.connector(attempts=3).read("customers", Cursor()))


def test_our_own_budget_stops_before_the_call(rig: Any) -> None:
    rig.budget.limit = 0
    with pytest.raises(RateLimited) as caught:
        list(rig.connector().read("customers", Cursor()))
    assert caught.value.retry_at is not None
    assert rig.requests() == []


def test_a_killed_read_goes_on_after_the_last_page(rig: Any, pull: Pull) -> None:
    want, _ = pull(rig.connector(**SMALL[rig.vendor]), "customers")
    pages = rig.connector(**SMALL[rig.vendor]).read("customers", Cursor())
    first = next(pages)
    resume = exact_json.loads(exact_json.dumps(first.resume))  # as the database keeps it
    rest = list(rig.connector(**SMALL[rig.vendor]).read("customers", Cursor(), resume))
    later = {row.external_id for page in rest for row in page.rows}
    early = {row.external_id for row in first.rows}
    assert early | later == want.keys()
    assert early & later == set()
    assert rest[-1].resume is None


def test_a_record_that_moves_while_pages_are_read_hides_no_other(rig: Any, pull: Pull) -> None:
    want, _ = pull(rig.connector(**SMALL[rig.vendor]), "customers")
    seen: set[str] = set()
    for number, page in enumerate(rig.connector(**SMALL[rig.vendor]).read("customers", Cursor())):
        seen |= {row.external_id for row in page.rows}
        if number == 0:
            rig.clock.sleep(1)
            for row in page.rows[:3]:
                touch(rig, row.external_id)
    assert seen == want.keys()


def test_second_sync_reads_only_changes_and_third_makes_one_empty_ask_a_stream(rig: Any, pull: Pull) -> None:
    connector = rig.connector()
    cursors = {info.name: pull(connector, info.name)[1] for info in connector.streams()}
    rig.clock.sleep(600)
    second = rig.connector()
    for name, cursor in cursors.items():
        rows, cursors[name] = pull(second, name, cursor)
        assert rows == {}
    rig.clock.sleep(600)
    before = len(rig.requests())
    third = rig.connector()
    for name, cursor in cursors.items():
        pages = list(third.read(name, cursor))
        assert [len(page.rows) for page in pages] == [0]
        assert pages[0].resume is None
    assert len(rig.requests()) - before == len(cursors) + BESIDE.get(rig.vendor, 0)


def test_a_row_that_arrives_late_with_an_old_stamp_is_found_inside_the_overlap(rig: Any, pull: Pull) -> None:
    rows, cursor = pull(rig.connector(), "customers")
    stamp = rig.clock.now() - timedelta(seconds=40)
    rig.clock.sleep(30)  # committed after our scan, stamped before it began
    external_id = sorted(rows)[0]
    touch(rig, external_id, stamp)
    again, _ = pull(rig.connector(), "customers", cursor)
    assert set(again) == {external_id}
    assert again[external_id].source_hash != rows[external_id].source_hash


def test_the_cursor_never_moves_back(rig: Any, pull: Pull) -> None:
    connector = rig.connector()
    _, cursor = pull(connector, "customers")
    assert cursor.since is not None
    rig.clock.sleep(1)
    later = connector.next_cursor("customers", cursor, rig.clock.now(), {})
    assert later.since is not None
    assert later.since >= cursor.since
    kept = connector.next_cursor("customers", Cursor(cursor.since, {"marks": {"1": "x"}}), rig.clock.now(), {})
    assert kept.state["marks"] == {"1": "x"}


def test_fetch_gives_living_records_fresh_and_gone_ones_as_deleted(rig: Any, pull: Pull) -> None:
    rows, _ = pull(rig.connector(), "customers")
    alive = sorted(rows)[0]
    page = rig.connector().fetch("customers", [alive, "5999999999999999"])
    found = {row.external_id: row for row in page.rows}
    assert not found[alive].is_deleted
    assert found[alive].source_hash == rows[alive].source_hash
    assert found["5999999999999999"].is_deleted


def test_every_call_is_budgeted_and_counted(rig: Any, pull: Pull) -> None:
    connector = rig.connector(**SMALL[rig.vendor])
    for info in connector.streams():
        pull(connector, info.name)
    assert rig.budget.calls - rig.tokens.minted == len(rig.requests())
    assert rig.budget.spent == rig.budget.cost == sum(entry.credits for entry in rig.requests())
    assert rig.budget.inside == 0
    assert rig.budget.lanes == {"bulk"}


@pytest.mark.parametrize("action", ["status_500", "rate_limit", "timeout_before", "expire_token"])
def test_no_error_carries_a_secret(rig: Any, action: str) -> None:
    connector = rig.connector(attempts=1)
    list(connector.read("customers", Cursor()))
    live = rig.tokens.current()
    rig.fault(action, times=None)
    with pytest.raises(SourceError) as caught:
        list(connector.read("customers", Cursor()))
    error: BaseException | None = caught.value
    while error is not None:
        for secret in (*rig.secrets, live.value, *(v for k, v in live.extra.items() if k == "cookies")):
            assert secret not in repr(error) + str(error)
        assert error.__suppress_context__ or error.__context__ is None
        error = error.__cause__


def test_an_unknown_stream_is_named(rig: Any) -> None:
    with pytest.raises(Exception, match="no stream 'nothing'"):
        list(rig.connector().read("nothing", Cursor()))
