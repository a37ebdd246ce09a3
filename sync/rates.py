"""Exchange rates that people state, one by one or as a file: checked, put into the input log, taken back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select

from sync.context import Context
from sync.fold.rates import rate_key
from tieout.core.dates import DateError, parse_on
from tieout.core.errors import Gone, StaleWrite, TieoutError
from tieout.core.money import is_currency
from tieout.store import audit
from tieout.store.inputs import append_input
from tieout.store.landing import chunks
from tieout.store.once import Once, making, repeatable
from tieout.store.session import unit
from tieout.store.tables import rates

COLUMNS = ("base", "quote", "rate", "on", "until", "source")
NEEDED = ("base", "quote", "rate", "on")
_RATE = re.compile(r"^[0-9]{1,12}(\.[0-9]{1,12})?$", re.ASCII)
MOST_ROWS = 100_000
_HEADERS = {
    "base": "base", "from": "base", "currency": "base", "原币": "base", "币别": "base", "币种": "base",
    "quote": "quote", "to": "quote", "目标币": "quote", "本位币": "quote",
    "rate": "rate", "汇率": "rate", "直接汇率": "rate",
    "on": "on", "date": "on", "from_date": "on", "日期": "on", "生效日期": "on",
    "until": "until", "to_date": "until", "失效日期": "until",
    "source": "source", "来源": "source",
}  # fmt: skip


class RateError(TieoutError):
    """A rate cannot be taken as it is stated."""

    code = "bad_rate"


@repeatable
def state_rates(
    ctx: Context,
    lines: Sequence[Mapping[str, Any]],
    source: str,
    actor: str,
    company: str = "",
    once: Once | None = None,
) -> dict[str, Any]:
    """State rates for a company ("" = all): one unit of `base` is `rate` units of `quote` from `on` (to `until`).

    The same pair and day stated again replaces the earlier statement; the very same lines change nothing. Raises
    RateError naming the line.
    """
    if company and company not in ctx.config.companies:
        raise RateError(f"there is no company {company!r}", hint=f"Companies: {', '.join(ctx.config.companies)}.")
    clean = [_checked(line, number) for number, line in enumerate(lines, 1)]
    if not clean:
        raise RateError("there is no rate to take")
    _no_contradictions(clean)
    now = ctx.clock.now()
    with making(ctx.engine, "answer.commit", once, now) as made:
        fresh = [line for line in clean if not _is_held(made.conn, company, line, source)]
        if fresh:
            body = {"rates": fresh, "source": source, "company_id": company}
            for part in chunks(fresh):
                append_input(made.conn, "rates", now, {**body, "rates": list(part)}, actor=actor)
            about = {"rates": len(fresh), "source": source, "company": company or "*"}
            audit.append(made.conn, now, actor, "rates.state", source or "rates", about)
        ids = [rate_key(company, line["base"], line["quote"], line["on"]) for line in clean]
        return made.kept({"stated": len(fresh), "unchanged": len(clean) - len(fresh), "ids": ids})


def withdraw_rate(ctx: Context, rate_id: str, actor: str) -> dict[str, Any]:
    """Take a stated rate back; decisions that used it are made again. Rates of the books are changed in the books."""
    now = ctx.clock.now()
    with unit(ctx.engine, "answer.commit") as conn:
        found = conn.execute(select(rates).where(rates.c.id == rate_id)).mappings().first()
        if found is None:
            raise Gone(f"there is no rate {rate_id}", code="no_rate")
        if not found["is_active"]:
            raise StaleWrite(f"rate {rate_id} is withdrawn already", code="rate_withdrawn")
        if not found["rank"]:
            raise RateError(
                f"rate {rate_id} comes from the books", hint="Change it there, or state another one for its day."
            )
        body = {"withdraw": rate_id}
        append_input(conn, "rates", now, body, actor=actor)
        audit.append(conn, now, actor, "rates.withdraw", rate_id, body)
    return {"id": rate_id, "state": "withdrawn"}


def _checked(line: Mapping[str, Any], number: int) -> dict[str, Any]:
    where = f"line {number}"
    base, quote = (str(line.get(name) or "").strip().upper() for name in ("base", "quote"))
    for code in (base, quote):
        if not is_currency(code):
            raise RateError(f"{where}: {code!r} is no currency of ISO 4217", hint="For example USD or CNY.")
    if base == quote:
        raise RateError(f"{where}: {base} to itself is always 1")
    text = str(line.get("rate") or "").strip()
    if not _RATE.match(text) or not Decimal(text):
        raise RateError(
            f"{where}: {text!r} is no rate", hint="A positive decimal with at most 12 places, such as 7.1205."
        )
    on, until = _day(line.get("on"), where), _day(line.get("until"), where)
    if on is None:
        raise RateError(f"{where}: the date is missing", hint="The first day on which the rate counts, as yyyy-mm-dd.")
    if until is not None and until < on:
        raise RateError(f"{where}: the rate would end on {until}, before it begins on {on}")
    out = {"base": base, "quote": quote, "rate": text, "on": on.isoformat()}
    return {
        **out,
        **({"until": until.isoformat()} if until else {}),
        **({"source": str(line["source"]).strip()[:200]} if line.get("source") else {}),
    }


def _day(value: Any, where: str) -> date | None:
    if value is None or isinstance(value, date):
        return value
    text = str(value).strip()
    if not text:
        return None
    try:
        return parse_on(text)
    except DateError as error:
        raise RateError(f"{where}: {error.message}") from None


def _no_contradictions(lines: Sequence[Mapping[str, Any]]) -> None:
    seen: dict[tuple[str, str, str], tuple[int, str]] = {}
    for number, line in enumerate(lines, 1):
        key = (line["base"], line["quote"], line["on"])
        first, rate = seen.setdefault(key, (number, line["rate"]))
        if Decimal(rate) != Decimal(line["rate"]):
            pair = f"{line['base']} to {line['quote']} on {line['on']}"
            raise RateError(f"lines {first} and {number} state {rate} and {line['rate']} for {pair}")


def _is_held(conn: Any, company: str, line: Mapping[str, Any], source: str) -> bool:
    r = rates.c
    key = rate_key(company, line["base"], line["quote"], line["on"])
    held = conn.execute(select(r.rate, r.until_on, r.source).where(r.id == key, r.is_active.is_(True))).first()
    until = parse_on(line["until"]) if line.get("until") else None
    return held is not None and tuple(held) == (line["rate"], until, line.get("source") or source)


def read_rates(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file with the columns base, quote, rate, on (and until, source), in any order.

    Chinese headers are known too; UTF-8 with or without mark, or GB 18030. Raises RateError.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RateError(f"{path} cannot be read: {error.strerror}", hint="Give the path of a CSV file.") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("gb18030")
        except UnicodeDecodeError:
            raise RateError(f"{path} is neither UTF-8 nor GB 18030 text", hint="Save it as CSV UTF-8.") from None
    rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    if not rows:
        raise RateError(f"{path} is empty", hint="The first line names the columns: base,quote,rate,on.")
    names = [_HEADERS.get(cell.strip().lower(), "") for cell in rows[0]]
    gone = [name for name in NEEDED if name not in names]
    if gone:
        raise RateError(
            f"{path} has no column {', '.join(gone)}", hint=f"The first line names the columns: {','.join(COLUMNS)}."
        )
    if len(rows) > MOST_ROWS:
        raise RateError(f"{path} has more than {MOST_ROWS} lines", hint="Import it in parts.")
    return [{name: cell for name, cell in zip(names, row, strict=False) if name} for row in rows[1:]]
