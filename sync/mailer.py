"""Mail over SMTP, sent at most once: what cannot be known to have failed is reported as uncertain, never repeated."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Literal

from tieout.core.mail_settings import Mail


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    media_type: str
    body: bytes


SentOutcome = Literal["sent", "failed", "dead", "uncertain"]


@dataclass(frozen=True, slots=True)
class Sent:
    """How sending went: `sent`, `failed` (try again), `dead` (refused for good), `uncertain` (may have gone out)."""

    outcome: SentOutcome
    error: str = ""


def compose(
    settings: Mail,
    *,
    to: str,
    subject: str,
    text: str,
    at: datetime,
    message_id: str,
    attachments: Sequence[Attachment] = (),
) -> EmailMessage:
    """A mail whose identity follows from its occasion, so that a second copy can be recognised as one."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = settings.sender, to, " ".join(subject.split())
    mail["Date"] = format_datetime(at)
    domain = parseaddr(settings.sender)[1].rpartition("@")[2] or "tieout"
    mail["Message-ID"] = f"<{message_id}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers from vacation responders
    mail.set_content(text)
    for one in attachments:
        main, _, sub = one.media_type.split(";")[0].partition("/")
        mail.add_attachment(one.body, maintype=main, subtype=sub, filename=one.name)
    return mail


def send(settings: Mail, mail: EmailMessage) -> Sent:
    """Hand a mail to the server. Until its content was sent whole a failure is sure; after that it is uncertain."""
    recipient = parseaddr(str(mail["To"]))[1]
    try:
        server = _connect(settings)
    except (OSError, smtplib.SMTPException) as error:
        refused = isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500
        return Sent("failed", f"{settings.host}: {'the login was refused: ' if refused else ''}{_words(error)}")
    try:
        return _hand_over(server, settings, recipient, mail)
    finally:
        try:
            server.quit()
        except (OSError, smtplib.SMTPException):
            server.close()


def _connect(settings: Mail) -> smtplib.SMTP:
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if settings.security == "tls":
        server = smtplib.SMTP_SSL(
            settings.host, settings.server_port, timeout=settings.timeout_seconds, context=context
        )
    else:
        server = smtplib.SMTP(settings.host, settings.server_port, timeout=settings.timeout_seconds)
    try:
        if settings.security == "starttls":
            server.starttls(context=context)
        if settings.username:
            server.login(settings.username, settings.password)
        server.ehlo_or_helo_if_needed()
    except BaseException:
        server.close()
        raise
    return server


def _hand_over(server: smtplib.SMTP, settings: Mail, recipient: str, mail: EmailMessage) -> Sent:
    try:
        code, said = server.mail(parseaddr(settings.sender)[1])
        if code == 250:
            code, said = server.rcpt(recipient)
        if code not in (250, 251):
            return _refused(settings, code, said)
    except (OSError, smtplib.SMTPException) as error:
        return Sent("failed", f"{settings.host}: {_words(error)}")
    try:
        code, said = server.data(mail.as_bytes(policy=SMTP))
    except smtplib.SMTPDataError as error:  # refused before the content was sent
        return _refused(settings, error.smtp_code, error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        return Sent("uncertain", f"{settings.host}: the connection was lost while it was sent: {_words(error)}")
    return Sent("sent") if code == 250 else _refused(settings, code, said)


def _refused(settings: Mail, code: int, said: bytes | str) -> Sent:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return Sent("dead" if code >= 500 else "failed", f"{settings.host} answered {code} {' '.join(text.split())}"[:500])


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return f"{error.smtp_code} {' '.join(text.split())}"
    return " ".join(str(error).split()) or type(error).__name__
