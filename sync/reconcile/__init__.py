"""Reconciliation: the ledger against the book of record's own totals and against what each CRM shows."""

from sync.reconcile.run import run_reconcile
from sync.reconcile.view import ReconcileView

__all__ = ["ReconcileView", "run_reconcile"]
