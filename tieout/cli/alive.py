"""`python -m tieout.cli.alive fast|bulk|scheduler`: the health check of a container that answers no requests.

Ends with 0 if the process shows a sign of life, else with 1 and a line that says why.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from sync.alive import SCHEDULER, scheduler_lives, worker_lives
from tieout.core.clock import SystemClock
from tieout.core.config import load
from tieout.core.errors import TieoutError

QUEUES = ("fast", "bulk")


def why_not(name: str) -> str:
    """What is wrong with the scheduler or the worker of a queue on this host; "" if it lives."""
    try:
        config = load()
        if name == SCHEDULER:
            lives = scheduler_lives(config.database_url, SystemClock().now())
        else:
            lives = worker_lives(config.redis_url, name, socket.gethostname())
    except (TieoutError, RedisError, SQLAlchemyError) as error:
        return str(error).splitlines()[0]
    return "" if lives else f"{name} shows no sign of life"


def main(argv: Sequence[str]) -> int:
    """The exit code; 2 = called wrongly."""
    if len(argv) != 1 or argv[0] not in (*QUEUES, SCHEDULER):
        print(f"name one of {', '.join((*QUEUES, SCHEDULER))}", file=sys.stderr)
        return 2
    words = why_not(argv[0])
    if words:
        print(words, file=sys.stderr)
    return 1 if words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
