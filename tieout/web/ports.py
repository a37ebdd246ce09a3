"""What the HTTP face asks of the rest of the house: one protocol, so that tests can stand in for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, Protocol

from sqlalchemy import Engine

from sync.reporting import ReportWish
from tieout.core.clock import Clock
from tieout.core.config import Config
from tieout.core.ids import Ids
from tieout.reports.table import Report
from tieout.store.once import Once
from tieout.store.sessions import OpenedSession


class ServiceContext(Protocol):
    """The part of `sync.context.Context` that is read here."""

    @property
    def config(self) -> Config: ...

    @property
    def engine(self) -> Engine: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def ids(self) -> Ids: ...

    def budget_limits(self, name: str) -> Mapping[str, int]: ...


class PlanLike(Protocol):
    """A plan: what would be written where, from what to what and why, with money totals and a digest."""

    def as_dict(self) -> dict[str, Any]: ...


class CreditDesk(Protocol):
    """Limits, overrides and exchange rates that people state; errors as for `Service`."""

    def show(self, customer_id: str) -> Mapping[str, Any]: ...

    def terms(self, state: str | None, limit: int, cursor: str | None) -> Mapping[str, Any]: ...

    def ask_limit(
        self, customer_id: str, wanted: Mapping[str, Any], actor: str, once: Once | None = None
    ) -> Mapping[str, Any]: ...

    def ask_override(
        self, customer_id: str, wanted: Mapping[str, Any], actor: str, once: Once | None = None
    ) -> Mapping[str, Any]: ...

    def policy(self, company: str) -> Mapping[str, Any]: ...

    def ask_policy(self, wanted: Mapping[str, Any], actor: str, once: Once | None = None) -> Mapping[str, Any]: ...

    def approve(self, term: str, actor: str) -> Mapping[str, Any]: ...

    def withdraw(self, term: str, reason: str, actor: str) -> Mapping[str, Any]: ...

    def state_rates(
        self,
        lines: Sequence[Mapping[str, Any]],
        source: str,
        actor: str,
        company: str,
        once: Once | None = None,
    ) -> Mapping[str, Any]: ...

    def withdraw_rate(self, rate_id: str, actor: str) -> Mapping[str, Any]: ...

    def rates(
        self, limit: int, cursor: str | None, *, base: str | None, quote: str | None, current: bool
    ) -> Mapping[str, Any]: ...


class TextDesk(Protocol):
    """The words of dunning messages: listed, tried, put in force, restored; errors as for `Service`."""

    def listed(self) -> Mapping[str, Any]: ...

    def start(self, company: str, slot: str, language: str, channel: str) -> str: ...

    def preview(
        self, text: str, *, company: str, slot: str, language: str, channel: str, customer: str, currency: str = ""
    ) -> Mapping[str, Any]: ...

    def use(
        self,
        text: str,
        *,
        slot: str,
        language: str,
        channel: str,
        actor: str,
        companies: Sequence[str] = (),
        note: str = "",
    ) -> Mapping[str, Any]: ...

    def restore(self, seq: int, actor: str) -> Mapping[str, Any]: ...

    def drop(self, seq: int, actor: str) -> Mapping[str, Any]: ...


class DunningDesk(Protocol):
    """Disputes, promises, plans, pauses, contacts and dunning policies; errors as for `Service`."""

    @property
    def texts(self) -> TextDesk: ...

    def open_dispute(self, document_id: str, actor: str, **given: Any) -> Mapping[str, Any]: ...

    def open_promise(self, customer_id: str, actor: str, **given: Any) -> Mapping[str, Any]: ...

    def open_plan(self, customer_id: str, actor: str, **given: Any) -> Mapping[str, Any]: ...

    def open_pause(self, customer_id: str, actor: str, **given: Any) -> Mapping[str, Any]: ...

    def set_contact(self, customer_id: str, actor: str, **given: Any) -> Mapping[str, Any]: ...

    def close(self, case_id: str, outcome: str, actor: str, **given: Any) -> Mapping[str, Any]: ...

    def undo(self, case_id: str, actor: str) -> Mapping[str, Any]: ...

    def case(self, case_id: str) -> Mapping[str, Any]: ...

    def cases(
        self,
        *,
        kind: str | None,
        customer: str | None,
        document: str | None,
        is_open: bool | None,
        limit: int,
        cursor: str | None,
    ) -> Mapping[str, Any]: ...

    def preview(self, **given: Any) -> Mapping[str, Any]: ...

    def standing(self) -> Mapping[str, Any]: ...

    def why(self, customer_id: str, on: date | None) -> Mapping[str, Any]: ...

    def policies(self) -> Mapping[str, Any]: ...

    def policy_text(self, company: str, version: str) -> str: ...

    def activate(self, policy_text: str, actor: str, companies: Sequence[str], origin: str) -> Mapping[str, Any]: ...


class BulkDesk(Protocol):
    """Many conflicts at once: shown first, answered as shown, taken back as one; errors as for `Service`."""

    def preview(self, wish: Mapping[str, Any]) -> Mapping[str, Any]: ...

    def answer(self, wish: Mapping[str, Any], digest: str, note: str, actor: str) -> Mapping[str, Any]: ...

    def undo(self, batch: str, actor: str) -> Mapping[str, Any]: ...


class RuleDesk(Protocol):
    """One answer for every conflict of a shape: offered, shown, made, ended with undo; errors as for `Service`."""

    def offers(self, conflict_id: str) -> Sequence[Mapping[str, Any]]: ...

    def preview(self, wish: Mapping[str, Any]) -> Mapping[str, Any]: ...

    def make(self, wish: Mapping[str, Any], digest: str, note: str, actor: str) -> Mapping[str, Any]: ...

    def end(self, rule_id: str, note: str, actor: str) -> Mapping[str, Any]: ...

    def rules(self, state: str | None, limit: int, cursor: str | None) -> Mapping[str, Any]: ...


class PeopleDesk(Protocol):
    """People and API keys; errors as for `Service`."""

    def add(
        self, name: str, password: str | None, role: str, actor: str, once: Once | None = None
    ) -> Mapping[str, Any]: ...

    def deactivate(self, user_id: str, actor: str) -> Mapping[str, Any]: ...

    def activate(self, user_id: str, actor: str) -> Mapping[str, Any]: ...

    def set_role(self, user_id: str, role: str, actor: str) -> Mapping[str, Any]: ...

    def set_password(self, user_id: str, password: str, actor: str) -> Mapping[str, Any]: ...

    def change_own(self, name: str, old: str, password: str) -> OpenedSession | None: ...

    def link(self, user_id: str, actor: str, *, forget_password: bool = False) -> Mapping[str, Any]: ...

    def one(self, user_id: str) -> Mapping[str, Any]: ...

    def listed(self) -> Sequence[Mapping[str, Any]]: ...

    def make_key(
        self, name: str, role: str, actor: str, expires_at: datetime | None = None, once: Once | None = None
    ) -> Mapping[str, Any]: ...

    def revoke_key(self, key_id: str, actor: str) -> Mapping[str, Any]: ...

    def listed_keys(self) -> Sequence[Mapping[str, Any]]: ...


class RegroupDesk(Protocol):
    """What merging customers or parting them would change; errors as for `Service`."""

    def merge(self, customer_id: str, other_id: str) -> Mapping[str, Any]: ...

    def unmerge(self, customer_id: str, members: Sequence[str]) -> Mapping[str, Any]: ...

    def separate(self, customer_id: str, members: Sequence[str]) -> Mapping[str, Any]: ...


class AnswerDesk(Protocol):
    """What people said of who is who; errors as for `Service`."""

    def separate(self, customer_id: str, members: Sequence[str], actor: str, reason: str = "") -> Mapping[str, Any]: ...

    def undo(self, seq: int, actor: str, reason: str = "") -> Mapping[str, Any]: ...


class ReportLike(Protocol):
    """A rendered report."""

    @property
    def body(self) -> bytes: ...

    @property
    def media_type(self) -> str: ...

    @property
    def file_name(self) -> str: ...

    @property
    def known(self) -> str: ...


class Service(Protocol):
    """Everything that changes something or needs rules.

    Errors: `Gone` = no such thing (404), `StaleWrite` = somebody was faster or it is in the wrong state (409),
    `Denied` = not allowed (403), other TieoutErrors = the answer cannot be used (422). `actor` is `user:<name>` or
    `key:<id>`; the audit line and the input log carry it.
    """

    @property
    def ctx(self) -> ServiceContext: ...

    @property
    def credit(self) -> CreditDesk: ...

    @property
    def dunning(self) -> DunningDesk: ...

    @property
    def bulk(self) -> BulkDesk: ...

    @property
    def rules(self) -> RuleDesk: ...

    @property
    def regroup(self) -> RegroupDesk: ...

    @property
    def answers(self) -> AnswerDesk: ...

    @property
    def people(self) -> PeopleDesk: ...

    def resolve(self, conflict_id: str, answer: dict[str, Any], actor: str) -> Mapping[str, Any]: ...

    def undo(self, conflict_id: str, actor: str) -> Mapping[str, Any]: ...

    def start_sync(self, connection: str, actor: str) -> str: ...

    def plan(self, fresh: bool = False) -> PlanLike: ...

    def push_plan(self, digest: str, actor: str) -> str: ...

    def push_pause(self, actor: str, why: str) -> Mapping[str, Any]: ...

    def push_resume(self, actor: str) -> Mapping[str, Any]: ...

    def retry_push(self, push_id: str, actor: str) -> Mapping[str, Any]: ...

    def reconcile(
        self, as_of: date | None = None, actor: str = "", known_at: str | int | datetime | None = None
    ) -> Mapping[str, Any]: ...

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
    ) -> ReportLike: ...

    def report_view(self, wish: ReportWish) -> Report: ...

    def explain_invoice(self, document_id: str) -> Mapping[str, Any]: ...

    def merge(
        self, customer_id: str, other_id: str, actor: str, reason: str = "", overrule: bool = False
    ) -> Mapping[str, Any]: ...

    def unmerge(self, customer_id: str, members: Sequence[str], actor: str, reason: str = "") -> Mapping[str, Any]: ...

    def relink(
        self, customer_id: str, members: Sequence[str], actor: str, reason: str = "", overrule: bool = False
    ) -> Mapping[str, Any]: ...

    def accept_webhook(
        self,
        connection: str,
        path_secret: str,
        body: bytes,
        headers: Mapping[str, str],
        query: Mapping[str, str],
    ) -> Literal["stored", "duplicate"]: ...

    def webhook_answer(self, connection: str, body: bytes) -> bytes | None: ...

    def health(self) -> Mapping[str, Any]: ...

    def ready(self) -> Sequence[Any]: ...
