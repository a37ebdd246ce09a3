"""Reports on demand: the arguments of people turned into a report, and a report into a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from mapping.engine import MappingContext, Skip, map_record
from sync.context import Context
from sync.fold.batch import business_dates
from sync.reconcile import run_reconcile
from sync.ruled import ruled_context
from tieout.canonical.codec import Candidate
from tieout.core.errors import ConfigError, TieoutError
from tieout.reports.made.catalog import known, make_report
from tieout.reports.made.request import Asked, Mapper
from tieout.reports.render import FORMATS, MEDIA, render
from tieout.reports.table import Report
from tieout.store.queries.as_of import known_at as known_point
from tieout.store.session import reading


@dataclass(frozen=True, slots=True)
class ReportWish:
    """What a report is asked for; None or "" = the default: today, all that is known, everybody."""

    name: str
    as_of: date | None = None
    known_at: str | datetime | None = None
    company: str = ""
    customer: str = ""
    since: date | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A rendered report; `known` is the point at which it can be asked for again."""

    name: str
    body: bytes
    media_type: str
    file_name: str
    as_of: date
    known: str
    is_valid: bool = True


def build_report(ctx: Context, wish: ReportWish, *, fresh: bool = False) -> Report:
    """The report of a wish. `fresh` runs a reconciliation first where the report is one; all others only read."""
    known(wish.name)
    config = ctx.config
    if wish.company and wish.company not in config.companies:
        raise TieoutError(
            f"there is no company {wish.company!r}.", hint=f"There is: {', '.join(config.companies)}.", code="usage"
        )
    dates = business_dates(config, ctx.clock.now())
    today = dates.get(wish.company) or max(dates.values())
    as_of = wish.as_of or today
    if as_of > today:
        raise TieoutError(f"{as_of} has not come yet: today is {today}", hint="Leave out the day.", code="as_of")
    if wish.since is not None and wish.since > as_of:
        raise TieoutError(
            f"it would begin on {wish.since}, after it ends on {as_of}", hint="Choose an earlier start.", code="since"
        )
    if fresh and wish.name == "reconcile":
        run_reconcile(ctx, as_of=wish.as_of, known_at=wish.known_at)
    with reading(ctx.engine) as conn:
        asked = Asked(
            as_of=as_of,
            known=known_point(conn, wish.known_at),
            language=wish.language or config.language,
            company=wish.company,
            customer=wish.customer,
            since=wish.since,
            mapper=_mapper(ctx),
            company_names={name: company.name for name, company in config.companies.items()},
        )
        return make_report(conn, wish.name, asked)


def report_file(ctx: Context, wish: ReportWish, form: str, *, table: str = "", fresh: bool = False) -> ReportFile:
    """A rendered report: the same wish at the same point of knowledge gives the same bytes."""
    if form not in FORMATS:
        raise ConfigError(f"there is no format {form!r}.", hint=f"There is: {', '.join(FORMATS)}.", code="usage")
    return file_of(build_report(ctx, wish, fresh=fresh), form, wish.language or ctx.config.language, table=table)


def file_of(report: Report, form: str, language: str, *, table: str = "") -> ReportFile:
    """A report in a format."""
    return ReportFile(
        name=report.name,
        body=render(report, form, language, table=table),
        media_type=MEDIA[form],
        file_name=f"{report.name}-{report.as_of.isoformat()}.{form}",
        as_of=report.as_of,
        known=report.known,
        is_valid=report.is_valid,
    )


def _mapper(ctx: Context) -> Mapper:
    """Old versions through the profiles of today; what they cannot read is left as it stands now."""
    profiles: dict[str, Mapping[str, object]] = {}
    contexts: dict[str, MappingContext] = {}

    def made(connection: str, stream: str, payload: bytes) -> Candidate | None:
        if connection not in ctx.config.connections:
            return None
        profile = profiles.setdefault(connection, ctx.profiles(connection)).get(stream)
        if profile is None:
            return None
        if connection not in contexts:
            contexts[connection] = ruled_context(ctx, connection)
        try:
            # the context hands profiles out as objects; what it holds are Profiles
            found = map_record(profile, payload, contexts[connection])  # type: ignore[arg-type]
        except TieoutError:
            return None
        return None if isinstance(found, Skip) else found

    return made
