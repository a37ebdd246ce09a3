"""The faults that a seed may draw, each with where it can strike: section by section what production has seen."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.core.faults import BOUNDARIES

ANY = ("any",)
NET = ("any", "read", "write", "create", "ids", "zoho", "kingdee")
WRITE = ("write", "write", "create")
CREATE = ("write", "create", "create", "create")  # the few requests that must not be repeated
_INTERNAL = ("migration.step", "channel.save")
AT = tuple(f"{side}:{name}" for name in BOUNDARIES if name not in _INTERNAL for side in ("before", "after"))
COMMITS = tuple(name for name in BOUNDARIES if name not in (*_INTERNAL, "push.send", "push.read"))
OUTSIDE = (*tuple(f"after:{name}" for name in COMMITS), "before:push.send", "after:push.send", "after:push.read")
CRASHES = tuple(f"{side} {place}" for place in ("any", "write", "create") for side in ("before", "after"))
FULL = ("rows:landing.commit",) * 8  # where rows are landed, not only where a read stands
LANE = ("lane",) * 8  # whoever has just taken the one lane stands still, and another takes it
RUSHED = ("read", "request", "write", "write", "create", "create", *("after:outbox.claim",) * 4, *LANE)


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a kind may strike and by how much; `counted` = the nth chance, `repeats` = several times in a row.

    `weight`: how often it is drawn. What has many places, or shows only when it meets something else, is drawn more.
    """

    places: tuple[str, ...] = NET
    amounts: tuple[float, ...] = (0.0,)
    counted: bool = True
    repeats: bool = True
    weight: float = 1.0


KINDS: dict[str, Shape] = {
    # the network and the vendor's front: status codes
    "http_401": Shape(repeats=False),
    "http_403": Shape(repeats=False),
    "http_404": Shape(("read",), repeats=False),
    "http_412": Shape(WRITE, repeats=False),
    "http_413": Shape(WRITE),
    "http_429_seconds": Shape(amounts=(1, 5, 20, 90, 700)),
    "http_429_date": Shape(amounts=(2, 30, 120)),
    "http_429_bare": Shape(),
    "daily_quota": Shape(("zoho",), amounts=(9_000, 50_000), repeats=False, weight=0.5),
    "http_500": Shape(),
    "http_502_html": Shape(),
    "http_503": Shape(amounts=(0, 3, 60)),
    "http_504": Shape(),
    # the line: before the vendor did anything, or after
    "connect_error": Shape(),
    "connect_timeout": Shape(),
    "pool_timeout": Shape(),
    "write_timeout": Shape(),
    "timeout_before": Shape(),
    "timeout_after": Shape(),
    "timeout_after_write": Shape(CREATE, weight=3.0),
    "reset_before": Shape(),
    "reset_after": Shape(),
    "reset_after_write": Shape(CREATE, weight=2.0),
    "late_write": Shape(CREATE, amounts=(5, 25, 55), repeats=False),  # the line broke, the vendor does it later
    "late_crash": Shape(CREATE, amounts=(5, 25, 55), repeats=False),
    # bodies
    "outage": Shape(("any", "zoho", "kingdee", "write", "ids"), amounts=(60, 900, 5_000), repeats=False),
    # deep pages of a list of ids fail for hours, its first ones do not
    "deep_outage": Shape(("later_ids",), amounts=(5_000, 12_000, 30_000), repeats=False, weight=3.0),
    "cut_body": Shape(),
    "truncated": Shape(),
    "invalid_json": Shape(),
    "html_200": Shape(),
    "empty_200": Shape(),
    "wrong_charset": Shape(),
    "bom": Shape(),
    "nan": Shape(("read",)),
    "error_in_200": Shape(),
    "partial": Shape(WRITE),
    "duplicate_page": Shape(("read",)),
    "endless_token": Shape(("zoho",)),
    "empty_page": Shape(("read",)),
    "short_page": Shape(("ids",), weight=2.0),  # a list of ids ends too early
    "stale_deletes": Shape(("came_back",), weight=3.0),  # the delete feed still names what was restored since
    "deep_json": Shape(("read",)),
    "zip_bomb": Shape(("read",), repeats=False, weight=0.3),
    "slow": Shape(amounts=(10, 45, 75, 200)),
    # tokens
    "expire_tokens": Shape(ANY),
    "token_refused": Shape(("token",), repeats=False),
    # processes and their database
    "crash": Shape(AT, repeats=False, weight=4.0),
    "horse_crash": Shape(AT, repeats=False, weight=2.0),  # the work horse alone: its job is queued again at once
    "crash_request": Shape(CRASHES, repeats=False, weight=3.0),
    "commit_lost": Shape((*COMMITS, *FULL), repeats=False, weight=4.0),
    "commit_unknown": Shape(COMMITS, repeats=False, weight=2.0),
    "disk_full": Shape(COMMITS, amounts=(0, 30, 600), repeats=False),
    "database_down": Shape(ANY, amounts=(1, 20, 90), repeats=False),
    "busy": Shape(ANY, amounts=(0, 1)),  # locked or could not serialize; deadlock
    # others act in the middle: the next steps of the plan, and with `rush` a worker that reads, applies and sends
    "interleave": Shape(
        (*OUTSIDE, "request", "request", "write"), amounts=(0, 5, 40, 70, 200), repeats=False, weight=3.0
    ),
    "rush": Shape((*OUTSIDE, *RUSHED), amounts=(0, 5, 40, 70, 200), weight=6.0),
    # the doorbell
    "redis_emptied": Shape(ANY, counted=False, repeats=False),
    "redis_down": Shape(("ring",)),
    "redis_reply_lost": Shape(("ring",)),
    # time
    "skew": Shape(("one", "two", "web"), amounts=(-45, -8, 3, 20, 50), counted=False, repeats=False, weight=3.0),
    # notifications
    "hint_lost": Shape(("hint",)),
    "hint_unstored": Shape(("hint",), weight=2.0),  # the database loses it at the commit
    "hint_twice": Shape(("hint",)),
    "hint_forged": Shape(("hint",), weight=2.0),
    "hint_other": Shape(("hint",)),  # of another channel: a token that is not ours
    "hint_stale": Shape(("hint",), repeats=False),
}
