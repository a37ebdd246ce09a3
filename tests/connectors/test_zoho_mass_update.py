"""A mass update gives many records one stamp: more than a page of them must still be read to the end."""

from __future__ import annotations

from pathlib import Path

from tests.flow.harness import make_world, open_installation


def test_more_than_a_page_with_one_stamp_is_read_whole(tmp_path: Path) -> None:
    world = make_world(20, 40)
    with open_installation(tmp_path, world, f"sqlite:///{tmp_path / 'tieout.db'}") as service:
        assert service.sync().ok
        world.clock.advance(3600)
        template = world.zoho.user_change("create", "Accounts", "", {"Account_Name": "群发更新 0 有限公司"})
        assert template
        for number in range(1, 650):
            world.zoho.user_change("create", "Accounts", "", {"Account_Name": f"群发更新 {number} 有限公司"})
        world.clock.advance(600)
        (pull,) = service.pull(["zoho"])
        assert pull.ok, pull.as_dict()
        counts = {stream.stream: stream.counts for stream in pull.streams}
        assert counts["customers"].new == 650
        assert counts["customers"].rows < 650 + 2 * 200
