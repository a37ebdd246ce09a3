"""The support bundle: what somebody else needs to find a fault, without a secret, a token or anybody's contact.

Configuration values are masked unless they are known to be harmless; texts (errors, log lines) lose every secret of the
configuration by value, everything token-, mail- and phone-shaped, and the names of customers.
"""

from __future__ import annotations

import platform
import re
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select

from sync import operations
from sync.context import Context
from tieout.core import exact_json
from tieout.core.dates import iso_utc
from tieout.core.errors import ConfigError, TieoutError
from tieout.core.logging import redact
from tieout.reports.health import connection_lines
from tieout.store.migrate import current, head
from tieout.store.queries import conflicts as conflict_queries
from tieout.store.session import reading
from tieout.store.tables import accounts, alerts, customers, inputs, metadata, notices, outbox, runs

RUNS, LINES = 100, 400
SHORTEST = 4  # a shorter secret or name would take half of every text with it
_PACKAGES = tuple("sqlalchemy alembic fastapi pydantic httpx redis rq psycopg uvicorn cryptography".split())
# Keys whose text says what is wanted and of whom nobody's secret can be made.
_PLAIN = frozenset(
    """vendor company interval streams push push_mode sandbox start_on language timezone calendar functional_currency
    book_of_record cash_application report cron format module rows share_percent security""".split()
)
_PHONES = re.compile(r"(?<![\w.-])(?:\+\d[\d -]{7,}\d|1[3-9]\d{9}|0\d{2,3}-\d{7,8})(?![\w-])")
_WITH_PASSWORD = re.compile(r"([a-z][a-z0-9+.-]*://)[^/\s@]*@", re.I)
_LOGINS = re.compile(r"(login\?token=|[?&](?:token|key|access_token|sign|secret)=)[^\s&\"']+", re.I)


class Cleaner:
    """Takes secrets, contacts and customers' names out of text."""

    def __init__(self, secrets: Iterable[str], names: Iterable[str]) -> None:
        self._secrets = sorted({one for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True)
        self._names = sorted({one for one in names if len(one) >= SHORTEST}, key=len, reverse=True)

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        text = _LOGINS.sub(r"\1[secret]", _WITH_PASSWORD.sub(r"\1[secret]@", text))
        text = _PHONES.sub("[phone]", redact(text))
        for name in self._names:
            if name in text:
                text = text.replace(name, "[customer]")
        return text

    def all(self, value: Any) -> Any:
        """The same for every text inside a JSON value."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, Mapping):
            return {str(key): self.all(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.all(item) for item in value]
        return value


def write_bundle(ctx: Context, path: Path) -> dict[str, Any]:
    """Write the bundle as a ZIP file; answers what is in it. An existing file is not overwritten."""
    if path.exists():
        raise ConfigError(f"{path} exists already.", hint="Name another file, or remove it.", code="usage")
    cleaner = _cleaner(ctx)
    parts: dict[str, Any] = {"about.json": about(ctx), "config.json": masked(_config(ctx))}
    for name, make in (("health.json", _health), ("work.json", _work)):
        try:
            parts[name] = make(ctx)
        except TieoutError as error:  # a bundle of a broken house is the one that is needed most
            parts[name] = {"error": error.message}
    files = {name: exact_json.dumps(cleaner.all(part)) for name, part in parts.items()}
    for log in sorted((ctx.config.home / "logs").glob("*.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES:]
        files[f"logs/{log.name}"] = ("\n".join(cleaner.clean(line) for line in lines) + "\n").encode()
    try:
        with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as bundle:
            for name, body in files.items():
                bundle.writestr(name, body)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}", code="usage") from None
    return {"file": str(path), "bytes": path.stat().st_size, "parts": sorted(files)}


def about(ctx: Context) -> dict[str, Any]:
    """Versions of everything that matters, and where the schema stands."""
    return {
        "made_at": iso_utc(ctx.clock.now()),
        "tieout": _version("tieout"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packages": {name: _version(name) for name in _PACKAGES},
        "database": ctx.engine.dialect.name,
        "schema": {"has": current(ctx.engine), "needs": head()},
        "sandbox": ctx.config.sandbox,
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _config(ctx: Context) -> dict[str, Any]:
    config = ctx.config
    return {
        "language": config.language,
        "public_url": config.public_url,
        "database_url": config.database_url,
        "redis_url": config.redis_url,
        "embedded": {"database": config.embedded_database, "redis": config.embedded_redis},
        "companies": {name: one.model_dump() for name, one in config.companies.items()},
        "connections": {
            name: {**one.model_dump(exclude={"settings"}), "settings": dict(one.settings)}
            for name, one in config.connections.items()
        },
        "schedules": {name: one.model_dump() for name, one in config.schedules.items()},
        "alerts": config.alerts.model_dump(),
        "mail": config.mail.model_dump(),
    }


def masked(value: Any, key: str = "") -> Any:
    """A configuration in which only harmless text is left: addresses without their paths, the rest as set."""
    if isinstance(value, Mapping):
        return {str(name): masked(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item, key) for item in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float | date | timedelta):
        return str(value)
    text = value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
    if not text:
        return ""
    if key in _PLAIN:
        return text
    parts = urlsplit(text) if "://" in text else None
    if parts is not None and parts.scheme and not parts.password:
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}/…"
    kind, colon, _ = text.partition(":")
    return f"{kind}:[set]" if colon and kind in ("mail", "chat") else "file" if text == "file" else "[set]"


def _secrets(value: Any, key: str = "") -> Iterable[str]:
    """Every text of the configuration that is not known to be harmless."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _secrets(item, str(name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets(item, key)
    elif hasattr(value, "get_secret_value"):
        yield str(value.get_secret_value())
    elif isinstance(value, str) and key not in _PLAIN and "://" not in value and key not in ("public_url", "to"):
        yield value


def _cleaner(ctx: Context) -> Cleaner:
    config = ctx.config
    secrets = [text for one in config.connections.values() for text in _secrets(one.settings)]
    secrets += list(_secrets(config.mail.model_dump()))
    for url in (config.database_url, config.redis_url):
        secrets.append(urlsplit(url).password or "")
    with suppress(TieoutError):  # without a key there is none to hide
        secrets += config.secret_keys()
    names: list[str] = []
    if current(ctx.engine) == head():
        with reading(ctx.engine) as conn:
            for table in (customers, accounts):
                names += conn.execute(select(table.c.name)).scalars()
    return Cleaner(secrets, names)


def _health(ctx: Context) -> dict[str, Any]:
    """What `doctor` finds, and every connection with its streams."""
    with reading(ctx.engine) as conn:
        lines = connection_lines(conn, ctx.config, ctx.clock.now())
    return {"doctor": operations.doctor(ctx), "connections": _texts(lines)}


def _work(ctx: Context) -> dict[str, Any]:
    """Counts of everything that waits, and the last runs."""
    r = runs.c
    shown = (r.id, r.kind, r.connection, r.stream, r.state, r.trigger, r.counts, r.error, r.started_at, r.ended_at)
    last = select(*shown).order_by(r.id.desc()).limit(RUNS)
    with reading(ctx.engine) as conn:
        return {
            "rows": {table.name: _count(conn, table) for table in metadata.sorted_tables},
            "inputs": _grouped(conn, inputs.c.kind),
            "outbox": _grouped(conn, outbox.c.connection, outbox.c.state, outbox.c.operation, outbox.c.error_code),
            "notices": _grouped(conn, notices.c.kind, notices.c.state),
            "alerts": _grouped(conn, alerts.c.kind, alerts.c.state),
            "conflicts": [dict(row) for row in conflict_queries.open_by_kind(conn)],
            "runs": _texts([dict(row) for row in conn.execute(last).mappings()]),
        }


def _count(conn: Connection, table: Any) -> int:
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def _grouped(conn: Connection, *columns: Any) -> list[dict[str, Any]]:
    query = select(*columns, func.count().label("rows")).group_by(*columns).order_by(*columns)
    return [dict(row) for row in conn.execute(query).mappings()]


def _texts(value: Any) -> Any:
    """Instants and days as text, so that a JSON value is left."""
    return exact_json.loads(exact_json.dumps(value))
