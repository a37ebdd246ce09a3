"""The rooms that are mutated, and the tests that have to notice: pure code with tests of its own, no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ROOMS: Mapping[str, Sequence[str]] = {
    "core": ("tieout/core/*",),
    "ledger": ("tieout/ledger/*",),
    "mapping": ("mapping/*",),
    "receivables": ("tieout/receivables/*",),
}
TESTS = ("tests/core", "tests/ledger", "tests/mapping", "tests/receivables")
# Declarations of what others do; there is nothing in them that could go wrong at run time.
NOT_MUTATED = ("tieout/core/ports.py",)
# Tests that look words up in the text of the code: in a changed copy they say nothing about what it does.
READ_THE_CODE = ("tests/mapping/test_credit_words.py::test_every_code_of_the_credit_rules_has_words_in_both_languages",)
