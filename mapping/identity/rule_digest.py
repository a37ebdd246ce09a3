"""What the rules of identity were, in a few letters: stored with each decision, so that it changes with every rule."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from importlib.resources import files

# What decides nothing about who is who: how records are kept and shown, and what binds documents.
_NO_RULES = frozenset(
    "__init__.py bind.py contradictions.py kept_ids.py numbers.py packed.py parts.py remembered.py"
    " rule_digest.py".split()
)


@cache
def rule_digest() -> str:
    """Eight letters that change with every module and table that an identity decision depends on."""
    made, home = blake2b(digest_size=4), files("mapping").joinpath("identity")
    found = [*home.iterdir(), *home.joinpath("data").iterdir()]
    for path in sorted(found, key=lambda one: one.name):
        if path.name.endswith((".py", ".yaml", ".txt")) and path.name not in _NO_RULES:
            made.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return made.hexdigest()
