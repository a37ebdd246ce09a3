"""Credit of a customer at one company: limit in force, exposure at dated rates, status with hysteresis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, select

from sync.fold.batch import Batch
from sync.fold.conflicts import ConflictCall, close_conflicts, open_conflicts
from sync.settle.cases import CaseView
from sync.settle.credit_alerts import raise_alerts
from sync.settle.credit_facts import CreditFacts, broken_promises, credit_facts
from sync.settle.credit_memory import breaches_of, remembered
from sync.settle.decisions import Verdict, current, day, put
from sync.settle.grading import TERMS_MONTHS, Graded, grade_customers
from sync.settle.positions import Position
from tieout.receivables.credit import CreditState, OwedItem, credit_status
from tieout.receivables.disputes import parts_of
from tieout.receivables.exposure import Rate, exposure_of
from tieout.receivables.limit import LimitChoice, credit_limit, limit_in_force
from tieout.receivables.override import OVERRIDE_VERSION, Override, hold_by_hand, overridden
from tieout.receivables.rates import RATES_VERSION, Conversion, RateBook
from tieout.store.among import among_given
from tieout.store.bulk import insert_rows
from tieout.store.tables import rate_needs

_ONE = Decimal(1)
_NEEDS = select(rate_needs.c.subject, rate_needs.c.company_id, rate_needs.c.currency, rate_needs.c.is_missing).where(
    among_given(rate_needs.c.subject, "subjects")
)
_DROP_NEEDS = delete(rate_needs).where(among_given(rate_needs.c.subject, "subjects"))


@dataclass
class _Rates:
    """The conversions one decision asks for: what it got, what is missing, when that changes."""

    book: RateBook
    on: date
    got: dict[tuple[str, str], Conversion] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    days: list[date] = field(default_factory=list)

    def rate(self, base: str, quote: str) -> Rate | None:
        """The rate from one currency to another; one currency to itself is one."""
        if base == quote:
            return Rate(base, _ONE, self.on)
        self.asked.update((base, quote))
        change = self.book.next_change_on(base, quote, self.on)
        if change is not None:
            self.days.append(change)
        found = self.book.convert(base, quote, self.on)
        if found is None:
            return None
        self.got[base, quote] = found
        return Rate(base, found.times, found.rate_on, found.source, found.per)

    def lacks(self, base: str, quote: str) -> None:
        """Note which currency of a conversion has no rate: never the home currency, of which everything is told."""
        away = [code for code in (base, quote) if code != self.book.hub]
        gone = [code for code in away if self.book.convert(code, self.book.hub, self.on) is None]
        self.missing.update(gone or away[:1])

    def stored(self) -> dict[str, Any]:
        return {f"{base}/{quote}": found.stored() for (base, quote), found in sorted(self.got.items())}


@dataclass(frozen=True, slots=True)
class Standing:
    """What one decision starts from: the one before, the grade, broken promises, and what is disputed."""

    before: Mapping[Any, Any] | None
    graded: Graded
    broken_promises: int
    view: CaseView

    def undisputed(self, item: str, open_minor: int) -> int:
        """The part of an open item that may count as overdue."""
        disputes = self.view.disputes.get(item)
        if not disputes:
            return max(0, open_minor)
        parts = parts_of(item, open_minor, disputes)
        return sum(part.amount_minor for part in parts if not part.is_blocked)


def decide_credit(
    batch: Batch, positions: Sequence[Position], members: Mapping[str, list[str]], view: CaseView
) -> None:
    """Decide credit of these positions; CRM records of customers with a changed decision are touched."""
    held = current(batch, "credit", [position.key for position in positions])
    memory = remembered(batch, positions, held)
    facts = credit_facts(batch, positions, members)
    graded = grade_customers(batch, positions, memory, view)
    broken = broken_promises(batch, positions, view)
    verdicts: list[Verdict] = []
    needs: dict[str, _Rates] = {}
    for position in positions:
        before = memory.get(position.key)
        # Whether anything was ever posted, not what is open now: a customer who has paid all is "ok" with zero, however
        # its documents arrived.
        if before is None and not position.currencies and not facts.has_terms(position.key):
            continue  # never any business and nobody set a limit: nothing to decide
        asked = _Rates(facts.rate_books[position.company], batch.on[position.company])
        needs[position.key] = asked
        standing = Standing(before, graded[position.key], broken.get(position.key, 0), view)
        verdicts.append(_decide(batch, position, standing, facts, asked))
    _note_needs(batch, needs, verdicts)
    raise_alerts(batch, verdicts, breaches_of(batch, memory, held))
    for subject in put(batch, "credit", verdicts):
        customer = subject.split("|")[0]
        batch.touch("push", [member for member in members.get(customer, []) if "/" in member])


def _decide(batch: Batch, position: Position, standing: Standing, facts: CreditFacts, asked: _Rates) -> Verdict:
    before = standing.before
    on = batch.on[position.company]
    functional = batch.config.companies[position.company].functional_currency
    choice = limit_in_force(facts.people.get(position.key, ()), facts.books.get(position.key, ()), on)
    currency = _judged_in(choice, position, functional)
    limit = _limit(choice, currency, asked)
    codes = {code for code, amount in (*position.open_minor.items(), *position.unapplied_minor.items()) if amount}
    rates = {code: rate for code in sorted(codes - {currency}) if (rate := asked.rate(code, currency)) is not None}
    exposure = exposure_of(position.open_minor, position.unapplied_minor, currency, rates)
    for row in exposure.missing:
        asked.lacks(row.currency, currency)
    previous = None
    if before is not None:  # the rules' own state, not what a person set for a while
        status = before["body"].get("by_rule", before["value"])
        previous = CreditState(status, day(before["body"].get("hold_since")))
    disputed = standing.view.disputes
    owed = [
        OwedItem(
            row["id"],
            row["currency"],
            row["due_on"],
            standing.undisputed(row["id"], row["open_minor"]) if row["id"] in disputed else row["open_minor"],
        )
        for row in position.items
    ]
    orders = _orders(facts.overrides.get(position.key, ()), currency, asked)
    held_by = hold_by_hand(orders, on)
    decision = credit_status(
        previous,
        exposure,
        limit,
        owed,
        on,
        facts.policies[position.company],
        grade=standing.graded.state.grade,
        broken_promises=standing.broken_promises,
        manual_hold=held_by.reason if held_by else "",
    )
    outcome = overridden(decision.status, exposure.amount_minor, exposure.is_complete, orders, on)
    shown = {
        code: {
            **_shown_in(code, currency, decision.exposure_minor if exposure.is_complete else None, limit, asked),
            "open_minor": _total_in(code, position.open_minor, asked),
            "overdue_minor": _total_in(code, position.overdue_minor, asked),
        }
        for code in sorted(facts.shown_in.get(position.customer, set()) | {currency})
    }
    return Verdict(
        subject=position.key,
        company=position.company,
        value=outcome.status,
        body={
            "by_rule": decision.status,
            "override": outcome.applied,
            "policy_version": facts.policies[position.company].version,
            **standing.graded.body(),
            "suggested_limit_minor": _suggested(standing.graded, currency, asked),
            "limit_minor": decision.limit_minor,
            "limit_source": choice.source,
            "exposure_minor": decision.exposure_minor,
            "currency": decision.currency,
            "stages": _stages(position, currency, rates),
            "shown": shown,
            "missing_rates": sorted(asked.missing),
            "hold_since": decision.hold_since,
            "open_by_currency": position.open_minor,
            "overdue_by_currency": position.overdue_minor,
            "unapplied_by_currency": position.unapplied_minor,
            "credits_by_currency": position.credits_minor,
        },
        reasons=[*outcome.reasons, *decision.reasons],
        inputs={
            **decision.inputs,
            "policy": facts.policy_inputs[position.company],
            "score": standing.graded.inputs(),
            "limit": choice.inputs,
            "rates": asked.stored(),
            "overrides": [[one.id, one.status, one.cap_minor, one.valid_until] for one in orders],
            "rules": [choice.rule_version, OVERRIDE_VERSION, RATES_VERSION],
        },
        rule_version=decision.rule_version,
        effective_on=on,
        next_change_on=_soonest(
            decision.next_change_on,
            _next_overdue(position, on),
            choice.next_change_on,
            outcome.next_change_on,
            *asked.days,
        ),
    )


def _judged_in(choice: LimitChoice, position: Position, functional: str) -> str:
    """The limit's currency; with limits in several, or with none, the home currency or the only one traded in."""
    if len(choice.amounts) == 1:
        return next(iter(choice.amounts))
    return functional if choice.amounts else position.currency(functional)


def _limit(choice: LimitChoice, currency: str, asked: _Rates) -> int | None:
    """The limit in the currency judged in; None when none is known or a rate for part of it is missing."""
    total: int | None = None
    for code, amount in sorted(choice.amounts.items()):
        rate = asked.rate(code, currency)
        if rate is None:
            asked.lacks(code, currency)
            return None
        total = (total or 0) + rate.convert(amount, currency)
    return total


def _suggested(graded: Graded, currency: str, asked: _Rates) -> int | None:
    """The limit that the grade and the billing of twelve months would give; shown to people, never enforced.

    Rates are only looked at here: a suggestion that cannot be made is no reason to ask for one.
    """
    grade, total = graded.state.grade, Decimal(0)
    for code, amount in graded.billing.items():
        found = asked.book.convert(code, currency, asked.on) if code != currency else None
        if code != currency and found is None:
            return None
        rate = Rate(code, found.times, found.rate_on, "", found.per) if found else Rate(code, _ONE, asked.on)
        total += rate.convert(amount, currency)
    made = credit_limit(
        currency,
        grade,
        average_monthly_billing_minor=max(0, int(total / 12)) if graded.billing else None,
        terms_months=TERMS_MONTHS.get(grade),
    )
    return made.limit_minor


def _orders(rows: Sequence[Mapping[Any, Any]], currency: str, asked: _Rates) -> list[Override]:
    """Orders with their caps in the currency judged in; a cap without a rate allows nothing."""
    out = []
    for row in rows:
        cap = row["amount_minor"]
        if cap is not None:
            rate = asked.rate(row["currency"], currency)
            if rate is None:
                asked.lacks(row["currency"], currency)
            cap = None if rate is None else rate.convert(cap, currency)
        who = (row["reason"], row["author"], row["approver"])
        out.append(Override(row["id"], row["status"], row["seq"], row["valid_until"], cap, *who))
    return out


def _shown_in(
    code: str, currency: str, exposure_minor: int | None, limit: int | None, asked: _Rates
) -> dict[str, int | None]:
    """Exposure and limit in the currency of a CRM record; None: left as it is there. Nothing is nothing at any rate."""
    amounts = {"exposure_minor": exposure_minor, "limit_minor": limit}
    if not any(amounts.values()):
        return amounts
    rate = asked.rate(currency, code)
    if rate is None:
        asked.lacks(currency, code)
        return {name: 0 if amount == 0 else None for name, amount in amounts.items()}
    return {name: None if amount is None else rate.convert(amount, code) for name, amount in amounts.items()}


def _total_in(code: str, amounts: Mapping[str, int], asked: _Rates) -> int | None:
    """Amounts of several currencies in the currency of a CRM record, each converted once; None without a rate."""
    total = 0
    for one, amount in sorted(amounts.items()):
        if not amount:
            continue
        rate = asked.rate(one, code)
        if rate is None:
            asked.lacks(one, code)
            return None
        total += rate.convert(amount, code)
    return total


def _stages(position: Position, currency: str, rates: Mapping[str, Rate]) -> dict[str, int]:
    """Exposure by stage, each currency converted as the exposure converts it; rounding may differ by units."""
    out: dict[str, int] = {}
    for name, amounts in (("open_receivables", position.open_minor), ("unapplied_cash", position.unapplied_minor)):
        total = amounts.get(currency, 0)
        for code, amount in sorted(amounts.items()):
            if code != currency and code in rates:
                total += rates[code].convert(amount, currency)
        out[name] = total
    return out


def _note_needs(batch: Batch, needs: Mapping[str, _Rates], verdicts: Sequence[Verdict]) -> None:
    """Remember who uses or waits for which rate; ask for missing ones once, and stop asking when nobody waits."""
    n = rate_needs.c
    held = batch.conn.execute(_NEEDS, {"subjects": sorted(needs)}).all()
    before = {(row.company_id, row.currency) for row in held if row.is_missing}
    if held:
        batch.conn.execute(_DROP_NEEDS, {"subjects": sorted({row.subject for row in held})})
    rows = [
        {"subject": key, "currency": code, "company_id": key.split("|")[1], "is_missing": code in asked.missing}
        for key, asked in sorted(needs.items())
        for code in sorted(asked.asked | asked.missing)
    ]
    insert_rows(batch.conn, rate_needs, rows)
    missing = {(verdict.company, code) for verdict in verdicts for code in verdict.body["missing_rates"]}
    _ask_for_rates(batch, missing)
    over = []
    for company, code in sorted(before - missing):
        waiting = select(n.subject).where(n.company_id == company, n.currency == code, n.is_missing.is_(True)).limit(1)
        if batch.conn.execute(waiting).first() is None:
            over.append(f"rate/{company}/{code}")
    close_conflicts(batch, "missing_reference", over, state="superseded")


def _ask_for_rates(batch: Batch, missing: set[tuple[str, str]]) -> None:
    """One conflict per company and currency without a rate: exposure is incomplete and its field is left alone."""
    open_conflicts(
        batch,
        [
            ConflictCall(
                kind="missing_reference",
                cause=f"rate/{company}/{code}",
                connection=None,
                stream=None,
                external_id=None,
                title=f"{company}: no exchange rate for {code}",
                evidence={
                    "company": company,
                    "currency": code,
                    "functional_currency": batch.config.companies[company].functional_currency,
                    "effect": "credit exposure and limit that need this rate are not judged and not written back",
                    "what_to_do": "state the rate: `tieout import FILE --as rates`, or POST /v1/rates",
                },
            )
            for company, code in sorted(missing)
        ],
    )


def _next_overdue(position: Position, on: date) -> date | None:
    """The day after the next due date: the overdue amount moves then, with no other input."""
    coming = [row["due_on"] for row in position.items if row["due_on"] >= on]
    return min(coming).fromordinal(min(coming).toordinal() + 1) if coming else None


def _soonest(*days: date | None) -> date | None:
    return min((one for one in days if one is not None), default=None)
