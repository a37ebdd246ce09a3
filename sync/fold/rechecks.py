"""Customers to be decided again because a message to them was held back at the last moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync.fold.batch import Batch


def fold_rechecks(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Touch the customers that a sender asked about."""
    for row in rows:
        batch.touch("customer", row["body"]["subjects"])
