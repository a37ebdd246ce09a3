"""A worker of the fast queue that says how much of its CPU went into jobs: `python -m bench.tools.worker FILE`.

Counted from the start of its first job to the end of its last; the rest of that is RQ's: taking jobs, leases,
heartbeats. Nothing else is changed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import sync.jobs
import worker
from tieout.cli.options import load_config


def main(out: Path) -> None:
    config = load_config(None)
    spent = {"jobs": 0, "job_cpu": 0.0, "work_cpu": 0.0}
    first: list[float] = []
    real = sync.jobs.run

    def counted(name: str, turn: int = 0) -> None:
        before = time.process_time()
        first.append(before)
        try:
            real(name, turn)
        finally:
            ended = time.process_time()
            spent["jobs"] += 1
            spent["job_cpu"] += ended - before
            spent["work_cpu"] = ended - first[0]

    sync.jobs.run = counted
    try:
        worker.main("fast", config)
    finally:
        out.write_text(json.dumps(spent), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
