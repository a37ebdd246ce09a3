"""A stand-in for `sync.service` that remembers what it was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class View:
    """A result object like the service's own."""

    body: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return self.body


@dataclass
class Finding:
    level: str
    code: str
    message: str
    hint: str = ""


class FakeService:
    """Answers every method with `answers[name]` (or an empty view) and records the call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.answers: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.is_open = False

    def __enter__(self) -> FakeService:
        self.is_open = True
        return self

    def __exit__(self, *exc: object) -> None:
        self.is_open = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*args: Any, progress: Any = None, **kwargs: Any) -> Any:
            assert self.is_open
            self.calls.append((name, args, kwargs))
            for event in self.events if progress else []:
                progress(event)
            answer = self.answers.get(name, View({"ok": True}))
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    @property
    def last(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        return self.calls[-1]
