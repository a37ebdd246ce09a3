"""Message texts over the page and the API: a mistake keeps what was written, a preview shows the message."""

from __future__ import annotations

from tests.web.conftest import Csrf, Site

PLACE = {"company": "cn", "slot": "step:L2", "language": "en", "channel": "email"}
MINE = "Pay {{ amount }}\n{% for line in lines %}\n- {{ line.number }} <{{ line.days }}>\n{% endfor %}\n"


def _customer(site: Site) -> str:
    customer = site.books.customer("北京远航贸易有限公司")
    site.books.document("invoice", site.books.named["北京远航贸易有限公司"], "AR<1>", 1_234_50, due=-20)
    return customer


def test_a_text_is_written_tried_and_put_in_force_on_the_page(site: Site, csrf_of: Csrf) -> None:
    customer = _customer(site)
    browser = site.browser("approver")
    address = "/dunning/texts/write?lang=en&" + "&".join(f"{name}={value}" for name, value in PLACE.items())
    page = browser.get(address).text
    assert "Payment reminder: {{ amount }} overdue" in page, "the shipped text to start from"
    csrf = csrf_of(page)
    form = {**PLACE, "csrf": csrf, "customer": customer}
    wrong = browser.post("/dunning/texts/preview", data={**form, "text": "Pay\n{{ custmer }}"})
    assert wrong.status_code == 409
    assert "text:2: there is no variable &#39;custmer&#39;" in wrong.text
    assert "{{ custmer }}</textarea>" in wrong.text, "what was written is not lost"
    refused = browser.post("/dunning/texts", data={**form, "text": "Pay\n{% set x = 1 %}"})
    assert (refused.status_code, "set is not allowed" in refused.text) == (409, True)
    shown = browser.post("/dunning/texts/preview", data={**form, "text": MINE.replace("\n", "\r\n")}).text
    assert "<h3>Pay 1,234.50 CNY</h3>" in shown
    assert "- AR&lt;1&gt; &lt;20&gt;" in shown
    used = browser.post("/dunning/texts", data={**form, "text": MINE, "note": "shorter"})
    assert used.status_code == 303
    assert browser.post("/dunning/texts", data={**form, "csrf": "x", "text": MINE}).status_code == 403
    assert browser.post("/dunning/texts/preview", data={**form, "text": "a\x00b"}).status_code == 422
    assert browser.get("/dunning/texts/write?company=cn&slot=step:L2&language=fr&channel=email").status_code == 422
    operator = site.browser("operator", "lee")
    page = operator.get(address).text
    assert operator.post("/dunning/texts", data={**form, "csrf": csrf_of(page), "text": MINE}).status_code == 403


def test_the_api_checks_tries_and_puts_in_force(site: Site) -> None:
    customer = _customer(site)
    approver = site.client("approver")
    place = {name: value for name, value in PLACE.items() if name != "company"}
    listed = approver.get("/v1/dunning/texts").json()
    assert (listed["texts"], "step:L2" in listed["slots"]["cn"]) == ([], True)
    start = approver.get("/v1/dunning/texts/start", params=PLACE)
    assert start.json()["text"].startswith("Payment reminder"), start.text
    tried = approver.post("/v1/dunning/texts/preview", json={**PLACE, "text": MINE, "customer": customer})
    assert tried.status_code == 200, tried.text
    assert (tried.json()["subject"], tried.json()["text"]) == ("Pay 1,234.50 CNY", "- AR<1> <20>\n")
    wrong = approver.post("/v1/dunning/texts", json={**place, "text": "x\n{{ lines }}"})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "text")
    assert "text:2: this cannot be shown" in wrong.json()["detail"]
    other = approver.post("/v1/dunning/texts", json={**place, "slot": "step:L9", "text": MINE})
    assert (other.status_code, "no message of cn" in other.json()["detail"]) == (409, True)
    used = approver.post("/v1/dunning/texts", json={**place, "text": MINE, "companies": ["cn"]})
    assert (used.status_code, used.json()["activated"]) == (201, ["cn"])
    assert approver.post("/v1/dunning/texts/7/restore").status_code == 404
    assert approver.delete("/v1/dunning/texts/7").status_code == 404
    audit = site.client("auditor").get("/v1/audit").json()["items"]
    assert [one["body"]["version"] for one in audit if one["action"] == "dunning.text"] == [used.json()["version"]]
