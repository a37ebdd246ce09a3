"""What Kingdee itself says is open, per document: asked apart from the streams, for reconciliation.

Receivables: Σ plan amount - Σ plan written off, red ones negative. Receipts: -(amount - Σ written off), so that
unapplied cash lowers the balance. Refunds: +(amount - settled). Posted (已审核) and not cancelled documents only.
Source: accounting reference, 1.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from connectors.kingdee.query import Ask, KingdeeQuery, UnknownForm, both, quoted
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.streams import KingdeeStream
from tieout.core.errors import BadPayload
from tieout.core.money import MoneyError, to_minor
from tieout.core.ports import JsonValue, SourceTotal

_POSTED = "FDOCUMENTSTATUS='C' and FCancelStatus<>'B'"
_HEAD = ("FID", "FBillNo", "{party}", "FSETTLEORGID.FNumber", "FCURRENCYID.FCode")


class Totals:
    """Sums open amounts line by line, holding one document at a time."""

    def __init__(self, settings: KingdeeSettings, query: KingdeeQuery, streams: dict[str, KingdeeStream]) -> None:
        self._settings = settings
        self._query = query
        self._streams = streams

    def read(self) -> Iterator[Sequence[SourceTotal]]:
        """Pages of open amounts, one line per document, fully settled ones with 0 included."""
        invoices, payments = self._streams["invoices"], self._streams["payments"]
        plan = ("FEntityPlan_FEntryID", "FPAYAMOUNTFOR", self._settings.plan_written_off_field)
        yield from self._sum(invoices, "FCUSTOMERID.FNumber", plan, _POSTED, whole=False, sign=1)
        customers_only = f"{_POSTED} and FCONTACTUNITTYPE='BD_Customer'"
        receipt = ("FRECEIVEBILLENTRY_FEntryID", "FRECAMOUNTFOR", "FWRITTENOFFAMOUNTFOR_D")
        yield from self._sum(payments, "FCONTACTUNIT.FNumber", receipt, customers_only, whole=True, sign=-1)
        yield from self._refunds(customers_only)

    def _sum(
        self, stream: KingdeeStream, party: str, line: tuple[str, str, str], where: str, *, whole: bool, sign: int
    ) -> Iterator[list[SourceTotal]]:
        """`whole`: the amount stands in the header and repeats on every line; else it is summed over the lines."""
        head = tuple(key.format(party=party) for key in _HEAD)
        ask = Ask(stream.form, (*head, *line), self._scoped(stream, where), f"FID,{line[0]}")
        current: Sequence[JsonValue] | None = None
        total = Decimal(0)
        for page in self._query.all(ask, lambda values: _behind(line[0], values)):
            out: list[SourceTotal] = []
            for row in page.rows:
                if row.values is None:
                    raise BadPayload(f"{stream.form}: a line of the totals cannot be read: {row.reason}")
                identity, (_, amount, written) = row.values[: len(head)], row.values[len(head) :]
                if current is not None and identity[0] != current[0]:
                    out.append(_total(stream, current, total * sign))
                    current = None
                if current is None:
                    current, total = identity, _number(amount) if whole else Decimal(0)
                total += (Decimal(0) if whole else _number(amount)) - _number(written)
            yield out
        if current is not None:
            yield [_total(stream, current, total * sign)]

    def _refunds(self, where: str) -> Iterator[list[SourceTotal]]:
        """Refund bills have no plan; what is settled of a part-settled one stands in the settlement log."""
        stream = self._streams["refunds"]
        head = tuple(key.format(party="FCONTACTUNIT.FNumber") for key in _HEAD)
        keys = (*head, "FREFUNDTOTALAMOUNTFOR", "FWRITTENOFFSTATUS")
        ask = Ask(stream.form, keys, self._scoped(stream, where), "FID")
        try:
            for page in self._query.all(ask, lambda values: f"FID>{values[0]}"):
                out: list[SourceTotal] = []
                for row in page.rows:
                    if row.values is None:
                        raise BadPayload(f"{stream.form}: a line of the totals cannot be read: {row.reason}")
                    identity, (amount, status) = row.values[: len(head)], row.values[len(head) :]
                    left = _number(amount)
                    if status == "C":
                        left = Decimal(0)
                    elif status == "B":
                        left -= self._settled(stream.form, identity[0])
                    out.append(_total(stream, identity, left))
                yield out
        except UnknownForm:
            return

    def read_on(self, on: date) -> Iterator[Sequence[SourceTotal]]:
        """Open amounts per document at the end of a day: documents dated by then less what was settled by then.

        Both as they stand now: a document voided, or a settlement taken back, since that day is not seen any more.
        """
        settled = self._settled_on(on)
        day = quoted(on.isoformat())
        customers_only = f"{_POSTED} and FCONTACTUNITTYPE='BD_Customer'"
        for name, party, amount, where, sign in (
            ("invoices", "FCUSTOMERID.FNumber", "FALLAMOUNTFOR", _POSTED, 1),
            ("payments", "FCONTACTUNIT.FNumber", "FRECAMOUNTFOR", customers_only, -1),
            ("refunds", "FCONTACTUNIT.FNumber", "FREFUNDTOTALAMOUNTFOR", customers_only, 1),
        ):
            stream = self._streams[name]
            head = tuple(key.format(party=party) for key in _HEAD)
            dated = self._scoped(stream, both(where, f"FDATE<={day}"))
            ask = Ask(stream.form, (*head, amount), dated, "FID")
            try:
                for page in self._query.all(ask, lambda values: f"FID>{values[0]}"):
                    out: list[SourceTotal] = []
                    for row in page.rows:
                        if row.values is None:
                            raise BadPayload(f"{stream.form}: a line of the totals cannot be read: {row.reason}")
                        identity, total = row.values[: len(head)], _number(row.values[len(head)])
                        gone = settled.get((stream.form, str(identity[0])), Decimal(0))
                        left = total - gone if total >= 0 else total + gone
                        out.append(_total(stream, identity, left * sign))
                    yield out
            except UnknownForm:
                if name != "refunds":
                    raise

    def _settled_on(self, on: date) -> dict[tuple[str, str], Decimal]:
        """What was settled by a day on each document (form, FID), from the settlement log: each side is its target."""
        stream = self._streams["allocations"]
        where = self._scoped(stream, f"FVERIFYDATE<={quoted(on.isoformat())} and FISACTIVATION=1")
        ask = Ask(stream.form, ("FID", "FTARGETFROMID", "FTARGETBILLID", "FCURWRITTENOFFAMOUNTFOR"), where, "FID")
        out: dict[tuple[str, str], Decimal] = {}
        for page in self._query.all(ask, lambda values: f"FID>{values[0]}"):
            for row in page.rows:
                if row.values is None:
                    raise BadPayload(f"{stream.form}: a line cannot be read: {row.reason}")
                _, form, bill, amount = row.values
                key = (str(form), str(bill))
                out[key] = out.get(key, Decimal(0)) + abs(_number(amount))
        return out

    def _settled(self, form: str, key: JsonValue) -> Decimal:
        log = self._settings.settlement_form
        where = f"FTARGETFROMID={quoted(form)} and FTARGETBILLID={int(key)} and FISACTIVATION=1"
        ask = Ask(log, ("FID", "FCURWRITTENOFFAMOUNTFOR"), where, "FID")
        total = Decimal(0)
        for page in self._query.all(ask, lambda values: f"FID>{values[0]}"):
            for row in page.rows:
                if row.values is None:
                    raise BadPayload(f"{log}: a line cannot be read: {row.reason}")
                total += abs(_number(row.values[1]))
        return total

    def _scoped(self, stream: KingdeeStream, where: str) -> str:
        numbers = self._settings.org_numbers
        return both(where, f"{stream.org_key} in ({','.join(quoted(item) for item in numbers)})" if numbers else "")


def _behind(line: str, values: Sequence[JsonValue]) -> str:
    last_line = values[len(_HEAD)]
    if last_line is None:
        return f"FID>{values[0]}"
    return f"FID>{values[0]} or (FID={values[0]} and {line}>{last_line})"


def _number(value: JsonValue) -> Decimal:
    if value is None:
        return Decimal(0)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise BadPayload(f"an amount of the totals is {value!r}")
    return Decimal(value)


def _total(stream: KingdeeStream, identity: Sequence[JsonValue], amount: Decimal) -> SourceTotal:
    key, number, party, company, currency = (str(item) if item is not None else "" for item in identity)
    try:
        minor = to_minor(amount, currency)
    except MoneyError as error:
        raise BadPayload(f"{stream.form} {number}: {error.message}") from None
    return SourceTotal(stream.external_id(key), number, party, company, currency, minor)
