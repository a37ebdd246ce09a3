"""Decisions about money owed: payment status, aging, exposure, credit, reminders, reconciliation. Pure."""
