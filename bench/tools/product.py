"""Tieout itself: `python -m bench.tools.product CONFIG migrate|pull|whole [CONNECTION]`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bench.measure import cpu_now, report


def main(config_path: str, what: str, connection: str) -> None:
    from sync.service import open_service
    from tieout.cli.vendors import vendor_settings
    from tieout.core.config import load

    config = load(Path(config_path), vendor_settings=vendor_settings)
    with open_service(config) as service:
        service.migrate()
        start, began = cpu_now(), time.perf_counter()
        if what == "migrate":
            return
        pulls = service.pull([connection])
        assert all(pull.ok for pull in pulls), [pull.as_dict() for pull in pulls]
        landed = cpu_now()
        applied = {}
        if what == "whole":
            applied = service.apply().as_dict()
            assert not applied["waiting"], applied
        rows = sum(stream.counts.rows for pull in pulls for stream in pull.streams)
        new = sum(pull.new for pull in pulls)
        report(
            start_cpu=start,
            work_wall_seconds=round(time.perf_counter() - began, 3),
            rows=rows,
            new=new,
            landing_cpu_seconds=round(landed - start, 3),
            applying_cpu_seconds=round(cpu_now() - landed, 3),
            folded=applied.get("folded", 0),
            counts=applied.get("counts", {}),
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
