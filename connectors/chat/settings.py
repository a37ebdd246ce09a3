"""The keys of a `wecom`, `dingtalk` or `feishu` connection: one group robot each."""

from __future__ import annotations

from pydantic import Field

from connectors.settings import ConnectionSettings, Limits


class ChatSettings(ConnectionSettings):
    """A group robot: its key (or token) as the vendor shows it, and the signing secret where one was set.

    20 messages a minute is the limit WeCom and DingTalk publish for one robot.
    """

    key: str = Field(min_length=1)
    secret: str = ""
    base_url: str = ""
    timeout_seconds: float = Field(20.0, gt=0, le=600)
    messages_per_minute: int = Field(20, ge=1, le=1000)

    def limits(self) -> Limits:
        return Limits(60, self.messages_per_minute, 1, 1, 10, 600)
