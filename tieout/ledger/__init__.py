"""The receivables ledger: double entry, open items, allocations and the checks that prove them. Pure."""
