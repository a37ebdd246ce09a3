"""Listening sockets: the wanted port, or the next free one."""

from __future__ import annotations

import errno
import socket

from tieout.core.errors import TieoutError

TRIES = 50


def listen(host: str, port: int, *, tries: int = TRIES) -> socket.socket:
    """A socket listening on the port or on the first free one after it; port 0 takes any.

    The socket itself is handed to the server, so that nobody can take the port between looking and binding, and a
    restarted server loses no connection. The caller reads the port from `getsockname()`.
    """
    last = port if port == 0 else min(port + tries - 1, 65535)
    for candidate in range(port, last + 1):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. asyncio would not set it for them: an answer whose head and body are written apart
        # waited 40 ms for the caller's acknowledgement.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock.bind((host, candidate))
            sock.listen(512)
        except OSError as error:
            sock.close()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                continue
            raise TieoutError(f"cannot listen on {host}:{candidate}: {error.strerror}.", code="port") from None
        return sock
    raise TieoutError(
        f"no port between {port} and {last} is free on {host}.", hint="Choose another with --port.", code="port"
    )


def port_of(sock: socket.socket) -> int:
    """The port a socket is bound to."""
    return int(sock.getsockname()[1])
