"""Sends changes to Zoho CRM and reads them back: batches of one module, one receipt per row.

Rules: a batch never names a record twice; `trigger` is `[]` unless configured, so that no workflow runs; a change
with `if_unmodified_since` travels alone, because that header belongs to the whole request; after an unknown outcome
nothing more is sent, the untouched rest comes back as `retry`. Sources: Zoho docs v8 update-records, insert-records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from connectors.http import Reply
from connectors.receipts import failed, not_sent, stops
from connectors.zoho.api import ZohoApi
from connectors.zoho.creates import Creates
from connectors.zoho.fields import Fields
from connectors.zoho.leg import zoho_time
from connectors.zoho.push_values import wire_fields
from connectors.zoho.results import receipts_of
from tieout.core.errors import ConfigError, RateLimited, SourceError, Transient, UnknownOutcome
from tieout.core.ports import Env, JsonValue, Receipt, RemoteChange

_LATER = timedelta(seconds=60)


class ZohoPush:
    """The writing half of the Zoho connector."""

    def __init__(self, env: Env, api: ZohoApi, fields: Fields, creates: Creates) -> None:
        self._env = env
        self._api = api
        self._fields = fields
        self._creates = creates

    def write(self, changes: Sequence[RemoteChange]) -> list[Receipt]:
        """One receipt per change, in order. Raises only when nothing at all was sent."""
        done: dict[str, Receipt] = {}
        stopped: Receipt | None = None
        for batch in batches(changes, self._api.settings.write_batch):
            if stopped is not None:
                done.update({change.change_id: not_sent(change, stopped) for change in batch})
                continue
            try:
                receipts = self._send(batch)
            except (SourceError, ConfigError) as error:
                if not done:
                    raise
                retry_at = error.retry_at if isinstance(error, SourceError) else None
                stopped = Receipt("", "retry", code=error.code, message=error.message, retry_at=retry_at)
                receipts = [not_sent(change, stopped) for change in batch]
            done.update({receipt.change_id: receipt for receipt in receipts})
            if stopped is None:
                stopped = next((item for item in receipts if stops(item)), None)
        return [done[change.change_id] for change in changes]

    def _send(self, batch: Sequence[RemoteChange]) -> list[Receipt]:
        first = batch[0]
        if first.operation == "create":
            found = self._creates.before(batch)
            left = [change for change in batch if change.change_id not in found]
            sent = self._deliver(left, lambda rows: self._insert(first.module, rows)) if left else []
            by_id = {**found, **{receipt.change_id: receipt for receipt in sent}}
            return [by_id[change.change_id] for change in batch]
        refused = self._without_field(batch)
        left = [change for change in batch if change.change_id not in refused]
        sent = self._deliver(left, lambda rows: self._update(first, rows)) if left else []
        by_id = {**refused, **{receipt.change_id: receipt for receipt in sent}}
        return [by_id[change.change_id] for change in batch]

    def _without_field(self, batch: Sequence[RemoteChange]) -> dict[str, Receipt]:
        """Refusals of changes to fields that the module lacks: Zoho would ignore them and answer SUCCESS."""
        module = batch[0].module
        known = self._fields.known(module, {name for change in batch for name in change.fields})
        out: dict[str, Receipt] = {}
        for change in batch:
            lacking = [name for name in change.fields if name not in known]
            if lacking:
                text = f"{module} has no field {', '.join(lacking)}; run `tieout setup` for this connection"
                out[change.change_id] = Receipt(change.change_id, "rejected", change.remote_id, "no_field", text)
        return out

    def _deliver(self, batch: Sequence[RemoteChange], send: Callable[[Sequence[RemoteChange]], Reply]) -> list[Receipt]:
        try:
            reply = send(batch)
            receipts = receipts_of(self._api, reply, batch, self._env.clock.now())
        except UnknownOutcome as error:
            return [failed(change, "uncertain", error) for change in batch]
        except RateLimited as error:
            retry_at = error.retry_at or self._env.clock.now() + _LATER
            return [failed(change, "retry", error, retry_at) for change in batch]
        except Transient as error:
            return [failed(change, "retry", error, self._env.clock.now() + _LATER) for change in batch]
        if receipts is not None:
            return receipts
        if len(batch) == 1:
            return [failed(batch[0], "rejected", self._api.error(reply))]
        half = len(batch) // 2  # 413 or LIMIT_EXCEEDED: halve down to one
        left = self._deliver(batch[:half], send)
        stopped = next((item for item in left if stops(item)), None)
        if stopped is not None:
            return left + [not_sent(change, stopped) for change in batch[half:]]
        return left + self._deliver(batch[half:], send)

    def _update(self, first: RemoteChange, batch: Sequence[RemoteChange]) -> Reply:
        rows = [{"id": change.remote_id, **wire_fields(change.fields)} for change in batch]
        headers = {}
        if first.if_unmodified_since is not None:
            headers["If-Unmodified-Since"] = zoho_time(first.if_unmodified_since)
        return self._post("PUT", f"/{first.module}", rows, headers)

    def _insert(self, module: str, batch: Sequence[RemoteChange]) -> Reply:
        return self._post("POST", f"/{module}", [self._creates.row(change) for change in batch], {})

    def _post(self, method: str, path: str, rows: list[dict[str, JsonValue]], headers: Mapping[str, str]) -> Reply:
        body = {"data": rows, "trigger": list(self._api.settings.triggers)}
        cost = -(-len(rows) // 10)  # one credit per ten rows
        return self._api.write(method, path, cost=cost, heavy=len(rows) > 10, json=body, headers=headers)


def batches(changes: Sequence[RemoteChange], size: int) -> list[list[RemoteChange]]:
    """Changes grouped by module and operation in batches that name each record once; guarded ones alone."""
    done: list[list[RemoteChange]] = []
    open_batches: dict[tuple[str, str], list[RemoteChange]] = {}
    names: dict[tuple[str, str], set[str]] = {}
    for change in changes:
        if change.if_unmodified_since is not None:
            done.append([change])
            continue
        group = (change.module, change.operation)
        name = change.remote_id if change.operation == "update" else change.key or change.change_id
        batch = open_batches.get(group)
        if batch is None or len(batch) >= size or name in names[group]:
            batch = []
            open_batches[group], names[group] = batch, set()
            done.append(batch)
        batch.append(change)
        names[group].add(name)
    return done
