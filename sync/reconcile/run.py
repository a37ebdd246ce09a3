"""One reconciliation: ask every counterpart anew, compare, explain, carry ages forward, store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from sync.context import Context
from sync.fold.batch import Batch, BatchIds, business_dates
from sync.fold.journal import Journal
from sync.reconcile.asked import BookAnswer, StreamAnswer, ask_book, ask_crm
from sync.reconcile.book import book_section, compare_book
from sync.reconcile.crm import crm_section
from sync.reconcile.facts import Facts
from sync.reconcile.unread import gone_records, unread_changes
from sync.reconcile.view import SHOWN, ReconcileView
from tieout.core import logging
from tieout.core.errors import TieoutError
from tieout.ledger.openings import carried_forward_on
from tieout.receivables.reconcile import ReconcileResult
from tieout.store import breaks as break_store
from tieout.store.queries import openings
from tieout.store.queries.as_of import known_at as known_point
from tieout.store.session import reading, unit
from tieout.store.tables import inputs, reconciliations

log = logging.get("reconcile")


@dataclass
class _Asked:
    books: dict[str, BookAnswer] = field(default_factory=dict)
    crms: dict[str, list[StreamAnswer]] = field(default_factory=dict)
    not_compared: list[dict[str, str]] = field(default_factory=list)
    unread: dict[str, dict[str, str]] = field(default_factory=dict)


def run_reconcile(
    ctx: Context, *, as_of: date | None = None, known_at: str | int | datetime | None = None
) -> ReconcileView:
    """Compare the ledger with every counterpart and store the run.

    Today: the books as they stand against what each system says now. A past `as_of` (or a `known_at`): the journal as
    it was known, against what each counterpart can still say of that day; those that cannot are named, not guessed.
    """
    now = ctx.clock.now()
    today = max(business_dates(ctx.config, now).values())
    on = as_of or today
    if on > today:
        raise TieoutError(
            f"{on} has not come yet: today is {today}", hint="Leave out --as-of for today's state.", code="as_of"
        )
    is_past = on < today or known_at is not None
    with reading(ctx.engine) as conn:
        begins = openings.starts_at(conn, known_point(conn, known_at).input_seq) if is_past else {}
    asked = _ask(ctx, on if is_past else None, begins)
    if not is_past:
        asked.unread = {name: _unread(ctx, name, refs) for name, refs in _suspects(ctx, asked, on).items()}
    with reading(ctx.engine) as conn:
        known = known_point(conn, known_at)
        facts = Facts(conn, ctx.config, known, on if is_past else None)
        view = ReconcileView(
            ctx.ids.new("rec"), on, known.seq, now, is_past, known.text, not_compared=asked.not_compared
        )
        found: dict[str, list[dict[str, Any]]] = {}
        for name, answer in asked.books.items():
            result = compare_book(facts, name, answer.rows, on)
            section, breaks = book_section(facts, name, result, answer.trouble, asked.unread.get(name, {}))
            view.sections.append(section)
            found[name] = breaks
        batch = _batch(ctx, conn, now)
        for name, answers in asked.crms.items():
            section, breaks = crm_section(facts, batch, name, answers)
            view.sections.append(section)
            found[name] = breaks
    _store(ctx, view, found)
    log.info("reconciled", valid=view.is_valid, breaks=view.breaks)
    return view


def _ask(ctx: Context, on: date | None, begins: Mapping[str, date]) -> _Asked:
    out = _Asked()
    books = {company.book_of_record for company in ctx.config.companies.values()}
    for name, connection in ctx.config.connections.items():
        is_book, is_crm = name in books, bool({"payment_status", "credit"} & set(connection.push))
        if is_crm and not is_book and on is not None:
            out.not_compared.append({"counterpart": name, "side": "crm", "reason": "shows_today_only"})
        if on is not None and name in begins and on < carried_forward_on(begins[name]):
            out.not_compared.append({"counterpart": name, "side": "book_of_record", "reason": "before_the_books"})
            continue
        if not is_book and (not is_crm or on is not None):
            continue
        connector = ctx.connector(name, "bulk")
        try:
            if is_book:
                answer = ask_book(connector, on)
                if answer.refused:
                    out.not_compared.append({"counterpart": name, "side": "book_of_record", "reason": answer.refused})
                else:
                    out.books[name] = answer
            elif answers := ask_crm(ctx, name, connector):
                out.crms[name] = answers
        finally:
            connector.close()
    return out


def _suspects(ctx: Context, asked: _Asked, on: date) -> dict[str, list[tuple[str, str, str]]]:
    """By book with breaks: what it does not list. What is loaded here is let go before the comparison."""
    with reading(ctx.engine) as conn:
        facts = Facts(conn, ctx.config, known_point(conn, None), None)
        results = {name: compare_book(facts, name, answer.rows, on) for name, answer in asked.books.items()}
        return {name: _not_listed(facts, result) for name, result in results.items() if result.breaks}


def _not_listed(facts: Facts, result: ReconcileResult) -> list[tuple[str, str, str]]:
    """(reference, stream, record) of documents that are open with us and not listed by the source."""
    out = []
    for one in result.breaks:
        doc = facts.doc(one.left.line_id) if one.left is not None and one.right is None else None
        if doc is not None:
            out.append((doc.external_id, doc.stream, doc.record_id))
    return out


def _unread(ctx: Context, name: str, not_listed: list[tuple[str, str, str]]) -> dict[str, str]:
    connector = ctx.connector(name, "bulk")
    try:
        return {**unread_changes(ctx, name, connector), **gone_records(connector, not_listed)}
    finally:
        connector.close()


def _batch(ctx: Context, conn: Connection, now: datetime) -> Batch:
    """What the settle rules need to say what a record should show; nothing is written with it."""
    mark = int(conn.execute(select(func.max(inputs.c.seq))).scalar() or 0)
    ids = BatchIds(mark)
    profiles = {name: ctx.profiles(name) for name in ctx.config.connections}
    return Batch(conn, ctx.config, profiles, mark, now, business_dates(ctx.config, now), ids, Journal(conn, ids, now))


def _store(ctx: Context, view: ReconcileView, found: dict[str, list[dict[str, Any]]]) -> None:
    with unit(ctx.engine, "reconcile.commit") as conn:
        for section in view.sections:
            name = section["counterpart"]
            if view.is_past:
                break_store.aged(conn, name, view.run_at, found[name])
            else:
                # An invalid side may have been read in part only.
                whole = section["is_valid"]
                view.gone += break_store.carry(conn, name, view.id, view.run_at, found[name], whole=whole)
            section["breaks"] = found[name][:SHOWN]
        del view.gone[SHOWN:]
        break_store.put(conn, view.id, [(name, one) for name, rows in found.items() for one in rows])
        conn.execute(
            insert(reconciliations).values(
                id=view.id,
                as_of=view.as_of,
                known_seq=view.known_seq,
                run_at=view.run_at,
                is_valid=view.is_valid,
                breaks=view.breaks,
                body=view.as_dict(),
            )
        )
