"""Message texts of users: where one is used, what it says, what a message made from it would be."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tieout.web.schemas.base import Id, In, Name, Out, Query
from tieout.web.schemas.work import AnswerText

Language = Literal["zh-CN", "en"]
Slot = Annotated[
    str,
    Field(
        pattern="^(step|level|text):[A-Za-z0-9][A-Za-z0-9_-]{0,15}$",
        examples=["step:L2"],
        description="A step of the policy (step:L2), all steps of a level (level:2), or a shipped text (text:claim).",
    ),
]
Channel = Literal["crm_task", "crm_note", "email", "wecom", "dingtalk", "feishu"]
# Line feeds and tabs are text, other control characters are not.
MessageText = Annotated[str, Field(min_length=1, max_length=16_384, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Seq = Annotated[int, Field(ge=1, le=2**53)]


class TextPlace(In):
    """Where a text is used."""

    slot: Slot
    language: Language
    channel: Channel


class TextTryIn(TextPlace):
    """A text to check and to make a customer's message from; nothing is stored."""

    text: MessageText
    company: Name
    customer: Id
    currency: Annotated[str, Field(pattern="^([A-Z]{3})?$")] = ""


class TextIn(TextPlace):
    """A text to put in force; for all companies if none is named."""

    text: MessageText
    companies: Annotated[list[Name], Field(max_length=50)] = Field(default_factory=list)
    note: AnswerText = ""


class TextQuery(Query):
    """Which text to start from."""

    company: Name
    slot: Slot
    language: Language
    channel: Channel


class TextStart(Out):
    """The text in force there, or the shipped one nearest to it."""

    text: str


class TextShown(Out):
    """A text that is or was in force."""

    seq: int
    company: str
    slot: str
    language: str
    channel: str
    version: str = Field(description="Digest of the text; messages keep it as `template` of their reason.")
    text: str
    note: str
    by: str
    at: datetime
    active: bool
    ended_by: str | None
    ended_at: datetime | None


class Texts(Out):
    """Texts that are or were in force, newest first, and what one can be written for and with."""

    texts: list[TextShown]
    slots: dict[str, list[str]]
    languages: list[str]
    channels: list[str]
    variables: list[str]
    fields: list[str] = Field(description="What each of `lines` has.")


class TextTried(Out):
    """The message a customer would get. `sends` false: none is sent today (`why_not`), these are today's figures."""

    customer: str
    name: str
    subject: str
    text: str
    version: str
    amount: str
    items: int
    sends: bool
    why_not: str


class TextUsed(Out):
    """What was put in force, and where; no company where it was already."""

    slot: str
    language: str
    channel: str
    version: str
    activated: list[str]


class TextDropped(Out):
    """What was taken out, and of which company."""

    slot: str
    language: str
    channel: str
    version: str
    dropped: str
