"""The dunning page reads what was decided: it says of every group what deciding everybody anew would say of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from sync.service import Service
from tests.flow.books import Synced
from tests.flow.harness import make_world, open_installation, standing_decisions

DAY = 86_400


def groups(service: Service) -> dict[str, str]:
    """`customer|company|currency` -> what a dry run says of it now: `send`, or why not."""
    out: dict[str, str] = {}
    for customer in {subject.split("|")[0] for kind, subject in standing_decisions(service) if kind == "reminder"}:
        shown: Any = service.dunning.preview(customer=customer)
        for one in shown["groups"]:
            out[f"{customer}|{one['company']}|{one['amount'][-3:]}"] = "send" if one["send"] else one["why_not"]
    return out


def agree(service: Service) -> dict[str, Any]:
    """The standing view, held against a dry run group by group: only messages that were decided on differ from it."""
    view = service.dunning.standing()
    anew = groups(service)
    held = {subject: value for (kind, subject), value in standing_decisions(service).items() if kind == "reminder"}
    held = {subject: value for subject, value in held.items() if value not in ("settled", "withdrawn")}
    assert set(held) == set(anew)
    for subject, value in held.items():
        if value == "send":  # it went out or waits: nobody is written to twice
            assert anew[subject] in ("cooldown", "already_sent", "waiting", "day_off"), subject
        else:
            assert anew[subject] == value, subject
    assert view["undecided"] == {"due": 0, "waiting": 0}
    assert view["count"] + sum(view["totals"]["silent"].values()) == len(anew)
    silent = Counter("already_sent" if value == "send" else value for value in held.values())
    assert not Counter(view["totals"]["silent"]) - silent
    return view


def test_what_was_decided_is_shown_and_is_what_a_dry_run_says(synced: Synced) -> None:
    world, service = synced
    with service:
        view = agree(service)
        assert view["count"] > 3
        assert {one["state"] for one in view["messages"]} == {"done"}
        amounts = [one["amount_minor"] for one in view["messages"]]
        assert amounts == sorted(amounts, reverse=True)
        assert sum(row["messages"] for row in view["totals"]["send"].values()) == view["count"]
        world.clock.advance(DAY)
        assert service.sync().ok
        later = agree(service)
        assert later["count"] < view["count"]  # what went out yesterday is no news
        assert later["totals"]["silent"]["already_sent"] > 0
        world.clock.advance(9 * DAY)
        assert service.dunning.standing()["undecided"]["due"] > 0  # the day has come, and nobody has decided
        assert service.sync().ok
        agree(service)


def test_messages_that_wait_stay_on_the_page_until_they_leave(tmp_path: Path, engine_url: str) -> None:
    world = make_world(24, 80)
    with open_installation(tmp_path, world, engine_url, push_mode="plan") as service:
        assert service.sync().ok
        first = service.dunning.standing()["messages"]
        world.clock.advance(12 * DAY)
        assert service.sync().ok
        view = service.dunning.standing()
        waits = {(one["customer"], one["currency"]) for one in view["messages"]}
        assert {(one["customer"], one["currency"]) for one in first} == waits
        assert {one["state"] for one in view["messages"]} == {"planned"}
        assert service.dunning.preview()["totals"]["silent"]["waiting"] == len(waits)
        assert "waiting" not in view["totals"]["silent"]
        service.push(service.plan().digest)
        assert not service.dunning.standing()["messages"]
