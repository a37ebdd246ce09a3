"""Why two records are one customer, or are not: the page in both languages, its form, and the API."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, update

from mapping.identity.weights import weights
from tests.mapping.test_identity_link import TAX, TAX2, code
from tests.web.conftest import Site
from tests.web.factory import NOW
from tests.web.test_console import _Page
from tieout.canonical import codec
from tieout.canonical.parties import PartyCandidate
from tieout.store.session import unit
from tieout.store.tables import accounts, answers, source_records

FIRM = "深圳市澄砚智能装备有限公司"
WORDS = {
    "zh-CN": ("同一个客户", "未关联", "因为", "字号", "澄砚", "智能装备", "人工判定不是同一个", "归属变化"),
    "en": ("One customer", "Not linked", "because", "brand", "澄砚", "智能装备", "a person said they are not", "apart"),
}


def record(site: Site, connection: str, key: str, name: str, tax: str = "", **more: Any) -> str:
    """A living party record of a source."""
    candidate = PartyCandidate(key, (name,), tax_ids=(tax,) if tax else (), **more)
    kind, body = codec.kind_of(candidate), codec.encode(candidate)
    seq = site.books.next_seq()
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(
            insert(source_records).values(
                connection=connection, stream="customers", external_id=key, seq=seq, source_hash=f"{seq:032d}",
                read_started_at=NOW, is_deleted=False, needs_fetch=False, applied_seq=seq, candidate_kind=kind,
                candidate=body,
            )
        )  # fmt: skip
    return f"{connection}/customers/{key}"


@pytest.fixture
def pair(site: Site) -> tuple[str, str]:
    """An account of the books and the CRM record that a rule linked to it."""
    site.books.customer(FIRM)
    account = site.books.named[FIRM]
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(update(accounts).where(accounts.c.id == account).values(external_id="101", party_ref="C0001"))
    record(site, "kingdee", "101", FIRM, TAX, phone="0755-26731188", website="www.chengyan.cn", city="深圳")
    return record(site, "zoho", "900001", "【老客户】澄砚智能装备", TAX, phone="13800138000", website="qq.com"), account


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_page_shows_why_two_records_are_one_customer_and_why_not(
    site: Site, pair: tuple[str, str], language: str
) -> None:
    linked, account = pair
    other = record(site, "zoho", "7", "上海沐珩食品有限公司", TAX2)
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(
            insert(answers).values(
                seq=site.books.next_seq(), subject=other, action="separate", target=account, actor="user:li", at=NOW,
                conflict_id=None, is_active=True,
            )
        )  # fmt: skip
    client = site.browser("viewer")
    same = client.get("/why", params={"left": linked, "right": account, "lang": language})
    parted = client.get("/why", params={"left": other, "right": account, "lang": language})
    one, none, because, brand, *rest = WORDS[language]
    said, events = rest[2], rest[3]
    shipped = weights()
    prior, tax, auto = (f"{n / 100:+.2f}" for n in (shipped.base, shipped.codes["tax_id_equal"], shipped.auto))
    for page, outcome in ((same, one), (parted, none)):
        assert page.status_code == 200, page.text[:500]
        assert f'<html lang="{language}">' in page.text
        assert _Page(page.text).broken == []
        for words in (outcome, because, brand, rest[0], rest[1], events, auto, prior):
            assert words in page.text, words
    assert tax in same.text, "the weight of an equal tax id as a number"
    assert said in parted.text
    assert "user:li" in parted.text


def test_two_records_are_chosen_by_connection_and_id(site: Site, pair: tuple[str, str]) -> None:
    client = site.browser("viewer")
    empty = client.get("/why?lang=en")
    assert empty.status_code == 200
    assert 'name="left_connection"' in empty.text
    asked = {"left_connection": "zoho", "left_id": "900001", "right_connection": "kingdee", "lang": "en"}
    for named in ("C0001", "101", pair[1]):  # the customer number, the record's id, the account
        page = client.get("/why", params={**asked, "right_id": named})
        assert page.status_code == 200
        assert "One customer" in page.text
    lost = client.get("/why", params={**asked, "right_id": "nobody"})
    assert lost.status_code == 404
    assert "There is no such record" in lost.text
    assert 'value="900001"' in lost.text, "what was chosen stays in the form"
    itself = client.get("/why", params={"left": pair[0], "right": pair[0], "lang": "en"})
    assert "one and the same record" in itself.text
    assert client.get("/why", params={"left": "a\x00", "right": "b"}).status_code == 422


def test_customer_and_conflict_pages_lead_to_it(site: Site, pair: tuple[str, str]) -> None:
    client = site.browser("viewer")
    customer = site.client().get("/v1/customers").json()["items"][0]["id"]
    assert f'/why?left={pair[0]}&amp;right={pair[1]}"' in client.get(f"/customers/{customer}").text
    suggestion = {"action": "link", "target": pair[1], "label": FIRM, "points": 80, "reasons": [], "record": {}}
    conflict = site.books.conflict("澄砚", 1_00, suggestions=[suggestion])
    assert f'&amp;right={pair[1]}"' in client.get(f"/conflicts/{conflict}").text


def test_the_api_tells_names_in_parts_weights_thresholds_vetoes_and_events(site: Site, pair: tuple[str, str]) -> None:
    found = site.client().get("/v1/customers/why", params={"left": pair[0], "right": "kingdee/customers/101"}).json()
    assert (found["outcome"], found["rule"], found["same_customer"]) == ("link", "tax_id", True)
    assert [one["code"] for one in found["because"]] == ["rule_tax_id"]
    assert found["prior"] + sum(one["weight"] for one in found["reasons"]) == found["score"]
    assert found["thresholds"]["auto"] == found["needed"] == 250
    (name,) = found["right"]["parts"]["names"]
    assert (name["region"], name["brand"], name["trade"], name["form"]) == ("广东 深圳", "澄砚", "智能装备", "有限公司")
    parts = found["left"]["parts"]
    assert parts["tax_ids"] == [{"value": TAX, "scheme": "cn", "is_valid": True}]
    assert (parts["mobile"], parts["landline"]) == ("+8613800138000", "")
    assert (parts["website"], parts["domain"]) == ("qq.com", "")
    assert found["vetoes"] == []
    assert [(one["member"], one["rule"], one["to_at"]) for one in found["events"]] == [
        (pair[1], "book_of_record", None),
        (pair[0], "tax_id", None),
    ]
    stranger = record(site, "zoho", "8", FIRM, code(3))
    parted = site.client().get("/v1/customers/why", params={"left": stranger, "right": pair[1]}).json()
    assert (parted["outcome"], parted["vetoes"]) == ("separate", ["tax_id_conflict"])
    assert parted["because"][0]["code"] == parted["against"] == "tax_id_conflict"
    assert (
        site.client().get("/v1/customers/why", params={"left": "zoho/customers/no", "right": pair[1]}).status_code
        == 404
    )
    itself = site.client().get("/v1/customers/why", params={"left": pair[1], "right": "kingdee/customers/C0001"})
    assert (itself.status_code, itself.json()["code"]) == (409, "same_record")
