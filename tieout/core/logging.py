"""Structured logs without secrets or personal data: by key and by shape."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_SECRET_KEYS = re.compile(
    r"(token|secret|password|passwd|authorization|cookie|api[_-]?key|refresh|sign(ature)?$|session)", re.I
)
_SHAPES = (
    re.compile(r"(Bearer|Zoho-oauthtoken)\s+\S+", re.I),
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"),
    re.compile(r"\b1000\.[0-9a-z]{8,}\.[0-9a-z]{8,}\b", re.I),
    re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),
    re.compile(r"\btok?_[A-Za-z0-9_-]{16,}"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def redact(text: str) -> str:
    """The text with token- and mail-shaped parts replaced and control characters escaped."""
    for shape in _SHAPES:
        text = shape.sub("[redacted]", text)
    return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


def _clean(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    cleaned: dict[str, Any] = _without_secrets(event)
    return cleaned


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {
            key: "[redacted]" if _SECRET_KEYS.search(str(key)) else _without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(item) for item in value]
    return value


def configure(*, json_lines: bool = False, level: str = "INFO", stream: Any = None) -> None:
    """Set up structlog and the standard library once per process; call before RQ is imported."""
    out = stream or sys.stderr
    logging.basicConfig(format="%(message)s", stream=out, level=level, force=True)
    for noisy in ("httpx", "httpcore", "rq.worker", "uvicorn.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    render: Any = structlog.processors.JSONRenderer() if json_lines else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _clean,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )


def get(name: str) -> Any:
    """A logger that carries the room's name; it asks for the settings when it speaks, so `configure` may come later."""
    return structlog.get_logger(room=name)
