"""Which unmapped values people may translate by a rule: states of CRM records, nothing that decides money."""

from __future__ import annotations

import pytest

from mapping.engine import map_record
from mapping.loader import load_profiles, restored
from mapping.profile import MappingContext
from mapping.value_rules import choices
from tieout.core import exact_json
from tieout.core.errors import MappingError

ZOHO = load_profiles("zoho_crm")
RECORD = {"id": "1", "Subject": "S", "Currency": "CNY", "Grand_Total": 5, "Status": "已作废"}


def test_the_words_of_a_state_are_those_of_its_map() -> None:
    assert choices(ZOHO["invoices"], "Status") == ("approved", "cancelled", "created", "delivered")
    assert choices(ZOHO["invoices"], "Currency") == ()
    assert choices(ZOHO["invoices"], "Grand_Total") == ()
    assert choices(ZOHO["invoices"], "Nowhere") == ()


@pytest.mark.parametrize("stream", sorted(load_profiles("kingdee")))
def test_nothing_in_the_books_is_translated_by_a_rule(stream: str) -> None:
    profile = load_profiles("kingdee")[stream]
    if profile.makes != "party":
        assert {path: choices(profile, path) for path in profile.read_paths if choices(profile, path)} == {}


def test_a_value_that_also_chooses_the_currency_is_never_translated() -> None:
    text = """
    {"vendor": "zoho_crm", "stream": "invoices", "makes": "claim",
     "let": {"state": {"path": "Status", "map": {"Created": "created"}}},
     "fields": {"external_id": "id", "kind": {"const": "invoice"}, "label": "Subject", "status": {"let": "state"},
      "currency": {"choose": [
        {"if": {"let": "state", "is": "created"}, "then": {"const": "CNY"}}, {"else": "Currency"}]}}}
    """
    assert choices(restored(text, vendor="zoho_crm", stream="invoices"), "Status") == ()


def test_a_rule_reads_just_its_value_of_its_stream() -> None:
    with pytest.raises(MappingError) as missing:
        map_record(ZOHO["invoices"], exact_json.dumps(RECORD), MappingContext("Asia/Shanghai"))
    assert (missing.value.path, missing.value.value) == ("Status", "已作废")
    rule = {("Status", "已作废"): "cancelled"}
    made = map_record(
        ZOHO["invoices"], exact_json.dumps(RECORD), MappingContext("Asia/Shanghai", ruled={"invoices": rule})
    )
    assert (made.status, made.is_active) == ("cancelled", False)  # type: ignore[union-attr]  # a claim, by its profile
    elsewhere = MappingContext("Asia/Shanghai", ruled={"deals": rule})
    with pytest.raises(MappingError):
        map_record(ZOHO["invoices"], exact_json.dumps(RECORD), elsewhere)
