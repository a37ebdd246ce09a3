"""What the roads not taken would cost: one experiment a file, each for a decision in docs/adr.

`python -m tests.flow.alternatives [0001 …]` prints the figures; `tests/flow/test_alternatives.py` holds the findings.
"""
