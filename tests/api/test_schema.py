"""Every route of the API under generated requests, right and wrong ones, held against its own description.

All checks of schemathesis, with two exceptions. A body that fits the description may still be refused here
(`positive_data_acceptance`): JSON Schema takes 41.0 for an integer and AAA for a currency, and money does not. And
`/readyz` answers 503 on purpose while something is missing.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks

load_all_checks()
EXAMPLES = 8
_GENERATED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


def _not_for(path: str) -> list[Any]:
    names = ["positive_data_acceptance", *(["not_a_server_error"] if path == "/readyz" else [])]
    return CHECKS.get_by_names(names)


def _broken(operation: Any) -> str:
    """What a route does that its description does not say; empty when nothing."""

    @_GENERATED
    @given(case=operation.as_strategy())
    def holds(case: schemathesis.Case) -> None:
        case.call_and_validate(excluded_checks=_not_for(operation.path))

    try:
        holds()
    except BaseExceptionGroup as found:
        return " | ".join(str(one) for one in found.exceptions)
    return ""


@pytest.mark.timeout(900)
def test_every_route_keeps_its_description(api_schema: Any) -> None:
    operations = [found.ok() for found in api_schema.get_all_operations()]
    assert len(operations) > 50
    assert {one.label: why for one in operations if (why := _broken(one))} == {}


def test_the_checks_that_are_left_out_exist_and_the_rest_is_run() -> None:
    names = set(CHECKS.get_all_names())
    assert {"positive_data_acceptance", "not_a_server_error"} <= names
    assert names >= {
        "status_code_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "ignored_auth",
    }
