"""What the simulator says of a creation that is sent again while nobody knows what became of the first."""

from __future__ import annotations

import json

from tests.sim.wire import Wire
from tieout.sandbox.http import Request, Response


def _creation(key: str) -> Request:
    return Request("POST", "/crm/v8/Tasks", [], {}, json.dumps({"data": [{"AR_Key": key}]}).encode())


def test_a_creation_sent_again_without_a_look_is_a_breach() -> None:
    wire = Wire(set())
    wire.seen("zoho", _creation("k"), None)
    wire.seen("zoho", _creation("k"), None)
    assert len(wire.problems) == 1


def test_whoever_looked_may_send_again() -> None:
    wire = Wire(set())
    wire.seen("zoho", _creation("k"), None)
    query = json.dumps({"select_query": "select id from Tasks where AR_Key = 'k'"}).encode()
    wire.seen("zoho", Request("POST", "/crm/v8/coql", [], {}, query), Response(204, b""))
    wire.seen("zoho", _creation("k"), None)
    assert wire.problems == []


def test_a_sender_that_was_overtaken_while_it_stood_still_is_allowed_for_by_its_key_alone() -> None:
    outlived = {"k"}
    wire = Wire(outlived)
    for key in ("k", "other"):
        wire.seen("zoho", _creation(key), None)
        wire.seen("zoho", _creation(key), None)
    assert ["other" in one for one in wire.problems] == [True]
