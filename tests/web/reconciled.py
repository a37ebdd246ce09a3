"""What a reconciliation of the books and one CRM found, as it is stored."""

from __future__ import annotations

from typing import Any


def sections(*, is_valid: bool, breaks: int) -> list[dict[str, Any]]:
    """The books tie out; the CRM shows one amount that was changed by hand, said to be so many breaks."""
    total = {
        "currency": "CNY", "ledger_minor": 500_00, "counterpart_minor": 380_00, "difference_minor": 120_00,
        "breaks_minor": 120_00, "is_valid": is_valid, "is_stated": True, "text": "120.00 CNY",
    }  # fmt: skip
    found = {
        "key": "amount:AR1", "kind": "amount", "cause": "hand_edit", "stream": "invoices", "field": "",
        "number": "AR1", "ledger": "inv_none", "counterpart": "48000001", "customer_id": "", "customer": "<某>",
        "currency": "CNY", "counterpart_currency": "CNY", "on": "2026-11-01", "by_currency": {"CNY": 120_00},
        "ledger_minor": 500_00, "counterpart_minor": 380_00, "ledger_value": "overdue", "counterpart_value": "open",
        "explanation": {"code": "hand_edit", "confidence": "high", "params": {"was": "500.00"}},
        "first_seen_at": "2026-11-20T00:00:00Z", "age_days": 4, "runs": 3,
    }  # fmt: skip
    cause = {"kind": "amount", "cause": "hand_edit", "count": 1, "by_currency": {"CNY": 120_00}}
    tied = {**total, "counterpart_minor": 500_00, "difference_minor": 0, "breaks_minor": 0}
    return [
        {
            "counterpart": "kingdee", "side": "book_of_record", "is_valid": True, "invalid_reason": "",
            "ties_out": True, "break_count": 0, "totals": [tied], "not_stated": "", "causes": [], "breaks": [],
        },
        {
            "counterpart": "zoho", "side": "crm", "is_valid": is_valid, "invalid_reason": "", "ties_out": False,
            "break_count": breaks, "totals": [total], "not_stated": "no_own_sums", "causes": [cause],
            "breaks": [found],
        },
    ]  # fmt: skip
