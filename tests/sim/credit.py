"""Credit in two worlds: what may rightly differ because of the way there, and that each went its own way by rule.

The grade is judged by a yardstick taken once a month from what was read by then (ADR 0022); it falls at once and rises
only after a second review. A hold ends only below the release level and after a day. So two worlds that saw other
states on their way may stand on two sides of such a step. Everything else about credit must be equal, and what differs
is judged again: each decision from its own inputs and the decision before it (`wrong`; the status by `verify`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from sync.service import Service
from tests.flow.books import rows
from tieout.core import exact_json
from tieout.receivables.credit_score import credit_score
from tieout.receivables.grade import GradeState, stable_grade
from tieout.store.tables import decisions, yardsticks

GRADED = ("grade", "score", "contributions", "suggested_limit_minor", "confidence", "missing_sub_scores")
PLACE = "billing_percentile"  # among the others, by the yardstick; none is known before the first one was taken
SINCE = ("hold_since", "better_since")
RELEASE = {"above_release_level", "release_needs_rate", "hold_waits"}  # why a hold stands that nothing starts now
TRIGGERS = {"over_limit", "overdue_beyond_hold_days", "broken_promises", "manual_hold"}
Dump = dict[str, list[str]]


def wrong(service: Service) -> list[str]:
    """Scores and grades that do not follow from their stored inputs and the decision before."""
    yards = {(r["company_id"], r["review_on"]): r["body"]["billing"] for r in rows(service, select(yardsticks))}
    found = rows(
        service, select(decisions).where(decisions.c.kind == "credit").order_by(decisions.c.seq, decisions.c.id)
    )
    out: list[str] = []
    before: dict[str, GradeState] = {}
    for row in found:
        body, facts = row["body"], row["inputs"]["score"]
        review = _day(body["review_on"])
        score = credit_score(facts["sub_scores"], cap_at_d=facts["in_court"])
        state = stable_grade(before.get(row["subject"]), score, review)
        if review is not None:
            before[row["subject"]] = GradeState(body["grade"], review, _day(body["better_since"]))
        made = [state.grade, score.score, {name: round(value, 2) for name, value in score.contributions.items()}]
        stands = [body["grade"], body["score"], body["contributions"]]
        if exact_json.canonical(made) != exact_json.canonical(stands) or state.better_since != _day(
            body["better_since"]
        ):
            out.append(f"grade {row['subject']} ({row['id']}): {stands} is not {made}")
        share = _share(facts, yards.get((row["company_id"], review), {}))
        if share is not None and share != facts["sub_scores"].get("billing_percentile"):
            out.append(f"grade {row['subject']} ({row['id']}): its place among the others is {share}")
    return out


def _share(facts: Mapping[str, Any], yard: Mapping[str, list[int]]) -> Any:
    """Where a customer stands on the yardstick; None where more than its amount decides that (several currencies)."""
    billing = facts.get("billing") or {}
    if len(billing) != 1:
        return None
    ((code, amount),) = billing.items()
    points = yard.get(code)
    if not points or amount <= 0:
        return None
    share = Decimal(100) * sum(point <= amount for point in points) / len(points)
    return share.quantize(Decimal("0.1"))


def _day(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value


def levelled(calm: Dump, rough: Dump) -> tuple[Dump, Dump]:
    """Both dumps without what may differ; what differs for no such reason stays as it is."""
    here, there = _by_subject(calm), _by_subject(rough)
    same_yard = calm["yardsticks"] == rough["yardsticks"]
    loose: dict[str, set[str]] = {}
    for subject in here.keys() & there.keys():
        one, other = here[subject], there[subject]
        if _may_be_graded(one, other, same_yard=same_yard):
            loose.setdefault(subject, set()).add("grade")
        if _may_be_held(one, other):
            loose.setdefault(subject, set()).add("status")
    return _without(calm, here, loose), _without(rough, there, loose)


def _by_subject(dump: Dump) -> dict[str, list[Any]]:
    found = (exact_json.loads_fast(text.encode()) for text in dump["credit"])
    return {fact[0]: fact for fact in found}


def _may_be_graded(one: list[Any], other: list[Any], *, same_yard: bool) -> bool:
    mine, theirs = one[2], other[2]
    if all(mine[name] == theirs[name] for name in GRADED):
        return False
    missing = [set(body["missing_sub_scores"]) - {PLACE} for body in (mine, theirs)]
    scored = [body for body in (mine, theirs) if body["score"] is not None]  # without its place too little may be known
    rest = [{k: v for k, v in body["contributions"].items() if k != PLACE} for body in scored]
    if missing[0] != missing[1] or rest[1:] != rest[:1] * (len(rest) - 1) or mine["review_on"] != theirs["review_on"]:
        return False
    if mine["score"] != theirs["score"] or mine["missing_sub_scores"] != theirs["missing_sub_scores"]:
        return not same_yard
    lower = max(mine, theirs, key=lambda body: str(body["grade"]))  # A is the best
    return bool(lower["better_since"])


def _may_be_held(one: list[Any], other: list[Any]) -> bool:
    """A hold that only its release level or its wait keeps, where the other was never on hold or is no longer."""
    kept = [_codes(fact) & RELEASE and not _codes(fact) & TRIGGERS for fact in (one, other)]
    started = [_codes(fact) & TRIGGERS for fact in (one, other)]
    return bool(any(kept) and not any(started))


def _codes(fact: list[Any]) -> set[str]:
    return {str(reason["code"]) for reason in fact[3]}


def _without(dump: Dump, facts: Mapping[str, list[Any]], loose: Mapping[str, set[str]]) -> Dump:
    out = {kind: texts for kind, texts in dump.items() if kind != "yardsticks"}
    out["credit"] = sorted(_text(_plain(fact, loose.get(fact[0], set()))) for fact in facts.values())
    said: dict[str, list[tuple[str, Any]]] = {}  # CRM account -> what its own world decided, where that may differ
    for subject, what in loose.items():
        for member in subject.split("|", maxsplit=1)[0].split("+"):
            record = member.rpartition("/")[2]
            if "grade" in what:
                said.setdefault(record, []).append(("AR_Credit_Grade", facts[subject][2]["grade"]))
            if "status" in what:
                said.setdefault(record, []).append(("AR_Credit_Status", facts[subject][1]))
    for kind in ("shown", "crm fields"):
        out[kind] = sorted(_text(_as_decided(exact_json.loads_fast(text.encode()), said)) for text in dump[kind])
    return out


def _plain(fact: list[Any], what: Iterable[str]) -> list[Any]:
    subject, value, body, _ = fact
    left = {key: item for key, item in body.items() if key not in SINCE}
    if "grade" in what:
        left = {key: item for key, item in left.items() if key not in GRADED}
    if "status" in what:
        left.pop("by_rule")
        value = value if body["override"] else "by its way"
    return [subject, value, left]


def _as_decided(fact: list[Any], said: Mapping[str, list[tuple[str, Any]]]) -> list[Any]:
    """The fields of a record; where they may differ: whether they say what their own world decided."""
    module, record, fields = fact
    if module != "Accounts" or record not in said:
        return fact
    mine = dict(fields)
    for name, decided in said[record]:
        if mine.get(name) == decided:
            mine[name] = "as decided"
            mine.pop("AR_Credit_Reasons", None)  # names the grade, and why a hold stands
    return [module, record, mine]


def _text(fact: Any) -> str:
    return exact_json.canonical(fact).decode()
