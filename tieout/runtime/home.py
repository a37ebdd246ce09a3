"""The home folder: made private, locked by one `tieout up`, marked with its version and its kind for every command."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import Literal

from tieout import __version__
from tieout.core import exact_json
from tieout.core.errors import BadPayload, HomeError

HOME_VERSION = 1
MIN_FREE_BYTES = 64 * 1024 * 1024
Kind = Literal["sandbox", "real"]


class Home:
    """An opened home: folders exist, the version fits, and no other `tieout up` holds it until `close()`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @classmethod
    def open(cls, path: Path, *, min_free: int = MIN_FREE_BYTES) -> Home:
        """Make or take the home; HomeError says in one line why it cannot be used."""
        home = cls(path.expanduser().resolve())
        try:
            home._make()
            home._take_lock()
            home._check_space(min_free)
            home._check_version()
        except OSError as error:
            home.close()
            raise unusable(home.path, error) from None
        except HomeError:
            home.close()
            raise
        return home

    @classmethod
    def visit(cls, path: Path, kind: Kind | None = None, *, make: bool = False) -> Home:
        """A home for one command, beside whoever holds it; HomeError if its version or kind is another.

        `make` marks a new home; without it a folder that was never marked is let be.
        """
        home = cls(path.expanduser().resolve())
        try:
            if make:
                home._make()
            if make or home.mark.exists():
                home._check_version()
                if kind is not None:
                    home.settle_kind(kind)
        except OSError as error:
            raise unusable(home.path, error) from None
        return home

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def mark(self) -> Path:
        return self.path / "home.json"

    def settle_kind(self, kind: Kind) -> None:
        """Mark the home as sandbox or real on first use; a home of the other kind is refused for ever."""
        seen = self._read_mark()
        found = seen.get("kind")
        if found == kind:
            return
        if found:
            raise HomeError(
                f"the home {self.path} holds {found} data and cannot be used for {kind} connections.",
                hint="Choose another home with TIEOUT_HOME.",
            )
        try:
            self._write_mark({**seen, "kind": kind})
        except OSError as error:
            raise unusable(self.path, error) from None

    def close(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Home:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _make(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise HomeError(f"the home {self.path} is a file.", hint="Choose a folder with TIEOUT_HOME.")
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(mode=0o700, exist_ok=True)

    def _take_lock(self) -> None:
        # Without O_CLOEXEC a child that outlives us would hold the lock; os.open sets it.
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise HomeError(
                f"the home {self.path} is in use by another `tieout up` (process {holder}).",
                hint="Stop that one first, or choose another home with TIEOUT_HOME.",
            ) from None
        self._lock = handle
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)

    def _check_space(self, min_free: int) -> None:
        free = shutil.disk_usage(self.path).free
        if free < min_free:
            raise HomeError(
                f"the disk of {self.path} is full: {free // 2**20} MB free, {min_free // 2**20} MB needed.",
                hint="Free some space, or choose a home on another disk with TIEOUT_HOME.",
            )

    def _check_version(self) -> None:
        if not self.mark.exists():
            self._write_mark({"home_version": HOME_VERSION, "made_by": __version__})
            return
        found = self._read_mark().get("home_version")
        if found != HOME_VERSION:
            raise HomeError(
                f"the home {self.path} has version {found}; this Tieout {__version__} reads version {HOME_VERSION}.",
                hint="Use the Tieout that made it, or choose another home with TIEOUT_HOME.",
            )

    def _read_mark(self) -> dict[str, object]:
        try:
            mark = exact_json.loads(self.mark.read_bytes())
        except BadPayload:
            mark = None
        if not isinstance(mark, dict):
            raise HomeError(
                f"{self.mark} cannot be read: it is not what Tieout wrote.",
                hint="Restore it from a backup, or choose another home with TIEOUT_HOME.",
            )
        return mark

    def _write_mark(self, mark: dict[str, object]) -> None:
        part = self.mark.with_suffix(f".{os.getpid()}.part")  # several commands may mark a new home at once
        with part.open("wb") as out:
            out.write(exact_json.dumps(mark) + b"\n")
            out.flush()
            os.fsync(out.fileno())
        part.replace(self.mark)


def unusable(path: Path, error: OSError) -> HomeError:
    """The one-line error for a home that the operating system refuses."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return HomeError(
            f"the disk of {path} is full.", hint="Free some space, or choose another home with TIEOUT_HOME."
        )
    reason = error.strerror or str(error)
    return HomeError(
        f"the home {path} cannot be written: {reason}.", hint="Correct its owner or choose another with TIEOUT_HOME."
    )
