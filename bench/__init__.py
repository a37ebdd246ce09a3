"""Figures beside other tools: `make bench`. Not part of the product."""
