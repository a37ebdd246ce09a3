"""What the other side says: totals of a book of record, our own fields on CRM records, sums the remote made itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from mapping.engine import MappingContext, Skip, map_record
from mapping.outbound import FieldNames
from sync.context import Context
from sync.ruled import ruled_context
from sync.settle.modules import module_of
from tieout.canonical.documents import ClaimCandidate
from tieout.canonical.parties import PartyCandidate
from tieout.canonical.terms import LimitCandidate, RateCandidate
from tieout.core.errors import BadPayload, MappingError, SourceError, TieoutError
from tieout.core.money import to_minor
from tieout.core.ports import Connector, Cursor, DatedTotals, SourceRow, SourceTotal, StatedTotal, StatesTotals


@dataclass(frozen=True, slots=True)
class Shown:
    """One CRM record as it shows itself now; `open_minor` None = it shows no open amount."""

    record_id: str
    own: Mapping[str, Any]
    currency: str
    party: str  # the member its customer is known by: connection/stream/id
    label: str
    open_minor: int | None
    status: str
    changed_at: datetime | None
    read_at: datetime


@dataclass
class StreamAnswer:
    """One stream of a CRM, read whole; `trouble` says why it proves nothing, `not_stated` why it has no own sum."""

    stream: str
    module: str
    kind: str  # customer, invoice, order, deal …
    records: dict[str, Shown] = field(default_factory=dict)
    unmapped: int = 0
    stated: Sequence[StatedTotal] | None = None
    not_stated: str = ""
    trouble: str = ""

    @property
    def sums(self) -> dict[str, int]:
        """What the records add up to, per currency."""
        out: dict[str, int] = {}
        for row in self.records.values():
            if row.open_minor is not None:
                out[row.currency] = out.get(row.currency, 0) + row.open_minor
        return out

    def agrees(self) -> bool:
        """Whether the remote's own sums are those of the records that were read."""
        if self.stated is None:
            return True
        counts: dict[str, int] = {}
        for row in self.records.values():
            if row.open_minor is not None:
                counts[row.currency] = counts.get(row.currency, 0) + 1
        own = {code: (amount, counts[code]) for code, amount in self.sums.items()}
        return own == {one.currency: (one.total_minor, one.records) for one in self.stated}


@dataclass
class BookAnswer:
    """What a book of record says is open, document by document."""

    rows: list[SourceTotal] = field(default_factory=list)
    trouble: str = ""
    refused: str = ""  # why it cannot be compared at all


def ask_book(connector: Connector, on: date | None) -> BookAnswer:
    """The open amounts a book of record states now, or on a past day where it can date them."""
    answer = BookAnswer()
    pages: Iterable[Sequence[SourceTotal]]
    if on is None:
        pages = connector.totals()
    elif isinstance(connector, DatedTotals):
        pages = connector.totals_on(on)
    else:
        answer.refused = "not_dated"
        return answer
    try:
        for page in pages:
            answer.rows.extend(page)
    except SourceError as error:
        answer.trouble = f"its totals could not be read: {error.message}"
    return answer


def ask_crm(ctx: Context, name: str, connector: Connector) -> list[StreamAnswer]:
    """Every stream of a CRM that we write to, read whole, with the remote's own sum of the open amounts."""
    settings = ctx.config.connections[name]
    names = FieldNames.of(settings.fields, settings.vendor)
    known = {info.name: info for info in connector.streams()}
    out = []
    for stream in ctx.streams(name):
        module = module_of(settings.vendor, stream)
        if not module or stream not in known:
            continue
        answer = _read(ctx, name, connector, stream, module, known[stream].record_kind, names)
        _state(connector, answer, names)
        if not answer.trouble and not answer.agrees():
            # Somebody wrote while we read: once more, then it counts.
            answer = _read(ctx, name, connector, stream, module, known[stream].record_kind, names)
            _state(connector, answer, names)
        out.append(answer)
    return out


def _read(
    ctx: Context, name: str, connector: Connector, stream: str, module: str, kind: str, names: FieldNames
) -> StreamAnswer:
    answer = StreamAnswer(stream, module, kind)
    profile, context = ctx.profiles(name).get(stream), ruled_context(ctx, name)
    settings = ctx.config.connections[name]
    home = ctx.config.companies[settings.company or next(iter(settings.organizations.values()))].functional_currency
    # A record that moves while we page may come twice: the last answer counts.
    rows: dict[str, SourceRow] = {}
    unreadable: list[str] = []
    try:
        for page in connector.read(stream, Cursor()):
            rows.update({row.external_id: row for row in page.rows if not row.is_deleted})
            unreadable.extend(bad.external_id for bad in page.bad)
    except SourceError as error:
        answer.trouble = f"its {stream} could not be read: {error.message}"
        return answer
    for row in rows.values():
        try:
            shown = _shown(name, row, profile, context, names, home)
        except TieoutError:
            if any(value not in (None, "") for value in row.own.values()):
                unreadable.append(row.external_id)
            else:
                answer.unmapped += 1
            continue
        if shown is None:
            answer.unmapped += 1
        else:
            answer.records[row.external_id] = shown
    if unreadable:
        some = ", ".join(sorted(unreadable)[:5])
        answer.trouble = f"{len(unreadable)} records show amounts that cannot be read: {some}"
    return answer


def _shown(
    name: str, row: SourceRow, profile: Any, context: MappingContext, names: FieldNames, home: str
) -> Shown | None:
    made = map_record(profile, row.payload, context)
    amount = row.own.get(names.open_amount)
    if isinstance(made, Skip):
        if amount not in (None, ""):
            raise BadPayload(f"{row.external_id} shows an amount and its profile leaves it out ({made.reason})")
        return None
    if isinstance(made, LimitCandidate | RateCandidate):
        return None  # says nothing about what a customer owes
    currency = made.currency
    if isinstance(made, PartyCandidate):
        currency = currency or home  # an account without a currency is judged in its company's
        party, label = f"{name}/customers/{row.external_id}", made.display_name
    elif isinstance(made, ClaimCandidate):
        party, label = f"{name}/customers/{made.party_ref}", made.label
    else:
        raise MappingError(f"{row.external_id} is no record of a CRM", code="invalid_record")
    if amount not in (None, "") and not currency:
        raise BadPayload(f"{row.external_id} shows an amount without a currency")
    return Shown(
        record_id=row.external_id,
        own=row.own,
        currency=currency,
        party=party,
        label=label,
        open_minor=None if amount in (None, "") else to_minor(amount, currency),
        status=str(row.own.get(names.payment_status) or ""),
        changed_at=row.version.modified_at,
        read_at=row.version.read_started_at,
    )


def _state(connector: Connector, answer: StreamAnswer, names: FieldNames) -> None:
    if answer.trouble:
        return
    if not isinstance(connector, StatesTotals):
        answer.not_stated = "no_own_sums"
        return
    try:
        answer.stated = connector.stated(answer.stream, names.open_amount)
    except TieoutError as error:
        answer.not_stated = error.message
