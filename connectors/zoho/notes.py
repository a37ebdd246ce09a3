"""Notes on a record: a module without fields of our own, so the key is the last line of the text.

Zoho docs v8 create-notes: the parent is `Parent_Id` with its module. The list of all notes is for administrators; a
record's own list (`/{Module}/{id}/Notes`) is not, and is looked through before a note is made and after a lost answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.zoho.api import ZohoApi
from connectors.zoho.push_values import wire_fields
from connectors.zoho.rows import open_page, stamp_of
from tieout.core import exact_json
from tieout.core.errors import NotFound, Rejected
from tieout.core.ports import JsonValue, Receipt, RemoteChange, Seen

MODULE = "Notes"
TEXT = "Note_Content"
_ASKED = "Note_Title,Note_Content,Modified_Time"
_PER_PAGE = 200
_PAGES = 10  # what Zoho shows of a list by page number

Record = Mapping[str, JsonValue]


class Notes:
    """The guards, the shape and the read-back of notes."""

    def __init__(self, api: ZohoApi) -> None:
        self._api = api

    def before(self, batch: Sequence[RemoteChange]) -> dict[str, Receipt]:
        """Receipts of notes that are there already, or whose record is not; the others may be made now."""
        out: dict[str, Receipt] = {}
        for parent, group in _by_parent(batch).items():
            try:
                found, is_whole = self._find(*parent, [change.key for change in group])
            except (Rejected, NotFound) as error:
                out.update(
                    {
                        one.change_id: Receipt(one.change_id, "rejected", "", error.code, str(error)[:300])
                        for one in group
                    }
                )
                continue
            for change in group:
                if change.key in found:
                    record_id = str(found[change.key]["id"])
                    out[change.change_id] = Receipt(
                        change.change_id, "done", record_id, "FOUND", "it was there already"
                    )
                elif not is_whole:  # the order of the list is not documented: it may be there, further on
                    words = (
                        f"the record has more than {_PAGES * _PER_PAGE:,} notes: whether this one is there is unknown"
                    )
                    out[change.change_id] = Receipt(change.change_id, "rejected", "", "too_many_notes", words)
        return out

    def row(self, change: RemoteChange) -> dict[str, JsonValue]:
        """The note to insert."""
        row = wire_fields(change.fields)
        row[TEXT] = f"{row.get(TEXT) or ''}\n{_mark(change.key)}".lstrip("\n")
        row["Parent_Id"] = {"module": {"api_name": change.parent_module}, "id": change.parent_id}
        return row

    def seen(self, changes: Sequence[RemoteChange]) -> dict[str, Seen]:
        """What became of notes, by change: found by their keys on their records."""
        out: dict[str, Seen] = {}
        for parent, group in _by_parent(changes).items():
            try:
                found, _ = self._find(*parent, [change.key for change in group])
            except (Rejected, NotFound):
                found = {}  # the record is gone, and its notes with it
            for change in group:
                record = found.get(change.key)
                if record is None:
                    out[change.change_id] = Seen(MODULE, "", found=False, fields={})
                    continue
                fields = {name: record.get(name) for name in change.fields}
                fields[TEXT] = str(record.get(TEXT) or "").removesuffix(f"\n{_mark(change.key)}")
                at = stamp_of(dict(record))
                out[change.change_id] = Seen(MODULE, str(record["id"]), found=True, fields=fields, modified_at=at)
        return out

    def _find(self, module: str, record_id: str, keys: Sequence[str]) -> tuple[dict[str, Record], bool]:
        """key -> note of a record's notes that end in one of the keys; whether what is missing is surely not there."""
        out: dict[str, Record] = {}
        marks = {_mark(key): key for key in keys}
        for page in range(1, _PAGES + 1):
            query = {"fields": _ASKED, "page": str(page), "per_page": str(_PER_PAGE)}
            found = open_page(self._api, self._api.read("GET", f"/{module}/{record_id}/{MODULE}", params=query))
            for raw in found.records:
                record = exact_json.loads(raw)
                if not isinstance(record, dict) or not record.get("id"):
                    continue
                last = str(record.get(TEXT) or "").rstrip().rsplit("\n", 1)[-1].strip()
                if last in marks:
                    out.setdefault(marks[last], record)
            if not found.more or len(out) == len(marks):
                return out, True
        return out, False


def _mark(key: str) -> str:
    return f"[{key}]"


def _by_parent(changes: Sequence[RemoteChange]) -> dict[tuple[str, str], list[RemoteChange]]:
    out: dict[tuple[str, str], list[RemoteChange]] = {}
    for change in changes:
        out.setdefault((change.parent_module, change.parent_id), []).append(change)
    return out
