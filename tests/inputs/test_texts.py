"""Texts that people write: configuration, mapping profiles, dunning policies, message texts, cron strings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import check_settings
from mapping.loader import load_profiles, restored, vendors
from mapping.message_words import LANGUAGES, STARTS, source_of
from mapping.template_check import check_template
from tests.inputs.corpus import guarded, kept
from tests.inputs.damage import texts
from tieout.core.config import parse
from tieout.core.cron import Cron
from tieout.receivables.dunning.policy_file import load_policy, shipped_text

ROOT = Path(__file__).parents[2]
_NAMES = re.findall(r"env:([A-Z_]+)", (ROOT / "tieout.example.toml").read_text(encoding="utf-8"))
_ENVIRON = dict.fromkeys(_NAMES, "a-value-of-32-characters-or-more-0")


def _config(text: str) -> Any:
    return parse(text, Path("/etc/tieout/tieout.toml"), environ=_ENVIRON, vendor_settings=check_settings)


def _profile(text: str) -> Any:
    return restored(text, vendor="kingdee", stream="invoices")


def _policy(text: str) -> Any:
    return load_policy(text, "own.yaml")


def _message(text: str) -> Any:
    return check_template(text, "own", limit=30_000)


READERS: Mapping[str, tuple[Callable[[str], Any], Sequence[str]]] = {
    "config": (_config, [(ROOT / "tieout.example.toml").read_text(encoding="utf-8")]),
    "profile": (
        _profile,
        [files("mapping").joinpath("profiles", "kingdee", "invoices.yaml").read_text(encoding="utf-8")],
    ),
    "policy": (_policy, [shipped_text()]),
    "message": (_message, [source_of(name, language) for name in STARTS for language in LANGUAGES]),
    "cron": (Cron.parse, ["0 7 * * *", "*/15 8-18 * * MON-FRI", "0 0 29 2 *", "5,35 1-23/2 1,15 JAN,JUL 0", "@daily"]),
}


@pytest.mark.parametrize("name", READERS)
def test_what_is_damaged_here_was_good(name: str) -> None:
    read, good = READERS[name]
    for text in good:
        read(text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in READERS for text in kept(name)])
def test_what_once_broke_a_reader_is_read_or_refused(name: str, text: str) -> None:
    guarded(name, text, lambda: READERS[name][0](text))


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_a_damaged_text_is_read_or_refused_with_words(name: str, data: st.DataObject) -> None:
    read, good = READERS[name]
    text = data.draw(texts(good))
    guarded(name, text, lambda: read(text))


@pytest.mark.parametrize("name", READERS)
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused_with_words(name: str, text: str) -> None:
    guarded(name, text, lambda: READERS[name][0](text))


@pytest.mark.parametrize("vendor", vendors())
def test_every_shipped_profile_is_read_again_from_its_own_text(vendor: str) -> None:
    for stream, profile in load_profiles(vendor).items():
        assert restored(profile.text, vendor=vendor, stream=stream).version == profile.version
