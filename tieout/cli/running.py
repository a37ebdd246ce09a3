"""How every subcommand runs: open, call, print, and say by the exit code how it went."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from tieout.cli.options import Service, load_config, service
from tieout.cli.output import FAILED, OK, Out, exit_code
from tieout.cli.progress import ProgressView
from tieout.core.clock import SystemClock
from tieout.core.config import Config
from tieout.core.errors import TieoutError

Call = Callable[[Service, Config, ProgressView], Any]


@contextmanager
def reporting(out: Out) -> Iterator[None]:
    """Expected failures become one line and exit code 1; anything else is a defect and shows its traceback."""
    try:
        yield
    except TieoutError as error:
        out.error(error)
        raise typer.Exit(FAILED) from None


def run(config_path: Path | None, as_json: bool, call: Call, *, quiet: bool = True) -> None:
    """Call the service, print what it answers, exit with what that means. `quiet` False shows progress."""
    out = Out(as_json=as_json)
    with reporting(out):
        config = load_config(config_path)
        out.language = config.language
        with service(config) as opened, ProgressView(out.err, SystemClock(), quiet=quiet) as progress:
            answer = call(opened, config, progress)
        code = exit_code(out.result(answer))
    if code != OK:
        raise typer.Exit(code)
