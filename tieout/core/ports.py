"""What connectors give and what they are given: values and protocols, no implementation.

A connector knows tieout.core only. It reads pages of `SourceRow`, sends `RemoteChange`s and answers `Receipt`s;
tokens, budgets and the network transport reach it as the protocols below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from tieout.core.clock import Clock
from tieout.core.ids import Ids
from tieout.core.versions import SourceVersion

JsonValue = Any  # decoded by exact_json: no float inside


# ------------------------------------------------------------------ reading
class SourceRow(msgspec.Struct, frozen=True):
    """One record as the source shows it.

    `payload` is a JSON object in bytes (exact numbers); `source_hash` covers the mapped fields without our own
    AR fields and without system stamps, so an echo of our own write has the same hash (D5); `own` holds the AR
    fields as seen (empty when the record shows none).
    """

    external_id: str
    version: SourceVersion
    payload: bytes
    source_hash: str
    own: Mapping[str, JsonValue] = msgspec.field(default_factory=dict)
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class BadRow:
    """One record that cannot be read: quarantined, the stream goes on."""

    external_id: str
    reason: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """One page: rows, what could not be read, the cursor to save with it, and the server's clock if shown.

    `resume` is opaque connector state (JSON) that lets `read` go on after this page; `None` on the last page.
    """

    rows: Sequence[SourceRow]
    bad: Sequence[BadRow]
    resume: Mapping[str, JsonValue] | None
    server_at: datetime | None = None


class IdPage(list[tuple[str, str]]):
    """One page of living (external id, state mark); `resume` lets `ids` go on after it, `None` on the last page."""

    def __init__(self, marks: Iterable[tuple[str, str]] = (), resume: Mapping[str, JsonValue] | None = None) -> None:
        super().__init__(marks)
        self.resume = resume


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a stream stands: `since` (lower bound of the next ask, overlap included) plus connector state.

    `since` None = from the beginning. `state` is the connector's own (for example the highest log id seen).
    """

    since: datetime | None = None
    state: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One stream as the table in `streams.py` describes it."""

    name: str  # customers, deals, invoices, payments, allocations, …
    remote: str  # module or form
    record_kind: str  # canonical kind the profile of this stream makes
    overlap_seconds: int = 300
    has_deletes: bool = False  # the vendor has a delete feed
    sweepable: bool = True  # ids can be listed for a sweep
    writable: bool = False
    ordinary_mark: str = ""  # the state mark of what stands, where no stamp tells that it does not any more


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `tieout check` or `tieout setup`."""

    level: Literal["ok", "warning", "error"]
    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class SourceTotal:
    """What a source itself says is open, for reconciliation: one line per document."""

    external_id: str
    number: str
    party: str
    company: str
    currency: str
    open_minor: int


@dataclass(frozen=True, slots=True)
class StatedTotal:
    """What a source adds up itself in one currency: the sum of a field in minor units, and over how many records."""

    currency: str
    total_minor: int
    records: int


# ------------------------------------------------------------------ writing
@dataclass(frozen=True, slots=True)
class RemoteChange:
    """One intended effect on one remote record.

    `operation` update: `fields` are set on `remote_id`. create: a new record of `module` with `fields`; `key_field`
    and `key` are the unique mark by which it is found again. `version` is ours: a stale push loses.
    """

    change_id: str
    module: str
    operation: Literal["update", "create"]
    remote_id: str
    fields: Mapping[str, JsonValue]
    key: str = ""
    key_field: str = ""
    parent_module: str = ""
    parent_id: str = ""
    version: int = 0
    if_unmodified_since: datetime | None = None


Outcome = Literal["done", "rejected", "locked", "not_found", "version_moved", "uncertain", "retry"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one RemoteChange; `uncertain` must be read back before anything else is sent."""

    change_id: str
    outcome: Outcome
    remote_id: str = ""
    code: str = ""
    message: str = ""
    remote_modified_at: datetime | None = None
    retry_at: datetime | None = None
    detail: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """A remote record's own fields as read back; `found` False = it does not exist.

    `is_known` False = this remote cannot be asked (mail, group robots): what was sent is never sent again by itself.
    """

    module: str
    remote_id: str
    found: bool
    fields: Mapping[str, JsonValue]
    modified_at: datetime | None = None
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class WritableField:
    """A field that `setup` must create in the remote."""

    module: str
    api_name: str
    label: str
    data_type: Literal["text", "textarea", "picklist", "currency", "date", "datetime", "double", "integer"]
    values: Sequence[str] = ()
    length: int = 100
    decimals: int = 2
    unique: bool = False


# ------------------------------------------------------------------ webhooks
@dataclass(frozen=True, slots=True)
class Hint:
    """What a verified webhook says changed; the record itself is always fetched fresh."""

    stream: str
    external_ids: Sequence[str]
    deleted: bool = False
    sent_at: datetime | None = None
    message_key: str = ""  # dedupe key of the delivery


@dataclass(frozen=True, slots=True)
class Channel:
    """A notification channel at the vendor, renewed before it lapses."""

    channel_id: str
    token: str
    notify_url: str
    expires_at: datetime
    events: Sequence[str]


# ------------------------------------------------------------------ what a connector is given
@dataclass(frozen=True, slots=True)
class Token:
    """A live access token and what came with it (`api_domain`, session cookies); never logged."""

    value: str
    expires_at: datetime
    extra: Mapping[str, str] = field(default_factory=dict)
    generation: int = 0


class Mint(Protocol):
    """Asks the vendor for a new token."""

    def __call__(self) -> Token: ...


class TokenStore(Protocol):
    """One token row per connection, shared by all processes; refreshed under a lock with a mint budget."""

    def current(self) -> Token | None: ...

    def refresh(self, stale: Token | None, mint: Mint) -> Token:
        """A token newer than `stale`: the shared one if another process was faster, else a minted one."""
        ...


class Budget(Protocol):
    """Counts and limits the calls of one connection across processes."""

    def spend(self, cost: int, *, lane: str, heavy: bool = False) -> None:
        """Wait for or refuse room for a call; raises RateLimited with `retry_at` when there is none."""
        ...

    def call(self, *, lane: str, heavy: bool = False) -> Any:
        """A context manager that holds one of the concurrency slots while a call runs."""
        ...

    def refused(self, retry_at: datetime | None) -> None:
        """The vendor itself said too many: everybody backs off."""
        ...

    def record(self, calls: int, cost: int) -> None:
        """Publish calls used (a figure beside the fewest possible)."""
        ...


@dataclass(frozen=True, slots=True)
class Env:
    """Everything from outside that a connector may use."""

    connection: str
    settings: Mapping[str, Any]
    clock: Clock
    ids: Ids
    tokens: TokenStore
    budget: Budget
    transport: Any = None  # httpx.BaseTransport; None = the real network
    lane: str = "bulk"
    own_fields: Mapping[str, Sequence[str]] = field(default_factory=dict)  # module -> AR field names
    source_fields: Mapping[str, Sequence[str]] = field(default_factory=dict)  # stream -> fields to ask for
    read_paths: Mapping[str, Sequence[str]] = field(default_factory=dict)  # stream -> paths the profile reads, in full


class Connector(Protocol):
    """One configured remote: four verbs and what surrounds them."""

    def check(self) -> list[Finding]: ...

    def streams(self) -> Sequence[StreamInfo]: ...

    def read(self, stream: str, cursor: Cursor, resume: Mapping[str, JsonValue] | None = None) -> Iterator[Page]:
        """Pages of everything changed since the cursor, oldest first where the vendor allows it."""
        ...

    def next_cursor(self, stream: str, cursor: Cursor, started_at: datetime, seen: Mapping[str, JsonValue]) -> Cursor:
        """The cursor to save when a read that began at `started_at` (server's clock if known) has ended."""
        ...

    def fetch(self, stream: str, external_ids: Sequence[str]) -> Page:
        """The named records, fresh; those that are gone come as rows with `is_deleted`."""
        ...

    def deleted(self, stream: str, cursor: Cursor, resume: Mapping[str, JsonValue] | None = None) -> Iterator[Page]:
        """Rows with `is_deleted` from the vendor's delete feed; nothing where there is none."""
        ...

    def ids(self, stream: str, resume: Mapping[str, JsonValue] | None = None) -> Iterator[IdPage]:
        """All living (external id, state mark) of a stream for a sweep; raises rather than ending early."""
        ...

    def totals(self) -> Iterator[Sequence[SourceTotal]]:
        """The source's own open amounts per document, asked independently of the streams."""
        ...

    def write(self, changes: Sequence[RemoteChange]) -> list[Receipt]:
        """Send changes in vendor-sized batches; one receipt per change, in order."""
        ...

    def read_back(self, changes: Sequence[RemoteChange]) -> list[Seen]:
        """The remote's present values of the fields of these changes, in order."""
        ...

    def setup(self, fields: Sequence[WritableField], *, dry_run: bool) -> list[Finding]: ...

    def close(self) -> None: ...


@runtime_checkable
class StatesTotals(Protocol):
    """A connector whose remote adds up a field itself, so that a list of records can be checked against it."""

    def stated(self, stream: str, amount_field: str) -> Sequence[StatedTotal]:
        """Per currency the sum of a field over all records that show it, as the remote computes it."""
        ...


@runtime_checkable
class DatedTotals(Protocol):
    """A book of record that can say what was open on a past day, by document and settlement dates."""

    def totals_on(self, on: date) -> Iterator[Sequence[SourceTotal]]:
        """Open amounts per document at the end of a day, from the documents and settlements as they stand now."""
        ...


class WebhookVerifier(Protocol):
    """Turns a raw request into hints or refuses it (Denied, BadPayload)."""

    def verify(
        self, body: bytes, headers: Mapping[str, str], query: Mapping[str, str], now: datetime
    ) -> list[Hint]: ...
