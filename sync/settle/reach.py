"""How a customer can be reminded: the channels a company has, and those that reach this customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mapping.outbound_fields import NOTE_MODULES, REMINDER_MODULES
from tieout.core.config import Config, Connection

REMINDERS = "reminders"
MESSENGERS = {"mail": "email", "wecom": "wecom", "dingtalk": "dingtalk", "feishu": "feishu"}


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to write to at a customer; `may_write` False = nobody may."""

    emails: Sequence[str] = ()
    language: str = ""
    may_write: bool = True


@dataclass(frozen=True, slots=True)
class Reach:
    """Channels by name with the connection that carries each; `record` is the CRM account that tasks hang on."""

    connections: Mapping[str, str] = field(default_factory=dict)
    record: str = ""
    contact: Contact = Contact()

    @property
    def channels(self) -> frozenset[str]:
        return frozenset(self.connections)


def takes_reminders(vendor: str) -> bool:
    """True for vendors where a reminder can be a record: a task, or a sales activity."""
    return vendor in REMINDER_MODULES


def company_channels(config: Config, company: str) -> dict[str, str]:
    """The channels a company has, each with the first connection that carries it."""
    out: dict[str, str] = {}
    for name, one in config.connections.items():
        if REMINDERS in one.push and serves(one, company) and takes_reminders(one.vendor):
            out.setdefault("crm_task", name)
            if one.vendor in NOTE_MODULES:
                out.setdefault("crm_note", name)
        elif REMINDERS in one.push and serves(one, company) and one.vendor in MESSENGERS:
            out.setdefault(MESSENGERS[one.vendor], name)
    return out


def serves(connection: Connection, company: str) -> bool:
    """Whether a connection works for this company."""
    return company in ({*connection.organizations.values(), connection.company} - {""})


def reach_of(config: Config, company: str, members: Sequence[str], contact: Contact) -> Reach:
    """What reaches this customer of the company."""
    have = company_channels(config, company)
    order = list(config.connections)  # of several CRMs that know the customer the first configured one is asked
    able = [member for member in members if _can_remind(config, company, member)]
    record = min(able, key=lambda member: (order.index(member.split("/", 1)[0]), members.index(member)), default="")
    out: dict[str, str] = {}
    for channel, connection in have.items():
        if channel == "crm_task":
            if record:
                out[channel] = record.split("/", 1)[0]
        elif channel == "crm_note":
            if record and config.connections[record.split("/", 1)[0]].vendor in NOTE_MODULES:
                out[channel] = record.split("/", 1)[0]
        elif channel != "email" or (contact.emails and contact.may_write):
            out[channel] = connection
    return Reach(out, record, contact)


def _can_remind(config: Config, company: str, member: str) -> bool:
    if "/" not in member:
        return False
    connection = config.connections[member.split("/", 1)[0]]
    return REMINDERS in connection.push and takes_reminders(connection.vendor)
