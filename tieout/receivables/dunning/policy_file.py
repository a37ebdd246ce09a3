"""Dunning policies as YAML: the shipped one or a user's, checked with the file and line of the first mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from functools import cache
from importlib.resources import files
from typing import Any, Literal, cast

from mapping.message_words import NAMES as NAMES_OF_TEMPLATES
from mapping.yaml_lines import Item, ProfileError, parse
from tieout.core import exact_json
from tieout.core.dates import DateError, parse_on
from tieout.core.errors import ConfigError
from tieout.core.money import MoneyError, is_currency
from tieout.core.typed_money import typed_minor
from tieout.receivables.dunning.calendar import FESTIVALS, NAMES, Span
from tieout.receivables.dunning.policy import CHANNELS, TONES, ChannelName, Policy, Step

# Part of every version: raised when the same file is read differently.
READER_VERSION = 1
SHIPPED = "standard.yaml"
SIZE_LIMIT = 64 * 1024
_TOP = (
    "policy", "label", "calendar", "days_off", "workdays", "quiet", "any_day", "send_window", "grace_days",
    "first_time_late_extra_grace", "cooldown_days", "max_per_month", "promise_tolerance_days", "plan_grace_days",
    "pay_by_days", "min_amount", "steps",
)  # fmt: skip
_STEP = (
    "id", "offset", "level", "channel", "fallback", "tone", "template", "approve", "pay_within", "min_amount",
)  # fmt: skip
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,15}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_WINDOW = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


class PolicyError(ConfigError):
    """A dunning policy cannot be used; the message names file, line and what is wrong."""

    code = "policy"


@cache
def shipped_text() -> str:
    """The policy Tieout ships, as text."""
    return (files("tieout.receivables.dunning") / "policies" / SHIPPED).read_text(encoding="utf-8")


def load_policy(text: str, origin: str) -> Policy:
    """The policy of a YAML text; PolicyError names `origin`, the line and what to do."""
    if len(text) > SIZE_LIMIT:
        raise PolicyError(f"{origin}: a policy has at most {SIZE_LIMIT // 1024} KiB")
    try:
        return _policy(parse(text, origin))
    except ProfileError as error:
        raise PolicyError(error.message, hint=error.hint) from None


def _policy(document: Item) -> Policy:
    top = document.mapping()
    _known(top, _TOP)
    steps = _steps(_needed(document, top, "steps"))
    plain = document.plain()
    name = _needed(document, top, "policy").text()
    if not _NAME.fullmatch(name):
        raise top["policy"].error("a policy's name is made of small letters, digits, - and _ (at most 40)")
    calendar = top["calendar"].text() if "calendar" in top else "company"
    if calendar not in (*NAMES, "company"):
        raise top["calendar"].error(
            f"there is no calendar {calendar!r}",
            hint=f"Known: company, {', '.join(NAMES)}; other days off are listed under days_off.",
        )
    return Policy(
        name=name,
        version=exact_json.digest([READER_VERSION, plain])[:12],
        steps=steps,
        calendar=calendar,
        days_off=_list(top, "days_off", _day),
        workdays=_list(top, "workdays", _day),
        quiet=_list(top, "quiet", _quiet),
        any_day=top["any_day"].flag() if "any_day" in top else False,
        window=_window(top["send_window"]) if "send_window" in top else None,
        grace_days=_whole(top, "grace_days", 0, 90),
        first_time_late_extra_grace=_whole(top, "first_time_late_extra_grace", 0, 90),
        cooldown_days=_whole(top, "cooldown_days", 5, 90),
        max_per_month=_whole(top, "max_per_month", 0, 31),
        promise_tolerance_days=_whole(top, "promise_tolerance_days", 2, 60),
        plan_grace_days=_whole(top, "plan_grace_days", 3, 60),
        pay_by_days=_whole(top, "pay_by_days", 14, 120),
        min_amount_minor=_amounts(top.get("min_amount")),
        label=top["label"].text() if "label" in top else "",
    )


def _steps(listed: Item) -> Sequence[Step]:
    out: list[Step] = []
    for item in listed.items():
        step = _step(item)
        if any(step.id == before.id for before in out):
            raise item.error(f"step {step.id!r} stands twice")
        if out and step.offset <= out[-1].offset:
            raise item.error(f"step {step.id} must lie after {out[-1].id}: steps stand in the order of their offsets")
        if out and step.level < out[-1].level:
            raise item.error(f"step {step.id} must not have a lower level than {out[-1].id}")
        out.append(step)
    if not out:
        raise listed.error("a policy needs at least one step")
    return tuple(out)


def _step(item: Item) -> Step:
    given = item.mapping()
    _known(given, _STEP)
    step_id = _needed(item, given, "id").text()
    if not _ID.fullmatch(step_id):
        raise given["id"].error("a step's id is made of letters, digits, - and _ (at most 16)")
    offset, level = _number(_needed(item, given, "offset"), -365, 3650), _number(_needed(item, given, "level"), 0, 9)
    if level > 0 and offset < 1:
        raise given["level"].error("a step on or before the due date has level 0: nothing is overdue yet")
    tone = given["tone"].text() if "tone" in given else ("courtesy" if level == 0 else "friendly")
    if tone not in TONES:
        raise given["tone"].error(f"there is no tone {tone!r}", hint="Known: " + ", ".join(TONES) + ".")
    template = given["template"].text() if "template" in given else ""
    if template and template not in NAMES_OF_TEMPLATES:
        raise given["template"].error(
            f"there is no template {template!r}", hint="Known: " + ", ".join(NAMES_OF_TEMPLATES) + "."
        )
    return Step(
        id=step_id,
        offset=offset,
        level=level,
        channels=_channels(_needed(item, given, "channel")),
        fallback=_channels(given["fallback"]) if "fallback" in given else (),
        tone=tone,
        template=template,
        approve=given["approve"].flag() if "approve" in given else False,
        pay_within=_whole(given, "pay_within", 0, 120),
        min_amount_minor=_amounts(given.get("min_amount")),
    )


def _channels(item: Item) -> Sequence[ChannelName]:
    names = [one.text() for one in item.items()] if isinstance(item.value, list) else [item.text()]
    for name in names:
        if name not in CHANNELS:
            raise item.error(f"there is no channel {name!r}", hint="Known: " + ", ".join(CHANNELS) + ".")
    if not names or len(set(names)) != len(names):
        raise item.error("name each channel once, and at least one")
    return tuple(cast("list[Literal['crm_task']]", names))


def _known(given: Mapping[str, Item], names: Sequence[str]) -> None:
    for key, item in given.items():
        if key not in names:
            raise item.error(f"there is no key {key!r}", hint="Known: " + ", ".join(names) + ".")


def _needed(parent: Item, given: Mapping[str, Item], key: str) -> Item:
    if key not in given:
        raise parent.error(f"the key {key!r} is missing")
    return given[key]


def _number(item: Item, low: int, high: int) -> int:
    if type(item.value) is not int or not low <= item.value <= high:
        raise item.error(f"expected a whole number from {low} to {high}, got {item.plain()!r}")
    return item.value


def _whole(given: Mapping[str, Item], key: str, default: int, high: int) -> int:
    return _number(given[key], 0, high) if key in given else default


def _amounts(item: Item | None) -> Mapping[str, int]:
    """Amounts in major units per currency, as minor units."""
    out: dict[str, int] = {}
    for code, amount in item.mapping().items() if item is not None else ():
        if not is_currency(code):
            raise amount.error(f"{code!r} is not a currency code of ISO 4217")
        if str(amount.value).startswith("-"):
            raise amount.error("a minimum is not negative")
        try:
            out[code] = typed_minor(str(amount.value), code)
        except MoneyError as error:
            raise amount.error(f"{error.message}. {error.hint}") from None
    return out


def _list(given: Mapping[str, Item], key: str, read: Callable[[Item], Any]) -> tuple[Any, ...]:
    return tuple(read(one) for one in given[key].items()) if key in given else ()


def _day(item: Item) -> date:
    try:
        return parse_on(item.text())
    except DateError as error:
        raise item.error(error.message) from None


def _quiet(item: Item) -> Span | str:
    if isinstance(item.value, str):
        if item.value not in FESTIVALS:
            raise item.error(
                f"there is no festival {item.value!r}",
                hint=f"Known: {', '.join(FESTIVALS)}; or write {{from: 2027-02-01, to: 2027-02-20}}.",
            )
        return item.value
    given = item.mapping()
    _known(given, ("from", "to"))
    span = Span(_day(_needed(item, given, "from")), _day(_needed(item, given, "to")))
    if span.to_on < span.from_on:
        raise item.error("a quiet span must not end before it begins")
    if (span.to_on - span.from_on).days >= 45:  # both ends are quiet
        raise item.error("a quiet span has at most 45 days")
    return span


def _window(item: Item) -> tuple[time, time]:
    found = _WINDOW.fullmatch(item.text())
    try:
        if found is None:
            raise ValueError
        hours = [int(part) for part in found.groups()]
        window = time(hours[0], hours[1]), time(hours[2], hours[3])
    except ValueError:
        raise item.error('write a window as "09:30-17:30"') from None
    if window[0] >= window[1]:
        raise item.error("a window must begin before it ends")
    return window
