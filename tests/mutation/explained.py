"""Survivors that may live, each with its reason: `explained.toml`, single changes and families of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.results import Mutant

FILE = Path(__file__).with_name("explained.toml")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a change need not be noticed. Of a single one all three texts are equal, of a family each pattern fits."""

    where: str
    before: str
    after: str
    why: str
    is_family: bool

    def covers(self, mutant: Mutant) -> bool:
        mine, its = (self.where, self.before, self.after), (mutant.where, mutant.before, mutant.after)
        if self.is_family:
            return all(re.fullmatch(pattern, text, re.DOTALL) for pattern, text in zip(mine, its, strict=True))
        return mine == its


def reasons(path: Path = FILE) -> Sequence[Reason]:
    """All reasons of the file; a family may leave out a pattern, which then fits everything."""
    held = tomllib.loads(path.read_text(encoding="utf-8"))
    made = [Reason(one["where"], one["before"], one["after"], one["why"], False) for one in held.get("one", [])]
    for one in held.get("family", []):
        made.append(Reason(one.get("where", ".*"), one.get("before", ".*"), one.get("after", ".*"), one["why"], True))
    return made
