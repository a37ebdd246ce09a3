"""Where mail goes out: one SMTP server with its credentials, checked before anything is sent."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def _sender(value: str) -> str:
    if value and "@" not in parseaddr(value)[1]:
        raise ValueError(f'{value!r} is no sender: write "Tieout <ar@example.com>"')
    return value


class Mail(BaseModel):
    """The SMTP server; `host` empty = no mail can be sent. Without TLS only this machine is spoken to."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = ""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: Annotated[str, Field(repr=False)] = ""
    sender: Annotated[str, AfterValidator(_sender)] = ""
    timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 30

    @property
    def server_port(self) -> int:
        """The port, or the usual one of the kind of connection."""
        return self.port or _PORTS[self.security]

    def problem(self, loopback: frozenset[str]) -> str:
        """Why no mail can be sent with these settings; "" = it can."""
        if not self.host:
            return "mail.host is missing."
        if not self.sender:
            return "mail.sender is missing."
        if self.security == "none" and self.host not in loopback:
            return f"mail.security: {self.host} must be spoken to over starttls or tls."
        if bool(self.username) != bool(self.password):
            return "mail.username and mail.password belong together."
        return ""
