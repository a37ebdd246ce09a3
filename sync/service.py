"""The service: everything the command line, the API and the workers ask for, over one context."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

from sync import answering, merging, operations, people, push_orders
from sync.answer_desk import AnswerDesk
from sync.answer_rules import RuleDesk
from sync.apply import ApplySummary, run_apply, run_tick
from sync.backup import backup
from sync.bulk_answers import BulkDesk
from sync.connecting import close_context, open_context
from sync.context import Context
from sync.credit_desk import CreditDesk
from sync.dunning_desk import DunningDesk
from sync.notices import send_test
from sync.people import PeopleDesk
from sync.plan import PlanView, plan, push_plan, save_plan
from sync.plan_runs import start_plan_push
from sync.progress import progress_of
from sync.pull import PullSummary, run_pull
from sync.push import run_push
from sync.queue import ring
from sync.reading import LEASE_SECONDS
from sync.rebuild import RebuildView, run_rebuild_check
from sync.reconcile import ReconcileView, run_reconcile
from sync.regrouping import RegroupDesk
from sync.reporting import ReportFile, ReportWish, build_report, report_file
from sync.secrets import check_key, forget_secrets, rotate_secrets
from sync.support import write_bundle
from sync.sync_runs import start_sync
from sync.sync_summary import SyncSummary
from sync.verify import Breach, run_verify
from sync.why import why
from tieout.core.clock import Clock
from tieout.core.config import Config
from tieout.core.ids import Ids
from tieout.reports.table import Report
from tieout.store import notices
from tieout.store.migrate import current, migrate
from tieout.store.queries import explain
from tieout.store.session import reading

Progress = Callable[[Mapping[str, Any]], None]
T = TypeVar("T")
WAIT_FOR_LEASE = LEASE_SECONDS + 15


class Service:
    """One opened installation. Use it as a context manager; every method is one piece of work of its own."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close_context(self.ctx)

    @property
    def config(self) -> Config:
        return self.ctx.config

    @property
    def credit(self) -> CreditDesk:
        """Credit limits, overrides and exchange rates that people state."""
        return CreditDesk(self.ctx, self._after_answer)

    @property
    def dunning(self) -> DunningDesk:
        """Disputes, promises, plans, pauses, contacts, and the policies reminders go by."""
        return DunningDesk(self.ctx, self._after_answer)

    @property
    def bulk(self) -> BulkDesk:
        """Many conflicts answered at once."""
        return BulkDesk(self.ctx, self._after_answer)

    @property
    def rules(self) -> RuleDesk:
        """Answers given once for every conflict of a shape."""
        return RuleDesk(self.ctx, self._after_answer)

    @property
    def answers(self) -> AnswerDesk:
        """What people said of who is who: parted, listed, taken back."""
        return AnswerDesk(self.ctx, self._after_answer)

    @property
    def regroup(self) -> RegroupDesk:
        """What merging customers or parting them again would change."""
        return RegroupDesk(self.ctx)

    # ------------------------------------------------------------- the flow
    def migrate(self, only_empty: bool = False) -> None:
        """Bring the database to this version (`only_empty`: an empty one only) and note the connections."""
        if not only_empty or current(self.ctx.engine) is None:
            migrate(self.ctx.engine)
            operations.note_connections(self.ctx)

    def check_key(self) -> None:
        """ConfigError where stored secrets cannot be opened with the configured key."""
        check_key(self.ctx)

    def pull(
        self,
        connections: Sequence[str] | None = None,
        full: bool = False,
        since: datetime | None = None,
        progress: Progress | None = None,
        sweep: bool = False,
        accept_deletes: bool = False,
        actor: str = "cli",
    ) -> list[PullSummary]:
        """Land what changed; connections in parallel where the network is real.

        `accept_deletes` sweeps and lets a mass deletion through that the guard held back.
        """
        self.migrate()
        names = list(connections or self.config.connections)

        def one(name: str) -> PullSummary:
            def work() -> PullSummary:
                return run_pull(
                    self.ctx,
                    name,
                    full=full,
                    since=since,
                    sweep=sweep or full or accept_deletes or None,
                    accept_deletes=accept_deletes,
                    actor=actor,
                    trigger="command",
                    progress=progress,
                )

            return self._when_free(work, lambda summary: summary.is_busy)

        if len(names) > 1 and self.ctx.transport is None:
            with ThreadPoolExecutor(max_workers=min(4, len(names)), thread_name_prefix="pull") as pool:
                return list(pool.map(one, names))
        return [one(name) for name in names]

    def apply(self, progress: Progress | None = None) -> ApplySummary:
        """Map, bind, post and decide what was landed."""
        self.migrate()
        run_tick(self.ctx)
        return self._when_free(lambda: run_apply(self.ctx, progress=progress), lambda summary: summary.is_busy)

    def _when_free(self, work: Callable[[], T], is_busy: Callable[[T], bool]) -> T:
        """Do it once nobody else does: the lease of a killed process runs out within a minute or so."""
        deadline = self.ctx.clock.monotonic() + WAIT_FOR_LEASE
        while True:
            done = work()
            if not is_busy(done) or self.ctx.clock.monotonic() >= deadline:
                return done
            self.ctx.clock.sleep(1.0)

    def sync(
        self,
        connections: Sequence[str] | None = None,
        full: bool = False,
        since: datetime | None = None,
        progress: Progress | None = None,
        actor: str = "",
    ) -> SyncSummary:
        """Pull, apply, and push where pushing is automatic; plan elsewhere. Needs no Redis."""
        self.migrate()
        self.prepare()
        if actor:
            people.note(self.ctx, actor, "sync.start", ",".join(connections or ()) or "all", {"full": full})
        summary = SyncSummary()
        summary.pulls = self.pull(connections, full=full, since=since, progress=progress)
        summary.applied = self.apply(progress)
        for name, connection in self.config.connections.items():
            if connection.push and connection.push_mode == "auto":
                summary.pushes.append(run_push(self.ctx, name, limit_seconds=None, progress=progress))
        view = plan(self.ctx)
        summary.planned, summary.plan_digest = len(view.rows), view.digest if view.rows else ""
        if view.rows:
            save_plan(self.ctx, view)
        return summary

    def prepare(self) -> None:
        """Local vendor servers get their write-back fields by themselves; real ones wait for `tieout setup`."""
        operations.prepare_sandboxes(self.ctx)

    def plan(self, fresh: bool = False) -> PlanView:
        """What would be written where, from what to what and why; writes nothing anywhere but the digest here."""
        view = plan(self.ctx, fresh)
        if view.rows:
            save_plan(self.ctx, view)
        return view

    def push(self, plan_digest: str | None = None, progress: Progress | None = None, actor: str = "cli") -> Any:
        """Send what is due, or with a digest exactly what was planned."""
        if plan_digest is not None:
            return push_plan(self.ctx, plan_digest, actor)
        return [
            run_push(self.ctx, name, limit_seconds=None, progress=progress)
            for name, connection in self.config.connections.items()
            if connection.push
        ]

    def push_plan(self, digest: str, actor: str) -> str:
        """Ask the workers to send exactly the planned rows that still stand; answers the run's id."""
        return start_plan_push(self.ctx, digest, actor)

    def push_pause(self, actor: str, why: str) -> dict[str, Any]:
        """Stop sending anywhere until `push resume`."""
        return push_orders.pause(self.ctx, actor, why)

    def dead_letters(self, connection: str | None = None, limit: int = 50) -> dict[str, Any]:
        """Changes that were refused for good or given up."""
        return operations.dead_letters(self.ctx, connection, limit)

    def revive(self, connection: str, code: str, actor: str) -> dict[str, Any]:
        """Send all dead letters of a connection with one refusal code again."""
        return push_orders.revive(self.ctx, connection, code, actor)

    def push_resume(self, actor: str) -> dict[str, Any]:
        """Allow pushing again after a restore or on a copied home."""
        return push_orders.resume(self.ctx, actor)

    def retry_push(self, push_id: str, actor: str) -> dict[str, Any]:
        """Send a dead letter once more."""
        return push_orders.retry(self.ctx, push_id, actor)

    def start_sync(self, connection: str, actor: str) -> str:
        """Ask the workers to pull a connection now; answers the run's id, the same one while it is queued."""
        return start_sync(self.ctx, connection, actor)

    def progress(self, since: datetime | None = None) -> list[dict[str, Any]]:
        """Where the first sync stands, or the one that began at `since`."""
        return progress_of(self.ctx, since)

    # ------------------------------------------------------------- people's work
    def conflicts(self, state: str = "open", limit: int = 50, cursor: str | None = None) -> dict[str, Any]:
        """Conflicts, most money at stake first."""
        return operations.list_conflicts(self.ctx, state, limit, cursor)

    def conflict(self, id: str) -> dict[str, Any]:
        """One conflict with its evidence and suggestions."""
        return operations.show_conflict(self.ctx, id)

    def resolve(self, conflict_id: str, answer: Mapping[str, Any], actor: str) -> dict[str, Any]:
        """Answer a conflict; what it blocked is done again."""
        return self._then(answering.resolve(self.ctx, conflict_id, answer, actor))

    def undo(self, conflict_id: str, actor: str) -> dict[str, Any]:
        """Take an answer back."""
        return self._then(answering.undo(self.ctx, conflict_id, actor))

    def merge(
        self, customer_id: str, other_id: str, actor: str, reason: str = "", overrule: bool = False
    ) -> dict[str, Any]:
        """Make two customers one; no journal row moves."""
        return self._then(merging.merge(self.ctx, customer_id, other_id, actor, reason, overrule=overrule))

    def unmerge(self, customer_id: str, members: Sequence[str], actor: str, reason: str = "") -> dict[str, Any]:
        """Take merges back."""
        return self._then(merging.unmerge(self.ctx, customer_id, members, actor, reason))

    def relink(
        self, customer_id: str, members: Sequence[str], actor: str, reason: str = "", overrule: bool = False
    ) -> dict[str, Any]:
        """Put accounts or CRM records into this customer; no journal row moves."""
        return self._then(merging.relink(self.ctx, customer_id, members, actor, reason, overrule=overrule))

    def why(self, left: str, right: str) -> dict[str, Any]:
        """Why two party records are one customer, or are not."""
        with reading(self.ctx.engine) as conn:
            return why(conn, self.config, self.ctx.clock.now(), left, right)

    def _then(self, done: T) -> T:
        self._after_answer()
        return done

    def _after_answer(self) -> None:
        """Fold the answer here if the lane is free, so that the person sees the effect; else a worker does."""
        if run_apply(self.ctx, limit_seconds=2.0).is_busy:
            ring(self.ctx, "apply")
        for name, connection in self.config.connections.items():
            if connection.push:
                ring(self.ctx, f"push:{name}")

    def explain_invoice(self, document_id: str) -> dict[str, Any]:
        """A figure back to raw records, profile, rules, entries and people."""
        with reading(self.ctx.engine) as conn:
            return explain.invoice(conn, document_id)

    def accept_webhook(
        self, connection: str, path_secret: str, body: bytes, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Literal["stored", "duplicate"]:
        """Store a verified webhook once and ring; refuses forged ones (Denied) before anything is stored."""
        from sync.inbox import accept

        return accept(self.ctx, connection, body, headers, query, path_secret=path_secret)

    def webhook_answer(self, connection: str, body: bytes) -> bytes | None:
        """What an accepted delivery must be answered with where a vendor wants a body of its own; else None."""
        from sync.inbox import answer

        return answer(self.ctx, connection, body)

    # ------------------------------------------------------------- proof
    def reconcile(
        self, as_of: date | None = None, actor: str = "", known_at: str | int | datetime | None = None
    ) -> Any:
        """Compare the ledger with the book of record's own totals and with what CRMs show."""
        view: ReconcileView = run_reconcile(self.ctx, as_of=as_of, known_at=known_at)
        return view.as_dict() if actor else view

    def report(
        self,
        name: str,
        *,
        as_of: date | None = None,
        known_at: str | datetime | None = None,
        form: str = "json",
        language: str = "",
        company: str = "",
        customer: str = "",
        since: date | None = None,
        table: str = "",
        fresh: bool = False,
    ) -> ReportFile:
        """A report in a format; `fresh` runs a reconciliation first where the report is one."""
        wish = ReportWish(name, as_of, known_at, company, customer, since, language)
        return report_file(self.ctx, wish, form, table=table, fresh=fresh)

    def report_view(self, wish: ReportWish) -> Report:
        """A report before it is rendered, to be looked at."""
        return build_report(self.ctx, wish)

    def notices(self, limit: int = 50) -> dict[str, Any]:
        """Reports and alerts on their way, newest first."""
        with reading(self.ctx.engine) as conn:
            return {"notices": notices.recent(conn, limit)}

    def test_notice(self, target: str) -> dict[str, Any]:
        """Send a test message to a target now."""
        return send_test(self.ctx, target)

    def verify(self) -> list[Breach]:
        """Breaches of the books' invariants and of the hash chains."""
        return run_verify(self.ctx)

    def rebuild_check(self) -> RebuildView:
        """Fold the input log again and compare."""
        return run_rebuild_check(self.ctx)

    # ------------------------------------------------------------- operations
    def check(self, connection: str | None = None) -> dict[str, Any]:
        """Credentials, scopes, clock and fields of connections."""
        return operations.check(self.ctx, connection)

    def setup(self, connection: str, dry_run: bool = False) -> dict[str, Any]:
        """Create the write-back fields where the vendor allows it."""
        return operations.setup(self.ctx, connection, dry_run=dry_run)

    def support(self, path: Path) -> dict[str, Any]:
        """Write the support bundle."""
        return write_bundle(self.ctx, path)

    def doctor(self) -> dict[str, Any]:
        """What is wrong and what to do about it."""
        return operations.doctor(self.ctx)

    def mapping_check(self, connection: str, stream: str | None = None) -> dict[str, Any]:
        """Dry-run the profiles over landed records: coverage, failures, differences, money effect."""
        from sync.dry_run import check_mapping

        return check_mapping(self.ctx, connection, stream)

    def mapping_suggest(self, connection: str, stream: str | None = None) -> dict[str, Any]:
        """Source fields that no profile reads, with how often they are filled."""
        from sync.dry_run import suggest_mapping

        return suggest_mapping(self.ctx, connection, stream)

    def backup(self, path: Path, actor: str = "cli") -> dict[str, Any]:
        """A consistent copy of the database."""
        return backup(self.ctx, path, actor)

    def forget_secrets(self, actor: str) -> dict[str, Any]:
        """Drop every stored token, for when the key that sealed them is lost."""
        return forget_secrets(self.ctx, actor)

    def rotate_secrets(self, actor: str) -> dict[str, Any]:
        """Seal every stored secret with the newest key."""
        return rotate_secrets(self.ctx, actor)

    def health(self) -> dict[str, Any]:
        """The process answers."""
        return {"status": "ok"}

    def ready(self) -> list[dict[str, str]]:
        """Reasons not to send traffic here; empty when ready."""
        return operations.ready(self.ctx)

    # ------------------------------------------------------------- people and keys
    def login_link(self) -> str:
        """A one-time login token for the first administrator."""
        return people.login_link(self.ctx)

    @property
    def people(self) -> PeopleDesk:
        """Who may log in, and which keys there are."""
        return PeopleDesk(self.ctx)

    def add_user(self, name: str, password: str, role: str, actor: str = "cli") -> dict[str, Any]:
        """Add a person to the console."""
        return self.people.add(name, password or None, role, actor)

    def create_api_key(self, name: str, role: str, actor: str) -> str:
        """An API key, shown once."""
        return str(self.people.make_key(name, role, actor)["token"])

    def api_keys(self) -> list[dict[str, Any]]:
        """Every API key with its role and last use, never its secret."""
        return self.people.listed_keys()

    def users(self) -> list[dict[str, Any]]:
        """Every person with their role, never the password hash."""
        return self.people.listed()

    def revoke_api_key(self, id: str, actor: str = "cli") -> None:
        """Make an API key useless."""
        self.people.revoke_key(id, actor)


def open_service(
    config: Config, *, transport: Any = None, clock: Clock | None = None, ids: Ids | None = None
) -> Service:
    """Open an installation; `transport`, `clock` and `ids` replace the network, time and randomness."""
    ctx = open_context(config, clock=clock, transport=transport)
    if ids is not None:
        ctx.ids = ids
    return Service(ctx)
