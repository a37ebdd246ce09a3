"""What every step of the flow is handed: configuration, database, time, ids, secrets and connectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Engine

from sync.sizing import Sizer
from tieout.core.clock import Clock
from tieout.core.config import Config
from tieout.core.crypto import Sealer
from tieout.core.ids import Ids
from tieout.core.ports import Connector
from tieout.store.statistics import Statistics


@dataclass
class Context:
    """One process' view of the house. `connector(name, lane)` gives a fresh connector; callers close it.

    `transport` replaces the network (simulators, in-process sandboxes); None = the real network.
    """

    config: Config
    engine: Engine
    clock: Clock
    ids: Ids
    sealer: Sealer
    transport: Any = None
    sizer: Sizer = field(default_factory=Sizer)  # what work has cost this process so far
    _profiles: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def statistics(self) -> Statistics:
        """What the planner of the database knows of tables that this process fills."""
        return Statistics(self.engine)

    def connector(self, name: str, lane: str = "bulk") -> Connector:
        from sync.connecting import build_connector

        return build_connector(self, name, lane)

    def streams(self, name: str) -> list[str]:
        """The streams that are read of a connection: the configured ones, all that have a profile if none is named."""
        return list(self.config.connections[name].streams or self.profiles(name))

    def budget_limits(self, name: str) -> Mapping[str, int]:
        """What our own budget lets a connection use, by kind of window (`use` rolling, `day`), and `window_seconds`."""
        from sync.connecting import budget_limits

        return budget_limits(self.config.connections[name])

    def profiles(self, name: str) -> Mapping[str, Any]:
        """Mapping profiles by stream of a connection, loaded once."""
        if name not in self._profiles:
            from sync.connecting import load_connection_profiles

            self._profiles[name] = load_connection_profiles(self.config, name)
        return self._profiles[name]
