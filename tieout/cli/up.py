"""`tieout up`: the whole service in one process tree, until Ctrl-C."""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tieout.cli.options import Service, command_name, home_kind, load_config, near, service
from tieout.cli.output import OK, Out
from tieout.cli.progress import ENDED, ProgressView, RunProgress
from tieout.cli.texts import system_language
from tieout.cli.write_config import is_generated, raised_limits, read_sandbox, sandbox_text, write_file
from tieout.core.clock import Clock
from tieout.core.config import Config, find
from tieout.core.errors import ConfigError, TieoutError
from tieout.runtime import valkey
from tieout.runtime.home import Home
from tieout.runtime.ports import listen, port_of
from tieout.runtime.processes import Child, EventKind, Program, Supervisor, stop_signals

READY_WITHIN = 120.0  # seconds a part may take to come up on a slow, cold machine
GIVE_UP_AFTER = 3  # crashes of a part that never came up
POLL_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line."""

    config: Path | None
    sandbox: bool
    host: str
    port: int


class Up:
    """One run of the tree: start in order, show the first sync, stay, end everything."""

    def __init__(self, wish: Wish, out: Out, clock: Clock) -> None:
        self._wish = wish
        self._out = out
        self._clock = clock
        self._tree = Supervisor(clock, self._heard)
        self._quiet = False

    def run(self) -> int:
        """Run until told to stop; the exit code."""
        with ExitStack() as stack, stop_signals(self._tree):
            stack.callback(self._end)
            path, home_path, generated = self._place()
            home = stack.enter_context(Home.open(home_path))
            if self._wish.sandbox:
                home.settle_kind("sandbox")
                if not self._start_sandbox(home, path if generated else None):
                    return self._stopped()
            config = load_config(path)
            self._out.language = config.language
            kind = home_kind(config)
            if kind is not None:
                home.settle_kind(kind)
            notes = self._make_key(config)
            if config.embedded_redis and not self._start_valkey(home, config, notes):
                return self._stopped()
            opened = stack.enter_context(service(config))
            opened.migrate()
            since, before = self._clock.now(), opened.progress()
            if config.sandbox:
                opened.prepare()  # the write-back fields, without which every push would be refused
            sock = stack.enter_context(listen(self._wish.host, self._wish.port))
            url = self._start_api(home, config, sock)
            if url is None:
                return self._stopped()
            self._greet(home, config, opened, url, notes)
            self._start_workers(home, config, url)
            self._ask_again(opened, before)
            self._show_sync(config, opened, url, since, before)
            self._tree.run(lambda: False)
            return self._stopped()

    # ------------------------------------------------------------- where
    def _place(self) -> tuple[Path, Path, bool]:
        """Configuration file, home folder, and whether the file is the sandbox's own to write."""
        try:
            path = find(self._wish.config)
        except ConfigError:
            if not self._wish.sandbox or self._wish.config or os.environ.get("TIEOUT_CONFIG"):
                raise
            home = Path(os.environ.get("TIEOUT_HOME") or "var").expanduser().absolute()
            return home / "tieout.toml", home, True
        if is_generated(path) and self._wish.sandbox:
            return path, path.absolute().parent, True
        config = load_config(path)
        if self._wish.sandbox and not config.sandbox:
            raise ConfigError(
                f"{path} is not a sandbox configuration, and --sandbox never mixes with real connections.",
                hint="Run it in another folder, or name a sandbox configuration with --config.",
            )
        return path, config.home, False

    def _make_key(self, config: Config) -> list[tuple[str, dict[str, Any]]]:
        key = config.home / "secret.key"
        existed = config.given_secret_key or key.exists()
        config.secret_keys()
        return [] if existed else [("key_made", {"path": near(key)})]

    # ------------------------------------------------------------- parts
    def _start_sandbox(self, home: Home, write_to: Path | None) -> bool:
        told = home.path / "sandbox.json"
        before = told.stat().st_mtime_ns if told.exists() else 0
        argv = [sys.executable, "-m", "tieout.sandbox.serve", "--home", str(home.path)]
        child = self._tree.start(Program("sandbox", argv, home.logs / "sandbox.log", stage=0))

        def ready() -> bool:
            if not told.exists() or told.stat().st_mtime_ns == before:
                return False
            return all(_listens(part["base_url"]) for part in read_sandbox(told).values() if _has_address(part))

        if not self._await(child, ready):
            return False
        if write_to is not None:
            language = system_language() if not write_to.exists() else load_config(write_to).language
            write_file(write_to, sandbox_text(read_sandbox(told), language))
        return True

    def _start_valkey(self, home: Home, config: Config, notes: list[tuple[str, dict[str, Any]]]) -> bool:
        if valkey.end_leftover(config.redis_url):
            notes.append(("leftover", {}))
        child = self._tree.start(valkey.program(home.path, config.redis_url))
        return self._await(child, lambda: valkey.answers(config.redis_url))

    def _start_api(self, home: Home, config: Config, sock: socket.socket) -> str | None:
        url = f"http://{_host_for_people(self._wish.host)}:{port_of(sock)}"
        argv = [*_tieout(), "serve", "--fd", str(sock.fileno())]
        env = _child_env(config, url)
        child = self._tree.start(Program("api", argv, home.logs / "api.log", env, (sock.fileno(),)))
        return url if self._await(child, lambda: _healthy(url)) else None

    def _start_workers(self, home: Home, config: Config, url: str) -> None:
        env = _child_env(config, url)
        for name, words in (
            ("worker-fast", ["worker", "fast"]),
            ("worker-bulk", ["worker", "bulk"]),
            ("scheduler", ["scheduler"]),
        ):
            self._tree.start(Program(name, [*_tieout(), *words], home.logs / f"{name}.log", env))

    def _await(self, child: Child, ready: Callable[[], bool]) -> bool:
        """True when the part is up; False when a stop was asked for; TieoutError when it will not come up."""
        self._quiet = True
        up = self._tree.run(lambda: ready() or child.crashes >= GIVE_UP_AFTER, READY_WITHIN)
        self._quiet = False
        if self._tree.stopping:
            return False
        if up and child.crashes < GIVE_UP_AFTER:
            return True
        why = "keeps ending" if child.crashes else "does not answer"
        last = child.log_tail(1)
        raise TieoutError(
            f"{child.name} {why}{': ' + last if last else ''}.", hint=f"Its log: {near(child.program.log)}", code="up"
        )

    # ------------------------------------------------------------- people
    def _greet(
        self, home: Home, config: Config, opened: Service, url: str, notes: list[tuple[str, dict[str, Any]]]
    ) -> None:
        link = opened.login_link()
        if "://" not in link:
            link = f"{url}/login?token={link}"
        out = self._out
        if out.as_json:
            sys.stdout.write(json.dumps({"url": url, "login": link, "home": str(home.path), "pid": os.getpid()}) + "\n")
            sys.stdout.flush()
            return
        out.say("open", url=url)
        out.say("login", link=link)
        port = urlsplit(url).port
        if self._wish.port and port != self._wish.port:
            out.say("port_moved", wanted=self._wish.port, port=port)
        for key, values in notes:
            out.say(key, **values)
        if config.sandbox:
            out.say("sandbox")
            limits = raised_limits(home.path / "sandbox.json")
            if limits is not None:
                out.say("sandbox_limits", demo=f"{limits[0]:,}", documented=f"{limits[1]:,}")
        out.say("home", home=near(home.path), logs=near(home.logs))
        out.say("stop_hint")

    def _ask_again(self, opened: Service, before: Sequence[Mapping[str, Any]]) -> None:
        """Where all was read before, ask for a pull now: what is shown is this run's, not the one of last time."""
        pulls = [event for event in before if event.get("step") == "pull"]
        if pulls and all(event.get("state") in ENDED for event in pulls):
            for connection in dict.fromkeys(str(event["connection"]) for event in pulls):
                opened.start_sync(connection, "up")

    def _show_sync(
        self, config: Config, opened: Service, url: str, since: datetime, before: Sequence[Mapping[str, Any]]
    ) -> None:
        """Follow the runs in the database until this run's sync has ended, then say what can be tried."""
        out, tieout = self._out, command_name()
        of_this_run = RunProgress(before)
        seen: list[dict[str, Any]] = []
        next_at = 0.0
        if not out.as_json:
            out.say("going_on" if any(event.get("done") for event in before) else "first_sync")
        with ProgressView(out.err, self._clock, quiet=out.as_json) as view:

            def ended() -> bool:
                nonlocal next_at, seen
                if self._clock.monotonic() < next_at:
                    return False
                next_at = self._clock.monotonic() + POLL_EVERY
                seen = [of_this_run(event) for event in opened.progress(since)]
                for event in seen:
                    view(event)
                return bool(seen) and all(event.get("state") in ENDED for event in seen)

            if not self._tree.run(ended):
                return
        refused = refused_pushes(config)
        if refused:
            out.say("refused", count=refused, tieout=tieout)
        failed = bool(refused) or any(event.get("state") == "failed" for event in seen)
        out.say("sync_failed" if failed else "sync_done", tieout=tieout)
        out.say("try")
        for key in ("try_1", "try_2", "try_3"):
            out.say(key, url=url, tieout=tieout)

    def _heard(self, kind: EventKind, child: Child, words: str) -> None:
        if kind == "killed" or not self._quiet:
            key = {"crashed": "crashed", "restarted": "back", "killed": "killed"}[kind]
            self._out.say(key, name=child.name, why=words, log=near(child.program.log))

    def _stopped(self) -> int:
        self._out.say("stopping")
        self._tree.stop()
        self._out.say("stopped")
        return OK

    def _end(self) -> None:
        self._tree.stop()


def refused_pushes(config: Config) -> int:
    """How many changes the vendors refused for good: progress counts them neither as done nor as waiting."""
    from sqlalchemy import func, select

    from tieout.store.session import make_engine, reading
    from tieout.store.tables import outbox

    engine = make_engine(config.database_url)
    try:
        with reading(engine) as conn:
            return int(conn.execute(select(func.count()).where(outbox.c.state == "dead")).scalar_one())
    finally:
        engine.dispose()


def _tieout() -> list[str]:
    return [sys.executable, "-m", "tieout.cli"]


def _child_env(config: Config, url: str) -> dict[str, str]:
    env = {"TIEOUT_CONFIG": str(config.path), "TIEOUT_HOME": str(config.home)}
    return env if config.public_url else {**env, "TIEOUT_PUBLIC_URL": url}


def _host_for_people(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - compared, not bound


def _has_address(part: Any) -> bool:
    return isinstance(part, dict) and bool(part.get("base_url"))


def _listens(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80), timeout=0.5):
            return True
    except OSError:
        return False


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=0.5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
