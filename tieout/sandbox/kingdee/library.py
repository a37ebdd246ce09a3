"""The documents of one Kingdee account set, with the indexes that keep queries fast."""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

from tieout.sandbox.kingdee.forms import FORMS, Form
from tieout.sandbox.kingdee.values import comparable_date
from tieout.sandbox.state import Collection, SandboxStore

Doc = dict[str, Any]
VENDOR = "kingdee"


class Library:
    """Documents by form; reads are lock-free snapshots, writes happen under the store's lock.

    Documents are replaced, never changed in place, so that a query in another thread sees one version.
    """

    def __init__(self, store: SandboxStore) -> None:
        self.store = store
        self._collections: dict[str, Collection] = {form_id: store.collection(VENDOR, form_id) for form_id in FORMS}
        self._versions = dict.fromkeys(FORMS, 0)
        self._by_id: dict[str, tuple[int, list[Doc]]] = {}
        self._by_modified: dict[str, tuple[int, list[str], list[Doc]]] = {}
        self._by_number: dict[str, tuple[int, dict[str, Doc]]] = {}

    def version(self, form_id: str) -> int:
        """Moves with every write to the form."""
        return self._versions[form_id]

    def put(self, form: Form, doc: Doc) -> None:
        """Store a document under its internal id."""
        with self.store.lock:
            self._collections[form.id].put(str(doc[form.pk]), doc)
            self._versions[form.id] += 1

    def put_all(self, form: Form, docs: Iterable[Doc]) -> None:
        """Store many documents in one transaction."""
        with self.store.batch():
            for doc in docs:
                self._collections[form.id].put(str(doc[form.pk]), doc)
            self._versions[form.id] += 1

    def remove(self, form: Form, doc: Doc) -> None:
        """Delete for good: nothing of it stays visible."""
        with self.store.lock:
            self._collections[form.id].delete(str(doc[form.pk]))
            self._versions[form.id] += 1

    def count(self, form_id: str) -> int:
        return len(self._collections[form_id])

    def find(self, form: Form, key: str) -> Doc | None:
        """A document by number, or by internal id."""
        found = self.by_number(form).get(key)
        return found if found is not None else self._collections[form.id].get(key)

    def ordered(self, form: Form) -> list[Doc]:
        """All documents in the order of their internal ids."""
        version, docs = self._by_id.get(form.id, (-1, []))
        if version != self._versions[form.id]:
            with self.store.lock:
                version = self._versions[form.id]
                docs = sorted(self._collections[form.id].values(), key=lambda doc: int(doc[form.pk]))
                self._by_id[form.id] = (version, docs)
        return docs

    def modified_since(self, form: Form, stamp: str) -> list[Doc]:
        """Documents whose FModifyDate is at or after a comparable stamp, in the order of (FModifyDate, id)."""
        version, stamps, docs = self._by_modified.get(form.id, (-1, [], []))
        if version != self._versions[form.id]:
            version = self._versions[form.id]
            pairs = [(comparable_date(doc["FModifyDate"]), doc) for doc in self.ordered(form) if doc.get("FModifyDate")]
            pairs.sort(key=lambda pair: pair[0])
            stamps, docs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            self._by_modified[form.id] = (version, stamps, docs)
        return docs[bisect_left(stamps, stamp) :]

    def by_number(self, form: Form) -> dict[str, Doc]:
        """Documents by bill number or master-data number."""
        version, numbers = self._by_number.get(form.id, (-1, {}))
        if version != self._versions[form.id]:
            version = self._versions[form.id]
            numbers = {str(doc[form.number]): doc for doc in self.ordered(form)}
            self._by_number[form.id] = (version, numbers)
        return numbers

    def lookup_id(self, target: str, number: str) -> int:
        """The internal id behind a lookup; forms that the sandbox does not hold get a stable made-up one."""
        form = FORMS.get(target)
        doc = self.by_number(form).get(number) if form else None
        if form is not None and doc is not None:
            return int(doc[form.pk])
        return zlib.crc32(f"{target}/{number}".encode()) & 0x7FFFFFFF

    def lookup_part(self, target: str, found: Doc, part: str) -> Any:
        """A property of the record that a lookup points to, as that record stands now."""
        form = FORMS.get(target)
        doc = self.by_number(form).get(found["FNumber"]) if form is not None else None
        return found.get(part) if doc is None else doc.get(part)
