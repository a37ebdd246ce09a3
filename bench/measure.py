"""Runs a command and says what it cost: CPU seconds of its whole process tree, wall seconds, peak memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULT = "RESULT "


@dataclass(frozen=True)
class Cost:
    """What one command used. `start_cpu` (import, connect) is part of `cpu`; memory in MB is the largest process'."""

    cpu: float
    wall: float
    memory_mb: float
    start_cpu: float
    result: dict[str, Any]

    @property
    def work_cpu(self) -> float:
        return max(self.cpu - self.start_cpu, 0.0)

    def as_dict(self) -> dict[str, Any]:
        return {
            "cpu_seconds": round(self.cpu, 3),
            "work_cpu_seconds": round(self.work_cpu, 3),
            "start_cpu_seconds": round(self.start_cpu, 3),
            "wall_seconds": round(self.wall, 3),
            "peak_memory_mb": round(self.memory_mb, 1),
            **self.result,
        }


def environment() -> dict[str, str]:
    """Ours, with compiled modules kept: a start that compiles everything again measures the compiler."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(ROOT / "var" / "bench" / "bytecode")}


def run(argv: Sequence[str], *, env: dict[str, str] | None = None, cwd: Path = ROOT) -> Cost:
    """Run to the end. The command may print `RESULT {json}`; `start_cpu` in it is the cost before work began."""
    began = time.perf_counter()
    process = subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=environment() | (env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    out = process.stdout.read()
    errors = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(argv)}: exit {process.returncode}\n{errors[-3000:]}\n{out[-2000:]}")
    found = [line[len(RESULT) :] for line in out.splitlines() if line.startswith(RESULT)]
    result = json.loads(found[-1]) if found else {}
    return Cost(
        cpu=used.ru_utime + used.ru_stime,
        wall=wall,
        memory_mb=used.ru_maxrss / 1024,
        start_cpu=float(result.pop("start_cpu", 0.0)),
        result=result,
    )


def cpu_now() -> float:
    """CPU seconds this process and its finished children have used."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def report(**values: Any) -> None:
    """Tell the parent."""
    print(RESULT + json.dumps(values), flush=True)


def tree_cpu(pid: int) -> float:
    """CPU seconds of a living process, its living descendants and the children they have waited for (Linux)."""
    tick = os.sysconf("SC_CLK_TCK")
    table: dict[int, tuple[int, int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = Path(f"/proc/{name}/stat").read_text(encoding="ascii", errors="replace").rpartition(") ")[2]
            except OSError:
                continue
            cells = fields.split()
            table[int(name)] = (int(cells[1]), sum(int(cell) for cell in cells[11:15]))
    wanted, total = {pid}, 0
    grown = True
    while grown:
        grown = False
        for one, (parent, _) in table.items():
            if parent in wanted and one not in wanted:
                wanted.add(one)
                grown = True
    for one in wanted:
        total += table.get(one, (0, 0))[1]
    return total / tick


class Server:
    """The static source as a process of its own; each answer comes `delay_ms` late."""

    def __init__(self, rows: int, delay_ms: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.server", str(rows), str(delay_ms)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
