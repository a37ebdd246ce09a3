"""One theatre for the tests of this folder: its seams into the product are taken out again at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sim.twin import Theatre
from tieout.core import faults
from tieout.store import session


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    import sync.queue

    held = session.begin, session.commit, sync.queue._enqueue
    made = Theatre()
    yield made
    made.close()
    faults.set_hook(None)
    session.begin, session.commit, sync.queue._enqueue = held
