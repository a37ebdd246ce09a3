"""Dunning by mail: over a real SMTP server, once per step, and never again when the answer was lost."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select

from sync.case_checks import CaseError
from sync.service import Service, open_service
from tests.flow.books import rows
from tests.flow.harness import SharedClock, make_world, transport, write_config
from tests.flow.test_dunning_flow import debt_of
from tests.postbox import Postbox, mail_config
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import outbox


def _open(folder: Path, world: SandboxWorld, url: str, port: int) -> Service:
    path = write_config(folder, world, url)
    path.write_text(path.read_text(encoding="utf-8") + mail_config(port), encoding="utf-8")
    service = open_service(
        load(path, vendor_settings=vendor_settings), transport=transport(world), clock=SharedClock(world.clock)
    )
    service.migrate()
    return service


def test_a_mail_goes_out_once_in_the_customers_language_and_a_lost_answer_is_not_sent_again(
    tmp_path: Path,
    engine_url: str,
    postbox: tuple[Postbox, int],
) -> None:
    box, port = postbox
    world = make_world(16, 40)
    with _open(tmp_path, world, engine_url, port) as service:
        assert service.sync().ok
        debt = debt_of(world, service)
        assert [mail for mail in box.mails if debt.number in str(mail.get_content())] == [], "nobody to write to"
        with pytest.raises(CaseError, match=r"not an e-mail address: 'ap@customer\.example\\n'"):
            service.dunning.set_contact(debt.customer, "user:li", emails=["ap@customer.example\n"])
        service.dunning.set_contact(debt.customer, "user:li", emails=["ap@customer.example"], language="en")
        service.push()

        def mine() -> list[EmailMessage]:
            return [mail for mail in box.mails if debt.number in mail.get_content()]

        (notice,) = mine()
        assert notice["To"] == "ap@customer.example"
        assert notice["Subject"] == "Upcoming payment: 5,000.00 CNY to 示例科技有限公司"
        assert debt.tasks() == [], "a courtesy is no task"
        debt.days(2)
        assert len(mine()) == 1
        box.drop = True
        debt.days(6)
        assert len(mine()) == 2
        assert mine()[1]["Subject"] == "Payment reminder: 5,000.00 CNY overdue"
        assert len(debt.tasks()) == 1, "the same message as a task"
        for _ in range(3):
            world.clock.advance(120)
            service.push()
        o = outbox.c
        found = rows(service, select(o.state, o.error_code, o.fields).where(o.connection == "letters").order_by(o.id))
        states = [(row["state"], row["error_code"]) for row in found if debt.number in row["fields"]["text"]]
        assert states == [("done", None), ("dead", "outcome_unknown")]
        assert len(mine()) == 2, "sent twice"
        assert mine()[0]["Message-ID"] != mine()[1]["Message-ID"]
        assert service.rebuild_check().as_dict()["differences"] == []
