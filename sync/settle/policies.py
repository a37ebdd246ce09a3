"""The dunning policy and calendar that a company goes by now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, select

from sync.fold.batch import Batch
from tieout.core.config import Config
from tieout.receivables.dunning.calendar import WorkCalendar
from tieout.receivables.dunning.policy import Policy
from tieout.receivables.dunning.policy_file import SHIPPED, load_policy, shipped_text
from tieout.store.tables import dunning_policies


@dataclass(frozen=True, slots=True)
class Rules:
    """A policy as a company can use it: `whole` as activated, `policy` without steps no channel of it could carry."""

    whole: Policy
    policy: Policy
    calendar: WorkCalendar


@lru_cache(maxsize=64)
def parsed(text: str, origin: str) -> Policy:
    """A policy of the log, read once a process."""
    return load_policy(text, origin)


def rules_of(batch: Batch, company: str, channels: frozenset[str]) -> Rules:
    """The active policy of a company; before one is in the log, the shipped one."""
    return rules_for(batch.config, company, active_policy(batch.conn, company), channels)


def rules_for(config: Config, company: str, policy: Policy, channels: frozenset[str]) -> Rules:
    """A policy as this company would use it."""
    return Rules(policy, policy.reduced(channels), policy.work_calendar(config.companies[company].calendar))


def active_policy(conn: Connection, company: str) -> Policy:
    """The policy in force."""
    p = dunning_policies.c
    row = conn.execute(select(p.text, p.name).where(p.company_id == company, p.is_active)).first()
    return parsed(shipped_text(), SHIPPED) if row is None else parsed(row.text, row.name)
