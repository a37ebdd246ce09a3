"""E-mail as a connection of the outbox: the server of [mail], one message per change, never sent twice by itself.

SMTP has no way to ask what was delivered: a message whose answer was lost stays as it is until a person sends it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sync.mailer import Sent, compose, send
from tieout.core.errors import ConfigError
from tieout.core.mail_settings import Mail
from tieout.core.ports import Cursor, Finding, Receipt, RemoteChange, Seen, WritableField

_OUTCOMES = {"sent": "done", "failed": "retry", "dead": "rejected", "uncertain": "uncertain"}


class MailConnector:
    """Sends mail; everything else a connector may do has nothing to do here."""

    def __init__(self, mail: Mail, now: Callable[[], datetime]) -> None:
        self._mail, self._now = mail, now

    def write(self, changes: Sequence[RemoteChange]) -> list[Receipt]:
        """One receipt per change; the mail's identity follows from its key, so that a copy can be told."""
        return [self._send(change) for change in changes]

    def _send(self, change: RemoteChange) -> Receipt:
        fields = change.fields
        mail = compose(
            self._mail,
            to=str(fields["to"]),
            subject=str(fields["subject"]),
            text=str(fields["text"]),
            at=self._now(),
            message_id=hashlib.sha256(change.key.encode()).hexdigest()[:32],
        )
        found: Sent = send(self._mail, mail)
        outcome: Any = _OUTCOMES[found.outcome]
        remote_id = str(mail["Message-ID"]) if outcome == "done" else ""
        return Receipt(change.change_id, outcome, remote_id, "" if outcome == "done" else "smtp", found.error)

    def read_back(self, changes: Sequence[RemoteChange]) -> list[Seen]:
        """Nobody can say whether a mail arrived."""
        return [Seen(change.module, "", False, {}, is_known=False) for change in changes]

    def check(self) -> list[Finding]:
        """The settings of [mail] were checked when the configuration was read."""
        return [Finding("ok", "mail", f"mail goes out through {self._mail.host} as {self._mail.sender}")]

    def setup(self, fields: Sequence[WritableField], *, dry_run: bool) -> list[Finding]:
        return [Finding("ok", "nothing", "mail has no fields to create")]

    def streams(self) -> Sequence[Any]:
        return ()

    def read(self, stream: str, cursor: Cursor, resume: Mapping[str, Any] | None = None) -> Iterator[Any]:
        raise _only_out(stream)

    def next_cursor(self, stream: str, cursor: Cursor, started_at: Any, seen: Mapping[str, Any]) -> Cursor:
        raise _only_out(stream)

    def fetch(self, stream: str, external_ids: Sequence[str]) -> Any:
        raise _only_out(stream)

    def deleted(self, stream: str, cursor: Cursor, resume: Mapping[str, Any] | None = None) -> Iterator[Any]:
        raise _only_out(stream)

    def ids(self, stream: str, resume: Mapping[str, Any] | None = None) -> Iterator[Any]:
        raise _only_out(stream)

    def totals(self) -> Iterator[Any]:
        return iter(())

    def close(self) -> None:
        """Each mail has its own connection."""


def _only_out(stream: str) -> ConfigError:
    return ConfigError(f"messages only go out here: there is no stream {stream!r} to read")
