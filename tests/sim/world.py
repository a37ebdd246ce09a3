"""One world: an installation, its vendors and its people, run step by step under a plan; with its faults or without."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import Connection

from sync.apply import LANE
from tests.sim import actors
from tests.sim.clock import TrueTime
from tests.sim.database import Database
from tests.sim.doorbell import Doorbell
from tests.sim.faultkinds import OUTSIDE
from tests.sim.network import Network
from tests.sim.plan import Fault, Plan
from tests.sim.process import Process, current
from tests.sim.sent import Fences, under_way
from tests.sim.stage import configured, sealer
from tests.sim.variant import VARIANTS
from tests.sim.vendors import Vendors
from tests.sim.wire import Wire

HOUR, DAY = 3700.0, 86400.0
LOCKSTEP = ("answer", "undo", "merge", "desk")  # people's decisions: taken in both worlds of a pair at the same step
WORLDLY = ("books", "crm", "hour", "day", *LOCKSTEP)  # what happens in the world whatever the product does
_NOT_EARLY = (*LOCKSTEP, "hour", "day")
_DEEPEST = 2
CLAIM_SECONDS = 150.0  # a push holds its rows for two time-outs and half a minute
EAGER_STEPS = 15  # after a clock went wrong: what two clocks stamp must meet within the seconds they are apart
_OUTSIDE = frozenset(OUTSIDE)
_NET = frozenset(
    kind
    for kind in (
        "http_401 http_403 http_404 http_412 http_413 http_429_seconds http_429_date http_429_bare http_500 "
        "http_502_html http_503 http_504 connect_error connect_timeout pool_timeout write_timeout timeout_before "
        "timeout_after timeout_after_write reset_before reset_after reset_after_write late_write late_crash cut_body "
        "truncated invalid_json html_200 empty_200 wrong_charset bom nan error_in_200 partial duplicate_page "
        "endless_token empty_page slow expire_tokens token_refused daily_quota outage deep_outage short_page "
        "deep_json zip_bomb stale_deletes"
    ).split()
)


class _Armed:
    def __init__(self, fault: Fault) -> None:
        self.fault, self.wait, self.left = fault, fault.nth, fault.times

    def strikes(self) -> bool:
        """Whether it strikes at this chance."""
        self.wait -= 1
        if self.wait > 0:
            return False
        self.left -= 1
        return True


class World:
    """Everything of one run; `note` keeps what happened, which is also what two equal runs must agree on."""

    def __init__(
        self, plan: Plan, database: Database, folder: Path, label: str, stored: tuple[str, str] | None
    ) -> None:
        self.plan, self.database = plan, database
        self.variant = VARIANTS[plan.variant]
        self.time = TrueTime(self.variant.start)
        file = folder / f"vendors-{database.kind}-{label}.db"
        self.vendor_file = file
        self.vendors = Vendors(self.variant, self.time, stored[1] if stored else str(file), keeps=stored is None)
        self.config = configured(self.variant, plan.push_mode, database.url, folder)
        self.sealer, self.profiles = sealer(), actors.PROFILES
        self.outlived: set[str] = set()  # keys under way while a sender stood still for longer than its claim lasts
        self.doorbell, self.wire = Doorbell(), Wire(self.outlived)
        self.network = Network(self)
        self.births = self.commits = 0
        self.copy_at: int | None = None  # reports printed when a backup was made that may be put back
        self.restores, self.is_put_back = 0, False
        self.fences = Fences()
        self.kept_plan = ""  # a plan that a person looked at and has not sent yet
        self.caught_up = (
            self.vendors.store.effects.last_seq
        )  # up to this effect all was read, in a world without faults
        self.boundary = ""
        self.eager_until = 0  # up to this step both workers read the books as soon as somebody wrote into them
        self.database_back_at = self.room_again_at = 0.0  # until then it refuses
        self.log: list[str] = []
        self.said: list[str] = []  # what the product logged
        self.struck: list[str] = []
        self.problems: list[str] = []
        self.processes = {name: Process(self, name) for name in ("one", "two", "web")}
        self._armed: dict[str, list[_Armed]] = {}
        self._done: set[int] = set()
        self._at = -1
        self._planned = _planned(plan)
        self.reports: list[tuple[date, str, list[str]]] = []  # printed on the way, to be printed again at the end

    # ------------------------------------------------------------- steps
    def step(self, number: int) -> None:
        """Let the actor of a step act, unless that happened early."""
        if number in self._done:
            return
        self._done.add(number)
        self._at = max(self._at, number)
        step = self.plan.steps[number]
        self.time.reach(self._planned[number])
        self.network.carry_out_late()
        for fault in self.plan.faults:
            if fault.step == number:
                self.arm(fault)
        self.note(f"step {number} {step.actor}")
        if step.actor not in LOCKSTEP:
            actors.ACTORS[step.actor](self, Random(step.draw), number)
        if step.actor == "books" and number < self.eager_until and not _running():
            actors.both_at_once(self, Random(step.draw))

    def planned_now(self) -> datetime:
        """The instant the plan gives to the present step: the same with faults and without."""
        return self.variant.start + timedelta(seconds=self._planned[max(self._at, 0)])

    @property
    def planned_end(self) -> float:
        return self._planned[-1] if self._planned else 0.0

    def note(self, text: str) -> None:
        self.log.append(f"{self.time.seconds:.3f} {text}")

    def problem(self, text: str) -> None:
        """Something that must never happen did."""
        self.problems.append(f"step {self._at}: {text}")

    def free_process(self, rng: Random) -> Process:
        """A worker that is not in the middle of something."""
        running = current()
        names = [name for name in ("one", "two") if running is None or self.processes[name] is not running]
        return self.processes[rng.choice(names)]

    # ------------------------------------------------------------- faults
    def arm(self, fault: Fault) -> None:
        """From now on this fault waits for its chance."""
        if fault.kind == "redis_emptied":
            self.doorbell.lose_everything()
            self.struck.append(fault.kind)
        elif fault.kind == "skew":
            self.processes[fault.place].clock.skew = fault.amount
            self.eager_until = fault.step + EAGER_STEPS
            self.struck.append(fault.kind)
        else:
            self._armed.setdefault(fault.kind, []).append(_Armed(fault))

    def heal(self) -> None:
        """No more faults; clocks are right again."""
        self._armed.clear()
        self.network.outages.clear()
        self.database_back_at = self.room_again_at = 0.0
        for process in self.processes.values():
            process.clock.skew = 0.0

    def _take(self, kind: str, places: tuple[str, ...]) -> Fault | None:
        armed = self._armed.get(kind)
        if not armed:
            return None
        for one in armed:
            if one.fault.place in places and one.strikes():
                if one.left <= 0:
                    armed.remove(one)
                self.struck.append(kind)
                self.note(f"fault {kind} {one.fault.place} {one.fault.amount:g}")
                return one.fault
        return None

    def strikes(self, kind: str, *places: str) -> bool:
        """Whether a fault of this kind strikes here and now."""
        return self._take(kind, places or ("any",)) is not None

    def struck_by(self, kind: str, *places: str) -> Fault | None:
        """The fault of this kind that strikes here and now."""
        return self._take(kind, places)

    def net_fault(self, places: tuple[str, ...]) -> Fault | None:
        """The fault that strikes a request, if any."""
        for kind in list(self._armed):
            if kind in _NET:
                fault = self._take(kind, places)
                if fault is not None:
                    return fault
        return None

    def interrupt(self, kind: str, *places: str) -> None:
        """Let time pass and the next actors act in the middle of what happens here."""
        if kind not in self._armed or len(_running()) >= _DEEPEST:
            return
        fault = self._take(kind, places)
        if fault is None:
            return
        self.time.advance(fault.amount)
        skews = [process.clock.skew for process in self.processes.values()]
        # Whoever stood still that long is no longer the holder of what it claimed, and does not know it yet.
        if fault.amount + max(skews) - min(skews) >= CLAIM_SECONDS:
            self.outlived |= under_way(self.database.engine)
        first = self._at + 1
        more = fault.nth % 3 + (kind == "interleave")
        for number in range(first, min(first + more, len(self.plan.steps))):
            if self.plan.steps[number].actor in _NOT_EARLY:
                break
            self.step(number)
        if kind == "rush":
            actors.rush(self, Random(fault.step), with_push=fault.amount >= 40.0)

    def committed(self, conn: Connection, boundary: str) -> None:
        """A unit of work of the product was committed on a connection."""
        self.commits += 1
        process = current()
        if process is None:
            return
        found: list[str] = []
        if boundary == "lease.save":
            found = self.fences.check(conn, process.name)
        elif boundary == "settle.commit":
            found = self.fences.intruder(LANE, process.name)
        self.problems += [f"step {self._at}: {problem}" for problem in found]

    def pass_point(self, process: Process, point: str) -> None:
        """A fault point of the product was passed."""
        process.check()
        side, _, name = point.partition(":")
        if side == "before":
            self.boundary = name
        if not self._armed:
            return
        if self.strikes("crash", point):
            process.die()
        if self.strikes("horse_crash", point):
            process.die(is_horse_alone=True)
        if point in _OUTSIDE:
            self.interrupt("interleave", point)
            self.interrupt("rush", point)
        if point == "after:lease.save" and self.fences.taken == LANE:
            self.interrupt("rush", "lane")

    # ------------------------------------------------------------- the end
    def close(self) -> None:
        self.vendors.close()
        self.database.engine.dispose()


def _running() -> list[Process]:
    from tests.sim.process import _stack

    return _stack


def hook(point: str) -> None:
    """What the product's fault points call."""
    process = current()
    if process is not None:
        process.world.pass_point(process, point)


def _planned(plan: Plan) -> list[float]:
    out: list[float] = []
    at = 0.0
    for step in plan.steps:
        at += step.gap + {"hour": HOUR, "day": DAY}.get(step.actor, 0.0)
        out.append(at)
    return out
