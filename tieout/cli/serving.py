"""`up`, `serve`, `worker`, `scheduler`, `sandbox`: what runs and stays."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tieout.cli.options import ConfigOption, JsonOption, load_config, service, visit_home
from tieout.cli.output import OK, Out
from tieout.cli.running import reporting
from tieout.core.clock import SystemClock

Host = Annotated[str, typer.Option("--host", help="The address to listen on.")]


class QueueName(StrEnum):
    """The two queues: what is waited for, and what may take its time."""

    fast = "fast"
    bulk = "bulk"


def up(
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Add local vendor servers with a company.")] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; the next free one if taken.")] = 8000,
    host: Host = "127.0.0.1",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the whole service in one process tree until Ctrl-C: queue server, database, API, workers, scheduler.

    \b
    Examples:
      tieout up --sandbox
      tieout up --port 8080
    """
    from tieout.cli.up import Up, Wish

    out = Out(as_json=as_json)
    with reporting(out):
        code = Up(Wish(config, sandbox, host, port), out, SystemClock()).run()
    if code != OK:
        raise typer.Exit(code)


def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port.")] = 8000,
    host: Host = "127.0.0.1",
    fd: Annotated[int | None, typer.Option("--fd", hidden=True, help="A listening socket to take over.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the API and the console; brings the database to this version first.

    \b
    Examples:
      tieout serve
      tieout serve --host 0.0.0.0 --port 8080
    """
    import uvicorn

    import api
    from tieout.core import logging
    from tieout.runtime.ports import listen, port_of

    out = Out(as_json=as_json)
    logging.configure()
    with reporting(out):
        cfg = load_config(config)
        out.language = cfg.language
        with service(cfg) as opened:
            opened.migrate()
        app = api.build_app(cfg)
        sock = socket.socket(fileno=fd) if fd is not None else listen(host, port, tries=1)
        url = f"http://{host}:{port_of(sock)}"
        if as_json:
            out.result({"url": url})
        out.say("open", url=url)
        server = uvicorn.Server(
            uvicorn.Config(
                app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2, lifespan="on"
            )
        )
        try:
            server.run(sockets=[sock])
        except KeyboardInterrupt:
            return  # uvicorn raises it again after an orderly end


def worker(
    queue: Annotated[QueueName, typer.Argument(metavar="QUEUE", help="fast or bulk.")],
    burst: Annotated[bool, typer.Option("--burst", help="End when the queue is empty.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Work on one queue: fast (webhooks, apply, push) or bulk (pull, reports).

    \b
    Examples:
      tieout worker fast
      tieout worker bulk
    """
    import worker as worker_module

    out = Out(as_json=as_json)
    with reporting(out):
        cfg = load_config(config)
        out.language = cfg.language
        visit_home(cfg)
        worker_module.main(queue.value, cfg, burst=burst)


def scheduler(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Ring for what is due: pulls, pushes, reports, channel renewals. Several may run; one leads.

    \b
    Examples:
      tieout scheduler
    """
    from tieout.core import logging

    out = Out(as_json=as_json)
    logging.configure()
    with reporting(out):
        cfg = load_config(config)
        out.language = cfg.language
        visit_home(cfg)
        run = importlib.import_module("sync.scheduler").run
        stop = threading.Event()
        # Only now: until here nothing is held, and a signal ends the process at once instead of after a long import.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: stop.set())
        run(cfg, stop)


def sandbox(
    home: Annotated[Path | None, typer.Option("--home", help="Where its data is kept; TIEOUT_HOME or var.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Which invented company.")] = None,
    customers: Annotated[int | None, typer.Option("--customers", min=1, help="How many customers.")] = None,
    invoices: Annotated[int | None, typer.Option("--invoices", min=0, help="How many invoices.")] = None,
    documented_limits: Annotated[
        bool, typer.Option("--documented-limits", help="The vendors' documented limits, not the raised ones of a demo.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the local vendor servers alone; their addresses and credentials are written to sandbox.json in the home.

    \b
    Examples:
      tieout sandbox
      tieout sandbox --home /tmp/books --customers 30 --invoices 200
    """
    folder = (home or Path(os.environ.get("TIEOUT_HOME") or "var")).absolute()
    out = Out(as_json=as_json)
    with reporting(out):
        from tieout.runtime.home import Home, unusable

        Home.visit(folder, "sandbox")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise unusable(folder, error) from None
        argv = [sys.executable, "-m", "tieout.sandbox.serve", "--home", str(folder)]
        for name, value in (("--seed", seed), ("--customers", customers), ("--invoices", invoices)):
            argv += [name, str(value)] if value is not None else []
        argv += ["--documented-limits"] if documented_limits else []
        if as_json:
            out.result({"home": folder, "describes": folder / "sandbox.json"})
        out.say("sandbox")
        out.line(str(folder / "sandbox.json"))
        os.execv(sys.executable, argv)  # noqa: S606 - the servers take this process over, signals included


def register(app: typer.Typer) -> None:
    """Add these commands to the tree."""
    for command in (up, serve, worker, scheduler, sandbox):
        app.command()(command)
