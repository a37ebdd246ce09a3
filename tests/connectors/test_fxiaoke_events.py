"""Events of Fxiaoke: the platform's own vector, refusals, and the script of a workflow."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import connectors
from connectors.fxiaoke.events import EventCipher, FxiaokeWebhook
from tieout.core import exact_json
from tieout.core.errors import BadPayload, ConfigError, Denied

KEY = "O0YjM0EDOygzNykzMzUjLwUTN3MjL5ADN1QjM5gTM0A="
CONTENT = (
    "tRPD30ygQKxFurdWxHQKpRypuXNbRcW/knsKZBCPJv9bsKnQJlUr26USpOgJqhVUm5Q2NiVG1IBrCr0dbrsreRZY6Z5/fbw75IlGQ2d7PkMWtVTAE0"
    "RG62j7HJQWAwm+XdmQC4y1AbjHzatjjrXiCKcId112DHZSqB0qznivDStywTjscnNWhaR7xbnSbmKQWsF5YlPUEudZ+P07Ol/cd6F8IXOo+nEu7UH2"
    "1hRSgKI="
)
EVENT = {
    "signature": "4d7c6742d8efed705054fe895ee487df738c8c50",
    "timestamp": "1604644770244",
    "nonce": "mi3wrpKNnq4YdIZC",
    "messageId": "AC11291700002A9F00000608C038697A0",
    "retryTimes": "1",
    "enterpriseAccount": "gxcxkj",
    "encryptedContent": CONTENT,
}
SENT = datetime(2020, 11, 6, 6, 39, 30, 244000, tzinfo=UTC)
TOKEN = "a-token-of-a-channel"


def hook(**more: Any) -> FxiaokeWebhook:
    return FxiaokeWebhook([TOKEN], callback_key=KEY, **more)


def given(**changed: Any) -> bytes:
    return exact_json.dumps({key: value for key, value in {**EVENT, **changed}.items() if value is not None})


def test_the_published_vector() -> None:
    (hint,) = hook().verify(given(), {}, {}, SENT)
    assert (hint.stream, list(hint.external_ids), hint.deleted) == ("customers", ["5f9cd4e6e4400e0001217faa"], False)
    assert hint.message_key == EVENT["messageId"]
    assert hint.sent_at == SENT
    assert EventCipher(KEY).seal(b"success") == "9iY+j+IteClCLdRu0eswVQ=="
    answer = exact_json.loads(
        hook().answer(given(), datetime(2020, 11, 6, 6, 39, 30, 300000, tzinfo=UTC), "NONCE0000000000A") or b""
    )
    assert answer["timestamp"] == "1604644770300"
    assert answer["signature"] == "4d20d70e3512d161fdfcdf630e46f86bacab86b1"
    assert hook().answer(b'{"apiName":"AccountObj"}', SENT, "n") is None


@pytest.mark.parametrize("name", ["timestamp", "nonce", "messageId", "enterpriseAccount", "encryptedContent"])
def test_every_part_is_signed(name: str) -> None:
    with pytest.raises((Denied, BadPayload)):
        hook().verify(given(**{name: EVENT[name] + "0"}), {}, {}, SENT)
    with pytest.raises((Denied, BadPayload)):
        hook().verify(given(**{name: None}), {}, {}, SENT)


def test_a_replayed_first_delivery_is_refused_a_repetition_is_not() -> None:
    later = SENT + timedelta(hours=3)
    assert hook().verify(given(), {}, {}, later)
    cipher = EventCipher(KEY)
    parts = [EVENT[name] for name in ("timestamp", "nonce", "messageId", "enterpriseAccount", "encryptedContent")]
    first = given(retryTimes=None, signature=cipher.sign(*parts))
    assert hook().verify(first, {}, {}, SENT + timedelta(minutes=4))
    with pytest.raises(Denied, match="five minutes"):
        hook().verify(first, {}, {}, later)


def test_without_a_key_and_with_another_one_events_are_refused() -> None:
    with pytest.raises(Denied, match="callback_key"):
        FxiaokeWebhook([TOKEN]).verify(given(), {}, {}, SENT)
    other = "dGllb3V0LXNhbmRib3gtY2FsbGJhY2sta2V5LTAwMDE="
    with pytest.raises(Denied):
        FxiaokeWebhook([TOKEN], callback_key=other).verify(given(), {}, {}, SENT)
    with pytest.raises(BadPayload):
        EventCipher(other).open(CONTENT)
    keys = {"app_id": "a", "app_secret": "b", "permanent_code": "c"}
    with pytest.raises(ConfigError, match="32 bytes"):
        connectors.check_settings("fxiaoke", {**keys, "callback_key": "O0YjM0EDOyg="})


def test_a_script_proves_itself_by_secret_or_signature() -> None:
    body = b'{"apiName":"SalesOrderObj","dataId":"65b0a1","eventType":"invalid"}'
    (hint,) = hook().verify(body, {"X-Tieout-Token": TOKEN}, {}, SENT)
    assert (hint.stream, list(hint.external_ids), hint.deleted, hint.message_key) == ("orders", ["65b0a1"], True, "")
    signed = hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()
    assert hook().verify(body, {"x-tieout-signature": signed}, {}, SENT)
    with pytest.raises(Denied):
        hook().verify(body + b" ", {"x-tieout-signature": signed}, {}, SENT)
    with pytest.raises(Denied):
        hook().verify(body, {"X-Tieout-Token": "another-token-of-it"}, {}, SENT)
    many = exact_json.dumps({"apiName": "PaymentObj", "ids": ["a1", "a2"]})
    (both,) = hook().verify(many, {"X-Tieout-Token": TOKEN}, {}, SENT)
    assert list(both.external_ids) == ["a1", "a2"]
    secret = {"app_id": "a", "app_secret": "b", "permanent_code": "c", "script_secret": "a secret of sixteen"}
    made = connectors.webhook("fxiaoke", [TOKEN], connectors.check_settings("fxiaoke", secret))
    assert made is not None
    assert made.verify(body, {"X-Tieout-Token": "a secret of sixteen"}, {}, SENT)


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"not json", b'{"dataId":"a1"}', b'{"apiName":"AccountObj"}', b'{"apiName":"AccountObj","dataId":"a/1"}',
        b'{"apiName":"AccountObj","ids":[]}', b"{" * 2000, b'{"x":"' + b"a" * 1_000_001 + b'"}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises((BadPayload, Denied)):
        hook().verify(body, {"X-Tieout-Token": TOKEN}, {}, SENT)


def test_objects_that_are_no_stream_are_ignored_and_renamed_ones_are_known() -> None:
    token = {"X-Tieout-Token": TOKEN}
    assert hook().verify(b'{"apiName":"ContactObj","dataId":"a1"}', token, {}, SENT) == []
    renamed = hook(invoice_object="object_Rk__c")
    (hint,) = renamed.verify(b'{"apiName":"object_Rk__c","dataId":"a1"}', token, {}, SENT)
    assert hint.stream == "invoices"
