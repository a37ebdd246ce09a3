"""The Singer SDK's own SQL target: `python -m bench.tools.singer_target --config FILE`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from singer_sdk import typing as th
from singer_sdk.sql import SQLConnector, SQLSink, SQLTarget
from sqlalchemy.dialects import postgresql, sqlite


class BenchConnector(SQLConnector):
    """A database by its SQLAlchemy address; nested values are stored as JSON text."""

    allow_column_alter = False
    allow_temp_tables = False

    @contextmanager
    def _connect(self) -> Iterator[Any]:
        with self._engine.connect() as conn:  # the SDK's streaming cursor cannot write many rows with psycopg 3
            yield conn


def _bound(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return float(value) if isinstance(value, Decimal) else value  # SQLite's driver takes no Decimal


class BenchSink(SQLSink):
    """Puts batches in place as they come."""

    connector_class = BenchConnector

    def generate_insert_statement(self, full_table_name: Any, schema: dict[str, Any]) -> Any:
        """The SDK's own insert fails on a record that comes again; this one replaces it."""
        types = self.conform_schema(schema)["properties"]
        columns = [sa.Column(name, self.connector.to_sql_type(kind)) for name, kind in types.items()]
        _, schema_name, table_name = self.connector.parse_full_table_name(full_table_name)
        make = sqlite.insert if self.connector._engine.dialect.name == "sqlite" else postgresql.insert
        put = make(sa.Table(table_name, sa.MetaData(), *columns, schema=schema_name))
        return put.on_conflict_do_update(
            index_elements=["id"], set_={name: put.excluded[name] for name in types if name != "id"}
        )

    def bulk_insert_records(
        self, full_table_name: Any, schema: dict[str, Any], records: Iterable[dict[str, Any]]
    ) -> Any:
        """Nested values as JSON text: neither database driver takes them as they are."""
        rows = [{name: _bound(value) for name, value in row.items()} for row in records]
        return super().bulk_insert_records(full_table_name, schema, rows)


class TargetBench(SQLTarget):
    """The target."""

    name = "target-bench"
    default_sink_class = BenchSink
    config_jsonschema = th.PropertiesList(th.Property("sqlalchemy_url", th.StringType, required=True)).to_dict()


if __name__ == "__main__":
    TargetBench.cli()
