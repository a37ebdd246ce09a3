"""The chart of accounts: few codes, each with a Chinese and an English name and a PRC code as a hint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tieout.core.errors import LedgerError

AR = "ar"
UNAPPLIED_CASH = "unapplied_cash"
REVENUE = "revenue"
OUTPUT_TAX = "output_tax"
TAX_UNSTATED = "tax_unstated"
BANK = "bank"
OPENING = "opening"
REFUND_CLEARING = "refund_clearing"

Side = Literal["debit", "credit"]


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    """One account of the chart; `prc_hint` is the usual code under PRC accounting standards, never a rule."""

    code: str
    zh: str
    en: str
    prc_hint: str
    normal_side: Side


CHART: tuple[LedgerAccount, ...] = (
    LedgerAccount(AR, "应收账款", "Accounts receivable", "1122", "debit"),
    LedgerAccount(UNAPPLIED_CASH, "未核销收款", "Unapplied cash", "1122 (contra)", "credit"),
    LedgerAccount(REVENUE, "主营业务收入", "Revenue", "6001", "credit"),
    LedgerAccount(OUTPUT_TAX, "应交税费—销项税额", "Output tax", "2221", "credit"),
    LedgerAccount(TAX_UNSTATED, "含税收入（税额未注明）", "Billing with tax not stated", "6001/2221", "credit"),
    LedgerAccount(BANK, "银行存款", "Bank", "1002", "debit"),
    LedgerAccount(OPENING, "期初余额", "Opening balance", "期初", "credit"),
    LedgerAccount(REFUND_CLEARING, "退款清算", "Refund clearing", "2241", "credit"),
)
_BY_CODE = {account.code: account for account in CHART}

# The two accounts whose sum is what a customer owes: open items less unapplied cash (design, promise 3).
CUSTOMER_CODES = frozenset({AR, UNAPPLIED_CASH})


def account(code: str) -> LedgerAccount:
    """The account of a code; an unknown code raises LedgerError."""
    try:
        return _BY_CODE[code]
    except KeyError:
        raise LedgerError(f"unknown ledger account {code!r}", code="unknown_account") from None
