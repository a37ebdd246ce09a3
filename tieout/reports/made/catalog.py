"""Which reports there are, and how each is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tieout.core.errors import ConfigError, Gone
from tieout.reports.made.aging import aging
from tieout.reports.made.cash import cash
from tieout.reports.made.decided import credit, dunning
from tieout.reports.made.reconciliation import reconciliation
from tieout.reports.made.request import Asked
from tieout.reports.made.statement import statement
from tieout.reports.table import Report, Words
from tieout.store import breaks
from tieout.store.tables import reconciliations


@dataclass(frozen=True, slots=True)
class Made:
    """One report: what it is, and the function that makes it."""

    words: Words
    make: Callable[[Connection, Asked], Report]


def stored_reconciliation(conn: Connection, asked: Asked) -> Report:
    """The newest stored run of the day asked for."""
    r = reconciliations.c
    query = select(reconciliations).where(r.as_of == asked.as_of).order_by(r.run_at.desc(), r.id.desc()).limit(1)
    row = conn.execute(query).mappings().first()
    if row is None:
        raise Gone(
            f"no reconciliation of {asked.as_of} is stored",
            hint="`tieout reconcile` makes one.",
            code="no_reconciliation",
        )
    return reconciliation(row["body"], breaks.of_run(conn, row["id"]), asked.language)


REPORTS: Mapping[str, Made] = {
    "aging": Made(("open items by days overdue", "按逾期天数的未结项目"), aging),
    "statement": Made(("one customer's account over a period", "单个客户一段期间的往来"), statement),
    "cash": Made(("cash received and expected", "已收与预计收款"), cash),
    "credit": Made(("credit status with limits and reasons", "信用状态、额度与原因"), credit),
    "dunning": Made(("reminders decided, with reasons", "催收决定与原因"), dunning),
    "reconcile": Made(("ledger against every counterpart", "总账与各系统对账"), stored_reconciliation),
}


def make_report(conn: Connection, name: str, asked: Asked) -> Report:
    """The report of a name; an unknown one raises ConfigError."""
    known(name)
    return REPORTS[name].make(conn, asked)


def known(name: str) -> str:
    """The name itself; an unknown one raises ConfigError."""
    if name not in REPORTS:
        raise ConfigError(f"there is no report {name!r}.", hint=f"There is: {', '.join(REPORTS)}.", code="usage")
    return name
