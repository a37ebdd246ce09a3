"""ExecuteBillQuery and BillQuery: filter, join, sort, slice.

Asking for a field of an entry joins header and lines, so one document gives one row per line; fields of two entries
give every combination (accounting reference 1.2, "row explosion").
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

from tieout.core import exact_json
from tieout.core.errors import BadPayload
from tieout.sandbox.kingdee.errors import BadFilter, KingdeeError, NoPermission
from tieout.sandbox.kingdee.filters import Compare, Node, conjuncts, fields_of, parse_filter
from tieout.sandbox.kingdee.forms import FieldRef, Form, form_of, without
from tieout.sandbox.kingdee.library import Doc, Library
from tieout.sandbox.kingdee.predicates import compile_filter
from tieout.sandbox.kingdee.settings import KingdeeSettings
from tieout.sandbox.kingdee.values import Reader, Row, comparable_date, comparable_reader, raw_reader

_KEPT = 8  # prepared results kept for the next page
_NO_LINE: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one answer, in the order of the field keys."""

    keys: list[str]
    rows: list[list[Any]]


def query_form(form_id: object, settings: KingdeeSettings) -> Form:
    """The form as this build and user see it; raises UnknownForm or NoPermission."""
    form = form_of(form_id)
    if form.id in settings.forbidden_forms:
        raise NoPermission
    if form.id == "AR_RECMacthLog" and not settings.log_modify_date:
        return without(form, "FModifyDate")
    return form


class QueryEngine:
    """Runs bill queries; the sorted rows of the last queries are kept while their form does not change."""

    def __init__(self, library: Library, settings: KingdeeSettings) -> None:
        self._library = library
        self._settings = settings
        self._prepared: OrderedDict[tuple[str, ...], tuple[int, list[Row]]] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, data: dict[str, Any]) -> Page:
        """One page; raises KingdeeError with the vendor's message."""
        asked = {str(key).lower(): value for key, value in data.items()}
        form = query_form(asked.get("formid"), self._settings)
        keys = [key.strip() for key in str(asked.get("fieldkeys") or "").split(",") if key.strip()]
        if not keys:
            raise KingdeeError("FieldKeys不能为空")
        refs = [form.resolve(key) for key in keys]
        node = parse_filter(form, asked.get("filterstring"))
        order = _order(form, str(asked.get("orderstring") or ""))
        used = {ref.entry for ref in (*refs, *fields_of(node), *(ref for ref, _ in order)) if ref.entry}
        entries = [entry for entry in form.entries if entry in used]
        positions = {"": 0, **{entry: index + 1 for index, entry in enumerate(entries)}}
        rows = self._rows(form, node, order, entries, positions)
        start, stop = self._window(asked)
        readers = [self._shown(ref, positions[ref.entry]) for ref in refs]
        return Page(keys, [[read(row) for read in readers] for row in rows[start:stop]])

    def _window(self, asked: dict[str, Any]) -> tuple[int, int]:
        limit, start, top = (_number(asked, name) for name in ("limit", "startrow", "toprowcount"))
        limit = min(limit or self._settings.limit_default, self._settings.limit_max)
        stop = start + limit
        return start, min(stop, top) if top else stop

    def _rows(
        self,
        form: Form,
        node: Node | None,
        order: list[tuple[FieldRef, bool]],
        entries: list[str],
        positions: dict[str, int],
    ) -> list[Row]:
        hidden = ",".join(sorted(self._settings.hidden_customers))
        key = (form.id, repr(node), repr(order), ",".join(entries), hidden)
        version = self._library.version(form.id)
        with self._lock:
            kept = self._prepared.get(key)
            if kept is not None and kept[0] == version:
                self._prepared.move_to_end(key)
                return kept[1]
        rows = list(self._matching(form, node, entries, positions))
        for ref, descending in reversed(order):
            rows.sort(key=_sort_key(comparable_reader(ref, positions[ref.entry], self._library)), reverse=descending)
        with self._lock:
            self._prepared[key] = (version, rows)
            while len(self._prepared) > _KEPT:
                self._prepared.popitem(last=False)
        return rows

    def _matching(self, form: Form, node: Node | None, entries: list[str], positions: dict[str, int]) -> Iterator[Row]:
        passes = compile_filter(node, positions, self._library) if node is not None else None
        hidden = self._settings.hidden_customers
        for doc in self._candidates(form, node):
            if hidden and _customer_of(doc) in hidden:
                continue  # a data-scope rule filters silently
            if not entries:
                rows: Iterator[Row] = iter(((doc,),))
            else:
                rows = ((doc, *lines) for lines in product(*(doc.get(entry) or [_NO_LINE] for entry in entries)))
            for row in rows:
                if passes is None or passes(row):
                    yield row

    def _candidates(self, form: Form, node: Node | None) -> list[Doc]:
        """Documents that can pass: by number or id, by FModifyDate, else all; in the order of their ids."""
        since = ""
        for test in conjuncts(node):
            if test.ref.entry or test.ref.part:
                continue
            if test.ref.key in (form.pk, form.number) and test.op in ("=", "in"):
                return self._by_key(form, test)
            if test.ref.key == "FModifyDate" and test.op in (">=", ">", "="):
                since = max(since, comparable_date(str(test.values[0])))
        if since:
            return sorted(self._library.modified_since(form, since), key=lambda doc: int(doc[form.pk]))
        return self._library.ordered(form)

    def _by_key(self, form: Form, test: Compare) -> list[Doc]:
        if form.id == "AR_RECMacthLog" and test.ref.key == form.number:
            return self._library.ordered(form)  # two rows share one match id
        found: dict[int, Doc] = {}
        for value in test.values:
            doc = self._library.find(form, str(value)) or self._library.find(form, str(value).upper())
            if doc is not None:
                found[int(doc[form.pk])] = doc
        return [found[number] for number in sorted(found)]

    def _shown(self, ref: FieldRef, position: int) -> Reader:
        read = raw_reader(ref, position, self._library)
        places = self._settings.amount_places
        if ref.kind != "amount" or places is None:
            return read
        unit = Decimal(1).scaleb(-places)

        def padded(row: Row) -> Any:
            value = read(row)
            return None if value is None else Decimal(value).quantize(unit)

        return padded


def _customer_of(doc: Doc) -> str:
    lookup = doc.get("FCUSTOMERID") or doc.get("FCONTACTUNIT")
    return str(lookup["FNumber"]) if lookup else str(doc.get("FNumber", ""))


def _sort_key(read: Reader) -> Reader:
    def key(row: Row) -> Any:
        value = read(row)
        return (value is not None, value if value is not None else 0)

    return key


def _order(form: Form, text: str) -> list[tuple[FieldRef, bool]]:
    out = []
    for part in text.split(","):
        words = part.split()
        if not words:
            continue
        if len(words) > 2 or (len(words) == 2 and words[1].lower() not in ("asc", "desc")):
            raise BadFilter(f"排序 '{part.strip()}'")
        out.append((form.resolve(words[0]), len(words) == 2 and words[1].lower() == "desc"))
    return out


def _number(asked: dict[str, Any], name: str) -> int:
    try:
        return max(0, int(asked.get(name) or 0))
    except (TypeError, ValueError):
        raise KingdeeError(f"{name}应为整数") from None


def query_data(raw: object) -> dict[str, Any]:
    """The query object, given as an object or as JSON text; anything else is refused."""
    if isinstance(raw, str):
        try:
            raw = exact_json.loads(raw)
        except BadPayload:
            raise KingdeeError("data不是合法的JSON") from None
    if not isinstance(raw, dict):
        raise KingdeeError("data不能为空")
    return raw
