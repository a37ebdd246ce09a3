"""Loopback sockets for the sandbox: the wished port, or the next free one."""

from __future__ import annotations

import errno
import socket

HOST = "127.0.0.1"
_TRIES = 50


def listen(port: int) -> socket.socket:
    """A bound socket on 127.0.0.1: the port, else one of the next 50, else any; 0 means any."""
    for wished in range(port, min(port + _TRIES, 65536)) if port else ():
        sock = _bind(wished)
        if sock is not None:
            return sock
    sock = _bind(0)
    if sock is None:
        raise OSError(errno.EADDRINUSE, "no free port on 127.0.0.1")
    return sock


def _bind(port: int) -> socket.socket | None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # for its connections: asyncio would not set it
    try:
        sock.bind((HOST, port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return None
        raise
    return sock


def url_of(sock: socket.socket) -> str:
    """The address of a bound socket."""
    return f"http://{HOST}:{sock.getsockname()[1]}"
