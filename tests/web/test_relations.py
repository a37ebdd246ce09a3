"""Relations of a customer over page and API, and the answer that states one."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from tests.web.conftest import Csrf, Site
from tests.web.factory import NOW, TODAY
from tests.web.test_why import FIRM, record
from tieout.store.session import unit
from tieout.store.tables import answers, relations


def _related(site: Site, member: str, kind: str, target: str, name: str = "", rule: str = "found") -> None:
    seq = site.books.next_seq()
    with unit(site.engine, "admin.commit") as conn:
        if rule == "stated":
            conn.execute(
                insert(answers).values(
                    seq=seq, subject=member, action="separate", target=target, actor="user:li", at=NOW,
                    conflict_id="cfl_1", is_active=True,
                )
            )  # fmt: skip
        conn.execute(
            insert(relations).values(
                id=site.books.ids.new("rel"), owner=member, member=member, kind=kind, target=target, name=name,
                from_seq=seq, effective_on=TODAY, recorded_at=NOW, rule=rule, rule_version="relation-1",
                evidence=None, answer_seq=seq if rule == "stated" else None,
            )
        )  # fmt: skip


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_customer_shows_its_branches_groups_and_further_names(site: Site, language: str) -> None:
    customer, group = site.books.customer(FIRM), site.books.customer("澄砚集团有限公司")
    account, parent = site.books.named[FIRM], site.books.named["澄砚集团有限公司"]
    branch = record(site, "zoho", "77", FIRM + "厦门分公司")
    _related(site, branch, "branch_of", account)
    _related(site, account, "member_of_group", parent, rule="stated")
    _related(site, account, "alias", customer, "岚序")
    _related(site, parent, "alias", group, "岚序")
    found = site.client().get(f"/v1/customers/{customer}").json()["relations"]
    assert [(one["kind"], one["direction"], one["other_name"], one["other_customer_id"]) for one in found] == [
        ("branch_of", "from", FIRM + "厦门分公司", None),
        ("member_of_group", "to", "澄砚集团有限公司", group),
        ("alias", "to", "岚序", customer),
    ]
    assert (found[1]["actor"], found[1]["rule"], found[1]["conflict_id"]) == ("user:li", "stated", "cfl_1")
    assert [one["is_ambiguous"] for one in found] == [False, False, True]
    page = site.browser("viewer").get(f"/customers/{customer}", params={"lang": language}).text
    words = {"zh-CN": ("分支机构", "所属集团", "又称", "多个客户共用"), "en": ("has the branch", "member of the group")}
    for text in (*words[language], FIRM + "厦门分公司", "岚序", "user:li", f"/customers/{group}", "/conflicts/cfl_1"):
        assert text in page, text
    other = site.client().get(f"/v1/customers/{group}").json()["relations"]
    assert [(one["kind"], one["direction"]) for one in other] == [("member_of_group", "from"), ("alias", "to")]


def test_related_is_one_click_beside_a_suggestion(site: Site, csrf_of: Csrf) -> None:
    suggestion = {"action": "link", "target": "acc_7", "label": FIRM, "points": 80, "reasons": [], "record": {}}
    made = site.books.conflict("澄砚", 1_00, suggestions=[suggestion])
    client = site.browser("operator")
    page = client.get(f"/conflicts/{made}?lang=en").text
    assert 'name="action" value="branch_of"' in page
    assert 'name="action" value="link"' in page
    data = {"csrf": csrf_of(page), "action": "branch_of", "target": "acc_7"}
    assert client.post(f"/conflicts/{made}/answer", data=data).status_code == 303
    assert site.service.asked[-1][2] == {"action": "branch_of", "target": "acc_7", "note": ""}
    answer = site.client().post(
        f"/v1/conflicts/{made}/resolution", json={"action": "member_of_group", "target": "acc_7"}
    )
    assert answer.status_code == 200
    assert site.service.asked[-1][2]["action"] == "member_of_group"
