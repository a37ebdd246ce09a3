"""Reading Zoho: floods in one second, tokens past 2,000, bad rows and pages, missing fields."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connectors.zoho.leg import Leg
from connectors.zoho.rows import RowReader
from tieout.core import exact_json
from tieout.core.errors import BadPayload, ConfigError
from tieout.core.ports import Cursor

Pull = Callable[..., Any]


def seed_deals(zoho: Any, count: int, stamp: str = "2026-11-19T08:00:00+08:00") -> set[str]:
    ids = [str(7_000_000_000_000_000_000 + n) for n in range(count)]
    zoho.server.seed(
        "Deals",
        [
            {
                "id": one,
                "Deal_Name": f"D {one}",
                "Stage": "Qualification",
                "Created_Time": stamp,
                "Modified_Time": stamp,
            }
            for one in ids
        ],
    )
    return set(ids)


class Spoiler:
    """Answers chosen requests with something else."""

    def __init__(
        self, zoho: Any, when: Callable[[Any], bool], body: Callable[[bytes], bytes], times: int = 10_000
    ) -> None:
        self.hits = 0
        handle = zoho.server.handle

        def spoiled(req: Any) -> Any:
            answer = handle(req)
            if answer.status == 200 and self.hits < times and when(req):
                self.hits += 1
                answer.body = body(answer.body)
            return answer

        zoho.server.handle = spoiled


def is_list(req: Any) -> bool:
    return req.path.endswith("/Accounts") and req.q("ids") is None


def test_more_than_a_page_in_one_second_is_read_by_id_and_past_2000_by_token(zoho: Any, pull: Pull) -> None:
    ids = seed_deals(zoho, 2450)
    before = len(zoho.requests())
    rows, cursor = pull(zoho.connector(), "deals")
    assert ids <= rows.keys()
    assert len(rows) == 2450 + 24
    tokens = [entry for entry in zoho.requests()[before:] if "page_token=" in entry.query]
    assert len(tokens) >= 2
    assert len(zoho.requests()) - before <= -(-2474 // 200) + 3
    again, _ = pull(zoho.connector(), "deals", cursor)
    assert again == {}


def test_a_flood_does_not_hide_newer_records_with_lower_ids(zoho: Any, pull: Pull) -> None:
    ids = seed_deals(zoho, 450)
    newer = [str(6_000_000_000_000_000_000 + n) for n in range(30)]
    stamp = "2026-11-19T09:00:00+08:00"
    zoho.server.seed(
        "Deals",
        [{"id": one, "Deal_Name": one, "Stage": "New", "Created_Time": stamp, "Modified_Time": stamp} for one in newer],
    )
    rows, _ = pull(zoho.connector(), "deals")
    assert ids | set(newer) <= rows.keys()


def test_edits_during_a_flood_hide_nothing(zoho: Any) -> None:
    ids = seed_deals(zoho, 700)
    seen: set[str] = set()
    for page in zoho.connector().read("deals", Cursor()):
        seen |= {row.external_id for row in page.rows}
        zoho.clock.sleep(1)
        for row in page.rows[:5]:
            zoho.server.user_change("update", "Deals", row.external_id, {"Stage": "Closed Won"})
    assert ids <= seen


def test_an_expired_page_token_starts_the_flood_again_and_loses_nothing(zoho: Any) -> None:
    ids = seed_deals(zoho, 2450)
    seen: set[str] = set()
    for page in zoho.connector().read("deals", Cursor()):
        seen |= {row.external_id for row in page.rows}
        if page.resume and page.resume["token"] and page.resume["restarts"] == 0:
            zoho.clock.sleep(25 * 3600)
    assert ids <= seen


def test_a_leg_survives_the_database(zoho: Any) -> None:
    connector = zoho.connector(per_page=10)
    first = next(connector.read("customers", Cursor()))
    assert first.resume is not None
    loaded = Leg.load(exact_json.loads(exact_json.dumps(first.resume)))
    assert loaded.dump() == first.resume
    assert loaded.begun


def test_money_is_sliced_and_never_rounded(zoho: Any) -> None:
    external_id = zoho.company.zoho["Invoices"][0]["id"]
    zoho.server.user_change("update", "Invoices", external_id, {"Grand_Total": Decimal("1234567890123456.78")})
    row = zoho.connector().fetch("invoices", [external_id]).rows[0]
    assert b"1234567890123456.78" in row.payload
    assert exact_json.loads(row.payload)["Grand_Total"] == Decimal("1234567890123456.78")


def test_a_row_that_cannot_be_decoded_is_set_aside_and_the_others_go_on(zoho: Any, pull: Pull) -> None:
    want, _ = pull(zoho.connector(), "customers")
    victim, nameless, *_ = want

    def spoil(body: bytes) -> bytes:
        body = body.replace(f'"id":"{victim}",'.encode(), f'"id":"{victim}","Phone":"1","Phone":"2",'.encode())
        return body.replace(f'"id":"{nameless}",'.encode(), b'"id":null,')

    Spoiler(zoho, is_list, spoil)
    pages = list(zoho.connector().read("customers", Cursor()))
    bad = [row for page in pages for row in page.bad]
    assert {row.external_id for row in bad} == {victim, ""}
    assert {row.external_id for page in pages for row in page.rows} == want.keys() - {victim, nameless}
    assert any("duplicate JSON key" in row.reason for row in bad)


def test_a_page_unreadable_once_is_asked_again(zoho: Any, pull: Pull) -> None:
    want, _ = pull(zoho.connector(), "customers")
    spoiler = Spoiler(zoho, is_list, lambda body: body[: len(body) // 2], times=1)
    rows, _ = pull(zoho.connector(), "customers")
    assert rows.keys() == want.keys()
    assert spoiler.hits == 1


def test_an_unreadable_page_is_halved(zoho: Any, pull: Pull) -> None:
    want, _ = pull(zoho.connector(), "customers")
    Spoiler(zoho, lambda req: is_list(req) and int(req.q("per_page")) > 50, lambda body: body[:-2])
    rows, _ = pull(zoho.connector(), "customers")
    assert rows.keys() == want.keys()


def test_a_record_that_spoils_every_page_is_found_by_reading_one_by_one(zoho: Any, pull: Pull) -> None:
    want, _ = pull(zoho.connector(), "customers")
    victim = sorted(want)[3]

    def spoil(body: bytes) -> bytes:
        return body[:-3] if victim.encode() in body and b"Account_Name" in body else body

    Spoiler(zoho, lambda req: req.path.endswith("/Accounts"), spoil)
    pages = list(zoho.connector().read("customers", Cursor()))
    assert {row.external_id for page in pages for row in page.rows} == want.keys() - {victim}
    assert {row.external_id for page in pages for row in page.bad} == {victim}


def test_a_stream_that_cannot_be_read_at_all_stops_with_its_first_bytes(zoho: Any) -> None:
    Spoiler(zoho, lambda req: "/crm/" in req.path, lambda _: b"<html>Zoho-oauthtoken 1000.abcdefgh.ijklmnop</html>")
    with pytest.raises(BadPayload) as caught:
        list(zoho.connector().read("customers", Cursor()))
    assert "HTML" in str(caught.value)
    assert "1000.abcdefgh" not in str(caught.value)


def test_an_empty_answer_in_the_middle_is_not_believed_at_once(zoho: Any, pull: Pull) -> None:
    want, _ = pull(zoho.connector(), "customers")
    zoho.fault("empty_page", after=1)
    rows, _ = pull(zoho.connector(per_page=10), "customers")
    assert rows.keys() == want.keys()


def test_a_page_that_repeats_for_ever_is_a_loop(zoho: Any) -> None:
    kept: list[bytes] = []

    def freeze(body: bytes) -> bytes:
        kept.append(body)
        return kept[0]

    Spoiler(zoho, is_list, freeze)
    with pytest.raises(BadPayload, match="twice"):
        list(zoho.connector(per_page=10).read("customers", Cursor()))


def test_the_delete_feed_gives_tombstones_with_their_time(zoho: Any, pull: Pull) -> None:
    connector = zoho.connector()
    rows, cursor = pull(connector, "customers")
    zoho.clock.sleep(600)
    external_id = sorted(rows)[0]
    zoho.server.user_change("delete", "Accounts", external_id)
    (row,) = [row for page in connector.deleted("customers", cursor) for row in page.rows]
    assert (row.external_id, row.is_deleted) == (external_id, True)
    assert row.version.modified_at == zoho.clock.now()
    assert external_id not in {key for page in connector.ids("customers") for key, _ in page}


def test_fields_follow_the_profile_and_only_what_it_reads_is_hashed(zoho: Any) -> None:
    zoho.source_fields = {"customers": ["Account_Name", "Tax_ID", "No_Such_Field", "Owner.id", "id", "$approved"]}
    external_id = zoho.company.zoho["Accounts"][0]["id"]
    before = zoho.connector().fetch("customers", [external_id]).rows[0]
    shown = exact_json.loads(before.payload)
    assert {"Account_Name", "Tax_ID", "Owner"} <= shown.keys()
    assert "Website" not in shown
    zoho.server.user_change("update", "Accounts", external_id, {"Website": "https://other.example"})
    assert zoho.connector().fetch("customers", [external_id]).rows[0].source_hash == before.source_hash
    zoho.server.user_change("update", "Accounts", external_id, {"Tax_ID": "changed"})
    assert zoho.connector().fetch("customers", [external_id]).rows[0].source_hash != before.source_hash


def test_a_renamed_account_makes_no_version_of_the_invoices_that_name_it(zoho: Any) -> None:
    zoho.source_fields = {"invoices": ["Account_Name.id", "Subject"]}
    wide, narrow = zoho.company.zoho["Invoices"][0], zoho.connector()
    external_id, account = wide["id"], wide["Account_Name"]["id"]
    before = narrow.fetch("invoices", [external_id]).rows[0]
    zoho.source_fields = {"invoices": ["Account_Name.id", "Account_Name.name", "Subject"]}
    named = zoho.connector().fetch("invoices", [external_id]).rows[0]
    zoho.server.user_change("update", "Accounts", account, {"Account_Name": "Another Name Ltd"})
    after = narrow.fetch("invoices", [external_id]).rows[0]
    assert exact_json.loads(after.payload)["Account_Name"]["name"] == "Another Name Ltd"
    assert after.source_hash == before.source_hash
    renamed = zoho.connector().fetch("invoices", [external_id]).rows[0]
    assert renamed.source_hash != named.source_hash, "a profile that maps the name sees it change"
    other = next(row["id"] for row in zoho.company.zoho["Accounts"] if row["id"] != account)
    zoho.server.user_change("update", "Invoices", external_id, {"Account_Name": {"id": other}})
    assert narrow.fetch("invoices", [external_id]).rows[0].source_hash != before.source_hash


def test_what_a_profile_reads_of_lookups_and_lines_is_what_is_hashed() -> None:
    line = {"Product": {"id": "1", "name": "A"}, "Total": 5}
    record = {"Owner": {"id": "9", "name": "Ann"}, "Lines": [line], "Subject": "S"}
    reader = RowReader(["Owner", "Lines", "Subject"], [], ["Owner", "Owner.id", "Lines[].Product.id", "Subject"])
    other = {**record, "Lines": [{**line, "Product": {"id": "1", "name": "B"}, "Total": 6}]}
    assert reader.hash(record) == reader.hash(other)
    assert reader.hash(record) != reader.hash({**record, "Lines": [{**line, "Product": {"id": "2", "name": "A"}}]})
    assert reader.hash(record) != reader.hash({**record, "Owner": {"id": "9", "name": "Bob"}})


def test_system_stamps_are_never_hashed_even_if_the_profile_reads_them(zoho: Any) -> None:
    zoho.source_fields = {"customers": ["Account_Name", "Modified_Time", "Modified_By.id", "Last_Activity_Time"]}
    external_id = zoho.company.zoho["Accounts"][0]["id"]
    before = zoho.connector().fetch("customers", [external_id]).rows[0]
    zoho.clock.sleep(60)
    zoho.server.user_change("update", "Accounts", external_id, {"Website": "https://other.example"})
    after = zoho.connector().fetch("customers", [external_id]).rows[0]
    assert after.payload != before.payload
    assert after.source_hash == before.source_hash


def test_an_organisation_that_refuses_unknown_fields_is_asked_for_known_ones_and_remembered(
    zoho: Any, pull: Pull
) -> None:
    handle = zoho.server.handle
    asked: list[str] = []

    def strict(req: Any) -> Any:
        if req.path.endswith("/Accounts"):
            names = (req.q("fields") or "").split(",")
            asked.append(req.path)
            if set(names) - set(zoho.server.catalog.fields("Accounts")):
                refusal = exact_json.dumps(
                    {"data": [{"code": "INVALID_DATA", "message": "invalid data", "details": {}}]}
                )
                return type(handle(req))(400, refusal, {"content-type": "application/json"})
        return handle(req)

    zoho.server.handle = strict
    rows, cursor = pull(zoho.connector(), "customers")
    assert len(rows) == 31
    assert cursor.state["missing"] == ["AR_Credit_Status"]
    asked.clear()
    before = len(zoho.requests())
    zoho.clock.sleep(300)
    pull(zoho.connector(), "customers", cursor)
    assert len(asked) == len(zoho.requests()) - before == 1
    zoho.clock.sleep(1000)  # setup may have run meanwhile: looked at again
    pull(zoho.connector(), "customers", cursor)
    assert len(asked) == 3


def test_more_fields_than_zoho_lists_are_a_configuration_error(zoho: Any) -> None:
    zoho.source_fields = {"customers": [f"F{n}" for n in range(60)]}
    with pytest.raises(ConfigError, match="at most 50"):
        list(zoho.connector().read("customers", Cursor()))


def test_too_many_new_tokens_wait_for_the_window(zoho: Any) -> None:
    from tieout.core.errors import RateLimited

    zoho.server.settings.mint_limit = 0
    with pytest.raises(RateLimited) as caught:
        list(zoho.connector().read("customers", Cursor()))
    assert caught.value.code == "token_limit"
    assert (caught.value.retry_at - zoho.clock.now()).total_seconds() == 600
    assert zoho.budget.backoffs == [caught.value.retry_at]
