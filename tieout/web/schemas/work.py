"""Conflicts, plan, pushes, runs, connections, reconciliations."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from tieout.web.schemas.base import Day, Flag, Id, In, KnownPoint, Money, Name, Out, PageQuery, Query, Words

ConflictKind = Literal[
    "identity",
    "unlinked_document",
    "field",
    "unmapped_value",
    "missing_reference",
    "invalid_record",
    "schema_drift",
    "payment_match",
]
ConflictState = Literal["open", "resolved", "superseded"]
PushState = Literal[
    "planned", "parked", "ready", "claimed", "sent", "uncertain", "done", "dead", "superseded", "cancelled"
]
RunKind = Literal["sync", "pull", "apply", "push", "sweep", "reconcile", "report"]
RunState = Literal["queued", "running", "done", "failed"]
Module = Annotated[str, Field(pattern="^[A-Za-z0-9_]{1,64}$", examples=["Invoices"])]
# No lone surrogates, no control characters: what is stored must be readable on every engine.
AnswerText = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]


class ConflictQuery(PageQuery):
    """Filters of the work list."""

    kind: ConflictKind | None = None
    state: ConflictState | Literal["any"] = "open"
    connection: Name | None = None
    blocks_balance: Flag | None = None
    q: Words | None = Field(None, description="Words of the title or of the record's id.")


class Conflict(Out):
    """Something the machine cannot decide safely."""

    id: str = Field(examples=["cfl_01jd5m9p2k7x8n4q3r6s1t"])
    kind: str = Field(examples=["identity"])
    cause: str
    connection: str | None
    stream: str | None
    external_id: str | None
    title: str
    state: ConflictState
    owner: str | None
    blocks_balance: bool
    opened_at: datetime
    closed_at: datetime | None
    answered_by: str | None
    at_stake: Money | None
    age_seconds: int


class ConflictDetail(Conflict):
    """A conflict with the evidence of both sides and suggestions with their reasons."""

    evidence: Any
    suggestions: Any = Field(
        description="What it may be, with reasons; `contradictions` names those that no other evidence outweighs."
    )
    answer: Any = Field(description="What a person answered, or null.")
    rule: str | None = Field(description="The rule that gave the answer, or null.")
    may_overrule: bool = Field(description="A rule answered it, and a person may still answer it by hand.")


class ResolutionIn(In):
    """An answer, as one of the suggestions offers it or of one's own."""

    action: Literal["link", "separate", "branch_of", "member_of_group", "bind", "leave"] = Field(
        description="link / separate a party record, or say what it is of the target without being the same; "
        "bind a claim to a document / leave it unbound.",
        examples=["link"],
    )
    target: Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        "", description="What it is linked or bound to: an account, customer or document id.", examples=["acc_01jd5m9p"]
    )
    note: AnswerText = Field("", description="Why, for those who come later.")
    despite: Annotated[list[Annotated[str, Field(pattern="^[a-z_]{1,40}$")]] | None, Field(max_length=20)] = Field(
        None,
        description="The contradictions of the suggestion that a person has looked at; where it is given and does not "
        "name all of them, a link or binding is refused with 409 `contradicted`.",
        examples=[["tax_id_conflict"]],
    )

    def answer(self) -> dict[str, Any]:
        """The answer as the service takes it."""
        return self.model_dump(exclude={"despite"} if self.despite is None else None)


class Done(Out):
    """What the service says about a change it made; keys depend on the change."""

    model_config = ConfigDict(extra="allow")


class Started(Out):
    """A run was started; its progress is at `/v1/runs/{run}`."""

    run: str = Field(examples=["run_01jd5m9p2k7x8n4q3r6s1t"])


class PauseIn(In):
    """Why nothing may be sent; shown wherever the pause is shown."""

    why: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Empty(In):
    """No content: the request needs no body, or an empty object."""


class PlanQuery(Query):
    """How the plan is made."""

    fresh: Flag = Field(False, description="Read the remote values again before comparing.")


class FieldChange(Out):
    """One field of one remote record: what it holds, what it would hold."""

    field: str = Field(examples=["AR_Payment_Status"])
    before: Any
    after: Any


class PlanRow(Out):
    """One remote record that would be changed or created; `seen_at` = when `before` was last seen there."""

    id: str
    version: int
    connection: str
    module: str
    operation: str
    remote_id: str
    label: str
    subject: str
    state: PushState
    changes: list[FieldChange]
    why: Any
    money: Money | None
    seen_at: datetime | None


class Plan(Out):
    """What would be written where, from what to what and why; `digest` names exactly these rows and versions."""

    digest: str = Field(examples=["9f2c4e0b1a7d3c58"])
    made_at: datetime
    fresh: bool = Field(description="The remote values were read again for this plan.")
    unread: list[str] = Field(description="Without rows: connections not read to their end; nothing is decided before.")
    records: int
    fields: int
    totals: list[Money] = Field(description="Money at stake per currency, each record once.")
    rows: list[PlanRow]


class PushQuery(PageQuery):
    """Filters of the list of pushes."""

    connection: Name | None = None
    state: PushState | None = None
    module: Module | None = None
    subject: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None


class Push(Out):
    """One intended effect on one remote record, and its receipt."""

    id: str = Field(examples=["psh_01jd5m9p2k7x8n4q3r6s1t"])
    connection: str
    module: str
    operation: str = Field(examples=["update"])
    remote_id: str
    subject: str
    state: PushState
    version: int
    attempts: int
    fields: dict[str, Any] = Field(description="Exactly what is set.")
    before: Any = Field(description="What the remote was seen to hold.")
    reason: Any
    event_key: str | None
    receipt: Any
    error_code: str | None
    error: str | None
    approved_by: str | None
    not_before_at: datetime | None
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    done_at: datetime | None
    money: Money | None


class RunQuery(PageQuery):
    """Filters of the list of runs."""

    kind: RunKind | None = None
    connection: Name | None = None
    state: RunState | None = None


class Run(Out):
    """One run of the service."""

    id: str
    kind: str
    connection: str
    stream: str
    started_at: datetime
    ended_at: datetime | None
    state: RunState
    counts: Any
    error: str | None
    trigger: str


class Stream(Out):
    """One stream of a connection."""

    stream: str = Field(examples=["invoices"])
    state: Literal["never", "reading", "fresh", "late", "failed"]
    completed_at: datetime | None
    first_completed_at: datetime | None
    lag_seconds: int | None
    rows_read: int
    error: str | None


class BudgetWindow(Out):
    """Calls or credits used in a window that counts now."""

    window: str = Field(examples=["day:2026-11-24"])
    used: int
    until_at: datetime


class Connection(Out):
    """A configured remote and its health."""

    name: str = Field(examples=["zoho"])
    vendor: str = Field(examples=["zoho_crm"])
    company_id: str
    is_book_of_record: bool
    push_mode: Literal["plan", "auto", "off"]
    interval_seconds: int
    auth_state: str | None
    push_paused: bool
    push_paused_why: str | None
    backoff_until_at: datetime | None
    last_pull_at: datetime | None
    last_ok_at: datetime | None
    next_pull_at: datetime | None
    error: str | None
    calls: int
    credits: int
    budgets: list[BudgetWindow]
    channel_expires_at: datetime | None
    pushes: dict[str, int] = Field(description="Pushes by state.", examples=[{"done": 12}])
    streams: list[Stream]


class ReconciliationQuery(PageQuery):
    """Filters of the list of reconciliations."""

    valid: Flag | None = None


class ReconcileIn(In):
    """The day to reconcile and what was known then; null = today, and all that is known."""

    as_of: Day | None = Field(None, examples=["2026-11-24"])
    known_at: KnownPoint | None = Field(None, description="A point of knowledge (12.345) or an instant; null = all.")


class Reconciliation(Out):
    """The head of a reconciliation; invalid = its breaks do not add up to the whole difference."""

    id: str
    as_of: date
    known_seq: int
    run_at: datetime
    is_valid: bool
    breaks: int


class ReconciliationDetail(Reconciliation):
    """A reconciliation with its totals and breaks."""

    body: Any


class BreakQuery(PageQuery):
    """Filters of the breaks of a reconciliation."""

    connection: Name | None = None
    kind: Name | None = Field(None, examples=["amount"])
    cause: Name | None = Field(None, examples=["hand_edit"])
    customer: Id | None = None


class BreakLine(Out):
    """One break. Amounts are minor units: `ledger_minor` of `currency`, `counterpart_minor` of `counterpart_currency`.

    `by_currency` is ledger less counterpart; over a connection and currency they add up to the whole difference.
    """

    connection: str
    key: str
    kind: str
    cause: str
    stream: str
    field: str
    number: str
    ledger: str
    counterpart: str
    customer_id: str
    customer: str
    currency: str
    counterpart_currency: str
    on: date
    by_currency: dict[str, int]
    ledger_minor: int | None
    counterpart_minor: int | None
    ledger_value: str
    counterpart_value: str
    explanation: dict[str, Any] | None
    first_seen_at: datetime
    age_days: int
    runs: int


class AuditLine(Out):
    """One line of the audit trail and its place in the hash chain."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    body: Any
    prev_hash: str
    hash: str


class WebhookAnswer(Out):
    """The delivery is safely stored (or was before)."""

    status: Literal["stored", "duplicate"]


class Health(Out):
    """The process answers."""

    status: Literal["ok"]


class ReadyProblem(Out):
    """One reason not to send traffic or not to trust freshness."""

    code: str = Field(examples=["database"])
    message: str


class Readiness(Out):
    """Whether the service is ready."""

    status: Literal["ready", "not_ready"]
    problems: list[ReadyProblem]
