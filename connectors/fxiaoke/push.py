"""Sends changes one record a call, because the platform has no batch writes: still one receipt per change.

Rules: workflows and approvals stay off unless configured; fields and options are looked up in the description first;
after an unknown outcome nothing more is sent and the untouched rest comes back as `retry`; a refused record is looked
at, so that a locked or vanished one is told from a refused value without reading the refusal's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from connectors.fxiaoke.api import FxiaokeApi
from connectors.fxiaoke.codes import CREDENTIALS, NOT_BOUGHT, Problem, lasting
from connectors.fxiaoke.creates import Creates
from connectors.fxiaoke.describe import Descriptions, own_field
from connectors.fxiaoke.readback import ReadBack
from connectors.fxiaoke.reader import path_of
from connectors.fxiaoke.values import to_wire
from connectors.receipts import failed, not_sent, stops
from tieout.core.errors import AuthError, ConfigError, RateLimited, Rejected, SourceError, Transient, UnknownOutcome
from tieout.core.ports import Env, JsonValue, Receipt, RemoteChange

_LATER = timedelta(seconds=60)
_FROZEN = frozenset({"under_review", "in_change"})


class FxiaokePush:
    """The writing half of the connector."""

    def __init__(
        self, env: Env, api: FxiaokeApi, descriptions: Descriptions, creates: Creates, readback: ReadBack
    ) -> None:
        self._env, self._api, self._descriptions = env, api, descriptions
        self._creates, self._readback = creates, readback

    def write(self, changes: Sequence[RemoteChange]) -> list[Receipt]:
        """One receipt per change, in order. Raises only when nothing at all was sent.

        No write begins later than one time-out after the first, so that the caller's claims do not run out.
        """
        found = self._creates.before([one for one in changes if one.operation == "create"])
        done: list[Receipt] = []
        stopped: Receipt | None = None
        named: set[tuple[str, str]] = set()
        began = self._env.clock.monotonic()
        for change in changes:
            if change.change_id in found:
                done.append(found[change.change_id])
                continue
            name = (change.module, change.remote_id or change.key or change.change_id)
            if stopped is None and name in named:
                stopped = Receipt("", "retry", code="same_record", message="one write in flight per record")
            if stopped is None and self._env.clock.monotonic() - began >= self._api.settings.timeout_seconds:
                stopped = Receipt("", "retry", code="slice_over", message="the time of this slice is over")
            if stopped is not None:
                done.append(not_sent(change, stopped))
                continue
            named.add(name)
            try:
                receipt = self._send(change)
            except (SourceError, ConfigError) as error:
                if not done:
                    raise
                retry_at = error.retry_at if isinstance(error, SourceError) else None
                stopped = Receipt("", "retry", code=error.code, message=error.message, retry_at=retry_at)
                receipt = not_sent(change, stopped)
            done.append(receipt)
            if stopped is None and stops(receipt):
                stopped = receipt
        return done

    # ------------------------------------------------------------- one record
    def _send(self, change: RemoteChange) -> Receipt:
        try:
            row = self._creates.row(change) if change.operation == "create" else self._row(change)
        except Rejected as error:
            return failed(change, "rejected", error)
        settings = self._api.settings
        body: dict[str, JsonValue] = {
            "triggerApprovalFlow": settings.trigger_approval,
            "triggerWorkFlow": settings.trigger_workflow,
            "data": {"object_data": row},
        }
        try:
            answer, problem = self._api.write(path_of(change.module, change.operation), body)
        except UnknownOutcome as error:
            return self._unknown(change, error)
        except RateLimited as error:  # by the platform or by our own budget: not carried out, no attempt is lost
            retry_at = error.retry_at or self._env.clock.now() + _LATER
            return not_sent(change, Receipt("", "retry", code=error.code, message=error.message, retry_at=retry_at))
        except Transient as error:  # never sent
            return failed(change, "retry", error, self._env.clock.now() + _LATER)
        if problem is not None:
            return self._refused(change, problem)
        remote_id = change.remote_id
        if change.operation == "create":
            remote_id = str(answer.get("dataId") or "")
            if not remote_id:  # documented for preset objects only: the key finds the record
                return Receipt(change.change_id, "uncertain", "", "no_data_id", "created, but its id was not told")
        return Receipt(change.change_id, "done", remote_id, "0", str(answer.get("errorMessage") or ""))

    def _row(self, change: RemoteChange) -> dict[str, JsonValue]:
        fields = self._descriptions.fields(change.module)
        if fields is None:
            raise Rejected(f"the enterprise has no object {change.module}", code="no_object")
        labels = self._api.settings.labels
        known = {name: own_field(fields, name, labels.get(name, "")) for name in change.fields}
        if any(one is None for one in known.values()):  # created since the description was asked?
            fields = self._descriptions.fields(change.module, fresh=True) or {}
            known = {name: own_field(fields, name, labels.get(name, "")) for name in change.fields}
        row: dict[str, JsonValue] = {"_id": change.remote_id, "dataObjectApiName": change.module}
        for name, value in change.fields.items():
            info = known[name]
            if info is None:
                text = f"{change.module} has no field {name}; `tieout setup` prints what to create"
                raise Rejected(text, code="no_field")
            row[info.name] = to_wire(value, info, self._api.settings.timezone)
        return row

    def _refused(self, change: RemoteChange, problem: Problem) -> Receipt:
        error = lasting(problem, f"{change.operation} {change.module}", self._api.http)
        if isinstance(error, AuthError | ConfigError) or problem.code in CREDENTIALS or problem.code == NOT_BOUGHT:
            raise error
        if change.operation == "update":
            state = self._readback.state(change.module, change.remote_id)
            if state is None:
                return failed(change, "not_found", error)
            if _is_locked(state):
                return self._locked(change, error)
        return failed(change, "rejected", error)

    def _unknown(self, change: RemoteChange, error: UnknownOutcome) -> Receipt:
        """Also how a locked record is refused (50009): then the lock shows, and nothing was written."""
        if change.operation == "update" and error.code == "50009":
            try:
                state = self._readback.state(change.module, change.remote_id)
            except (SourceError, ConfigError):
                state = {}
            if state and _is_locked(state):
                return self._locked(change, error)
        return failed(change, "uncertain", error)

    def _locked(self, change: RemoteChange, error: Exception) -> Receipt:
        hours = self._api.settings.locked_retry_hours
        return failed(change, "locked", error, self._env.clock.now() + timedelta(hours=hours))


def _is_locked(state: dict[str, JsonValue]) -> bool:
    return str(state.get("lock_status")) == "1" or state.get("life_status") in _FROZEN
