"""What must hold after every step, read from the database with plain statements and from the vendors' own record."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from tests.sim import asof
from tests.sim.landed import Landed
from tests.sim.look import Look, Rows
from tests.sim.owned import misjudged
from tests.sim.process import nobody
from tests.sim.sent import Sent
from tieout.store.receipts import MAX_LOCKED

if TYPE_CHECKING:
    from tests.sim.world import World

WHOLE_EVERY = 25  # looks; each of the others reads only what was written since the one before
ONWARD = {
    "planned": {"planned", "parked", "ready", "cancelled", "superseded", "claimed", "done", "uncertain", "dead"},
    "parked": {"parked", "ready", "cancelled", "superseded", "claimed", "done", "uncertain", "dead", "planned"},
    "done": {"done"},
    "superseded": {"superseded"},
    "cancelled": {"cancelled"},
    "dead": {
        "dead",
        "ready",
        "cancelled",
        "claimed",
        "done",
        "uncertain",
        "superseded",
        "planned",  # sent again, and another change by then
        "parked",
    },  # a person sends a dead letter again
}
_QUERIES = {
    "entries": (
        "SELECT seq, position, id, kind, effective_on, reverses_id, document_id FROM entries ORDER BY seq, position"
    ),
    "postings": (
        "SELECT p.entry_id, p.line, p.code, p.account_id, p.currency, p.amount_minor FROM postings p "
        "JOIN entries e ON e.id = p.entry_id ORDER BY e.seq, e.position, p.line"
    ),
    "commits": "SELECT seq, hash, prev_hash FROM commits ORDER BY seq",
    "items": (
        "SELECT o.account_id, o.currency, o.id, o.original_minor, o.open_minor, d.kind, d.state "
        "FROM open_items o JOIN documents d ON d.id = o.document_id"
    ),
    "cash": (
        "SELECT account_id, currency, SUM(open_minor) FROM documents "
        "WHERE kind IN ('payment', 'refund') AND state = 'posted' GROUP BY account_id, currency"
    ),
    "balances": "SELECT account_id, code, currency, amount_minor FROM balances",
    "applied": (
        "SELECT d.id, d.total_minor, SUM(a.amount_minor) FROM documents d JOIN allocations a "
        "ON a.from_document_id = d.id WHERE a.is_applied GROUP BY d.id, d.total_minor"
    ),
    "marks": "SELECT connection, stream, since_at, deletes_since_at FROM watermarks",
    "outbox": (
        "SELECT id, state, attempts, event_key, operation, module, remote_id, approved_by, version FROM outbox "
        "ORDER BY id"
    ),
    "decisions": "SELECT d.id, d.seq, d.kind, d.subject, i.seq FROM decisions d LEFT JOIN inputs i ON i.seq = d.seq",
    "judged": (
        "SELECT d.subject, d.id, d.value, d.body, d.inputs, o.state FROM decisions d "
        "JOIN documents o ON o.id = d.subject WHERE d.is_current AND d.kind = 'payment_status'"
    ),
    "standing": (
        "SELECT kind, subject, COUNT(*) FROM decisions WHERE is_current GROUP BY kind, subject HAVING COUNT(*) > 1"
    ),
    "conflicts": "SELECT id, kind, cause, state, COALESCE(CAST(answer_seq AS TEXT), rule_id) FROM conflicts",
    "answers": (
        "SELECT conflict_id, COUNT(*) FROM answers WHERE is_active AND conflict_id IS NOT NULL "
        "GROUP BY conflict_id HAVING COUNT(*) > 1"
    ),
    "answered": (
        "SELECT c.id FROM conflicts c JOIN answers a ON a.conflict_id = c.id WHERE c.state = 'open' AND a.is_active"
    ),
    "undone": "SELECT seq, body FROM inputs WHERE kind = 'answer'",
    "in force": "SELECT seq FROM answers WHERE is_active",
    "shown": "SELECT module, remote_id, fields FROM remote_seen WHERE module <> 'Tasks'",
    "gone": "SELECT connection, stream, external_id FROM source_records WHERE is_deleted",
    "waiting": "SELECT (SELECT COUNT(*) FROM pending) + (SELECT COUNT(*) FROM dirty)",
    "reminders": (
        "SELECT id, reason FROM outbox WHERE operation = 'create' AND state IN ('planned', 'parked', 'ready') "
        "AND error_code IS NULL"
    ),
}


class Invariants:
    """Remembers what it saw last, so that what may only grow or only move forward is compared with it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._commits, self._restores = -1, 0
        self._parked: set[tuple[str, int]] = set()  # versions of rows that were too much at once
        self._effects = 0
        self._tasks: set[str] = set()  # keys of the tasks we created
        self._said = 0
        self._looks = 0
        self._look = Look(_QUERIES, world.database.written)
        self._journal: dict[str, Rows] = {"entries": [], "postings": [], "commits": []}
        self._marks: dict[tuple[str, str], tuple[Any, Any]] = {}
        self._states: dict[str, str] = {}
        self._landed, self._sent = Landed(world), Sent(world)
        self._judgements: set[tuple[Any, Any]] = set()  # decisions looked at, each with what was open then
        self._planned: set[str] = set()  # rows that began as something for a person to approve

    def check(self, *, whole: bool = False) -> None:
        """After a step: every breach becomes a problem of the world. `whole` = look at everything, changed or not."""
        world = self._world
        for problem in world.wire.problems:
            world.problem(f"I6 {problem}")
        world.wire.problems.clear()
        self._secrets()
        if world.restores != self._restores:
            self._begin_again(world.restores)
        if world.commits == self._commits and not whole:
            return
        self._commits = world.commits
        self._looks += 1
        with nobody(), world.database.engine.connect() as conn:
            found, fresh, unseen = self._look.read(conn, whole=whole or self._looks % WHOLE_EVERY == 0)
            for name in unseen:
                self._say(f"the simulator overlooked a write to {name}")
            done = [row[0] for row in found["outbox"] if row[1] == "done" and self._states.get(row[0]) != "done"]
            for problem in (
                *self._landed.check(conn, found["marks"], found["gone"] if "gone" in fresh else None),
                *self._sent.check(conn, done, found["shown"] if "shown" in fresh else None),
            ):
                self._say(problem)
            conn.rollback()
        for judge, names in (
            (self._entries_balance, ("postings", "entries")),
            (self._customers, ("postings", "balances", "items", "cash")),
            (self._caps, ("items", "applied")),
            (self._append_only, ("entries", "postings", "commits")),
            (self._cursors, ("marks",)),
            (self._outbox, ("outbox",)),
            (self._decisions, ("decisions", "standing")),
            (self._judged, ("judged", "items", "waiting")),
            (self._conflicts, ("conflicts", "answers", "answered", "waiting", "undone", "in force")),
            (self._reminders, ("waiting", "items", "reminders")),
        ):
            if fresh.intersection(names):
                judge(found)
        self._creations()
        if "commits" in fresh and "skew" in world.struck:  # when recorded and what is known may fall apart now
            world.problems += asof.ties(world, world.planned_now().date())

    def _begin_again(self, restores: int) -> None:
        """What may only grow or go forward begins at what a backup held; what the vendors were told stays known."""
        self._restores, self._commits = restores, -1
        self._journal = {"entries": [], "postings": [], "commits": []}
        self._marks, self._states, self._planned, self._parked = {}, {}, set(), set()
        self._look.forget()
        self._landed.begin_again()

    def _say(self, text_: str) -> None:
        self._world.problem(text_)

    def _entries_balance(self, found: dict[str, Rows]) -> None:
        sums: dict[tuple[str, str], int] = {}
        for entry, _, _, _, currency, amount in found["postings"]:
            sums[entry, currency] = sums.get((entry, currency), 0) + int(amount)
        for (entry, currency), total in sums.items():
            if total:
                self._say(f"I1 entry {entry} sums to {total} {currency}")
        if {entry for entry, _ in sums} != {row[2] for row in found["entries"]}:
            self._say("I1 an entry has no postings")

    def _customers(self, found: dict[str, Rows]) -> None:
        journal: dict[tuple[str, str, str], int] = {}
        for _, _, code, account, currency, amount in found["postings"]:
            journal[account, code, currency] = journal.get((account, code, currency), 0) + int(amount)
        held = {(account, code, currency): int(amount) for account, code, currency, amount in found["balances"]}
        for key in journal.keys() | held.keys():
            if journal.get(key, 0) != held.get(key, 0):
                self._say(f"I2 balance of {key} is {held.get(key, 0)}, its postings sum to {journal.get(key, 0)}")
        items: dict[tuple[str, str], int] = {}
        for account, currency, _, _, left, _, _ in found["items"]:
            items[account, currency] = items.get((account, currency), 0) + int(left)
        cash = {(account, currency): int(left) for account, currency, left in found["cash"]}
        for code, figures in (("ar", items), ("unapplied_cash", cash)):
            control = {(key[0], key[2]): amount for key, amount in held.items() if key[1] == code}
            for key in figures.keys() | control.keys():
                if figures.get(key, 0) != control.get(key, 0):
                    self._say(
                        f"I2 {code} of {key} is {control.get(key, 0)}, what is open sums to {figures.get(key, 0)}"
                    )

    def _caps(self, found: dict[str, Rows]) -> None:
        for _, _, item, original, left, kind, _ in found["items"]:
            if kind == "invoice" and (left < 0 if original >= 0 else left > 0):
                self._say(f"I3 open item {item} of {original} has {left} open")
        for document, total, used in found["applied"]:
            if int(used) > abs(int(total)):
                self._say(f"I3 {used} of {document} is applied, it is about {total}")

    def _append_only(self, found: dict[str, Rows]) -> None:
        for name, before in self._journal.items():
            now = found[name]
            if now[: len(before)] != before:
                self._say(f"I4 rows of {name} changed or moved")
            self._journal[name] = now
        links = found["commits"]
        for earlier, later in itertools.pairwise(links):
            if later[2] != earlier[1]:
                self._say(f"I4 the hash chain is broken at commit {later[0]}")

    def _cursors(self, found: dict[str, Rows]) -> None:
        for connection, stream, since, deletes in found["marks"]:
            before = self._marks.get((connection, stream), (None, None))
            for label, old, new in (("cursor", before[0], since), ("delete cursor", before[1], deletes)):
                if old is not None and (new is None or str(new) < str(old)):
                    self._say(f"I5 the {label} of {connection}/{stream} went back from {old} to {new}")
            self._marks[connection, stream] = (since, deletes)

    def _outbox(self, found: dict[str, Rows]) -> None:
        for key, state, attempts, _, operation, _, _, approved_by, version in found["outbox"]:
            before = self._states.get(key)
            if before is None and state == "planned":
                self._planned.add(key)
            if state == "parked":
                self._parked.add((key, version))
            needs = key in self._planned or (key, version) in self._parked
            if needs and state in ("claimed", "done", "uncertain") and not approved_by:
                self._say(f"D13 outbox row {key} is {state}, nobody approved it")
            is_asked_anew = before == "cancelled" and operation == "create"  # what was settled is owed again
            if before is not None and state not in ONWARD.get(before, {state}) and not is_asked_anew:
                self._say(f"I6 outbox row {key} went from {before} to {state}")
            if attempts > MAX_LOCKED:
                self._say(f"I6 outbox row {key} was tried {attempts} times")
            self._states[key] = state

    def _creations(self) -> None:
        log = self._world.vendors.store.effects
        for effect in log.since(self._effects):
            if effect.actor == "api" and effect.operation == "insert" and effect.entity == "Tasks":
                key = str(effect.changes.get("AR_Key", [None, ""])[1])
                # Without a unique field nothing at the vendor stops one that looked, stood still and was overtaken.
                is_guarded = self._world.variant.unique_fields or key not in self._world.outlived
                if key in self._tasks and is_guarded:
                    self._say(f"I6 a second task was created with the key {key}")
                if key:
                    self._tasks.add(key)
        self._effects = log.last_seq

    def _decisions(self, found: dict[str, Rows]) -> None:
        for decision, seq, kind, subject, known in found["decisions"]:
            if known is None:
                self._say(f"I7 decision {decision} ({kind} {subject}) names the input {seq}, which is not there")
        for kind, subject, count in found["standing"]:
            self._say(f"I7 {count} decisions {kind} of {subject} stand at once")

    def _judged(self, found: dict[str, Rows]) -> None:
        """Each status follows from the inputs it names; once all is applied these are the books as they stand."""
        left: dict[str, int] = {}
        if not found["waiting"][0][0]:
            for _, _, item, _, open_minor, _, _ in found["items"]:
                document = str(item).partition(":")[0]
                left[document] = left.get(document, 0) + int(open_minor)
        for subject, decision, value, body, inputs, state in found["judged"]:
            key = (decision, left.get(subject))
            if key in self._judgements:
                continue
            self._judgements.add(key)
            wrong = misjudged(subject, value, body, inputs)
            if wrong:
                self._say(f"I7 {wrong}")
            facts = json.loads(inputs) if isinstance(inputs, str) else inputs
            if not found["waiting"][0][0] and (state == "posted") != (value != "void"):
                self._say(f"I7 {subject} was judged {value}, in the books it is {state}")
            if subject in left and state == "posted" == facts["state"]:
                judged = sum(int(one[2]) for one in facts["items"])
                if judged != left[subject]:
                    self._say(f"I7 {subject} was judged with {judged} open, the books say {left[subject]}")

    def _conflicts(self, found: dict[str, Rows]) -> None:
        opened: set[tuple[str, str]] = set()
        for conflict, kind, cause, state, answer in found["conflicts"]:
            if state not in ("open", "resolved", "superseded"):
                self._say(f"I8 conflict {conflict} is {state}")
            if state == "resolved" and answer is None:
                self._say(f"I8 conflict {conflict} is resolved without an answer")
            if state == "open":
                if (kind, cause) in opened:
                    self._say(f"I8 {kind} {cause} is open twice")
                opened.add((kind, cause))

        if not found["waiting"][0][0]:
            for (conflict,) in found["answered"]:
                self._say(f"I8 conflict {conflict} is open although its answer stands")
            for answer in {row[0] for row in found["in force"]} & self._taken_back(found["undone"]):
                self._say(f"I8 the answer {answer} was taken back and is in force")
        for conflict, count in found["answers"]:
            self._say(f"I8 the answer to conflict {conflict} stands {count} times")

    def _taken_back(self, rows: Rows) -> set[int]:
        """Answers that a later answer input takes back, by the log alone."""
        bodies = (json.loads(body) if isinstance(body, str) else body for _, body in rows)
        return {int(body["undo_of"]) for body in bodies if body.get("undo_of")}

    def _reminders(self, found: dict[str, Rows]) -> None:
        """Once everything known is applied, no message waits that asks for what was paid.

        One that was tried, or comes back from the dead letters, is looked at when it is sent next; the end sees to it.
        """
        if found["waiting"][0][0]:
            return
        left = {item: int(open_minor) for _, _, item, _, open_minor, _, _ in found["items"]}
        for key, reason in found["reminders"]:
            asked = (json.loads(reason) if isinstance(reason, str) else reason).get("items") or []
            if asked and all(left.get(str(item), 0) <= 0 for item, _ in asked):
                self._say(f"P2 the message {key} waits although all it asks for was paid")

    def _secrets(self) -> None:
        world = self._world
        for line in world.said[self._said :] + world.doorbell.payloads[self._said_payloads() :]:
            for secret in self._canaries():
                if secret in line:
                    self._say(f"I9 a secret stands in: {line[:160]}")
            if "@" in line and "example.com" in line:
                self._say(f"I9 an address stands in: {line[:160]}")
        self._said = len(world.said)
        self._payloads = len(world.doorbell.payloads)

    _payloads = 0

    def _said_payloads(self) -> int:
        return self._payloads

    def _canaries(self) -> list[str]:
        zoho, kingdee = self._world.vendors.zoho.settings, self._world.vendors.kingdee.settings
        return [zoho.client_secret, zoho.refresh_token, kingdee.app_secret, kingdee.password]
