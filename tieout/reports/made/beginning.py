"""What a report says of days before the books begin: they hold no movements of them, only what was carried forward."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from tieout.ledger.openings import carried_forward_on
from tieout.reports.made.request import Asked
from tieout.reports.table import Words
from tieout.store.queries import openings


def beginning_notes(conn: Connection, asked: Asked, first_on: date) -> list[Words]:
    """A note per book of record that began after `first_on`, the first day whose movements the report shows."""
    return [
        (
            f"The books of {name} begin on {start}. What was open then is carried forward as opening items of "
            f"{carried_forward_on(start)}; what came before is history and is not in these figures.",
            f"{name} 的账簿自 {start} 启用：当时未结的金额作为 {carried_forward_on(start)} 的期初项目结转，"
            "此前的往来属于历史，不计入本报告。",
        )
        for name, start in sorted(openings.starts_at(conn, asked.known.input_seq).items())
        if first_on < start
    ]
