"""Tieout keeps CRMs and accounting systems in agreement about money owed."""

__version__ = "0.1.0"
