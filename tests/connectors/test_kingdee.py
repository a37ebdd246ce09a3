"""Kingdee: sessions, errors inside arrays, assembled bills, settlements, totals, read-only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.kingdee import entries
from connectors.kingdee.auth import login_sign, lost_session
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.streams import streams_of
from tieout.core import exact_json
from tieout.core.errors import AuthError, BadPayload, ConfigError, Rejected
from tieout.core.ports import Cursor, RemoteChange

Pull = Callable[..., Any]


def test_the_login_signature_matches_the_published_vector() -> None:
    settings = KingdeeSettings(base_url="https://x", acct_id="acct1", user="user1", app_id="app1", app_secret="secret1")
    assert login_sign(settings, "1700000000") == "dd2e6d9bb803095816d0366e1231441ebc6639c7c4e9c866ae2d924953db7cef"


def test_a_lost_session_is_opened_again_once(kingdee: Any, pull: Pull) -> None:
    want, _ = pull(kingdee.connector(), "customers")
    kingdee.server.sessions.drop_all()
    rows, _ = pull(kingdee.connector(), "customers")
    assert rows.keys() == want.keys()
    assert kingdee.tokens.minted == 2


def test_a_session_that_is_always_lost_is_an_auth_error(kingdee: Any) -> None:
    kingdee.fault("lose_session", times=None)
    with pytest.raises(AuthError):
        list(kingdee.connector().read("customers", Cursor()))
    assert kingdee.tokens.minted == 2


def test_the_session_is_shared_between_processes(kingdee: Any, pull: Pull) -> None:
    pull(kingdee.connector(), "customers")
    pull(kingdee.connector(), "payments")
    assert kingdee.tokens.minted == 1


def test_lost_session_is_recognised_as_text_and_escaped() -> None:
    text = '[[{"Result":{"ResponseStatus":{"Errors":[{"Message":"会话信息已丢失，请重新登录"}]}}}]]'
    escaped = text.encode("unicode_escape").replace(b"\\U", b"\\u")
    assert lost_session(text.encode())
    assert lost_session(escaped)
    assert not lost_session('[[1,"会话信息已丢失"]]'.encode())


def test_a_bill_is_one_object_with_its_plan_and_detail_lines(kingdee: Any, pull: Pull) -> None:
    rows, _ = pull(kingdee.connector(page_rows=7), "invoices")
    whole, _ = pull(kingdee.connector(), "invoices")
    assert {key: row.source_hash for key, row in rows.items()} == {key: row.source_hash for key, row in whole.items()}
    for doc in kingdee.company.kingdee["AR_receivable"]:
        shown = exact_json.loads(rows[f"AR_receivable:{doc['FID']}"].payload)
        assert shown["FBillNo"] == doc["FBillNo"]
        assert shown["FCUSTOMERID.FNumber"] == doc["FCUSTOMERID"]["FNumber"]
        assert [line["FPAYAMOUNTFOR"] for line in shown["FEntityPlan"]] == [
            line["FPAYAMOUNTFOR"] for line in doc["FEntityPlan"]
        ]
        assert [line["FORDERNUMBER"] for line in shown["FEntityDetail"]] == [
            line["FORDERNUMBER"] for line in doc["FEntityDetail"]
        ]


def test_many_bills_are_asked_by_range_and_read_the_same(
    kingdee: Any, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    want, cursor = pull(kingdee.connector(), "invoices")
    kingdee.clock.sleep(900)
    for doc in kingdee.company.kingdee["AR_receivable"][::9]:
        kingdee.server.user_change("update", "AR_receivable", doc["FBillNo"], {"FAR_Remark": "x"})
    changed, _ = pull(kingdee.connector(), "invoices", cursor)
    monkeypatch.setattr(entries, "_LISTED", 1)
    ranged, _ = pull(kingdee.connector(page_rows=9), "invoices")
    assert {key: row.source_hash for key, row in ranged.items()} == {key: row.source_hash for key, row in want.items()}
    again, _ = pull(kingdee.connector(page_rows=3), "invoices", cursor)
    assert {key: row.payload for key, row in again.items()} == {key: row.payload for key, row in changed.items()}


def test_amounts_are_exact_and_padding_is_no_change(kingdee: Any, pull: Pull) -> None:
    number = kingdee.company.kingdee["AR_receivable"][0]["FBillNo"]
    kingdee.server.user_change("update", "AR_receivable", number, {"FALLAMOUNTFOR": Decimal("1234567890123456.78")})
    rows, _ = pull(kingdee.connector(), "invoices")
    row = next(row for row in rows.values() if number.encode() in row.payload)
    assert exact_json.loads(row.payload)["FALLAMOUNTFOR"] == Decimal("1234567890123456.78")
    kingdee.server.settings.amount_places = 10
    padded, _ = pull(kingdee.connector(), "invoices")
    assert padded[row.external_id].payload != row.payload
    assert padded[row.external_id].source_hash == row.source_hash


def largest_open(kingdee: Any) -> Any:
    posted = [doc for doc in kingdee.company.kingdee["AR_receivable"] if doc["FDOCUMENTSTATUS"] == "C"]
    return max(posted, key=open_of)


def new_settlement(kingdee: Any) -> int:
    """A receipt of 1.10 allocated to the largest open bill; gives the match id."""
    bill = largest_open(kingdee)
    fields = {
        "FCONTACTUNIT": bill["FCUSTOMERID"],
        "FRECAMOUNTFOR": Decimal("1.10"),
        "FCURRENCYID": bill["FCURRENCYID"],
    }
    receipt = kingdee.server.user_change("create", "AR_RECEIVEBILL", "", fields)
    match: int = kingdee.server.settle(receipt["FBillNo"], bill["FBillNo"], Decimal("1.10"))
    return match


def test_saving_a_bill_unchanged_is_no_new_version(kingdee: Any, pull: Pull) -> None:
    rows, cursor = pull(kingdee.connector(), "invoices")
    kingdee.clock.sleep(900)
    bill = largest_open(kingdee)
    kingdee.server.user_change("update", "AR_receivable", bill["FBillNo"], {"FALLAMOUNTFOR": bill["FALLAMOUNTFOR"]})
    again, _ = pull(kingdee.connector(), "invoices", cursor)
    (row,) = again.values()
    assert row.version.modified_at > rows[row.external_id].version.modified_at
    assert row.source_hash == rows[row.external_id].source_hash


def test_an_allocation_changes_the_log_and_not_the_bill(kingdee: Any, pull: Pull) -> None:
    before, invoice_cursor = pull(kingdee.connector(), "invoices")
    _, cursor = pull(kingdee.connector(), "allocations")
    kingdee.clock.sleep(3600)
    match = new_settlement(kingdee)
    fresh, later = pull(kingdee.connector(), "allocations", cursor)
    assert len(fresh) == 2  # both sides, one match
    assert {exact_json.loads(row.payload)["FMATCHID"] for row in fresh.values()} == {match}
    assert later.state["high"] == cursor.state["high"] + 2
    again, _ = pull(kingdee.connector(), "invoices", invoice_cursor)
    assert again == {}  # FModifyDate of the bill did not move
    external_id = f"AR_receivable:{largest_open(kingdee)['FID']}"
    assert kingdee.connector().fetch("invoices", [external_id]).rows[0].source_hash == before[external_id].source_hash
    marks = {key: mark for page in kingdee.connector().ids("allocations") for key, mark in page}
    kingdee.server.user_change("unsettle", "AR_RECMacthLog", str(match))
    undone = {key: mark for page in kingdee.connector().ids("allocations") for key, mark in page}
    assert {key for key in undone if undone[key] != marks[key]} == set(fresh)
    seen, _ = pull(kingdee.connector(), "allocations", later)
    assert {exact_json.loads(row.payload)["FISACTIVATION"] for row in seen.values()} == {False}


def test_a_log_without_modify_date_still_gives_new_rows_and_the_sweep_shows_undone_ones(
    kingdee: Any, pull: Pull
) -> None:
    kingdee.server.settings.log_modify_date = False
    rows, cursor = pull(kingdee.connector(), "allocations")
    assert cursor.state["dropped"] == ["FModifyDate"]
    assert all(row.version.modified_at is None for row in rows.values())
    kingdee.clock.sleep(600)
    before = len(kingdee.requests())
    again, _ = pull(kingdee.connector(), "allocations", cursor)
    assert (again, len(kingdee.requests()) - before) == ({}, 1)
    match = new_settlement(kingdee)
    fresh, _ = pull(kingdee.connector(), "allocations", cursor)  # FVERIFYDATE is today's midnight: only the id tells
    assert {exact_json.loads(row.payload)["FMATCHID"] for row in fresh.values()} == {match}
    kingdee.server.user_change("unsettle", "AR_RECMacthLog", "300001")
    marks = [mark for page in kingdee.connector().ids("allocations") for _, mark in page]
    assert marks.count("False") == 2


def test_approving_and_unapproving_are_seen(kingdee: Any, pull: Pull) -> None:
    _, cursor = pull(kingdee.connector(), "invoices")
    kingdee.clock.sleep(900)
    bill = next(doc for doc in kingdee.company.kingdee["AR_receivable"] if doc["FDOCUMENTSTATUS"] == "C")
    kingdee.server.user_change("unaudit", "AR_receivable", bill["FBillNo"])
    rows, cursor = pull(kingdee.connector(), "invoices", cursor)
    assert [exact_json.loads(row.payload)["FDOCUMENTSTATUS"] for row in rows.values()] == ["D"]
    kingdee.clock.sleep(900)
    kingdee.server.user_change("audit", "AR_receivable", bill["FBillNo"])
    again, _ = pull(kingdee.connector(), "invoices", cursor)
    (row,) = again.values()
    assert exact_json.loads(row.payload)["FDOCUMENTSTATUS"] == "C"
    assert row.version.modified_at > rows[row.external_id].version.modified_at


def test_a_deleted_bill_is_missing_from_the_sweep_and_fetched_as_gone(kingdee: Any, pull: Pull) -> None:
    rows, cursor = pull(kingdee.connector(), "payments")
    draft = kingdee.server.user_change(
        "create",
        "AR_RECEIVEBILL",
        "",
        {"FCONTACTUNIT": {"FNumber": "CUST0001"}, "FRECAMOUNTFOR": 5, "FDOCUMENTSTATUS": "A"},
    )
    external_id = f"AR_RECEIVEBILL:{draft['FID']}"
    assert external_id in pull(kingdee.connector(), "payments", cursor)[0]
    kingdee.server.user_change("delete", "AR_RECEIVEBILL", draft["FBillNo"])
    assert {key for page in kingdee.connector().ids("payments") for key, _ in page} == rows.keys()
    (row,) = kingdee.connector().fetch("payments", [external_id]).rows
    assert row.is_deleted
    assert list(kingdee.connector().deleted("payments", cursor)) == []


def open_of(doc: Any) -> Decimal:
    return sum((line["FPAYAMOUNTFOR"] - line["FWRITTENOFFAMOUNTFOR"] for line in doc["FEntityPlan"]), Decimal(0))


@pytest.mark.parametrize("size", [2000, 7])
def test_totals_are_the_companys_own_truth(kingdee: Any, size: int) -> None:
    lines = [line for page in kingdee.connector(page_rows=size).totals() for line in page]
    assert {line.company for line in lines} == {"100"}
    assert len(lines) == len({line.external_id for line in lines})
    owed: dict[tuple[str, str], int] = defaultdict(int)
    unapplied: dict[str, int] = {}
    for line in lines:
        if line.external_id.startswith("AR_receivable:"):
            owed[line.party, line.currency] += line.open_minor
        elif line.open_minor:
            unapplied[line.number] = line.open_minor
    truth = {
        (customer, currency): minor
        for customer, by_currency in kingdee.company.truth["open"].items()
        for currency, minor in by_currency.items()
        if minor
    }
    assert {key: minor for key, minor in owed.items() if minor} == truth
    expected = {}
    for doc in kingdee.company.kingdee["AR_RECEIVEBILL"]:
        written = sum((entry["FWRITTENOFFAMOUNTFOR_D"] for entry in doc["FRECEIVEBILLENTRY"]), Decimal(0))
        if doc["FDOCUMENTSTATUS"] == "C" and doc["FCancelStatus"] == "A" and doc["FRECAMOUNTFOR"] != written:
            expected[doc["FBillNo"]] = -int((doc["FRECAMOUNTFOR"] - written) * 100)
    assert unapplied == expected
    assert min(unapplied.values()) < 0


def test_named_documents_beyond_one_page_are_not_taken_for_gone(kingdee: Any, pull: Pull) -> None:
    rows, _ = pull(kingdee.connector(), "allocations")
    assert len(rows) > 6
    found = kingdee.connector(page_rows=2).fetch("allocations", list(rows)).rows
    assert {row.external_id for row in found} == rows.keys()
    assert not any(row.is_deleted for row in found)


def test_an_answer_asked_again_in_halves_leaves_nobody_out(kingdee: Any, pull: Pull) -> None:
    rows, _ = pull(kingdee.connector(), "allocations")
    handle = kingdee.server.handle

    def cut(req: Any) -> Any:
        answer = handle(req)
        return replace(answer, body=answer.body[:-9]) if answer.body.count(b"],") > 4 else answer

    kingdee.server.handle = cut
    found = kingdee.connector().fetch("allocations", list(rows)).rows
    assert {row.external_id for row in found if not row.is_deleted} == rows.keys()


def _empty_once(kingdee: Any, asked: Callable[[str], bool]) -> list[str]:
    """The first bill query that fits is answered with an empty list, as a server in trouble does; answers what was."""
    handle, struck = kingdee.server.handle, []

    def lie(req: Any) -> Any:
        body = req.body.decode()
        if "ExecuteBillQuery" in req.path and not struck and asked(body):
            struck.append(body)
            return replace(handle(req), body=b"[]")
        return handle(req)

    kingdee.server.handle = lie
    return struck


def test_an_empty_answer_does_not_move_the_cursor_beyond_what_it_hid(kingdee: Any, pull: Pull) -> None:
    _, cursor = pull(kingdee.connector(), "customers")
    number = str(kingdee.company.kingdee["BD_Customer"][0]["FNumber"])
    kingdee.clock.sleep(600)
    kingdee.server.user_change("update", "BD_Customer", number, {"FName": "Renamed Ltd"})
    kingdee.clock.sleep(3600)
    struck = _empty_once(kingdee, lambda body: "FModifyDate>=" in body)
    hidden, after = pull(kingdee.connector(), "customers", cursor)
    assert (len(struck), hidden) == (1, {})
    assert after.since == cursor.since
    shown, last = pull(kingdee.connector(), "customers", after)
    assert len(shown) == 1
    assert last.since > cursor.since
    first, begun = pull(kingdee.connector(), "refunds")
    assert (first, begun.since) == ({}, None), "nothing was ever shown: the next read begins at the beginning again"


def test_an_empty_answer_behind_a_full_page_is_asked_again(kingdee: Any, pull: Pull) -> None:
    want, _ = pull(kingdee.connector(), "customers")
    struck = _empty_once(kingdee, lambda body: "FCUSTID>" in body and "FCUSTID>0" not in body)
    rows, _ = pull(kingdee.connector(page_rows=4), "customers")
    assert len(struck) == 1
    assert rows.keys() == want.keys()


def test_named_documents_that_one_answer_leaves_out_are_not_taken_for_gone(kingdee: Any, pull: Pull) -> None:
    want, _ = pull(kingdee.connector(), "customers")
    struck = _empty_once(kingdee, lambda body: "FCUSTID in (" in body)
    found = kingdee.connector().fetch("customers", list(want)).rows
    assert len(struck) == 1
    assert {row.external_id for row in found if not row.is_deleted} == want.keys()


def _lines_of_bills(body: str) -> bool:
    return "AR_receivable" in body and "FEntityPlan_FEntryID" in body


def test_bills_whose_lines_one_answer_leaves_out_are_asked_for_once_more(kingdee: Any, pull: Pull) -> None:
    want, _ = pull(kingdee.connector(), "invoices")
    struck = _empty_once(kingdee, _lines_of_bills)
    rows, _ = pull(kingdee.connector(), "invoices")
    assert len(struck) == 1
    assert {key: row.source_hash for key, row in rows.items()} == {key: row.source_hash for key, row in want.items()}


def test_bills_whose_lines_are_left_out_again_are_set_aside_instead_of_read_without(kingdee: Any, pull: Pull) -> None:
    """Without its instalments a bill would be due at another time and count as one that contradicts itself."""
    want, _ = pull(kingdee.connector(), "invoices")
    handle = kingdee.server.handle

    def silent(req: Any) -> Any:
        answer = handle(req)
        return replace(answer, body=b"[]") if _lines_of_bills(req.body.decode()) else answer

    kingdee.server.handle = silent
    pages = list(kingdee.connector().read("invoices", Cursor()))
    assert [row for page in pages for row in page.rows] == []
    assert {row.external_id for page in pages for row in page.bad} == want.keys()


def test_a_spoiled_row_is_set_aside_with_its_id_and_the_stream_goes_on(kingdee: Any, pull: Pull) -> None:
    want, _ = pull(kingdee.connector(), "customers")  # no amount in this form: the last value becomes an object
    kingdee.fault("bad_row", times=1)
    pages = list(kingdee.connector(page_rows=10).read("customers", Cursor()))
    bad = [row for page in pages for row in page.bad]
    assert len(bad) == 1
    assert {row.external_id for page in pages for row in page.rows} | {bad[0].external_id} == want.keys()


def test_a_record_that_spoils_every_answer_is_passed_by(kingdee: Any, pull: Pull) -> None:
    want, _ = pull(kingdee.connector(), "customers")
    handle = kingdee.server.handle

    def spoiled(req: Any) -> Any:
        answer = handle(req)
        if b"CUST0005" in answer.body:
            answer.body = answer.body[:-3]
        return answer

    kingdee.server.handle = spoiled
    pages = list(kingdee.connector(page_rows=8).read("customers", Cursor()))
    assert [row.external_id for page in pages for row in page.bad] == ["80005"]
    assert {row.external_id for page in pages for row in page.rows} == want.keys() - {"80005"}


def test_a_line_that_cannot_be_read_stops_the_stream_rather_than_shorten_a_bill(kingdee: Any) -> None:
    handle = kingdee.server.handle

    def spoiled(req: Any) -> Any:
        answer = handle(req)
        if b"FEntityPlan" in req.body:
            answer.body = answer.body.replace(b",100.00,", b',{"x":1},', 1)
        return answer

    kingdee.server.handle = spoiled
    with pytest.raises(BadPayload, match="FEntityPlan"):
        list(kingdee.connector().read("invoices", Cursor()))


def test_optional_fields_are_dropped_and_required_ones_named(kingdee: Any, pull: Pull) -> None:
    kingdee.source_fields = {
        "customers": ["FName", "FNoSuch", "FOther.FNumber"],
        "invoices": ["FALLAMOUNTFOR", "FEntityPlan.FNope", "FEntityPlan.FPAYAMOUNTFOR", "FEntityDetail.FORDERNUMBER"],
    }
    rows, cursor = pull(kingdee.connector(), "customers")
    assert len(rows) == 30
    assert cursor.state["dropped"] == ["FNoSuch", "FOther.FNumber"]
    bills, cursor = pull(kingdee.connector(), "invoices")
    shown = exact_json.loads(next(iter(bills.values())).payload)
    assert cursor.state["dropped"] == ["FNope"]
    assert set(shown["FEntityPlan"][0]) == {"FEntityPlan_FEntryID", "FPAYAMOUNTFOR"}
    messages = [finding.message for finding in kingdee.connector().check() if finding.level == "warning"]
    assert any("FNoSuch" in text for text in messages)
    with pytest.raises(ConfigError, match="FVERIFYDATE"):
        list(kingdee.connector(settlement_form="AR_receivable").read("allocations", Cursor()))


def test_an_absent_refund_form_is_an_empty_stream_and_not_asked_again(kingdee: Any, pull: Pull) -> None:
    connector = kingdee.connector(refund_form="AR_NoRefunds")
    rows, cursor = pull(connector, "refunds")
    assert (rows, list(connector.ids("refunds"))) == ({}, [])
    before = len(kingdee.requests())
    pull(kingdee.connector(refund_form="AR_NoRefunds"), "refunds", cursor)
    assert len(kingdee.requests()) == before
    assert len([line for page in connector.totals() for line in page]) > 50
    with pytest.raises(ConfigError, match="no form"):
        list(kingdee.connector(settlement_form="ar_recmacthlog").read("allocations", Cursor()))


def test_a_form_the_user_may_not_query_is_refused_with_what_to_do(kingdee: Any) -> None:
    kingdee.server.settings.forbidden_forms = frozenset({"AR_receivable"})
    with pytest.raises(Rejected) as caught:
        list(kingdee.connector().read("invoices", Cursor()))
    assert caught.value.code == "permission"
    assert [finding.code for finding in kingdee.connector().check() if finding.level == "error"] == ["permission"]


def test_organisations_can_be_restricted(kingdee: Any, pull: Pull) -> None:
    assert len(pull(kingdee.connector(org_numbers=["100"]), "invoices")[0]) == 60
    assert pull(kingdee.connector(org_numbers=["200", "3'0"]), "invoices")[0] == {}


def test_nothing_is_ever_written(kingdee: Any) -> None:
    change = RemoteChange("c1", "AR_receivable", "update", "100001", {"FAR_Remark": "x"})
    (receipt,) = kingdee.connector().write([change])
    assert (receipt.outcome, receipt.code) == ("rejected", "read_only")
    with pytest.raises(Rejected):
        kingdee.connector().read_back([change])
    assert kingdee.requests() == []


def test_only_numeric_ids_of_the_form_reach_a_filter() -> None:
    settings = KingdeeSettings(base_url="https://x", acct_id="a", user="u", app_id="i", app_secret="s")
    stream = streams_of(settings)["invoices"]
    assert stream.key_of("AR_receivable:100001") == "100001"
    for wrong in ("AR_RECEIVEBILL:1", "1) or (1=1", "AR_receivable:", "１２"):
        with pytest.raises(ConfigError):
            stream.key_of(wrong)
