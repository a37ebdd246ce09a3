"""Notices that anybody may post to a webhook: hints, or a refusal; never another failure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.fxiaoke.events import EventCipher, FxiaokeWebhook
from connectors.zoho.webhook import ZohoWebhook
from tests.inputs.corpus import guarded, kept
from tests.inputs.damage import bodies, objects
from tieout.core import exact_json
from tieout.core.ports import Hint

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
TOKEN = "a-token-of-a-channel"
KEY = "O0YjM0EDOygzNykzMzUjLwUTN3MjL5ADN1QjM5gTM0A="
CIPHER = EventCipher(KEY)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

ZOHO = {
    "server_time": 1768000000123,
    "module": "Accounts",
    "ids": ["4150868000002782004", "4150868000002782005"],
    "operation": "update",
    "channel_id": "1000000068001",
    "token": TOKEN,
    "query_params": {},
    "resource_uri": "https://www.zohoapis.com/crm/v8/Accounts",
    "affected_fields": [{"4150868000002782004": ["Phone"]}],
}
ZOHO_FORM = {"module": "Deals", "id": "4150868000002782004", "operation": "delete", "token": TOKEN}
INNER = {"eventType": "update", "apiName": "AccountObj", "dataId": "5f9cd4e6e4400e0001217faa"}
SCRIPT = {"apiName": "InvoiceApplicationObj", "ids": ["5f9cd4e6e4400e0001217faa"], "eventType": "invalid"}


def _zoho(body: bytes) -> list[Hint]:
    return ZohoWebhook([TOKEN]).verify(body, {}, {}, NOW)


def _zoho_form(body: bytes) -> list[Hint]:
    return ZohoWebhook([TOKEN]).verify(body, FORM, {"token": TOKEN}, NOW)


def _fxiaoke(body: bytes) -> list[Hint]:
    hook = FxiaokeWebhook([TOKEN], callback_key=KEY)
    hints = hook.verify(body, {"X-Tieout-Token": TOKEN}, {}, NOW)
    hook.answer(body, NOW, "NONCE0000000000A")
    return hints


def _event(facts: Any) -> bytes:
    """An event whose signature is good for what it says, so that what lies behind the signature is reached."""
    if not isinstance(facts, dict):
        return _dumps(facts)
    parts = [facts.get(name) for name in ("timestamp", "nonce", "messageId", "retryTimes", "enterpriseAccount", "c")]
    sealed = facts.get("encryptedContent", CIPHER.seal(_dumps(facts.get("inner"))))
    texts = [str(one) for one in (*parts[:3], parts[3], parts[4], sealed)]
    signature = CIPHER.sign(*(text.encode("utf-8", "replace").decode() for text in texts))
    return _dumps({**facts, "encryptedContent": sealed, "signature": facts.get("signature", signature)})


EVENT = {
    "timestamp": str(int(NOW.timestamp() * 1000)),
    "nonce": "mi3wrpKNnq4YdIZC",
    "messageId": "AC11291700002A9F00000608C038697A0",
    "retryTimes": "1",
    "enterpriseAccount": "gxcxkj",
    "inner": INNER,
}


def _dumps(value: Any) -> bytes:
    """JSON with whatever odd value stands in it."""
    return json.dumps(value, default=lambda one: float(one) if one.is_finite() else str(one)).encode()


READERS: dict[str, tuple[Callable[[bytes], list[Hint]], Sequence[Any], Callable[[Any], bytes]]] = {
    "zoho_notice": (_zoho, [ZOHO], _dumps),
    "fxiaoke_script": (_fxiaoke, [SCRIPT], _dumps),
    "fxiaoke_event": (_fxiaoke, [EVENT], _event),
}
GOOD = {name: [write(one) for one in good] for name, (_, good, write) in READERS.items()}


def held(name: str, body: bytes, read: Callable[[bytes], list[Hint]]) -> None:
    made = guarded(name, base64.b64encode(body).decode(), lambda: read(body))
    for hint in made if isinstance(made, list) else []:
        assert hint.stream
        assert hint.external_ids
        assert all(isinstance(one, str) and one.isascii() and one.isalnum() for one in hint.external_ids)
        exact_json.dumps([*hint.external_ids, hint.message_key])  # it goes into the inbox as it is


@pytest.mark.parametrize("name", READERS)
def test_what_is_damaged_here_was_good(name: str) -> None:
    assert all(READERS[name][0](body) for body in GOOD[name])
    assert _zoho_form(urlencode(ZOHO_FORM).encode())


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in (*READERS, "zoho_form") for text in kept(name)])
def test_what_once_broke_a_reader_is_read_or_refused(name: str, text: str) -> None:
    held(name, base64.b64decode(text), READERS[name][0] if name in READERS else _zoho_form)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_a_notice_with_odd_parts_is_read_or_refused(name: str, data: st.DataObject) -> None:
    read, good, write = READERS[name]
    held(name, write(data.draw(objects(good))), read)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_a_notice_with_odd_bytes_is_read_or_refused(name: str, data: st.DataObject) -> None:
    held(name, data.draw(bodies(GOOD[name])), READERS[name][0])


@given(data=st.data())
def test_what_is_sealed_may_be_anything(data: st.DataObject) -> None:
    plain = data.draw(st.one_of(bodies([_dumps(INNER)]), objects([INNER]).map(_dumps)))
    held("fxiaoke_event", _event({**EVENT, "encryptedContent": CIPHER.seal(plain)}), _fxiaoke)


@given(data=st.data())
def test_a_form_is_read_or_refused(data: st.DataObject) -> None:
    body = data.draw(bodies([urlencode(ZOHO_FORM).encode(), b"module=Accounts&ids=%5B%221%22%2C%222%22%5D"]))
    held("zoho_form", body, _zoho_form)
