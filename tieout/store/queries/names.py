"""What people call things: names of customers and numbers of documents by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from tieout.store.landing import chunks
from tieout.store.tables import customers, documents


def called(conn: Connection, subjects: Iterable[str]) -> Mapping[str, str]:
    """Subject (customer or document id, also with `|company` behind) -> name or number; unknown ones are left out."""
    wanted = {subject: subject.split("|")[0] for subject in subjects if subject}
    found: dict[str, str] = {}
    for prefix, key, name in (("cus_", customers.c.id, customers.c.name), ("", documents.c.id, documents.c.number)):
        ids = sorted({one for one in wanted.values() if one.startswith("cus_") == bool(prefix)})
        for part in chunks(ids):
            rows: Iterable[Any] = conn.execute(select(key, name).where(key.in_(part)))
            found.update({row[0]: row[1] for row in rows})
    return {subject: found[one] for subject, one in wanted.items() if one in found}
