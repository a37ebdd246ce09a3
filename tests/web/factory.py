"""Rows of a small company, put straight into the tables: what the flow would have made."""

from __future__ import annotations

import zlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert, text

from tests.web.reconciled import sections
from tieout.core import exact_json
from tieout.core.ids import SeededIds
from tieout.store.session import unit
from tieout.store.tables import (
    accounts,
    allocations,
    bindings,
    budgets,
    conflicts,
    connections,
    customers,
    decisions,
    documents,
    entries,
    inputs,
    memberships,
    open_items,
    outbox,
    payloads,
    postings,
    reconciliations,
    runs,
    source_records,
    watermarks,
)

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)


class Books:
    """Inserts documents the way the ledger would hold them, and remembers their ids by number."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ids = SeededIds(7)
        self.seq = 0
        self.named: dict[str, str] = {}

    def _put(self, conn: Connection, table: Any, **values: Any) -> None:
        conn.execute(insert(table).values(**values))
        if table is inputs and conn.dialect.name == "postgresql":  # a number given by hand does not move the counter
            conn.execute(text("SELECT setval(pg_get_serial_sequence('inputs', 'seq'), :seq)"), {"seq": values["seq"]})

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def customer(self, name: str, *, credit: str = "") -> str:
        """A customer with one account and one CRM record; its id, the account id under `name`."""
        customer, account = self.ids.new("cus"), self.ids.new("acc")
        self.named[name] = account
        seq = self.next_seq()
        with unit(self.engine, "admin.commit") as conn:
            self._put(conn, customers, id=customer, name=name, created_at=NOW, created_by="system")
            self._put(
                conn,
                accounts,
                id=account,
                company_id="cn",
                connection="kingdee",
                party_ref=f"C{seq:04d}",
                external_id=str(100 + seq),
                name=name,
                is_provisional=False,
                created_at=NOW,
            )
            for member, rule in ((account, "book_of_record"), (f"zoho/customers/9{seq:05d}", "tax_id")):
                self._put(
                    conn,
                    memberships,
                    id=self.ids.new("mem"),
                    member=member,
                    customer_id=customer,
                    from_seq=seq,
                    effective_on=TODAY,
                    recorded_at=NOW,
                    rule=rule,
                    rule_version="identity-1",
                    evidence={"tax_id": "91110108MA01"},
                )
            if credit:
                self._put(
                    conn,
                    decisions,
                    id=self.ids.new("dec"),
                    kind="credit",
                    subject=f"{customer}|cn",
                    company_id="cn",
                    value=credit,
                    body={"grade": "C", "exposure_minor": 4_520_000, "currency": "CNY"},
                    reasons=[{"code": "overdue_beyond_hold_days", "params": {"days": 45}}],
                    inputs={"open_items": 3},
                    rule_version="credit-1",
                    effective_on=TODAY,
                    recorded_at=NOW,
                    seq=seq,
                    is_current=True,
                )
        return customer

    def document(
        self,
        kind: str,
        account: str,
        number: str,
        total: int,
        *,
        opened: int | None = None,
        currency: str = "CNY",
        due: int = 0,
        status: str = "",
        state: str = "posted",
        payload: dict[str, Any] | None = None,
    ) -> str:
        """A document; `due` in days from today (negative = overdue), `opened` = still open, signed like the total."""
        document = self.ids.new({"invoice": "inv", "credit_note": "crn", "payment": "pay", "refund": "ref"}[kind])
        self.named[number] = document
        seq = self.next_seq()
        still = total if opened is None else opened
        due_on = TODAY + timedelta(days=due)
        external = f"X{seq}"
        raw = exact_json.dumps(payload or {"FBillNo": number, "FALLAMOUNTFOR": "12.50"})
        with unit(self.engine, "admin.commit") as conn:
            self._put(conn, payloads, hash=f"{seq:032d}", body=zlib.compress(raw), size=len(raw))
            self._put(
                conn,
                inputs,
                seq=seq,
                kind="landed",
                at=NOW,
                run_id="run_first",
                connection="kingdee",
                stream="receivables",
                external_id=external,
                payload_hash=f"{seq:032d}",
                source_hash=f"{seq:032d}",
                is_current=True,
                is_deleted=False,
            )
            self._put(
                conn,
                source_records,
                connection="kingdee",
                stream="receivables",
                external_id=external,
                seq=seq,
                source_hash=f"{seq:032d}",
                payload_hash=f"{seq:032d}",
                read_started_at=NOW,
                is_deleted=False,
                needs_fetch=False,
                applied_seq=seq,
                profile_version="kingdee-1",
            )
            entry = self.ids.new("ent")
            self._put(
                conn,
                documents,
                id=document,
                company_id="cn",
                account_id=account,
                connection="kingdee",
                external_id=f"AR_receivable:{external}",
                stream="receivables",
                record_id=external,
                kind=kind,
                number=number,
                currency=currency,
                total_minor=total,
                open_minor=still,
                issue_on=TODAY - timedelta(days=60),
                due_on=due_on if kind == "invoice" else None,
                state=state,
                is_opening=False,
                source_seq=seq,
                entry_id=entry,
                created_at=NOW,
            )
            self._put(
                conn,
                entries,
                id=entry,
                seq=seq,
                position=1,
                company_id="cn",
                kind=kind,
                origin="mirrored",
                effective_on=TODAY,
                recorded_at=NOW,
                document_id=document,
                source_seq=seq,
                reason="",
            )
            for line, (code, amount) in enumerate((("ar", total), ("tax_unstated", -total)), 1):
                self._put(
                    conn,
                    postings,
                    entry_id=entry,
                    line=line,
                    code=code,
                    account_id=account,
                    currency=currency,
                    amount_minor=amount,
                    document_id=document,
                )
            if kind in ("invoice", "credit_note"):
                self._put(
                    conn,
                    open_items,
                    id=f"{document}:1",
                    document_id=document,
                    line_id="1",
                    account_id=account,
                    company_id="cn",
                    currency=currency,
                    due_on=due_on,
                    original_minor=total,
                    open_minor=still,
                )
            if status:
                self._put(
                    conn,
                    decisions,
                    id=self.ids.new("dec"),
                    kind="payment_status",
                    subject=document,
                    company_id="cn",
                    value=status,
                    body={"open_minor": still},
                    reasons=[{"code": "past_due", "params": {}}],
                    inputs={"document": document},
                    rule_version="status-1",
                    effective_on=TODAY,
                    recorded_at=NOW,
                    seq=seq,
                    is_current=True,
                )
        return document

    def allocation(self, payment: str, invoice: str, amount: int, *, currency: str = "CNY") -> str:
        made = self.ids.new("all")
        with unit(self.engine, "admin.commit") as conn:
            self._put(
                conn,
                allocations,
                id=made,
                connection="kingdee",
                group_key=made,
                company_id="cn",
                from_ref="X1",
                to_ref="X2",
                from_document_id=payment,
                to_document_id=invoice,
                to_line="",
                currency=currency,
                amount_minor=amount,
                effective_on=TODAY,
                is_active=True,
                is_applied=True,
                source_seq=self.next_seq(),
            )
        return made

    def binding(self, document: str, external_id: str) -> None:
        with unit(self.engine, "admin.commit") as conn:
            self._put(
                conn,
                bindings,
                id=self.ids.new("bnd"),
                connection="zoho",
                stream="invoices",
                external_id=external_id,
                document_id=document,
                rule="document_number",
                evidence={"number": "AR1"},
                from_seq=self.next_seq(),
                recorded_at=NOW,
            )

    def conflict(
        self,
        title: str,
        minor: int = 0,
        *,
        kind: str = "identity",
        currency: str | None = "CNY",
        state: str = "open",
        blocks: bool = False,
        suggestions: list[dict[str, Any]] | None = None,
        answer: dict[str, Any] | None = None,
        days: int = 0,
        stream: str = "customers",
        evidence: dict[str, Any] | None = None,
        rule: str | None = None,
    ) -> str:
        made = self.ids.new("cfl")
        with unit(self.engine, "admin.commit") as conn:
            self._put(
                conn,
                conflicts,
                id=made,
                kind=kind,
                cause=f"zoho/{stream}/{made}",
                connection="zoho",
                stream=stream,
                external_id="900001",
                title=title,
                evidence=evidence
                or {
                    "record": {"names": [title], "tax_ids": ["91310000MA1FL0"], "phone": "021-5555"},
                    "reasons": [{"code": "ambiguous", "mine": title, "theirs": "", "ref": ""}],
                    "rule_version": "identity-1",
                },
                suggestions=suggestions or [],
                currency=currency,
                money_minor=minor,
                blocks_balance=blocks,
                state=state,
                opened_at=NOW - timedelta(days=days),
                closed_at=None if state == "open" else NOW,
                answered_by=None if state == "open" else "user:mei",
                answer=answer,
                rule_id=rule,
            )
        return made

    def push(self, state: str, *, minor: int = 0, subject: str = "inv_x", remote: str = "", before: Any = None) -> str:
        made = self.ids.new("psh")
        with unit(self.engine, "admin.commit") as conn:
            self._put(
                conn,
                outbox,
                id=made,
                connection="zoho",
                module="Invoices",
                operation="update",
                remote_id=remote or made,
                fields={"AR_Payment_Status": "overdue"},
                before=before or {"AR_Payment_Status": "open"},
                reason=[{"code": "past_due"}],
                subject=subject,
                version=1,
                currency="CNY",
                money_minor=minor,
                state=state,
                created_at=NOW,
                updated_at=NOW,
            )
        return made

    def run(self, kind: str = "pull", state: str = "done", connection: str = "zoho") -> str:
        made = self.ids.new("run")
        with unit(self.engine, "admin.commit") as conn:
            self._put(
                conn,
                runs,
                id=made,
                kind=kind,
                connection=connection,
                stream="invoices",
                started_at=NOW,
                ended_at=NOW,
                state=state,
                counts={"rows": 12},
                trigger="schedule",
            )
        return made

    def reconciliation(self, *, is_valid: bool = True, breaks: int = 0) -> str:
        made = self.ids.new("rec")
        with unit(self.engine, "admin.commit") as conn:
            self._put(
                conn,
                reconciliations,
                id=made,
                as_of=TODAY,
                known_seq=max(self.seq, 1),
                run_at=NOW,
                is_valid=is_valid,
                breaks=breaks,
                body={"id": made, "sections": sections(is_valid=is_valid, breaks=breaks)},
            )
        return made

    def health(self, *, late: str = "", failed: str = "") -> None:
        """Saved state of both connections: everything fresh but the streams named."""
        streams = {"zoho": ("customers", "deals", "invoices"), "kingdee": ("customers", "receivables", "receipts")}
        with unit(self.engine, "admin.commit") as conn:
            for name, names in streams.items():
                self._put(
                    conn,
                    connections,
                    name=name,
                    vendor={"zoho": "zoho_crm"}.get(name, name),
                    auth_state="ok",
                    last_pull_at=NOW - timedelta(seconds=90),
                    last_ok_at=NOW - timedelta(seconds=80),
                    calls=214,
                    credits=96,
                    push_paused=False,
                )
                self._put(
                    conn,
                    budgets,
                    connection=name,
                    window="day:2026-11-24",
                    used=214,
                    until_at=NOW + timedelta(hours=8),
                )
                for stream in names:
                    done = NOW - (timedelta(hours=3) if stream == late else timedelta(seconds=80))
                    self._put(
                        conn,
                        watermarks,
                        connection=name,
                        stream=stream,
                        is_reading=False,
                        first_completed_at=NOW - timedelta(days=2),
                        completed_at=done,
                        error="page 3 cannot be read: HTTP 502" if stream == failed else None,
                        rows_read=812,
                    )
