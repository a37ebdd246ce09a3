"""The mapping context of a connection with what people's rules say of values that its profiles do not know."""

from __future__ import annotations

from mapping.engine import MappingContext
from sync.context import Context
from sync.fold.changes import context_of
from tieout.store.queries.answer_rules import ruled_values, standing
from tieout.store.session import reading


def ruled_context(ctx: Context, connection: str) -> MappingContext:
    """As the fold would map a record that needs the rules in force."""
    with reading(ctx.engine) as conn:
        said = ruled_values(standing(conn), connection)
    return context_of(ctx.config, connection, said)
