"""The message catalogue: both languages say the same things, everything said is used, every code has its word."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import get_args

import pytest

import tieout.web
from tieout.ledger.allocation import Refusal
from tieout.receivables.aging import DEFAULT_SCHEME
from tieout.store.queries import conflicts, pushes
from tieout.store.users import ROLES
from tieout.web.i18n import LANGUAGES, words_of
from tieout.web.schemas.work import ConflictState, Stream

ROOM = Path(tieout.web.__file__).parent
# Families whose keys are made from codes: `t.word("kind", row.kind)`.
WORD = re.compile(r"""\.word\("([a-z_]+)",""")
SAY = re.compile(r"""\.say\("([a-z_.0-9]+)"[,)]""")
QUOTED = re.compile(r""""([a-z_]+\.[a-zA-Z_.0-9]+)\"""")
STATE = re.compile(r"""m\.state\(t, "([a-z_]+)",""")


def _texts() -> str:
    files = [*ROOM.glob("templates/*.html"), *ROOM.rglob("*.py")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_both_languages_have_the_same_keys_and_places() -> None:
    zh, en = (words_of(language) for language in LANGUAGES)
    assert set(zh) == set(en)

    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert [key for key in zh if places(zh[key]) != places(en[key])] == []
    assert [key for key in zh if not zh[key].strip() or not en[key].strip()] == []


def test_every_key_that_is_said_exists_and_every_key_is_used() -> None:
    text = _texts()
    known = set(words_of("en"))
    said = set(SAY.findall(text))
    assert said - known == set()
    families = set(WORD.findall(text)) | set(STATE.findall(text))
    quoted = said | set(QUOTED.findall(text)) | {f"target.{kind}" for kind in ("identity", "unlinked_document")}
    unused = {key for key in known - quoted if key.split(".")[0] not in families}
    assert unused == {"time.d", "time.h", "time.m"}  # made from the unit in Speaker.span
    assert {family for family in families if not any(key.startswith(f"{family}.") for key in known)} == set()


@pytest.mark.parametrize(
    ("family", "codes"),
    [
        ("bucket", DEFAULT_SCHEME.codes),
        ("kind", conflicts.KINDS),
        ("push", pushes.STATES),
        ("role", ROLES),
        ("refusal", (*get_args(Refusal), "undone", "missing_document", "unknown_document_kind")),
        ("conflict_state", get_args(ConflictState)),
        ("stream_state", get_args(Stream.model_fields["state"].annotation)),
    ],
)
def test_every_code_has_its_word(family: str, codes: tuple[str, ...]) -> None:
    assert {f"{family}.{code}" for code in codes} <= set(words_of("zh-CN"))
