"""Lines of the log: what is in them, where they go, and that no secret or address is, however deep it lies."""

from __future__ import annotations

import io
import json
import logging as standard
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog

from tieout.core import logging

R = "[redacted]"


@pytest.fixture(autouse=True)
def again() -> Iterator[None]:
    yield
    structlog.contextvars.clear_contextvars()
    logging.configure()


def line(sink: io.StringIO) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sink.getvalue())
    return found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a Bearer abc.def-1 b", f"a {R} b"),
        ("a bearer  abc b", f"a {R} b"),
        ("Zoho-oauthtoken abc b", f"{R} b"),
        ("got eyJhbGci.eyJz-_.s5dH1 here", f"got {R} here"),
        ("1000.8cb99d01.9b8f0123 x", f"{R} x"),
        ("1000.8CB99D01.9B8F0123 x", f"{R} x"),
        ("to a.b+c@x-y.example.com now", f"to {R} now"),
        ("tok_0123456789abcdef x", f"{R} x"),
        ("to_0123456789ab-def x", f"{R} x"),
        ("tok_0123456789abcde is short", "tok_0123456789abcde is short"),
        ("1000.50.25 CNY of 11000.8cb99d01.9b8f0123", "1000.50.25 CNY of 11000.8cb99d01.9b8f0123"),
        ("a bearer", "a bearer"),
        ("中文\ttab\nline", "中文\ttab\nline"),
        ("\x00\x08\x0b\x0c\x0e\x1f\x7f", "\\x00\\x08\\x0b\\x0c\\x0e\\x1f\\x7f"),
    ],
)
def test_what_looks_like_a_secret_or_an_address_is_taken_out_and_the_rest_stays(text: str, shown: str) -> None:
    assert logging.redact(text) == shown


@pytest.mark.parametrize(
    "key",
    [
        "token", "refresh_token", "client_secret", "PASSWORD", "passwd", "Authorization", "set-cookie", "api_key",
        "api-key", "apikey", "refresh", "sign", "signature", "x_signature", "session_id",
    ],
)  # fmt: skip
def test_what_stands_under_the_name_of_a_secret_is_taken_out_however_deep(key: str) -> None:
    sink = io.StringIO()
    logging.configure(json_lines=True, stream=sink)
    logging.get("x").info("e", **{key: "canary"}, body={"rows": [{key: {"a": "canary"}, "kept": 1}]}, pair=({key: 7},))
    found = line(sink)
    assert "canary" not in sink.getvalue()
    assert (found[key], found["body"], found["pair"]) == (R, {"rows": [{key: R, "kept": 1}]}, [{key: R}])


def test_names_that_only_contain_a_signs_name_are_kept_and_texts_inside_are_looked_at() -> None:
    sink = io.StringIO()
    logging.configure(json_lines=True, stream=sink)
    logging.get("x").info("seen by a@example.com", signed_on="2026-11-01", body={"to": ["a@example.com", 7, None]})
    found = line(sink)
    assert (found["event"], found["signed_on"], found["body"]) == (f"seen by {R}", "2026-11-01", {"to": [R, 7, None]})


def test_a_line_has_its_level_its_instant_in_utc_its_room_and_what_was_bound() -> None:
    sink = io.StringIO()
    logging.configure(json_lines=True, stream=sink)
    structlog.contextvars.bind_contextvars(run="run_1")
    logging.get("web").warning("went", rows=2)
    found = line(sink)
    assert {key: found[key] for key in ("event", "level", "room", "run", "rows")} == {
        "event": "went", "level": "warning", "room": "web", "run": "run_1", "rows": 2
    }  # fmt: skip
    assert found["timestamp"].endswith("Z")
    assert datetime.fromisoformat(found["timestamp"]).utcoffset() is not None


def test_an_error_is_told_with_its_trace_and_without_its_secrets() -> None:
    sink = io.StringIO()
    logging.configure(json_lines=True, stream=sink)
    try:
        raise ValueError("refused for a@example.com")
    except ValueError:
        logging.get("web").exception("failed")
    found = line(sink)
    assert found["exception"].endswith(f"ValueError: refused for {R}")
    assert "Traceback" in found["exception"]


def test_the_level_says_what_is_told_by_us_and_by_libraries() -> None:
    sink = io.StringIO()
    logging.configure(json_lines=True, level="WARNING", stream=sink)
    logging.get("web").info("quiet")
    standard.getLogger("library").info("quiet")
    assert sink.getvalue() == ""
    standard.getLogger("library").warning("%s", "told as it is")
    assert sink.getvalue() == "told as it is\n"
    logging.configure(level="DEBUG", stream=sink)
    logging.get("web").debug("heard")
    assert "heard" in sink.getvalue()


@pytest.mark.parametrize("name", ["httpx", "httpcore", "rq.worker", "uvicorn.access", "alembic"])
def test_libraries_that_tell_every_step_are_told_to_warn_only(name: str) -> None:
    sink = io.StringIO()
    standard.getLogger(name).setLevel(standard.NOTSET)
    logging.configure(stream=sink)
    standard.getLogger(name).info("GET https://a.example.com")
    assert sink.getvalue() == ""
    standard.getLogger(name).warning("slow")
    assert sink.getvalue() == "slow\n"


def test_lines_for_people_have_no_colours_and_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure()
    logging.get("web").info("went", rows=2)
    out, told = capsys.readouterr()
    assert out == ""
    assert "went" in told
    assert "rows=2" in told
    assert "\x1b" not in told


def test_a_logger_made_before_the_settings_follows_them() -> None:
    early, sink = logging.get("web"), io.StringIO()
    early.info("before")
    logging.configure(json_lines=True, stream=sink)
    early.info("after")
    assert line(sink)["event"] == "after"
