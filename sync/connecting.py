"""Opens what a step of the flow needs: the context of a process, connectors with their stores, profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import connectors
from mapping.loader import load_profiles
from mapping.outbound import own_fields
from mapping.profile import Profile
from sync.context import Context
from sync.mail_connector import MailConnector
from tieout.core import exact_json
from tieout.core.clock import Clock, SystemClock
from tieout.core.config import Config
from tieout.core.config import Connection as ConnectionConfig
from tieout.core.crypto import Sealer
from tieout.core.errors import ConfigError
from tieout.core.ids import RandomIds
from tieout.core.ports import Connector, Env
from tieout.store import connections as connection_store
from tieout.store.budgets import BudgetLimits, SqlBudget
from tieout.store.session import make_engine
from tieout.store.tokens import SqlTokenStore


def open_context(config: Config, *, clock: Clock | None = None, transport: Any = None) -> Context:
    """A context of this process: call it after a fork, never before, and `close_context` when done."""
    clock = clock or SystemClock()
    return Context(
        config=config,
        engine=make_engine(config.database_url),
        clock=clock,
        ids=RandomIds(clock),
        sealer=Sealer(config.secret_keys()),
        transport=transport,
    )


def close_context(ctx: Context) -> None:
    """Close the database connections of a context."""
    ctx.engine.dispose()


def connection_of(ctx: Context, name: str) -> ConnectionConfig:
    """A configured connection; ConfigError if there is none of that name."""
    found = ctx.config.connections.get(name)
    if found is None:
        known = ", ".join(sorted(ctx.config.connections)) or "none"
        raise ConfigError(f"there is no connection {name!r}.", hint=f"Configured: {known}.")
    return found


def vendor_settings(conf: ConnectionConfig) -> dict[str, Any]:
    """The vendor's own keys of a connection, checked and completed with the documented defaults."""
    return {**connectors.check_settings(conf.vendor, conf.settings), "sandbox": conf.sandbox}


def timeout_seconds(ctx: Context, name: str) -> float:
    """How long one call of a connection may last: after that long nothing of it can still arrive."""
    conf = connection_of(ctx, name)
    return connectors.settings_model(conf.vendor).of(name, conf.settings).timeout_seconds


def write_rows(ctx: Context, name: str) -> int:
    """How many changes one slice of pushing a connection takes: few where each is a call of its own."""
    conf = connection_of(ctx, name)
    return connectors.limits(conf.vendor, vendor_settings(conf)).write_rows


def budget_limits(conf: ConnectionConfig) -> dict[str, int]:
    """Units per rolling window (`use`) of `window_seconds` and per calendar day (`day`); 0 = no such limit."""
    limits = connectors.limits(conf.vendor, vendor_settings(conf))
    return {"use": limits.window_cost, "day": limits.day_cost, "window_seconds": limits.window_seconds}


def build_connector(ctx: Context, name: str, lane: str = "bulk") -> Connector:
    """A fresh connector of a connection whose token, budget and slots are shared by all processes; close it."""
    conf = connection_of(ctx, name)
    if conf.vendor == connectors.MAIL:
        if not ctx.config.mail.host:
            raise ConfigError(f"connection {name!r} sends mail, and [mail] names no server.", hint="Say [mail] host.")
        connection_store.ensure(ctx.engine, {name: conf.vendor})
        return MailConnector(ctx.config.mail, ctx.clock.now)
    settings = vendor_settings(conf)
    limits = connectors.limits(conf.vendor, settings)
    connection_store.ensure(ctx.engine, {name: conf.vendor})
    budget = SqlBudget(
        ctx.engine,
        name,
        ctx.clock,
        ctx.ids,
        BudgetLimits(
            window_seconds=limits.window_seconds,
            window_cost=limits.window_cost,
            concurrency=limits.concurrency,
            heavy_concurrency=limits.heavy_concurrency,
            slot_seconds=float(settings["timeout_seconds"]) * 1.5,
            day_cost=limits.day_cost,
            day_zone=limits.day_zone,
        ),
    )
    digests = ctx.sealer.macs(credentials_text(ctx.config, name))
    tokens = SqlTokenStore(
        ctx.engine,
        ctx.sealer,
        name,
        ctx.clock,
        ctx.ids,
        config_digest=digests[0],
        old_digests=digests[1:],
        mints=limits.mints,
        mint_seconds=limits.mint_seconds,
    )
    env = Env(
        connection=name,
        settings=settings,
        clock=ctx.clock,
        ids=ctx.ids,
        tokens=tokens,
        budget=budget,
        transport=ctx.transport,
        lane=lane,
        own_fields=own_fields(conf.vendor, conf.fields),
        source_fields={stream: profile.source_paths for stream, profile in ctx.profiles(name).items()},
        read_paths={stream: profile.read_paths for stream, profile in ctx.profiles(name).items()},
    )
    return cast("Connector", _Closing(connectors.build(conf.vendor, env), budget))


class _Closing:
    """A connector whose end also gives its slots and unused room back."""

    def __init__(self, connector: Connector, budget: SqlBudget) -> None:
        self._connector, self._budget = connector, budget

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def close(self) -> None:
        try:
            self._connector.close()
        finally:
            self._budget.close()


def credentials_text(config: Config, name: str) -> str:
    """What a stored token belongs to: the addresses, users and secrets of a connection, as canonical JSON.

    Limits and time-outs do not make a token another one.
    """
    settings = vendor_settings(config.connections[name])
    texts = {key: value for key, value in sorted(settings.items()) if isinstance(value, str)}
    return exact_json.canonical(texts).decode()


def load_connection_profiles(config: Config, name: str) -> Mapping[str, Profile]:
    """Mapping profiles by stream: the shipped ones of the vendor, overridden by the connection's own folder."""
    conf = config.connections[name]
    if conf.vendor in connectors.SEND_ONLY:
        return {}
    folder = config.path.parent / conf.profile if conf.profile else None
    return load_profiles(conf.vendor, folder)
