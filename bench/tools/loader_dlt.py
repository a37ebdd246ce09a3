"""The same source through dlt, as its guide shows: a merged resource with an incremental cursor.

Run by the environment that holds dlt: `python -m bench.tools.loader_dlt SOURCE DATABASE SIZE FOLDER`
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from bench.measure import cpu_now, report


def main(source: str, database: str, size: int, folder: str) -> None:
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")
    import dlt
    from dlt.sources.helpers import requests

    count = 0

    @dlt.resource(name="invoices", primary_key="id", write_disposition="merge")
    def invoices(
        since: Any = dlt.sources.incremental("Modified_Time", initial_value="2020-01-01T00:00:00+00:00"),  # noqa: B008 - how dlt is told
    ) -> Iterator[list[dict[str, Any]]]:
        nonlocal count
        page = 1
        params = {"size": str(size)}
        if since.last_value != since.initial_value or since.start_value != since.initial_value:
            params["since"] = since.start_value
        while True:
            answer = requests.get(f"{source}/rows", params={**params, "page": str(page)}).json()
            count += len(answer["rows"])
            yield answer["rows"]
            if not answer["more"]:
                return
            page += 1

    if database.startswith("postgres"):
        parts = urlsplit(database.replace("+psycopg", ""))
        user = parts.netloc.partition("@")[0]
        if ":" not in user:  # dlt insists on a password; a server that trusts us does not look at it
            parts = parts._replace(netloc=parts.netloc.replace(user, f"{user}:none", 1))
        destination: Any = dlt.destinations.postgres(parts.geturl())
    else:
        destination = dlt.destinations.sqlalchemy(f"sqlite:///{database}")
    pipeline = dlt.pipeline("bench", destination=destination, dataset_name="bench_dlt", pipelines_dir=folder)
    start = cpu_now()
    pipeline.run(invoices())
    report(start_cpu=start, rows=count)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
