"""What the product is doing when it is killed, where that begins, and what a person does afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from sync.jobs import drain
from sync.service import Service
from sync.sweep import due
from tests.crash.installation import Installation
from tests.flow.books import BILL, RECEIPT, open_conflicts
from tieout.receivables.dunning.policy_file import shipped_text

HOUR = 3600.0
# Of the seeded company: a customer known in the CRM by its short name, a bound invoice, one with a mistyped number.
SHORT_NAMED, LEGAL_NAME = "5725767000001000098", "陌荻生物科技（广州）有限公司"
EDITED_INVOICE, MISNUMBERED_INVOICE = "5725767000200000013", "5725767000200000910"


def both(*boundaries: str) -> tuple[str, ...]:
    """The fault points before and after each boundary."""
    return tuple(f"{side}:{name}" for name in boundaries for side in ("before", "after"))


@dataclass(frozen=True)
class Stage:
    """`prepare` is run once, without kills, on the end of the stage `begins_after`; `work` is killed, `again` ends it.

    The work passes the boundaries `thrice` (killed at the first, a middle and the last passing), `once` (killed at a
    middle one) and `elsewhere` (the same code is killed in another stage), and no others.
    """

    name: str
    begins_after: str  # "" = an empty database and a freshly seeded company
    thrice: tuple[str, ...]
    work: Callable[[Installation, Service], object]
    again: Callable[[Installation, Service], object]
    once: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    prepare: Callable[[Installation], object] = lambda one: None
    same_end_as: str = ""  # the state this stage ends in once everything was pushed; empty: its own
    push_mode: str = "auto"

    @property
    def passed(self) -> tuple[str, ...]:
        """Every fault point the work passes."""
        return both(*self.thrice, *self.once, *self.elsewhere)

    @property
    def killed_at(self) -> tuple[str, ...]:
        """Every fault point it is killed at."""
        return both(*self.thrice, *self.once)

    def passings(self, point: str, count: int) -> list[int]:
        """Which of `count` passings of a point are killed."""
        middle = (count + 1) // 2
        return sorted({1, middle, count}) if point in both(*self.thrice) else [middle]


def _sync(_: Installation, service: Service) -> None:
    service.sync()


def _pull(_: Installation, service: Service) -> None:
    service.prepare()
    service.pull()


def _apply(_: Installation, service: Service) -> None:
    service.apply()


def _push(_: Installation, service: Service) -> None:
    service.push()


def _apply_and_push(_: Installation, service: Service) -> None:
    service.apply()
    service.push()


# ------------------------------------------------------------- a person plans first
def _planned(_: Installation, service: Service) -> None:
    service.apply()
    view = service.plan()
    service.push(plan_digest=view.digest)


def _plan_again(_: Installation, service: Service) -> None:
    service.apply()
    view = service.plan()
    if view.rows:
        service.push(plan_digest=view.digest)
    service.push()


# ------------------------------------------------------------- a working day
def _users_change_things(one: Installation) -> None:
    """A payment, an edited invoice, a late row with an old stamp, a vanished receipt, a figure edited by hand."""
    change = one.vendors.change
    one.time.seconds += 2 * HOUR  # far enough for the next sweep of ids
    change("kingdee", "delete", RECEIPT, "SKD00000001")
    one.run(lambda service: service.sync())  # the receipt is missed for the first time
    read_at = one.time.now()
    one.time.seconds += 2 * HOUR
    for customer, bill, amount, stamp in (
        ("CUST0001", "AR00000001", 63_000, None),
        ("CUST0003", "AR00000004", 7_000, read_at - timedelta(seconds=90)),
    ):
        settled = [{"bill": bill, "amount": amount}]
        fields = {"FCONTACTUNIT": customer, "FRECAMOUNTFOR": amount, "allocations": settled}
        change("kingdee", "create", RECEIPT, "", fields, stamp)
    change("kingdee", "update", BILL, "AR00000002", {"FENDDATE_H": "2026-11-10T00:00:00"})
    change("zoho", "update", "Invoices", EDITED_INVOICE, {"AR_Payment_Status": "paid"})
    one.time.seconds += 60


def _a_day(_: Installation, service: Service) -> None:
    """Somebody answers a conflict, then everything is synchronised and reconciled."""
    asked = open_conflicts(service, "identity").get(f"zoho/customers/{SHORT_NAMED}")
    if asked is not None:
        target = asked["suggestions"][0]["target"]
        service.resolve(asked["id"], {"action": "link", "target": target}, "ann")
    service.sync()
    service.reconcile()


# ------------------------------------------------------------- notes instead of tasks
def _reminders_become_notes(one: Installation) -> None:
    """The policy says notes from now on, and days pass, so that the next level is due for many."""
    mine = shipped_text().replace("crm_task", "crm_note")
    one.run(lambda service: service.dunning.activate(mine, "ann"))
    one.time.seconds += 9 * 24 * HOUR


# ------------------------------------------------------------- the daemon's way
def _channel(_: Installation, service: Service) -> None:
    drain(service.ctx, "channel:zoho")


def _users_edit_what_is_watched(one: Installation) -> None:
    """A record gets its exact legal name, another the right bill number; Zoho notifies of both."""
    one.time.seconds += 60
    one.vendors.change("zoho", "update", "Accounts", SHORT_NAMED, {"Account_Name": LEGAL_NAME})
    one.vendors.change("zoho", "update", "Invoices", MISNUMBERED_INVOICE, {"ERP_Bill_No": "AR00000090"})
    one.time.seconds += 60
    one.deliveries = one.vendors.callbacks()
    assert one.deliveries, "Zoho did not notify"


def _woken(one: Installation, service: Service) -> None:
    """Zoho delivers (again, where no 2xx came), then slices run until nothing is due or somebody holds a lease."""
    for url, body in one.deliveries:
        secret = urlsplit(url).path.rsplit("/", 1)[1]
        service.accept_webhook("zoho", secret, body, {"content-type": "application/json"}, {})
    for _ in range(8):
        names = [name for name in due(service.ctx) if not name.startswith("pull:")]
        if not names:
            return
        for name in names:
            drain(service.ctx, name)


_HOUSEKEEPING = ("lease.save", "run.commit", "token.save")
_DECIDE = ("apply.commit", "settle.commit")
_SEND = ("outbox.claim", "push.send", "push.read", "receipt.commit")

STAGES = {
    stage.name: stage
    for stage in (
        Stage("pull", "", ("landing.commit",), _pull, _sync, once=(*_HOUSEKEEPING, "admin.commit"), same_end_as="push"),
        Stage("apply", "pull", _DECIDE, _apply, _apply_and_push, once=("lease.save",), same_end_as="push"),
        Stage("push", "apply", _SEND, _push, _push, once=("run.commit",)),
        Stage(
            "plan",
            "pull",
            ("plan.commit",),
            _planned,
            _plan_again,
            once=_SEND,
            elsewhere=(*_DECIDE, "lease.save", "run.commit"),
            same_end_as="push",
            push_mode="plan",
        ),
        Stage(
            "day",
            "push",
            ("landing.commit", *_DECIDE, "push.send", "receipt.commit"),
            _a_day,
            _a_day,
            once=(*_HOUSEKEEPING, "outbox.claim", "push.read", "answer.commit", "queue.enqueue", "reconcile.commit"),
            prepare=_users_change_things,
        ),
        Stage(
            "notes",
            "push",
            ("push.send",),
            _sync,
            _sync,
            once=("push.read",),
            elsewhere=("landing.commit", *_DECIDE, *_HOUSEKEEPING, "outbox.claim", "receipt.commit"),
            prepare=_reminders_become_notes,
        ),
        Stage(
            "channel", "push", ("channel.save",), _channel, _channel, once=("lease.save", "run.commit", "queue.enqueue")
        ),
        Stage(
            "webhook",
            "channel",
            ("inbox.insert", "inbox.done", "queue.enqueue"),
            _woken,
            _woken,
            once=("landing.commit", "push.send", "receipt.commit"),
            elsewhere=(*_DECIDE, "lease.save", "run.commit", "outbox.claim", "push.read"),
            prepare=_users_edit_what_is_watched,
        ),
    )
}
