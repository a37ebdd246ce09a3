"""Which words a message gets: the most particular text of the users in force, else the shipped one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from mapping.message_words import OF_TONE, Words, message_words
from mapping.reminder_text import ReminderView
from tieout.core import logging
from tieout.core.errors import ConfigError
from tieout.store.tables import dunning_texts

log = logging.get("wording")
Place = tuple[str, str, str, str]  # company, slot, language, channel


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a message is about, as texts are chosen by it."""

    company: str
    step: str
    level: int
    tone: str
    template: str = ""
    pay_by: str = ""

    def slots(self) -> tuple[str, str, str]:
        """From the most particular place a text can have to the least."""
        return f"step:{self.step}", f"level:{self.level}", f"text:{self.template or OF_TONE.get(self.tone, 'claim')}"


@dataclass(frozen=True, slots=True)
class Wording:
    """The texts of users in force."""

    texts: Mapping[Place, str]

    @classmethod
    def standing(cls, conn: Connection) -> Wording:
        """As they are in force now."""
        t = dunning_texts.c
        rows = conn.execute(select(t.company_id, t.slot, t.language, t.channel, t.text).where(t.is_active.is_(True)))
        return cls({(row.company_id, row.slot, row.language, row.channel): row.text for row in rows})

    def own(self, view: ReminderView, occasion: Occasion, language: str, channel: str) -> Words | None:
        """The words of the users; None where they have none, or where theirs cannot be used after all."""
        for slot in occasion.slots():
            source = self.texts.get((occasion.company, slot, language, channel))
            if source is None:
                continue
            try:
                return message_words(view, language, tone=occasion.tone, pay_by=occasion.pay_by, source=source)
            except ConfigError as error:  # it was checked when it was saved: a later version reads it otherwise
                log.error("a message text cannot be used", slot=slot, language=language, why=error.message)
        return None

    def mail(self, view: ReminderView, occasion: Occasion, language: str) -> Words:
        """The words of a mail to the customer."""
        return self.own(view, occasion, language, "email") or message_words(
            view, language, tone=occasion.tone, template=occasion.template, pay_by=occasion.pay_by
        )
