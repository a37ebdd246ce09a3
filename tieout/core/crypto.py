"""Secrets at rest and digests of secrets: Fernet with rotation, bound to the place they are stored in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tieout.core.errors import ConfigError, HomeError


class Sealer:
    """Seals text with the newest key and opens it with any; `place` (table/row/column) is sealed inside."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ConfigError("no secret key", hint="Set TIEOUT_SECRET_KEY.")
        try:
            self._fernet = MultiFernet([Fernet(_as_fernet_key(key)) for key in keys])
        except ValueError as error:
            raise ConfigError(f"the secret key is not usable: {error}") from None
        self._mac_keys = [hashlib.sha256(b"tieout-mac:" + key.encode()).digest() for key in keys]

    def seal(self, text: str, place: str) -> str:
        return self._fernet.encrypt(f"{place}\x00{text}".encode()).decode()

    def open(self, sealed: str, place: str) -> str:
        try:
            found, _, text = self._fernet.decrypt(sealed.encode()).decode().partition("\x00")
        except InvalidToken:
            raise ConfigError(
                "a stored secret cannot be opened with this key",
                hint="Set TIEOUT_SECRET_KEY to the key this database was used with.",
            ) from None
        if found != place:
            raise ConfigError(f"a stored secret of {found!r} was found at {place!r}")
        return text

    def rotate(self, sealed: str) -> str:
        """The same text sealed with the newest key; the instant it was first sealed is kept."""
        return self._fernet.rotate(sealed.encode()).decode()

    def mac(self, text: str) -> str:
        """Keyed digest for values that must be compared but never read back."""
        return self.macs(text)[0]

    def macs(self, text: str) -> tuple[str, ...]:
        """The digest of each key, the newest first: what was made before a key was changed is still known."""
        return tuple(hmac.new(key, text.encode(), hashlib.sha256).hexdigest() for key in self._mac_keys)


def _as_fernet_key(key: str) -> bytes:
    raw = key.strip().encode()
    try:
        if len(base64.urlsafe_b64decode(raw)) == 32:
            return raw
    except ValueError:
        pass
    return base64.urlsafe_b64encode(hashlib.sha256(raw).digest())


def sha256_hex(text: str) -> str:
    """Digest of a high-entropy secret (API key, session token): no slow hash needed."""
    return hashlib.sha256(text.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Constant-time comparison of texts, whatever a stranger sent as one."""
    return hmac.compare_digest(left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))


def home_key(path: Path) -> str:
    """The embedded home's own key: read, or made with mode 0600 on first use."""
    found = _read_home_key(path)
    if found is not None:
        return found
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        _write_private(part, new_key())
        try:
            os.link(part, path)  # whole or not at all, and never over the key of another process
        except FileExistsError:
            pass
        finally:
            part.unlink()
    except OSError as error:
        raise HomeError(f"cannot write the secret key {path}: {error.strerror}") from None
    made = _read_home_key(path)
    assert made is not None
    return made


def _read_home_key(path: Path) -> str | None:
    try:
        found = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        found = ""
    except OSError as error:
        raise HomeError(f"cannot read the secret key {path}: {error.strerror}") from None
    if not found.strip(" ,"):
        raise ConfigError(
            f"the secret key in {path} is damaged.",
            hint="Put the file back from your copy: what was sealed with it cannot be opened with another key.",
            code="key_damaged",
        )
    return found


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text + "\n")
        out.flush()
        os.fsync(out.fileno())


def new_key() -> str:
    """A fresh random key, as TIEOUT_SECRET_KEY takes it."""
    return Fernet.generate_key().decode()


def write_home_keys(path: Path, keys: Sequence[str]) -> None:
    """Replace the embedded home's keys, newest first, whole or not at all; mode 0600."""
    part = path.with_suffix(".part")
    try:
        _write_private(part, ",".join(keys))
        part.replace(path)
    except OSError as error:
        raise HomeError(f"cannot write the secret key {path}: {error.strerror}") from None
