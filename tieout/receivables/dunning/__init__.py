"""Dunning: a declarative policy, a work calendar, and one decision per company, customer and currency. Pure."""
