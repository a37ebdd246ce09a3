"""Changing the secret key: every stored secret is sealed anew, and the connections keep their tokens."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from sync.connecting import credentials_text
from sync.context import Context
from tieout.core.crypto import Sealer, new_key, write_home_keys
from tieout.core.errors import ConfigError
from tieout.store import audit, sealed
from tieout.store.migrate import current, head
from tieout.store.session import unit
from tieout.store.tables import tokens


def check_key(ctx: Context) -> None:
    """ConfigError where a stored secret cannot be opened with this key: nothing would be scheduled or received."""
    if current(ctx.engine) != head():
        return  # not of this version yet, or empty: whoever brings it to this version asks again
    bad = sealed.unopenable(ctx.engine, ctx.sealer)
    if bad:
        names = ", ".join(sorted({place.split("/")[1] for place in bad}))
        raise ConfigError(
            f"{len(bad)} stored secrets ({names}) cannot be opened with this secret key: it is not the one they were"
            " sealed with.",
            hint="Put the old key back (secret.key in the home, or TIEOUT_SECRET_KEY). If it is lost: `tieout secrets"
            " forget`; access tokens and notification channels are then made anew, and nothing else is lost.",
            code="wrong_key",
        )


def forget_secrets(ctx: Context, actor: str) -> dict[str, Any]:
    """Drop every stored secret: tokens are minted anew from the configuration, channels are registered anew."""
    bad = sealed.unopenable(ctx.engine, ctx.sealer)
    with unit(ctx.engine, "admin.commit") as conn:
        sealed.drop(conn)
        audit.append(conn, ctx.clock.now(), actor, "secrets.forget", "database", {"unopenable": len(bad)})
    return {"unopenable": len(bad), "ok": True}


def rotate_secrets(ctx: Context, actor: str) -> dict[str, Any]:
    """Seal every stored secret with the newest key.

    The embedded home makes a new key itself and keeps both until all is sealed, so that a crash in between loses
    nothing: run it again. With TIEOUT_SECRET_KEY the new key comes first ("new,old"). No process may be running that
    knows the old key alone.
    """
    keys = ctx.config.secret_keys()
    path = ctx.config.home / "secret.key"
    is_ours = not ctx.config.given_secret_key
    if is_ours and len(keys) == 1:
        keys = (new_key(), keys[0])
        write_home_keys(path, keys)
    elif len(keys) == 1:
        raise ConfigError(
            "TIEOUT_SECRET_KEY holds one key, so there is nothing to change to",
            hint='Set it to "new,old" (a new one: `tieout secrets new`) for every process, restart them, and run '
            "this again.",
            code="one_key",
        )
    sealer = Sealer(keys)
    with unit(ctx.engine, "admin.commit") as conn:
        count = sealed.reseal(conn, sealer)
        _digests(ctx, conn, sealer)
        audit.append(conn, ctx.clock.now(), actor, "secrets.rotate", "database", {"sealed": count})
    if is_ours:
        write_home_keys(path, keys[:1])
    then = {} if is_ours else {"then": "The old key can be taken out of TIEOUT_SECRET_KEY now."}
    return {"sealed": count, "key": str(path) if is_ours else "TIEOUT_SECRET_KEY", **then, "ok": True}


def _digests(ctx: Context, conn: Connection, sealer: Sealer) -> None:
    """Say with the newest key which credentials a token belongs to; otherwise it would be thrown away as foreign."""
    held = {
        row.connection: row.config_digest for row in conn.execute(select(tokens.c.connection, tokens.c.config_digest))
    }
    for name in sorted(set(held) & set(ctx.config.connections)):
        made = sealer.macs(credentials_text(ctx.config, name))
        if held[name] in made[1:]:
            conn.execute(update(tokens).where(tokens.c.connection == name).values(config_digest=made[0]))
