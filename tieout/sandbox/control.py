"""The control plane: seed, change as a user would, faults, request log, oracle of writes, clock, state and truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol

from tieout.core.dates import iso_utc
from tieout.core.errors import BadPayload
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.http import Request, Response, json_response
from tieout.sandbox.state import SandboxStore

Load = Callable[[dict[str, Any]], dict[str, Any]]
PREFIX = "/_control"


class Vendor(Protocol):
    """What the control plane needs of a vendor's server."""

    def user_change(
        self,
        operation: str,
        module: str,
        record_id: str | None = None,
        fields: dict[str, Any] | None = None,
        modified_at: datetime | None = None,
        /,
    ) -> Any: ...


class ControlPlane:
    """Answers under `/_control/...`; works with any set of vendors.

    `load` seeds a company from the body of POST /load; `truth` says which record is which. Both are optional: without
    them the routes answer 404.
    """

    def __init__(
        self,
        vendors: Mapping[str, Vendor],
        store: SandboxStore,
        clock: SandboxClock,
        faults: FaultRegistry,
        *,
        load: Load | None = None,
        truth: Callable[[], Any] | None = None,
    ) -> None:
        self._vendors = dict(vendors)
        self._store = store
        self._clock = clock
        self._faults = faults
        self._load = load
        self._truth = truth

    def handle(self, req: Request) -> Response:
        if not req.path.startswith(f"{PREFIX}/"):
            return _refuse(404, f"the control plane lives under {PREFIX}/")
        name, _, rest = req.path.removeprefix(f"{PREFIX}/").partition("/")
        routes: dict[tuple[str, str], Callable[[Request, str], Response]] = {
            ("GET", "health"): self._health,
            ("POST", "load"): self._loading,
            ("POST", "change"): self._change,
            ("GET", "faults"): self._list_faults,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "requests"): self._requests,
            ("DELETE", "requests"): self._clear_requests,
            ("GET", "effects"): self._effects,
            ("GET", "callbacks"): self._callbacks,
            ("GET", "clock"): self._show_clock,
            ("POST", "clock"): self._set_clock,
            ("GET", "state"): self._state,
            ("GET", "truth"): self._tell_truth,
        }
        route = routes.get((req.method, name))
        if route is None:
            return _refuse(404, f"no {req.method} {req.path}")
        try:
            return route(req, rest)
        except BadPayload as error:
            return _refuse(400, str(error))
        except KeyError as error:
            return _refuse(404, f"not found: {error.args[0] if error.args else error}")
        except (ValueError, TypeError) as error:
            return _refuse(400, str(error))

    def _health(self, req: Request, rest: str) -> Response:
        return json_response({"status": "ok", "vendors": sorted(self._vendors), "now": iso_utc(self._clock.now())})

    def _loading(self, req: Request, rest: str) -> Response:
        if self._load is None:
            return _refuse(404, "this sandbox has no company to load")
        return json_response(self._load(_body(req)))

    def _change(self, req: Request, rest: str) -> Response:
        """{vendor, operation, module | form, id, fields, modified_at}; modified_at may lie in the past."""
        body = _body(req)
        vendor = self._vendors.get(str(body.get("vendor")))
        if vendor is None:
            return _refuse(404, f"no vendor {body.get('vendor')!r}; one of {', '.join(sorted(self._vendors))}")
        module = body.get("module") or body.get("form")
        operation = body.get("operation")
        if not module or not operation:
            return _refuse(400, "operation and module (or form) are needed")
        stamp = body.get("modified_at")
        at = None if stamp is None else datetime.fromisoformat(stamp)
        if at is not None and at.tzinfo is None:
            return _refuse(400, "modified_at needs an offset")
        record_id = body.get("id")
        done = vendor.user_change(
            str(operation), str(module), None if record_id is None else str(record_id), body.get("fields") or {}, at
        )
        return json_response({"record": done, "effect_seq": self._store.effects.last_seq})

    def _list_faults(self, req: Request, rest: str) -> Response:
        return json_response({"faults": [rule.as_doc() for rule in self._faults.rules()]})

    def _add_fault(self, req: Request, rest: str) -> Response:
        body = _body(req)
        unknown = set(body) - {"vendor", "match", "action", "times", "after", "seconds"}
        if unknown:
            return _refuse(400, f"unknown keys: {', '.join(sorted(unknown))}")
        if not body.get("vendor") or not body.get("action"):
            return _refuse(400, "vendor and action are needed")
        rule = self._faults.add(
            str(body["vendor"]),
            str(body.get("match", "")),
            str(body["action"]),
            times=None if body.get("times", 1) is None else int(body.get("times", 1)),
            after=int(body.get("after", 0)),
            seconds=float(body.get("seconds", 0)),
        )
        return json_response(rule.as_doc(), 201)

    def _clear_faults(self, req: Request, rest: str) -> Response:
        return json_response({"cleared": self._faults.clear(int(rest) if rest else None)})

    def _requests(self, req: Request, rest: str) -> Response:
        found = self._store.requests.since(int(req.q("since") or 0), req.q("vendor"))
        rows: list[dict[str, Any]] = []
        for entry in found:
            doc = asdict(entry)
            doc["ms"] = round(doc["ms"], 3)
            rows.append(doc)
        totals = {"calls": len(rows), "credits": sum(row["credits"] for row in rows)}
        return json_response({"requests": rows, "totals": totals})

    def _clear_requests(self, req: Request, rest: str) -> Response:
        self._store.requests.clear()
        return json_response({"cleared": True})

    def _effects(self, req: Request, rest: str) -> Response:
        """The oracle after `since`; `kind` and `actor` narrow it."""
        kind, actor, vendor = req.q("kind"), req.q("actor"), req.q("vendor")
        rows = [
            effect.as_doc()
            for effect in self._store.effects.since(int(req.q("since") or 0))
            if kind in (None, effect.kind) and actor in (None, effect.actor) and vendor in (None, effect.vendor)
        ]
        return json_response({"effects": rows, "last_seq": self._store.effects.last_seq})

    def _callbacks(self, req: Request, rest: str) -> Response:
        """The last notifications of every vendor that sends any, oldest first, with what the subscriber answered."""
        rows = [
            {"vendor": name, "outcome": sent.outcome, "about": sent.about}
            for name, vendor in self._vendors.items()
            for sent in getattr(getattr(vendor, "callbacks", None), "history", ())
        ]
        return json_response({"callbacks": rows})

    def _show_clock(self, req: Request, rest: str) -> Response:
        return json_response({"now": iso_utc(self._clock.now()), "running": self._clock.running})

    def _set_clock(self, req: Request, rest: str) -> Response:
        """One of {advance: seconds}, {set: instant with offset}, {freeze: true}, {run: true}."""
        body = _body(req)
        if not body or set(body) - {"advance", "set", "freeze", "run"}:
            return _refuse(400, "one of advance, set, freeze, run")
        if "set" in body:
            self._clock.set(datetime.fromisoformat(body["set"]))
        if "advance" in body:
            self._clock.advance(float(body["advance"]))
        if body.get("freeze"):
            self._clock.freeze()
        if body.get("run"):
            self._clock.run()
        return self._show_clock(req, rest)

    def _state(self, req: Request, rest: str) -> Response:
        vendor, _, path = rest.partition("/")
        if vendor not in self._vendors:
            raise KeyError(vendor)
        names = self._store.collections(vendor)
        if not path:
            return json_response({"collections": {name: len(self._store.collection(vendor, name)) for name in names}})
        name, _, record_id = path.partition("/")
        if name not in names:
            raise KeyError(name)
        collection = self._store.collection(vendor, name)
        if not record_id:
            return json_response({"documents": collection.values()})
        found = collection.get(record_id)
        if found is None:
            raise KeyError(record_id)
        return json_response(found)

    def _tell_truth(self, req: Request, rest: str) -> Response:
        return _refuse(404, "this sandbox knows no truth") if self._truth is None else json_response(self._truth())


def _body(req: Request) -> dict[str, Any]:
    body = req.json() if req.body else {}
    if not isinstance(body, dict):
        raise BadPayload("the body is a JSON object")
    return body


def _refuse(status: int, message: str) -> Response:
    return json_response({"error": message}, status)
