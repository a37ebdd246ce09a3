"""0010: postings that carry the customer and are moved by a merge, instead of membership events."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from tests.flow.alternatives.place import Size, synced
from tests.flow.books import rows
from tieout.store.tables import commits, entries, memberships, postings


@dataclass(frozen=True, slots=True)
class Found:
    """Rows per merge: membership events; else postings of an account and hash links from its first one on (average)."""

    events: int
    postings: int
    links: int

    def __str__(self) -> str:
        return (
            f"rows per merge: {self.events} membership events; else {self.postings} postings moved, "
            f"{self.links} hash links rewritten"
        )


def run(size: Size) -> Found:
    with synced(size) as (_, service):
        per_account = rows(
            service,
            select(func.count().label("held"), func.min(entries.c.seq).label("first"))
            .select_from(postings)
            .join(entries, entries.c.id == postings.c.entry_id)
            .group_by(postings.c.account_id),
        )
        last = rows(service, select(func.max(commits.c.seq).label("n")))[0]["n"]
        m = memberships.c
        owners = rows(
            service, select(m.customer_id).where(m.to_seq.is_(None), m.member.like("acc%")).order_by(m.member)
        )
        events = select((func.count() + func.count(m.to_seq)).label("n"))  # opened and closed
        before = rows(service, events)[0]["n"]
        service.merge(owners[0]["customer_id"], owners[1]["customer_id"], "measure")
        return Found(
            rows(service, events)[0]["n"] - before,
            round(sum(one["held"] for one in per_account) / len(per_account)),
            round(sum(last - one["first"] + 1 for one in per_account) / len(per_account)),
        )
