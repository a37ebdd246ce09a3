"""The wanted port, or the next free one."""

from __future__ import annotations

import socket

import pytest

from tieout.core.errors import TieoutError
from tieout.runtime.ports import listen, port_of


def test_a_taken_port_gives_the_next_free_one() -> None:
    with listen("127.0.0.1", 0) as first:
        port = port_of(first)
        with listen("127.0.0.1", port) as second:
            assert port < port_of(second) < port + 50
            with socket.create_connection(("127.0.0.1", port_of(second)), timeout=2):
                accepted, _ = second.accept()
                # Else an answer whose head and body are written apart waits for the caller's acknowledgement.
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                accepted.close()


def test_no_free_port_is_one_clear_line() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(TieoutError, match="no port between") as caught:
        listen("127.0.0.1", port_of(first), tries=1)
    assert "--port" in caught.value.hint


def test_an_address_that_is_not_ours_is_said_at_once() -> None:
    with pytest.raises(TieoutError, match=r"cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0)
