"""After a restore nobody can say which mails and group messages went out: a person decides, and new ones still go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from sync.restore import restore
from sync.service import Service, open_service
from tests.flow.books import rows
from tests.flow.harness import SharedClock, make_world, transport, write_config
from tests.flow.test_dunning_flow import Debt, debt_of
from tests.flow.test_restore import second_url  # noqa: F401 - a fixture
from tests.postbox import Postbox, mail_config
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.receivables.dunning.policy_file import shipped_text
from tieout.sandbox.http import Request, Response, encode
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import outbox

ROBOT = "127.0.0.1:7005"
BOTH = ("letters", "robot")


class Robot:
    """A group robot's server: keeps the texts it is sent."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def handle(self, req: Request) -> Response:
        self.texts.append(json.loads(req.body)["text"]["content"])
        return Response(body=encode({"errcode": 0, "errmsg": "ok"}), headers={"content-type": "application/json"})


class Scene:
    """One installation that writes mail and to a group robot, and can be put back from a copy."""

    def __init__(self, folder: Path, url: str, second: str, box: Postbox, port: int) -> None:
        self.folder, self.url, self.second = folder, url, second
        self.box, self.port, self.robot = box, port, Robot()
        self.world: SandboxWorld = make_world(16, 40)
        self.copy = folder / "copy.backup"

    def open(self, url: str) -> Service:
        path = write_config(self.folder, self.world, url)
        more = (
            mail_config(self.port)
            + f"""
[connections.robot]
vendor = "dingtalk"
sandbox = true
company = "cn"
key = "K1"
base_url = "http://{ROBOT}"
push = ["reminders"]
"""
        )
        path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
        config = load(path, vendor_settings=vendor_settings)
        wires = transport(self.world)
        wires.add(ROBOT, self.robot)
        service = open_service(config, transport=wires, clock=SharedClock(self.world.clock))
        service.migrate()
        return service

    def begin(self, service: Service) -> Debt:
        """A bill that falls due today, whose first reminders are to go by mail and to the robot."""
        assert service.sync().ok
        debt = debt_of(self.world, service)
        mine = shipped_text().replace("channel: [crm_task, email], ", "channel: [crm_task, email, dingtalk], ")
        service.dunning.activate(mine, "user:li")
        service.dunning.set_contact(debt.customer, "user:li", emails=["ap@customer.example"], language="en")
        service.push()
        return debt

    def sent(self, number: str) -> tuple[int, int]:
        """How many mails and how many group messages name a bill, courtesies left out."""
        mails = [one for one in self.box.mails if number in one.get_content() and "Upcoming" not in str(one["Subject"])]
        return len(mails), len([text for text in self.robot.texts if number in text])

    def put_back(self) -> None:
        config = load(self.folder / "tieout.toml", vendor_settings=vendor_settings)
        config = config.model_copy(update={"database_url": self.second})
        restore(config, SharedClock(self.world.clock), self.copy, actor="cli:test", replace=True)

    def go_on(self, back: Service) -> None:
        back.prepare()
        assert all(pull.ok for pull in back.pull(full=True))
        back.apply()
        back.push_resume("cli:test")
        for _ in range(2):
            assert all(pull.ok for pull in back.sync().pulls)  # dead letters make a sync not ok
            self.world.clock.advance(600)


@pytest.fixture
def scene(
    tmp_path: Path,
    engine_url: str,
    second_url: str,  # noqa: F811 - the fixture of that name
    postbox: tuple[Postbox, int],
) -> Scene:
    return Scene(tmp_path, engine_url, second_url, *postbox)


def states(service: Service, number: str, level: int) -> list[tuple[str, str, str | None]]:
    """Connection, state and error of the messages of a bill at a level."""
    o = outbox.c
    found = rows(service, select(outbox).where(o.connection.in_(BOTH)).order_by(o.connection, o.id))
    mine = [row for row in found if number in row["fields"]["text"] and row["reason"]["level"] == level]
    return [(row["connection"], row["state"], row["error_code"]) for row in mine]


UNKNOWN = [(name, "dead", "outcome_unknown") for name in BOTH]


def test_messages_that_the_copy_calls_unsent_wait_for_a_person_who_may_send_them(scene: Scene) -> None:
    with scene.open(scene.url) as service:
        debt = scene.begin(service)
        scene.world.clock.advance(8 * 86_400)
        service.pull()
        service.apply()
        assert states(service, debt.number, 1) == [(name, "ready", None) for name in BOTH]
        service.backup(scene.copy)
        service.push()
        assert scene.sent(debt.number) == (1, 1)
    scene.put_back()
    with scene.open(scene.second) as back:
        scene.go_on(back)
        assert scene.sent(debt.number) == (1, 1), "sent again after the restore"
        assert states(back, debt.number, 1) == UNKNOWN
        letter = next(
            row["id"]
            for row in rows(back, select(outbox).where(outbox.c.connection == "letters"))
            if debt.number in row["fields"]["text"] and row["reason"]["level"] == 1
        )
        back.retry_push(letter, "user:li")
        assert back.revive("robot", "outcome_unknown", "user:li")["revived"] >= 1
        back.push()
        assert scene.sent(debt.number) == (2, 2), "what a person sends again goes out"
        first, second = (one for one in scene.box.mails if "Payment reminder" in str(one["Subject"]))
        assert first["Message-ID"] == second["Message-ID"]
        assert [state for _, state, _ in states(back, debt.number, 1)] == ["done", "done"]
        assert back.rebuild_check().as_dict()["differences"] == []


def test_messages_decided_again_wait_for_a_person_and_new_ones_go_out(scene: Scene) -> None:
    with scene.open(scene.url) as service:
        debt = scene.begin(service)
        service.backup(scene.copy)
        debt.days(8)
        assert scene.sent(debt.number) == (1, 1)
    scene.put_back()
    with scene.open(scene.second) as back:
        scene.go_on(back)
        assert scene.sent(debt.number) == (1, 1), "sent again after the restore"
        assert states(back, debt.number, 1) == UNKNOWN
        # A bill that first came after the restore cannot have been asked for before, though its step is as old.
        late = debt_of(scene.world, back)
        assert late.customer != debt.customer
        assert scene.sent(late.number) == (0, 1)
        back.dunning.set_contact(late.customer, "user:li", emails=["late@customer.example"], language="en")
        # The next step of the old bill comes to its day after the restore.
        for _ in range(9):
            scene.world.clock.advance(86_400)
            assert all(pull.ok for pull in back.sync().pulls)
        assert scene.sent(debt.number) == (2, 2)
        assert states(back, debt.number, 2) == [(name, "done", None) for name in BOTH]
        assert states(back, debt.number, 1) == UNKNOWN
        assert back.rebuild_check().as_dict()["differences"] == []


def test_a_mail_decided_again_only_after_pushing_went_on_waits_for_a_person_too(scene: Scene) -> None:
    def mails(number: str) -> int:
        return len([one for one in scene.box.mails if number in one.get_content()])

    with scene.open(scene.url) as service:
        assert service.sync().ok
        debt = debt_of(scene.world, service)
        service.backup(scene.copy)
        service.dunning.set_contact(debt.customer, "user:li", emails=["ap@customer.example"], language="en")
        service.push()
        assert mails(debt.number) == 1
    scene.put_back()
    with scene.open(scene.second) as back:
        scene.go_on(back)
        assert states(back, debt.number, 0) == [], "the copy knows nobody to write to"
        back.dunning.set_contact(debt.customer, "user:li", emails=["ap@customer.example"], language="en")
        back.push()
        assert mails(debt.number) == 1, "sent again after the restore"
        assert states(back, debt.number, 0) == [("letters", "dead", "outcome_unknown")]
