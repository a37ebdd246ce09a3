"""Faithful local servers of each vendor, for the demo and the tests; they stand on tieout.core alone."""
