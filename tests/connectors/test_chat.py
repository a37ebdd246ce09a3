"""Group robots against a local HTTP receiver: bodies, signatures, refusals inside HTTP 200, and lost answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.chat.connector import ChatConnector
from tests.connectors.conftest import NOW, Budget, Tokens, WorldClock
from tieout.core.errors import ConfigError
from tieout.core.ids import SeededIds
from tieout.core.ports import Env, RemoteChange
from tieout.sandbox.clock import SandboxClock


class Receiver:
    """A robot's server: keeps what it is sent and answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[bytes | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.taken.append((self.path, json.loads(body)))
                answer = outer.answers.pop(0) if outer.answers else b'{"errcode":0,"errmsg":"ok","code":0,"msg":"ok"}'
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def _robot(vendor: str, url: str, **more: Any) -> ChatConnector:
    settings = {"base_url": url, "key": "K/1", "sandbox": True, **more}
    clock = WorldClock(SandboxClock(NOW, running=False))
    return ChatConnector(vendor, Env("robot", settings, clock, SeededIds(1), Tokens(), Budget()))


def _change(n: int = 1, text: str = "逾期 100.00") -> RemoteChange:
    return RemoteChange(f"psh_{n}", "Messages", "create", "", {"text": text}, key=f"k{n}")


@pytest.mark.parametrize("vendor", ["wecom", "dingtalk", "feishu"])
def test_a_text_is_posted_once_and_a_refusal_inside_http_200_is_seen(vendor: str, receiver: Receiver) -> None:
    robot = _robot(vendor, receiver.url)
    (receipt,) = robot.write([_change()])
    assert (receipt.outcome, receipt.remote_id) == ("done", "k1")
    ((path, body),) = receiver.taken
    assert "K%2F1" in path
    assert "逾期 100.00" in json.dumps(body, ensure_ascii=False)
    receiver.answers = [
        b'{"errcode":310000,"errmsg":"keywords not in content","code":19024,"msg":"Key Words Not Found"}'
    ]
    (refused,) = robot.write([_change(2)])
    assert refused.outcome == "rejected"
    assert refused.code in ("310000", "19024")
    robot.close()


def test_too_fast_stops_the_batch_and_a_lost_answer_is_never_sent_again(receiver: Receiver) -> None:
    robot = _robot("dingtalk", receiver.url)
    receiver.answers = [b'{"errcode":130101,"errmsg":"send too fast"}']
    first, second = robot.write([_change(1), _change(2)])
    assert (first.outcome, second.outcome, second.code, len(receiver.taken)) == ("retry", "retry", "not_sent", 1)
    assert first.retry_at is not None
    receiver.answers = [None, b"<html>", b"{}"]
    assert [robot.write([_change(n)])[0].outcome for n in (3, 4, 5)] == ["uncertain"] * 3
    (seen,) = robot.read_back([_change(3)])
    assert (seen.found, seen.is_known) == (False, False)
    robot.close()


def test_signatures_are_those_the_vendors_describe(receiver: Receiver) -> None:
    _robot("dingtalk", receiver.url, secret="SEC").write([_change()])
    query = parse_qs(urlsplit(receiver.taken[-1][0]).query)
    stamp = query["timestamp"][0]
    wanted = hmac.new(b"SEC", f"{stamp}\nSEC".encode(), hashlib.sha256).digest()
    assert query["sign"] == [base64.b64encode(wanted).decode()]
    _robot("feishu", receiver.url, secret="SEC").write([_change()])
    body = receiver.taken[-1][1]
    wanted = hmac.new(f"{body['timestamp']}\nSEC".encode(), b"", hashlib.sha256).digest()
    assert body["sign"] == base64.b64encode(wanted).decode()


def test_long_texts_end_at_a_line_and_nothing_is_spoken_to_strangers(receiver: Receiver) -> None:
    _robot("wecom", receiver.url).write([_change(text="\n".join(["逾期款项"] * 400))])
    text = receiver.taken[-1][1]["text"]["content"]
    assert len(text.encode()) <= 2048
    assert text.endswith("逾期款项\n…")
    with pytest.raises(ConfigError, match="sandbox"):
        _robot("wecom", "https://qyapi.weixin.qq.com")
    receiver.server.shutdown()
    receiver.server.server_close()
    (receipt,) = _robot("wecom", receiver.url).write([_change()])
    assert (receipt.outcome, receipt.code) == ("retry", "not_sent")
