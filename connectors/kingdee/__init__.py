"""Kingdee K3Cloud (金蝶云·星空) WebAPI."""
