"""Merging customers on the console: found, shown, confirmed with a reason, parted again."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update

from tests.web.conftest import Csrf, Site
from tieout.store.session import unit
from tieout.store.tables import answers, memberships

NAMES = ("北京远航贸易有限公司", "远航（北京）贸易公司")


def _two(site: Site) -> tuple[str, str]:
    mine, theirs = (site.books.customer(name) for name in NAMES)
    site.books.document("invoice", site.books.named[NAMES[0]], "AR1", 100_00)
    site.books.document("invoice", site.books.named[NAMES[1]], "AR2", 40_25)
    site.books.document("payment", site.books.named[NAMES[1]], "RC1", -5_00)
    return mine, theirs


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_merge_is_found_shown_and_made_with_a_reason(site: Site, csrf_of: Csrf, language: str) -> None:
    mine, theirs = _two(site)
    title, part, moving = {
        "zh-CN": ("合并客户", "拆分合并", "随之移动的未清项目"),
        "en": ("Merge customers", "Part them again", "Open items that move"),
    }[language]
    client = site.browser("operator")
    page = client.get(f"/customers/{mine}?lang={language}").text
    assert f'href="/customers/{mine}/merge">{title}' in page
    assert part not in page
    found = client.get(f"/customers/{mine}/merge", params={"q": "远航"}).text
    assert re.findall(rf'href="/customers/{mine}/merge\?other=(\w+)', found) == [theirs]
    shown = client.get(f"/customers/{mine}/merge", params={"q": "远航", "other": theirs}).text
    assert ">135.25<" in shown, "what both owe together, less the unapplied cash"
    assert moving in shown
    assert ">AR2<" in shown
    assert ">AR1<" not in shown
    assert site.service.asked == [], "it was only a look"
    merge = {"csrf": csrf_of(shown), "other": theirs, "reason": " 同一 家公司 "}
    assert client.post(f"/customers/{mine}/merge", data={**merge, "reason": " "}).status_code == 422
    assert client.post(f"/customers/{mine}/merge", data={**merge, "csrf": "x"}).status_code == 403
    answer = client.post(f"/customers/{mine}/merge", data=merge)
    assert answer.headers["Location"] == f"/customers/{mine}?done=merged"
    assert site.service.asked == [("merge", mine, theirs, "user:mei", "同一 家公司")]


def test_what_a_person_put_there_is_parted_again(site: Site, csrf_of: Csrf) -> None:
    mine, theirs = _two(site)
    account = site.books.named[NAMES[1]]
    m, seq = memberships.c, site.books.next_seq()
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(update(memberships).where(m.member == account).values(to_seq=seq))
        was = conn.execute(memberships.select().where(m.member == account)).mappings().one()
        moved = {**was, "id": "mem_moved", "customer_id": mine, "from_seq": seq, "to_seq": None, "answer_seq": seq}
        conn.execute(memberships.insert().values(**moved))
        conn.execute(
            answers.insert().values(
                seq=seq, subject=account, action="link", target=mine, actor="user:li", at=was["recorded_at"],
                is_active=True,
            )
        )  # fmt: skip
    client = site.browser("operator")
    assert f'href="/customers/{mine}/unmerge"' in client.get(f"/customers/{mine}?done=merged").text
    shown = client.get(f"/customers/{mine}/unmerge").text
    assert f"→ {NAMES[1]}" in shown
    assert ">135.25<" in shown
    assert ">100.00<" in shown
    assert ">35.25<" in shown
    members = re.findall(r'name="member" value="([^"]+)"', shown)
    assert members == [account]
    undo = {"csrf": csrf_of(shown), "member": members, "reason": "两家公司"}
    assert client.post(f"/customers/{mine}/unmerge", data={**undo, "member": []}).status_code == 422
    answer = client.post(f"/customers/{mine}/unmerge", data=undo)
    assert answer.headers["Location"] == f"/customers/{mine}?done=parted"
    assert site.service.asked == [("unmerge", mine, [account], "user:mei", "两家公司")]
    assert client.get(f"/customers/{theirs}/unmerge").status_code == 409


def test_those_who_may_only_read_find_no_merge(site: Site, csrf_of: Csrf) -> None:
    mine, theirs = _two(site)
    viewer = site.browser("viewer", "lee")
    page = viewer.get(f"/customers/{mine}").text
    assert "/merge" not in page
    data = {"csrf": csrf_of(page), "other": theirs, "member": ["acc_1"], "reason": "x"}
    assert viewer.post(f"/customers/{mine}/merge", data=data).status_code == 403
    assert viewer.post(f"/customers/{mine}/unmerge", data=data).status_code == 403
    operator = site.browser("operator", "olga")
    assert operator.get(f"/customers/{mine}/merge?other=cus_none").status_code == 404
    assert operator.get("/customers/cus_none/merge").status_code == 404


def test_the_api_shows_a_merge_before_it_is_made(site: Site) -> None:
    mine, theirs = _two(site)
    api = site.client("operator")
    shown = api.post(f"/v1/customers/{mine}/merge/preview", json={"other": theirs}).json()
    assert [one["id"] for one in shown["before"]] == [mine, theirs]
    (after,) = shown["after"]
    assert (after["id"], after["items"], after["balances"][0]["balance"]["minor"]) == (mine, 2, 135_25)
    assert [(one["number"], one["open"]["text"]) for one in shown["items"]] == [("AR2", "40.25")]
    assert (shown["items_count"], shown["along"], shown["cases"]) == (1, 1, 0)
    assert site.service.asked == []
    assert api.post(f"/v1/customers/{mine}/merge", json={"other": theirs, "reason": "one firm"}).status_code == 200
    assert site.service.asked == [("merge", mine, theirs, "key:" + site.service.asked[0][3][4:], "one firm")]
    assert api.post(f"/v1/customers/{mine}/merge/preview", json={"other": mine}).status_code == 409
    assert api.post(f"/v1/customers/{mine}/unmerge/preview", json={"members": []}).status_code == 422


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_record_that_a_rule_linked_is_shown_and_parted_with_a_reason(
    site: Site, csrf_of: Csrf, language: str
) -> None:
    mine, _ = _two(site)
    words = {"zh-CN": "不是该客户", "en": "Not this customer"}[language]
    client = site.browser("operator")
    page = client.get(f"/customers/{mine}?lang={language}").text
    (link,) = re.findall(r'href="(/customers/\w+/separate\?member=[^"]+)"', page)
    assert words in page
    shown = client.get(link).text
    assert words in shown
    (member,) = re.findall(r'name="member" value="([^"]+)"', shown)
    said = {"csrf": csrf_of(shown), "member": [member], "reason": "另一家"}
    assert client.post(f"/customers/{mine}/separate", data={**said, "reason": " "}).status_code == 422
    answer = client.post(f"/customers/{mine}/separate", data=said)
    assert answer.headers["Location"] == f"/customers/{mine}?done=separated"
    assert site.service.asked == [("separate", mine, [member], "user:mei", "另一家")]
    assert "separate?member" not in site.browser("viewer", "lee").get(f"/customers/{mine}").text
