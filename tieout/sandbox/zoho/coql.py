"""POST /coql: exact reads with a where clause (Zoho docs v8 Get-Records-through-COQL-Query)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cmp_to_key
from typing import Any

from tieout.sandbox.http import Response, json_response
from tieout.sandbox.state import Doc
from tieout.sandbox.zoho.coqlparse import Group, Query, Test, parse
from tieout.sandbox.zoho.problems import ZohoProblem, invalid_module
from tieout.sandbox.zoho.tables import Tables

MAX_ROWS = 2_000
MAX_OFFSET = 100_000
MAX_COLUMNS = 50
MAX_IN = 100
MAX_GROUPS = 4
MAX_AGGREGATES = 5


class Coql:
    """Runs parsed queries over the record tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def prepare(self, text: str) -> tuple[Query, int]:
        """Parse and check a query; gives it with its credits: 1 up to 200 rows, 2 up to 1,000, 3 up to 2,000."""
        query = parse(text)
        if query.module not in self._tables.catalog:
            raise invalid_module()
        if query.limit > MAX_ROWS or query.offset + query.limit > MAX_OFFSET or len(query.columns) > MAX_COLUMNS:
            raise ZohoProblem(400, "LIMIT_EXCEEDED", "the limit of the query is exceeded", {"limit": MAX_ROWS})
        names = {*query.columns, *(column for column, _ in query.order), *_columns(query.where)}
        names |= {*query.groups, *(one.column for one in query.aggregates)}
        loose = [name for name in query.columns if name not in query.groups] if query.aggregates or query.groups else []
        if len(query.groups) > MAX_GROUPS or len(query.aggregates) > MAX_AGGREGATES or loose:
            raise ZohoProblem(400, "INVALID_QUERY", "invalid query formed", {"column_name": ",".join(loose)})
        fields = self._tables.catalog.fields(query.module)
        for name in names:
            if name != "id" and name.split(".")[0] not in fields:
                raise ZohoProblem(400, "INVALID_QUERY", "invalid query formed", {"column_name": name})
        return query, 1 if query.limit <= 200 else 2 if query.limit <= 1_000 else 3

    def run(self, query: Query) -> Response:
        records = self._candidates(query)
        found = [record for record in records if self._holds(query, query.where, record)]
        if query.aggregates or query.groups:
            return _answer(self._grouped(query, found), query)
        order = query.order or [("id", False)]
        found.sort(key=cmp_to_key(lambda one, other: self._compare(query, order, one, other)))
        chosen = found[query.offset : query.offset + query.limit]
        if not chosen:
            return Response(204)
        rows = [self._row(query, record) for record in chosen]
        more = len(found) > query.offset + query.limit
        answer = json_response({"data": rows, "info": {"count": len(rows), "more_records": more}})
        answer.rows = len(rows)
        return answer

    def _grouped(self, query: Query, found: list[Doc]) -> list[Doc]:
        """One row per group, its aggregates named as they were asked; records without a value do not count."""
        groups: dict[tuple[Any, ...], list[Doc]] = {}
        for record in found:
            key = tuple(self._path(query.module, name, record) for name in query.groups)
            groups.setdefault(key, []).append(record)
        rows = []
        for key, members in sorted(groups.items(), key=lambda pair: tuple(str(part) for part in pair[0])):
            row: Doc = {name: part for name, part in zip(query.groups, key, strict=True) if name in query.columns}
            for one in query.aggregates:
                values = [
                    record["id"] if one.column == "id" else self._path(query.module, one.column, record)
                    for record in members
                ]
                row[one.text] = _aggregated(one.function, [value for value in values if value is not None])
            rows.append(row)
        return rows

    def _candidates(self, query: Query) -> list[Doc]:
        """All records, or those an equality on a text field leaves, so that read-backs by key stay cheap."""
        table = self._tables[query.module]
        parts = query.where.parts if isinstance(query.where, Group) and query.where.joiner == "and" else [query.where]
        for part in parts:
            if not isinstance(part, Test) or part.operator not in ("=", "in") or "." in part.column:
                continue
            if part.column == "id":
                ids = {str(value) for value in part.values}
            else:
                field = self._tables.catalog.fields(query.module)[part.column]
                if field.data_type not in ("text", "picklist", "email", "autonumber"):
                    continue
                ids = {one for value in part.values for one in table.find(part.column, value)}
            return [record for record in map(table.get, ids) if record is not None]
        return table.rows.values()

    def _holds(self, query: Query, where: Test | Group, record: Doc) -> bool:
        if isinstance(where, Group):
            checks = (self._holds(query, part, record) for part in where.parts)
            return all(checks) if where.joiner == "and" else any(checks)
        value = self._comparable(query, where.column, record)
        return _test(where, value)

    def _compare(self, query: Query, order: list[tuple[str, bool]], one: Doc, other: Doc) -> int:
        for column, descending in order:
            left, right = (self._sortable(query, column, record) for record in (one, other))
            if left == right:
                continue
            if left is None or right is None:
                sign = -1 if left is None else 1
            else:
                sign = -1 if left < right else 1
            return -sign if descending else sign
        return int(one["id"]) - int(other["id"])

    def _sortable(self, query: Query, column: str, record: Doc) -> Any:
        return int(record["id"]) if column == "id" else self._comparable(query, column, record)

    def _comparable(self, query: Query, column: str, record: Doc) -> Any:
        value = record["id"] if column == "id" else self._path(query.module, column, record)
        if isinstance(value, dict):
            value = value.get("id")
        return _plain(value)

    def _path(self, module: str, column: str, record: Doc) -> Any:
        name, _, rest = column.partition(".")
        field = self._tables.catalog.fields(module)[name]
        value = self._tables.value(field, record)
        if not rest:
            return {"id": value["id"]} if isinstance(value, dict) and "id" in value else value
        if not isinstance(value, dict):
            return None
        if rest == "id":
            return value["id"]
        target = self._tables.lookup_module(field, record)
        found = self._tables[target].get(value["id"]) if target in self._tables.catalog else None
        return self._path(target, rest, found) if found is not None else None

    def _row(self, query: Query, record: Doc) -> Doc:
        row: Doc = {}
        for column in query.columns:
            row[column] = record["id"] if column == "id" else self._path(query.module, column, record)
        row["id"] = record["id"]
        return row


def _answer(rows: list[Doc], query: Query) -> Response:
    chosen = rows[query.offset : query.offset + query.limit]
    if not chosen:
        return Response(204)
    more = len(rows) > query.offset + query.limit
    answer = json_response({"data": chosen, "info": {"count": len(chosen), "more_records": more}})
    answer.rows = len(chosen)
    return answer


def _aggregated(function: str, values: list[Any]) -> Any:
    if function == "count":
        return len(values)
    if not values:
        return None
    if function in ("max", "min"):
        return max(values) if function == "max" else min(values)
    total = sum((Decimal(str(value)) for value in values), Decimal(0))
    return total if function == "sum" else total / len(values)


def _columns(where: Test | Group) -> list[str]:
    if isinstance(where, Test):
        if len(where.values) > MAX_IN:
            raise ZohoProblem(400, "LIMIT_EXCEEDED", "the limit of values in the query is exceeded", {"limit": MAX_IN})
        return [where.column]
    return [name for part in where.parts for name in _columns(part)]


def _plain(value: Any) -> Any:
    """A value that compares: instants for date-times, exact numbers, text without case."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, str):
        if len(value) >= 20 and value[10:11] == "T":
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                return value.casefold()
        return value.casefold()
    return value


def _test(test: Test, value: Any) -> bool:
    if test.operator == "is null":
        return value is None
    if test.operator == "is not null":
        return value is not None
    wanted = [_plain(one) for one in test.values]
    if test.operator in ("!=", "not in"):
        return value not in wanted
    if value is None:
        return False
    if test.operator in ("=", "in"):
        return value in wanted
    if test.operator in ("like", "not like"):
        return _like(str(value), str(wanted[0])) == (test.operator == "like")
    if any(type(value) is not type(one) for one in wanted):
        raise ZohoProblem(400, "INVALID_QUERY", "invalid query formed", {"column_name": test.column})
    if test.operator == "between":
        return bool(wanted[0] <= value <= wanted[1])
    low, high = value < wanted[0], value > wanted[0]
    return bool({"<": low, ">": high, "<=": not high, ">=": not low}[test.operator])


def _like(value: str, pattern: str) -> bool:
    if pattern.startswith("%") and pattern.endswith("%"):
        return pattern.strip("%") in value
    if pattern.endswith("%"):
        return value.startswith(pattern.rstrip("%"))
    if pattern.startswith("%"):
        return value.endswith(pattern.lstrip("%"))
    return value == pattern
