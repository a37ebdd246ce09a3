"""A real mail server on loopback that keeps what it takes, and the configuration that writes to it."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller


@dataclass
class Postbox:
    """A mail server's handler: keeps what it takes, and answers DATA or RCPT as it is told."""

    mails: list[EmailMessage] = field(default_factory=list)
    data_answers: list[str] = field(default_factory=list)
    rcpt_answers: list[str] = field(default_factory=list)
    drop: bool = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.rcpt_answers:
            return self.rcpt_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.data_answers:
            return self.data_answers.pop(0)
        made = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(made, EmailMessage)
        self.mails.append(made)
        if self.drop:
            server.transport.abort()  # taken, and the answer is lost
        return "250 OK"


@pytest.fixture
def postbox() -> Iterator[tuple[Postbox, int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    box = Postbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


def mail_config(port: int) -> str:
    """Sections that send reminders by mail over that port."""
    return f"""
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "Finance <ar@example.com>"
timeout_seconds = 5

[connections.letters]
vendor = "mail"
sandbox = true
company = "cn"
push = ["reminders"]
"""
