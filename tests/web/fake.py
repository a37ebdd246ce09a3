"""A service for tests of the HTTP face: it remembers what was asked and reads what the factory inserted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Engine

from mapping.loader import load_profiles
from sync.answer_rules import RuleDesk
from sync.bulk_answers import BulkDesk
from sync.credit_desk import CreditDesk
from sync.dunning_desk import DunningDesk
from sync.people import PeopleDesk
from sync.regrouping import RegroupDesk
from sync.reporting import ReportFile, ReportWish, build_report, report_file
from tieout.core.clock import ManualClock
from tieout.core.config import Config
from tieout.core.errors import Denied, Gone, StaleWrite, TieoutError
from tieout.core.ids import Ids
from tieout.reports.table import Report
from tieout.store.queries import conflicts, customers, explain, pushes, reconciliations
from tieout.store.session import reading


@dataclass
class FakeContext:
    config: Config
    engine: Engine
    clock: ManualClock
    ids: Ids
    limits: dict[str, dict[str, int]] = field(default_factory=dict)

    def budget_limits(self, name: str) -> Mapping[str, int]:
        return self.limits.get(name, {"use": 0, "day": 0, "window_seconds": 0})

    def profiles(self, name: str) -> Mapping[str, Any]:
        return load_profiles(self.config.connections[name].vendor)


@dataclass
class FakePlan:
    """As `sync.plan.PlanView` writes itself."""

    rows: list[dict[str, Any]]
    made_at: datetime

    def as_dict(self) -> dict[str, Any]:
        return {
            "digest": "ab12cd34ef56ab12",
            "made_at": self.made_at,
            "fresh": False,
            "records": len(self.rows),
            "fields": sum(len(row["changes"]) for row in self.rows),
            "totals": [{"currency": "CNY", "money_minor": sum(row["money_minor"] for row in self.rows)}],
            "rows": self.rows,
        }


@dataclass
class FakeService:
    ctx: FakeContext
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    problems: list[Any] = field(default_factory=list)
    deliveries: set[bytes] = field(default_factory=set)
    fail_with: Exception | None = None

    @property
    def credit(self) -> CreditDesk:
        return CreditDesk(self.ctx, lambda: None)  # type: ignore[arg-type]  # the parts of a context it reads

    @property
    def dunning(self) -> DunningDesk:
        return DunningDesk(self.ctx, lambda: None)  # type: ignore[arg-type]  # the parts of a context it reads

    def _ask(self, *what: Any) -> None:
        if self.fail_with is not None:
            raise self.fail_with
        self.asked.append(what)

    def _conflict(self, conflict_id: str, wanted: str) -> None:
        with reading(self.ctx.engine) as conn:
            found = conflicts.get(conn, conflict_id)
        if found is None:
            raise Gone(f"there is no conflict {conflict_id}", code="no_conflict")
        if found["state"] != wanted:
            raise StaleWrite(f"conflict {conflict_id} is {found['state']}", code="conflict_closed")

    def resolve(self, conflict_id: str, answer: dict[str, Any], actor: str) -> Mapping[str, Any]:
        self._ask("resolve", conflict_id, answer, actor)
        self._conflict(conflict_id, "open")
        if answer["action"] == "link" and not answer["target"]:
            raise TieoutError("there is no account or customer '' to link to", code="answer")
        return {"id": conflict_id, "state": "resolved", "answer_seq": 4}

    def undo(self, conflict_id: str, actor: str) -> Mapping[str, Any]:
        self._ask("undo", conflict_id, actor)
        self._conflict(conflict_id, "resolved")
        return {"id": conflict_id, "state": "open"}

    @property
    def bulk(self) -> BulkDesk:
        return BulkDesk(self.ctx, lambda: None)  # type: ignore[arg-type]  # the parts of a context it reads

    @property
    def rules(self) -> RuleDesk:
        return RuleDesk(self.ctx, lambda: None)  # type: ignore[arg-type]  # the parts of a context it reads

    def start_sync(self, connection: str, actor: str) -> str:
        self._ask("start_sync", connection, actor)
        return "run_01jd5m9p2k7x8n4q3r6s1t"

    def plan(self, fresh: bool = False) -> FakePlan:
        self._ask("plan", fresh)
        with reading(self.ctx.engine) as conn:
            found = pushes.page(conn, pushes.PushFilter(state="planned"), 100, None)
        rows = [
            {
                **{name: row[name] for name in ("id", "version", "connection", "module", "operation", "remote_id")},
                **{name: row[name] for name in ("subject", "state", "currency", "money_minor")},
                "label": "AR1",
                "changes": [
                    {"field": name, "before": row["before"].get(name), "after": value}
                    for name, value in row["fields"].items()
                ],
                "why": {"label": "AR1", "reasons": row["reason"]},
                "seen_at": None,
            }
            for row in found.rows
        ]
        return FakePlan(rows, self.ctx.clock.now())

    def push_plan(self, digest: str, actor: str) -> str:
        self._ask("push_plan", digest, actor)
        if digest != "ab12cd34ef56ab12":
            raise Gone(f"there is no plan {digest}")
        return "run_01jd5m9p2k7x8n4q3r6s1t"

    def retry_push(self, push_id: str, actor: str) -> Mapping[str, Any]:
        self._ask("retry_push", push_id, actor)
        with reading(self.ctx.engine) as conn:
            found = pushes.get(conn, push_id)
        if found is None:
            raise Gone(f"there is no push {push_id}", code="no_push")
        if found["state"] != "dead":
            raise StaleWrite(f"push {push_id} is {found['state']}", code="not_dead")
        return {"id": push_id, "state": "ready"}

    def reconcile(self, as_of: date | None = None, actor: str = "", known_at: Any = None) -> Mapping[str, Any]:
        self._ask("reconcile", as_of, actor, *([known_at] if known_at else []))
        with reading(self.ctx.engine) as conn:
            latest = reconciliations.latest(conn)
        if latest is None or as_of not in (None, latest["as_of"]):
            raise TieoutError("sources only state what is open today", code="as_of")
        return {"id": latest["id"]}

    def report(self, name: str, *, form: str, table: str, fresh: bool = False, **wish: Any) -> ReportFile:
        assert not fresh  # reading a report asks nobody
        return report_file(self.ctx, ReportWish(name, **wish), form, table=table)  # type: ignore[arg-type]

    def report_view(self, wish: ReportWish) -> Report:
        return build_report(self.ctx, wish)  # type: ignore[arg-type]  # the parts of a context it reads

    def explain_invoice(self, document_id: str) -> Mapping[str, Any]:
        self._ask("explain", document_id)
        with reading(self.ctx.engine) as conn:
            return explain.invoice(conn, document_id)

    def _customers(self, *ids: str) -> None:
        with reading(self.ctx.engine) as conn:
            for customer_id in ids:
                if customers.get(conn, customer_id) is None:
                    raise Gone(f"there is no customer {customer_id}", code="no_customer")

    @property
    def regroup(self) -> RegroupDesk:
        return RegroupDesk(self.ctx)  # type: ignore[arg-type]  # the parts of a context it reads

    @property
    def people(self) -> PeopleDesk:
        return PeopleDesk(self.ctx)  # type: ignore[arg-type]  # the parts of a context it reads

    @property
    def answers(self) -> FakeAnswers:
        return FakeAnswers(self)

    def push_pause(self, actor: str, why: str) -> Mapping[str, Any]:
        self._ask("push_pause", actor, why)
        return {"paused": list(self.ctx.config.connections), "why": why}

    def push_resume(self, actor: str) -> Mapping[str, Any]:
        self._ask("push_resume", actor)
        return {"resumed": 2, "already_there": 0}

    def merge(
        self, customer_id: str, other_id: str, actor: str, reason: str = "", overrule: bool = False
    ) -> Mapping[str, Any]:
        said = [*([reason] if reason else []), *(["overrule"] if overrule else [])]
        self._ask("merge", customer_id, other_id, actor, *said)
        self._customers(customer_id, other_id)
        return {"customer": customer_id, "merged": other_id}

    def unmerge(self, customer_id: str, members: Sequence[str], actor: str, reason: str = "") -> Mapping[str, Any]:
        self._ask("unmerge", customer_id, list(members), actor, *([reason] if reason else []))
        self._customers(customer_id)
        return {"customer": customer_id, "members": list(members)}

    def relink(
        self, customer_id: str, members: Sequence[str], actor: str, reason: str = "", overrule: bool = False
    ) -> Mapping[str, Any]:
        self._ask("relink", customer_id, list(members), actor, *([reason] if reason else []))
        self._customers(customer_id)
        return {"customer": customer_id, "members": list(members)}

    def accept_webhook(
        self, connection: str, path_secret: str, body: bytes, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Literal["stored", "duplicate"]:
        self._ask("webhook", connection, path_secret, body, dict(headers), dict(query))
        if path_secret != "s3cret":
            raise Denied("the token does not fit", code="bad_token")
        if body in self.deliveries:
            return "duplicate"
        self.deliveries.add(body)
        return "stored"

    def webhook_answer(self, connection: str, body: bytes) -> bytes | None:
        return None

    def health(self) -> Mapping[str, Any]:
        return {}

    def ready(self) -> Sequence[Any]:
        return self.problems


class FakeAnswers:
    """What people say of who is who, noted as asked."""

    def __init__(self, service: FakeService) -> None:
        self._service = service

    def separate(self, customer_id: str, members: Sequence[str], actor: str, reason: str = "") -> Mapping[str, Any]:
        self._service._ask("separate", customer_id, list(members), actor, *([reason] if reason else []))
        self._service._customers(customer_id)
        return {"customer": customer_id, "members": list(members)}

    def undo(self, seq: int, actor: str, reason: str = "") -> Mapping[str, Any]:
        self._service._ask("undo_answer", seq, actor, *([reason] if reason else []))
        return {"answers": [seq], "members": []}
