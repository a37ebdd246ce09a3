"""What a report is asked for, and the books it is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from tieout.canonical.codec import Candidate
from tieout.store.queries.as_of import KnownAt

# (connection, stream, payload) -> the candidate it stands for, or None; so that old versions tell what they said.
Mapper = Callable[[str, str, bytes], Candidate | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """The arguments of a report: the day, the point of knowledge, and what it is narrowed to ("" = everything)."""

    as_of: date
    known: KnownAt
    language: str = "en"
    company: str = ""
    customer: str = ""
    since: date | None = None
    mapper: Mapper | None = None
    company_names: dict[str, str] | None = None

    def facts(self) -> list[tuple[tuple[str, str], str]]:
        """What the report is narrowed to, for its head."""
        names: dict[str, Any] = self.company_names or {}
        return [(("Company", "公司"), names.get(self.company, self.company))] if self.company else []
