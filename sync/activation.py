"""Activations: a changed profile is an input too; its stream is mapped again, and the log says since when (D1)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from sync.context import Context
from tieout.receivables.dunning.policy import Policy
from tieout.receivables.dunning.policy_file import SHIPPED, load_policy, shipped_text
from tieout.store.inputs import append_input
from tieout.store.session import reading, unit
from tieout.store.tables import meta
from tieout.store.upsert import upsert

KEY = "profile:"
TEXT_KEY = "profile_text:"  # by version: what an activation means can be read for ever
POLICY_KEY = "dunning_policy:"
_m = meta.c
_HELD = select(_m.key, _m.value).where(_m.key.like(bindparam("like")))
_KEYS = select(_m.key).where(_m.key.like(bindparam("like")))


def activate_profiles(ctx: Context) -> list[str]:
    """Note every profile whose version differs from the active one; answers `connection/stream` of those that moved.

    The first version of a stream is active without an input: nothing was mapped before it. The text of every version
    is kept, so that what was mapped by it can be mapped again.
    """
    wanted: dict[str, str] = {}
    texts: dict[str, str] = {}
    for name in ctx.config.connections:
        for stream, profile in ctx.profiles(name).items():
            wanted[f"{KEY}{name}/{stream}"] = profile.version
            texts[f"{TEXT_KEY}{profile.version}"] = profile.text
    with reading(ctx.engine) as conn:
        held = dict(conn.execute(_HELD, {"like": f"{KEY}%"}).all())
        kept = set(conn.execute(_KEYS, {"like": f"{TEXT_KEY}%"}).scalars())
    fresh = {key: version for key, version in wanted.items() if key not in held}
    moved = {key: version for key, version in wanted.items() if key in held and held[key] != version}
    unkept = [{"key": key, "value": text} for key, text in sorted(texts.items()) if key not in kept]
    if not fresh and not moved and not unkept:
        return []
    now = ctx.clock.now()
    with unit(ctx.engine, "apply.commit") as conn:
        if unkept:
            conn.execute(insert(meta), unkept)
        if fresh:
            conn.execute(insert(meta), [{"key": key, "value": version} for key, version in sorted(fresh.items())])
        for key, version in sorted(moved.items()):
            conn.execute(update(meta).where(meta.c.key == key).values(value=version))
            connection, _, stream = key.removeprefix(KEY).partition("/")
            body = {"connection": connection, "stream": stream, "version": version, "before": held[key]}
            append_input(conn, "activation", now, body, connection=connection, stream=stream)
    return [key.removeprefix(KEY) for key in sorted(moved)]


def pin_policies(ctx: Context) -> list[str]:
    """Put the shipped dunning policy into the log for every company that has none yet; answers those companies.

    From then on only an activation changes it: a new version of Tieout alone changes nobody's dunning.
    """
    with reading(ctx.engine) as conn:
        held = set(conn.execute(_KEYS, {"like": f"{POLICY_KEY}%"}).scalars())
    missing = [name for name in sorted(ctx.config.companies) if f"{POLICY_KEY}{name}" not in held]
    if not missing:
        return []
    text = shipped_text()
    policy = load_policy(text, SHIPPED)
    with unit(ctx.engine, "apply.commit") as conn:
        for company in missing:
            append_policy(conn, ctx.clock.now(), company, policy, text, "system")
    return missing


def append_policy(conn: Connection, now: datetime, company: str, policy: Policy, text: str, actor: str) -> int:
    """Put an activation of a dunning policy into the input log; answers its seq."""
    upsert(conn, meta, [{"key": f"{POLICY_KEY}{company}", "value": policy.version}])
    body = {"company": company, "policy": policy.name, "version": policy.version, "text": text}
    return append_input(conn, "activation", now, body, actor=actor)
