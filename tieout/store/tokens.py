"""Tokens: one sealed row per connection, refreshed once by whoever is first, within the vendor's mint limit.

Zoho blocks a refresh token for the rest of the window after 10 mints in 10 minutes (Zoho OAuth token validity); a
stampede of workers would be an outage. So a refresh holds a lease, the attempt is noted before the vendor is asked,
and everybody else waits for the one that asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, bindparam, select, update

from tieout.core import exact_json
from tieout.core.clock import Clock
from tieout.core.crypto import Sealer
from tieout.core.dates import iso_utc, parse_at
from tieout.core.errors import RateLimited
from tieout.core.ids import Ids
from tieout.core.ports import Mint, Token
from tieout.store import leases
from tieout.store.session import reading, unit
from tieout.store.tables import tokens
from tieout.store.upsert import upsert

_LEASE_SECONDS = 90.0
_MARGIN = timedelta(seconds=30)
_ROW = select(tokens).where(tokens.c.connection == bindparam("of"))


class SqlTokenStore:
    """The shared token of one connection; implements `ports.TokenStore`.

    `config_digest` stands for the configured credentials: while it stays, the stored token wins; when it changes, the
    stored one is ignored and a new one is minted. `old_digests`: the same credentials, digested with older secret keys.
    `mints` of the vendor's limit per `mint_seconds` are used to four
    fifths, the rest is left to people.
    """

    def __init__(
        self,
        engine: Engine,
        sealer: Sealer,
        connection: str,
        clock: Clock,
        ids: Ids,
        *,
        config_digest: str,
        old_digests: Sequence[str] = (),
        mints: int = 10,
        mint_seconds: int = 600,
        wait_seconds: float = 120.0,
    ) -> None:
        self._engine, self._sealer, self._connection = engine, sealer, connection
        self._clock, self._ids, self._digest = clock, ids, config_digest
        self._known = {config_digest, *old_digests}
        self._mints = max(1, mints * 4 // 5)
        self._window = timedelta(seconds=mint_seconds)
        self._wait = wait_seconds
        self._place = f"tokens/{connection}/sealed"

    def current(self) -> Token | None:
        """The stored token of the present credentials, whether it still lives or not; None if there is none."""
        row = self._row()
        return self._token(row) if row else None

    def refresh(self, stale: Token | None, mint: Mint) -> Token:
        """A token newer than `stale`: another process' one if it was faster, else one minted now.

        Raises RateLimited with `retry_at` when the mint limit is used up, and what `mint` raises.
        """
        deadline = self._clock.monotonic() + self._wait
        while True:
            fresher = self._fresher(stale)
            if fresher is not None:
                return fresher
            lease = leases.acquire(
                self._engine,
                f"token_{self._connection}",
                self._ids.new("own"),
                ttl_seconds=_LEASE_SECONDS,
                clock=self._clock,
            )
            if lease is not None:
                try:
                    return self._fresher(stale) or self._mint(lease, mint)
                finally:
                    leases.release(self._engine, lease)
            if self._clock.monotonic() >= deadline:
                raise RateLimited(
                    f"{self._connection}: another process has been renewing the token for {self._wait:.0f} s",
                    connection=self._connection,
                    retry_at=self._clock.now() + timedelta(seconds=30),
                )
            self._clock.sleep(0.05 + 0.1 * self._ids.jitter())

    # ------------------------------------------------------------- parts
    def _row(self) -> Mapping[str, Any] | None:
        with reading(self._engine) as conn:
            found = conn.execute(_ROW, {"of": self._connection}).mappings().first()
        return dict(found) if found else None

    def _token(self, row: Mapping[str, Any]) -> Token | None:
        if row["config_digest"] not in self._known or not row["sealed"]:
            return None
        body = exact_json.loads(self._sealer.open(row["sealed"], self._place))
        return Token(body["value"], row["expires_at"], body["extra"], row["generation"])

    def _fresher(self, stale: Token | None) -> Token | None:
        token = self.current()
        if token is None or token.expires_at <= self._clock.now() + _MARGIN:
            return None
        if stale is not None and token.generation <= stale.generation and token.value == stale.value:
            return None
        return token

    def _mint(self, lease: leases.Lease, mint: Mint) -> Token:
        generation = self._note_attempt(lease)
        made = mint()
        token = Token(made.value, made.expires_at, made.extra, generation)
        body = exact_json.dumps({"value": token.value, "extra": dict(token.extra)}).decode()
        with unit(self._engine, "token.save") as conn:
            leases.guard(conn, lease)
            conn.execute(
                update(tokens)
                .where(tokens.c.connection == self._connection)
                .values(
                    sealed=self._sealer.seal(body, self._place),
                    expires_at=token.expires_at,
                    generation=generation,
                    config_digest=self._digest,
                )
            )
        return token

    def _note_attempt(self, lease: leases.Lease) -> int:
        """Count the mint before asking, so that a crash or a refusal counts as well; answers the next generation."""
        now = self._clock.now()
        with unit(self._engine, "token.save") as conn:
            leases.guard(conn, lease)
            row = conn.execute(_ROW, {"of": self._connection}).mappings().first()
            # New credentials have a mint limit of their own.
            kept = row["mints"] if row is not None and row["config_digest"] in {"", *self._known} else []
            recent = [at for at in map(_instant, kept) if at > now - self._window]
            if len(recent) >= self._mints:
                raise RateLimited(
                    f"{self._connection}: {len(recent)} tokens in {self._window.total_seconds():.0f} s; "
                    "one more could block the connection",
                    connection=self._connection,
                    retry_at=min(recent) + self._window,
                )
            values: dict[str, Any] = {"mints": [iso_utc(at) for at in (*recent, now)]}
            if row is None or row["config_digest"] not in self._known:
                values |= {"sealed": None, "config_digest": self._digest}
            generation = int(row["generation"]) + 1 if row is not None else 1
            upsert(
                conn,
                tokens,
                [{"connection": self._connection, "generation": generation - 1, **values}],
            )
        return generation


def _instant(text: str) -> datetime:
    return parse_at(str(text).replace("Z", "+00:00"))
