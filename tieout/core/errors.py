"""The error tree: branches are named by what the caller does next.

TieoutError                      base; carries a code, a message for people and what to do
  ConfigError                    the configuration is wrong: stop and say which key
  HomeError                      the home cannot be used: locked, other version, full disk
  SourceError                    a remote system could not do what was asked
    AuthError                    credentials are dead: stop the connection, alert
    RateLimited                  wait until `retry_at`, then go on
    Transient                    safe reads are retried; a write becomes UnknownOutcome
    Rejected                     the remote refused this payload for good: dead letter, show
    NotFound                     the record is gone: tombstone path, never recreate
    VersionMoved                 the record changed since we looked: read again, decide again
    BadPayload                   a record or page cannot be read: quarantine it, go on
    UnknownOutcome               a write may or may not have happened: read back first
  MappingError                   one record cannot be mapped: becomes a conflict
  LedgerError                    an invariant would break: stop, never continue
  Denied                         the person or key may not do this
  Gone                           the thing asked for does not exist
  StaleWrite                     a lease or fence was lost: throw the work away
"""

from __future__ import annotations

from datetime import datetime


class TieoutError(Exception):
    """Base of all expected failures; `str()` is one clear line, `hint` says what to do."""

    code = "error"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        end = "" if self.message.rstrip().endswith((".", "!", "?", ":", "。", "！", "？", "：")) else "."
        return f"{self.message.rstrip()}{end} {self.hint}"


class ConfigError(TieoutError):
    """A configuration key is unknown, missing or has an unusable value."""

    code = "config"


class HomeError(TieoutError):
    """The home folder cannot be used as it is (locked, other version, not writable)."""

    code = "home"


class SourceError(TieoutError):
    """A remote system could not do what was asked; names connection, stream and record where known."""

    code = "source"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str | None = None,
        connection: str = "",
        stream: str = "",
        external_id: str = "",
        request_id: str = "",
        retry_at: datetime | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.connection = connection
        self.stream = stream
        self.external_id = external_id
        self.request_id = request_id
        self.retry_at = retry_at


class AuthError(SourceError):
    """Credentials or scopes are refused; retrying cannot help until a person acts."""

    code = "auth"


class RateLimited(SourceError):
    """The remote or our own budget says wait; `retry_at` is the earliest useful moment."""

    code = "rate_limited"


class Transient(SourceError):
    """Connect, timeout, reset or 5xx on a request that changes nothing: safe to retry."""

    code = "transient"


class Rejected(SourceError):
    """The remote refused this payload for good."""

    code = "rejected"


class NotFound(SourceError):
    """The remote record does not exist (any more)."""

    code = "not_found"


class VersionMoved(SourceError):
    """The remote record changed since it was read (412)."""

    code = "version_moved"


class BadPayload(SourceError):
    """The remote answered something that cannot be read as what was asked."""

    code = "bad_payload"


class UnknownOutcome(SourceError):
    """A write was sent and its fate is not known: read back before doing anything else."""

    code = "unknown_outcome"


class MappingError(TieoutError):
    """One source record cannot be mapped; `path` names the field, `value` what it holds where a map lacks just that."""

    code = "mapping"

    def __init__(
        self, message: str, *, path: str = "", hint: str = "", code: str | None = None, value: str = ""
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.path = path
        self.value = value


class LedgerError(TieoutError):
    """A ledger invariant would break; nothing may be written."""

    code = "ledger"


class Denied(TieoutError):
    """The caller lacks the role for this."""

    code = "denied"


class Gone(TieoutError):
    """The thing asked for does not exist."""

    code = "gone"


class StaleWrite(TieoutError):
    """A lease, fence or version was lost to another process; the work is thrown away."""

    code = "stale_write"
