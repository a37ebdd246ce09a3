"""Reading Fxiaoke: both token conventions, error codes, deep pages, fields found by label, exact values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from mapping.engine import map_record
from mapping.loader import load_profiles
from mapping.profile import MappingContext
from tests.connectors.conftest import NOW, Rig, _fxiaoke
from tieout.core import exact_json
from tieout.core.errors import AuthError, ConfigError, RateLimited
from tieout.core.ports import Cursor, SourceRow
from tieout.sandbox.fxiaoke.ownfields import OWN_FIELDS

Pull = Callable[..., tuple[dict[str, SourceRow], Cursor]]
PROFILES = load_profiles("fxiaoke")
CONTEXT = MappingContext("Asia/Shanghai", "CNY", {"": "cn"})


def with_profiles(rig: Rig) -> Rig:
    rig.source_fields = {stream: profile.source_paths for stream, profile in PROFILES.items()}
    return rig


def test_the_body_convention_reads_the_same(pull: Pull) -> None:
    header, body = _fxiaoke(), _fxiaoke()
    body.settings |= {"auth_style": "body", "user_id": "FSUID_5E8A0001"}
    for stream in ("customers", "invoices"):
        ours, theirs = pull(header.connector(), stream)[0], pull(body.connector(), stream)[0]
        assert ours.keys() == theirs.keys()
    paths = {entry.path for entry in body.store.requests.since(0)}
    assert "/cgi/corpAccessToken/get/V2" in paths
    assert "/oauth2.0/token" not in paths
    assert body.tokens.token is not None
    assert body.tokens.token.extra == {"corp_id": "FSCID_SANDBOX0001"}


def test_a_token_is_renewed_inside_the_window_and_an_aged_one_is_not_asked_for_at_every_call(fxiaoke: Rig) -> None:
    connector = fxiaoke.connector()
    list(connector.read("customers", Cursor()))
    fxiaoke.sandbox_clock.advance(6600)
    list(connector.read("customers", Cursor()))
    assert fxiaoke.tokens.minted == 1
    fxiaoke.sandbox_clock.advance(31)
    list(connector.read("customers", Cursor()))
    assert fxiaoke.tokens.minted == 2

    aged = _fxiaoke(reissue_after_seconds=7200)  # hands out the old one to its very end
    again = aged.connector()
    list(again.read("customers", Cursor()))
    aged.sandbox_clock.advance(7100)
    for _ in range(5):
        list(again.read("customers", Cursor()))
    assert aged.tokens.minted == 2
    aged.sandbox_clock.advance(101)  # it lapsed although it was said to live: refused once, renewed once
    list(again.read("customers", Cursor()))
    assert aged.tokens.minted == 3


def test_codes_are_told_apart(fxiaoke: Rig) -> None:
    connector = fxiaoke.connector()
    list(connector.read("customers", Cursor()))
    fxiaoke.fault("busy", times=2)
    fxiaoke.fault("service_timeout", times=1)
    assert list(connector.read("customers", Cursor()))
    fxiaoke.fault("daily_limit")
    with pytest.raises(RateLimited) as day:
        list(connector.read("customers", Cursor()))
    assert day.value.retry_at == datetime(2026, 11, 20, 16, 0, tzinfo=UTC)  # midnight in Shanghai
    assert fxiaoke.budget.backoffs[-1] == day.value.retry_at
    bought = _fxiaoke(calls_per_day=0)
    with pytest.raises(AuthError) as none:
        list(bought.connector().read("customers", Cursor()))
    assert none.value.code == "30003"


def test_pages_go_far_beyond_the_offset_cap(pull: Pull) -> None:
    rig = _fxiaoke(offset_cap=10)
    rows, _ = pull(rig.connector(per_page=5), "invoices")
    assert rows.keys() == rig.company.truth["fx_invoices"].keys()
    offsets = {entry.note for entry in rig.requests() if "InvoiceApplicationObj" in entry.note}
    assert offsets == {"query InvoiceApplicationObj"}
    assert len(rows) > 20


def test_fields_are_found_by_label_and_values_are_exact(pull: Pull) -> None:
    rig = with_profiles(_fxiaoke())
    rows, _ = pull(rig.connector(), "invoices")
    truth = rig.company.truth["fx_invoices"]
    bills = {bill["FBillNo"]: bill for bill in rig.company.kingdee["AR_receivable"]}
    for key, row in rows.items():
        claim = map_record(PROFILES["invoices"], row.payload, CONTEXT)
        assert (claim.kind, claim.deal_ref != "") == ("invoice", truth[key]["way"] != "no_number")
        if truth[key]["way"] == "bill_number":
            assert list(claim.external_refs) == [truth[key]["bill"]]
        bill = bills[truth[key]["meant"]]
        assert claim.issue_on.isoformat() == str(bill["FDATE"])[:10]
    customers, _ = pull(rig.connector(), "customers")
    for key, row in customers.items():
        party = map_record(PROFILES["customers"], row.payload, CONTEXT)
        assert bool(party.tax_ids) == (rig.company.truth["fx_accounts"][key]["way"] == "tax_id")
        is_story = rig.company.truth["fx_accounts"][key]["customer"] in ("CUST0001", "CUST0002", "CUST0003")
        assert party.address.startswith("示例路") == is_story
    for stream in ("deals", "orders", "payments", "payment_lines", "payment_plans"):
        for row in pull(rig.connector(), stream)[0].values():
            assert map_record(PROFILES[stream], row.payload, CONTEXT).amount_minor > 0


def test_our_own_fields_are_read_by_label_and_in_our_words(fxiaoke: Rig, pull: Pull) -> None:
    names = {one["label"]: one["api_name"] for one in OWN_FIELDS["InvoiceApplicationObj"]}
    before, cursor = pull(fxiaoke.connector(), "invoices")
    key = sorted(before)[0]
    changed = {names["AR Payment Status"]: "option3", names["AR Open Amount"]: "1234567.80"}
    fxiaoke.sandbox_clock.advance(5)
    fxiaoke.server.user_change("update", "InvoiceApplicationObj", key, changed)
    rows, _ = pull(fxiaoke.connector(), "invoices", cursor)
    assert rows[key].own == {"ar_payment_status__c": "overdue", "ar_open_amount__c": Decimal("1234567.80")}
    assert rows[key].source_hash == before[key].source_hash  # an echo of ours is no new version
    assert before[key].own == {"ar_payment_status__c": None, "ar_open_amount__c": None}


def test_a_label_of_the_enterprise_goes_before_ours_and_an_ambiguous_one_decides_nothing(pull: Pull) -> None:
    rig = with_profiles(_fxiaoke())
    rig.server.user_change(
        "create_field", "InvoiceApplicationObj", None, {"api_name": "field_x1__c", "label": "金蝶号"}
    )
    key = sorted(rig.company.truth["fx_invoices"])[0]
    rig.server.user_change("update", "InvoiceApplicationObj", key, {"field_x1__c": "AR-77"})
    rows, _ = pull(rig.connector(labels={"invoices.erp_bill_no": "金蝶号"}), "invoices")
    assert exact_json.loads(rows[key].payload)["$by"]["erp_bill_no"] == "AR-77"
    twin = _fxiaoke()
    twin.server.user_change(
        "create_field", "AccountObj", None, {"api_name": "field_x2__c", "label": "AR_Credit_Status"}
    )
    found = [one for one in twin.connector().check() if one.code == "own_fields_missing"]
    assert [one.message for one in found] == ["AccountObj lacks ar_credit_status__c"]


def test_financial_records_move_their_customer(fxiaoke: Rig, pull: Pull) -> None:
    rows, cursor = pull(fxiaoke.connector(), "customers")
    lone = next(key for key in sorted(rows) if not exact_json.loads(rows[key].payload)["$finance"])
    fxiaoke.sandbox_clock.advance(600)
    made = fxiaoke.server.user_change(
        "create", "AccountFinInfoObj", None, {"account_id": lone, "tax_no": "91330100MA2K000000"}
    )
    again, cursor = pull(fxiaoke.connector(), "customers", cursor)
    assert set(again) == {lone}
    assert exact_json.loads(again[lone].payload)["$finance"] == [{"tax_id": "91330100MA2K000000"}]
    fxiaoke.sandbox_clock.advance(600)
    fxiaoke.server.user_change("invalid", "AccountFinInfoObj", made["_id"])
    last, _ = pull(fxiaoke.connector(), "customers", cursor)
    assert last[lone].source_hash == rows[lone].source_hash


def test_invalid_rows_come_as_deleted_and_come_back(fxiaoke: Rig, pull: Pull) -> None:
    rows, cursor = pull(fxiaoke.connector(), "orders")
    key = sorted(rows)[0]
    fxiaoke.sandbox_clock.advance(60)
    fxiaoke.server.user_change("invalid", "SalesOrderObj", key)
    again, after = pull(fxiaoke.connector(), "orders", cursor)
    assert again[key].is_deleted
    assert [row.external_id for page in fxiaoke.connector().deleted("orders", cursor) for row in page.rows] == [key]
    assert key not in {one for page in fxiaoke.connector().ids("orders") for one, _ in page}
    (gone,) = fxiaoke.connector().fetch("orders", [key]).rows
    assert gone.is_deleted
    fxiaoke.sandbox_clock.advance(60)
    fxiaoke.server.user_change("recover", "SalesOrderObj", key)
    back, _ = pull(fxiaoke.connector(), "orders", after)
    assert not back[key].is_deleted
    assert back[key].source_hash == rows[key].source_hash


def test_a_bad_row_is_set_aside_and_an_empty_answer_is_not_believed_at_once(fxiaoke: Rig, pull: Pull) -> None:
    want, _ = pull(fxiaoke.connector(), "orders")
    fxiaoke.fault("bad_row")
    pages = list(fxiaoke.connector().read("orders", Cursor()))
    bad = [one for page in pages for one in page.bad]
    assert len(bad) == 1
    assert "last_modified_time" in bad[0].reason
    assert {row.external_id for page in pages for row in page.rows} == want.keys() - {bad[0].external_id}
    for after in (0, 1):
        rig = _fxiaoke()
        list(rig.connector().read("orders", Cursor()))
        rig.fault("empty_page", after=after)
        rows, _ = pull(rig.connector(per_page=5), "orders")
        assert rows.keys() == want.keys()


def test_an_enterprise_without_an_object(fxiaoke: Rig, pull: Pull) -> None:
    for name in ("NewOpportunityObj", "PaymentPlanObj", "AccountFinInfoObj"):
        fxiaoke.server.user_change("deactivate", name)
    assert pull(fxiaoke.connector(), "deals")[0] == {}
    assert list(fxiaoke.connector().ids("payment_plans")) == []
    rows, _ = pull(fxiaoke.connector(), "customers")
    assert rows
    assert all("$finance" not in exact_json.loads(row.payload) for row in rows.values())
    levels = {one.code: one.level for one in fxiaoke.connector().check()}
    assert levels["no_object"] == "warning"
    assert "error" not in levels.values()
    fxiaoke.server.user_change("deactivate", "SalesOrderObj")
    with pytest.raises(ConfigError, match="no object SalesOrderObj"):
        pull(_again(fxiaoke).connector(), "orders")


def _again(rig: Rig) -> Rig:
    """The same, an hour later: descriptions are asked anew."""
    rig.sandbox_clock.advance(3601)
    return rig


def test_receivables_found_by_label_are_named(pull: Pull) -> None:
    rig = _fxiaoke(extra_objects=[{"api_name": "object_Rk__c", "label": "应收单"}])
    found = [one for one in rig.connector().check() if one.code == "receivable_object"]
    assert [one.message for one in found] == ["the enterprise has 应收单 (object_Rk__c)"]
    assert 'invoice_object = "object_Rk__c"' in found[0].hint
    rig.server.seed("object_Rk__c", [{"name": "YS1"}])
    rows, _ = pull(rig.connector(invoice_object="object_Rk__c"), "invoices")
    assert len(rows) == 1  # custom objects have a path of their own
    assert {entry.path for entry in rig.requests()[-1:]} == {"/cgi/crm/custom/v2/data/query"}


def test_the_own_pace_keeps_below_the_limit_of_an_interface(fxiaoke: Rig) -> None:
    connector = fxiaoke.connector(calls_per_20_seconds=5)
    for _ in range(9):
        list(connector.ids("orders"))
    calls = [entry for entry in fxiaoke.requests() if entry.path.endswith("/query")]
    assert len(calls) >= 9
    stamps = [datetime.fromisoformat(entry.at) for entry in calls]
    assert all(later - first >= timedelta(seconds=20) for first, later in zip(stamps, stamps[5:], strict=False))
    assert fxiaoke.clock.now() > NOW
