"""Answers of vendors with damaged records or bytes: rows, quarantined rows or a refusal; what is mapped has words too.

Each reader runs against its sandbox; what the sandbox answered to a list call is damaged on its way.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.engine import map_record
from mapping.loader import load_profiles
from mapping.profile import MappingContext
from tests.inputs.corpus import guarded, kept
from tests.inputs.damage import bodies, objects
from tieout.core import exact_json
from tieout.core.errors import MappingError
from tieout.core.ports import Cursor

_STREAMS = {
    "zoho_crm": ("customers", "deals", "invoices"),
    "fxiaoke": ("customers", "invoices", "payments"),
    "kingdee": ("customers", "invoices", "payments", "allocations"),
}
_SMALL = {"zoho_crm": {"per_page": 3}, "fxiaoke": {"per_page": 3}, "kingdee": {"page_rows": 3}}
CONTEXT = MappingContext("Asia/Shanghai", default_currency="CNY", companies={"": "cn", "100": "cn"})
Damage = Callable[[bytes], bytes]


class Spoiling(httpx.BaseTransport):
    """The sandbox, but the first list answer is damaged."""

    def __init__(self, inner: httpx.BaseTransport, damage: Damage) -> None:
        self._inner, self._damage, self.left = inner, damage, 1

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        path = request.url.path
        is_list = "ExecuteBillQuery" in path or path.endswith("data/query") or "/crm/v8/" in path
        if not is_list or "settings" in path or not self.left or answer.status_code != 200:
            return answer
        self.left -= 1
        answer.read()
        headers = {key: value for key, value in answer.headers.items() if key.lower() not in _BODY_HEADERS}
        return httpx.Response(200, headers=headers, content=self._damage(answer.content), request=request)


_BODY_HEADERS = {"content-length", "content-encoding", "transfer-encoding"}


def read(rig: Any, stream: str, damage: Damage) -> None:
    """Read a page of a stream and map what was landed; anything but a refusal by name passes through."""
    inner = rig.transport
    rig.sandbox_clock.advance(90)  # no limit of a minute is met
    rig.transport = Spoiling(inner, damage)
    try:
        page = next(iter(rig.connector(**_SMALL[rig.vendor]).read(stream, Cursor())), None)
    finally:
        rig.transport = inner
    for row in page.rows if page is not None else ():
        assert row.external_id
        row.external_id.encode()
        record = exact_json.loads(row.payload)
        assert isinstance(record, dict)
        exact_json.dumps(dict(row.own))
        with suppress(MappingError):
            map_record(load_profiles(rig.vendor)[stream], row.payload, CONTEXT, is_landed=True)
    for bad in page.bad if page is not None else ():
        assert bad.reason


def name_of(rig: Any) -> str:
    return f"{rig.vendor}_answer"


@pytest.mark.parametrize("stream", range(3))
def test_what_is_damaged_here_was_good(rig: Any, stream: int) -> None:
    assert len(answer_of(rig, _STREAMS[rig.vendor][stream])) > 100


def test_what_once_broke_a_reader_is_read_or_refused(rig: Any) -> None:
    for stream in _STREAMS[rig.vendor]:
        for text in kept(name_of(rig)):
            sent = base64.b64decode(text)
            guarded(name_of(rig), text, partial(read, rig, stream, lambda _, sent=sent: sent))


@pytest.mark.hypothesis
def test_damaged_answers_are_read_or_refused(rig: Any) -> None:
    good = {stream: answer_of(rig, stream) for stream in _STREAMS[rig.vendor]}

    @st.composite
    def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
        stream = draw(st.sampled_from(sorted(good)))
        if draw(st.booleans()):
            return stream, draw(bodies([good[stream]]))
        return stream, carelessly(draw(objects([exact_json.loads(good[stream])])))

    @given(damaged())
    def run(case: tuple[str, bytes]) -> None:
        stream, sent = case
        guarded(name_of(rig), base64.b64encode(sent).decode(), lambda: read(rig, stream, lambda _: sent))

    run()


def answer_of(rig: Any, stream: str) -> bytes:
    """What the sandbox answers to the first list call of a stream."""
    seen: list[bytes] = []

    def look(body: bytes) -> bytes:
        seen.append(body)
        return body

    read(rig, stream, look)
    return seen[0]


def carelessly(value: Any) -> bytes:
    """JSON as a careless platform would write it."""
    return json.dumps(value, default=lambda one: float(one) if one.is_finite() else str(one)).encode()
