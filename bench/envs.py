"""Environments of their own for the tools that are compared, from wheels with pinned versions."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

PINS = {
    "dlt": ("dlt[postgres,sqlalchemy]==1.31.0", "sqlalchemy==2.1.9"),
    "splink": ("splink==5.0.0", "duckdb==2.0.1", "pyarrow==26.0.1", "sqlglot==30.30.0"),
    "singer": ("singer-sdk==0.54.9", "psycopg[binary]==3.3.9", "requests==2.34.2"),
}


def python_of(folder: Path, name: str) -> str:
    """The interpreter of a tool's environment; made at the first use, kept between runs."""
    home = folder / "envs" / name
    python = home / "bin" / "python"
    stamp = home / "pins"
    wanted = "\n".join(PINS[name])
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"Installing {name} into {home} (once) …", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "--only-binary", ":all:", *PINS[name]], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return str(python)
