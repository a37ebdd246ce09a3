"""What users do in the books, and what a reader of the API can see of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.sandbox.kingdee.conftest import Books, MakeBooks
from tieout.sandbox.kingdee.errors import KingdeeError

NOW = "2026-11-24T10:00:00"  # the sandbox clock stands at 02:00 UTC


def _bill(books: Books, number: str, fields: str = "FALLAMOUNTFOR,FWRITTENOFFSTATUS,FModifyDate") -> list[list]:
    return books.query("AR_receivable", fields, f"FBillNo='{number}'")


def _open(books: Books, number: str) -> Decimal:
    rows = books.query("AR_receivable", "FPAYAMOUNTFOR,FWRITTENOFFAMOUNTFOR", f"FBillNo='{number}'")
    return sum((row[0] - row[1] for row in rows), Decimal(0))


def test_an_edit_moves_the_stamp_and_carries_over(books: Books) -> None:
    changed = {"FALLAMOUNTFOR": Decimal("226.00"), "FENDDATE_H": "2026-12-01T00:00:00"}
    books.server.user_change("update", "AR_receivable", "AR00000001", changed)
    fields = "FALLAMOUNTFOR,FNoTaxAmountFor,FTaxAmountFor,FENDDATE_H,FModifyDate,FPAYAMOUNTFOR,FENDDATE"
    (row,) = _bill(books, "AR00000001", fields)
    due = "2026-12-01T00:00:00"
    assert row == [Decimal("226.00"), Decimal("200.00"), Decimal("26.00"), due, NOW, Decimal("226.00"), due]
    effect = books.server.library.store.effects.since()[-1]
    assert (effect.operation, effect.entity, effect.record_id, effect.actor) == (
        "update",
        "AR_receivable",
        "100001",
        "user",
    )
    assert "FALLAMOUNTFOR" in effect.changes


def test_life_cycle(books: Books) -> None:
    change = books.server.user_change
    change("unaudit", "AR_receivable", "AR00000001")
    assert _bill(books, "AR00000001", "FDOCUMENTSTATUS,FModifyDate") == [["D", NOW]]
    books.clock.advance(60)
    change("audit", "AR_receivable", "AR00000001")
    later = "2026-11-24T10:01:00"
    assert _bill(books, "AR00000001", "FDOCUMENTSTATUS,FAPPROVEDATE") == [["C", later]]
    change("cancel", "AR_receivable", "AR00000001")
    assert _bill(books, "AR00000001", "FDOCUMENTSTATUS,FCancelStatus") == [["D", "B"]]
    change("delete", "AR_receivable", "AR00000002")
    assert _bill(books, "AR00000002") == []
    assert books.query("AR_receivable", "FID", "FID=100002") == []
    change("undelete", "AR_receivable", "AR00000002")
    assert len(_bill(books, "AR00000002")) == 1
    with pytest.raises(KingdeeError, match="单据不存在"):
        change("update", "AR_receivable", "AR99999999", {"FENDDATE_H": "2026-12-01"})
    with pytest.raises(KingdeeError, match="元数据中标识为"):
        change("update", "AR_receivable", "AR00000001", {"FOops": 1})


def test_allocation_settles_without_moving_the_stamps(books: Books) -> None:
    receipt = books.server.user_change(
        "create", "AR_RECEIVEBILL", "", {"FCONTACTUNIT": "CUST0001", "FRECAMOUNTFOR": Decimal("120000")}
    )
    assert receipt["FModifyDate"] == NOW
    books.clock.advance(600)
    before = _bill(books, "AR00000001")
    match_id = books.server.settle(receipt["FBillNo"], "AR00000001", Decimal("113000"))
    assert _open(books, "AR00000001") == 0
    assert _bill(books, "AR00000001") == [[Decimal("113000.00"), "C", before[0][2]]]
    fields = "FWRITTENOFFSTATUS,FModifyDate,FWRITTENOFFAMOUNTFOR_D"
    (paid,) = books.query("AR_RECEIVEBILL", fields, f"FBillNo='{receipt['FBillNo']}'")
    assert paid == ["B", NOW, Decimal("113000.00")]
    fields = "FTARGETFROMID,FTARGETBILLNO,FSOURCEFROMID,FSRCBILLNO,FCURWRITTENOFFAMOUNTFOR,FISACTIVATION,FVERIFYDATE"
    rows = books.query("AR_RECMacthLog", fields, f"FMATCHID={match_id}")
    on = "2026-11-24T00:00:00"
    assert rows == [
        ["AR_receivable", "AR00000001", "AR_RECEIVEBILL", receipt["FBillNo"], Decimal("113000"), True, on],
        ["AR_RECEIVEBILL", receipt["FBillNo"], "AR_receivable", "AR00000001", Decimal("113000"), True, on],
    ]
    books.server.user_change("unsettle", "AR_RECMacthLog", str(match_id))
    assert _open(books, "AR00000001") == Decimal("113000.00")
    assert _bill(books, "AR00000001") == before
    assert [row[5] for row in books.query("AR_RECMacthLog", fields, f"FMATCHID={match_id}")] == [False, False]
    with pytest.raises(KingdeeError):
        books.server.user_change("unsettle", "AR_RECMacthLog", str(match_id))


def test_one_receipt_pays_several_bills(books: Books) -> None:
    receipt = books.server.user_change(
        "create",
        "AR_RECEIVEBILL",
        "",
        {
            "FCONTACTUNIT": {"FNumber": "CUST0003"},
            "FRECAMOUNTFOR": "1200000.00",
            "allocations": [{"bill": "AR00000005", "amount": "1130000"}, {"bill": "AR00000006", "amount": "70000"}],
        },
    )
    assert receipt["FWRITTENOFFSTATUS"] == "C"
    assert (_open(books, "AR00000005"), _open(books, "AR00000006")) == (0, Decimal("495000.00"))


def test_refused_allocations_write_nothing(books: Books) -> None:
    receipt = books.server.user_change(
        "create", "AR_RECEIVEBILL", "", {"FCONTACTUNIT": "CUST0001", "FRECAMOUNTFOR": "100.00"}
    )
    rows = books.server.library.count("AR_RECMacthLog")
    for bill, amount in (("AR00000001", "100.01"), ("AR00000003", "50"), ("AR00000001", "0"), ("AR99999999", "1")):
        with pytest.raises(KingdeeError):
            books.server.settle(receipt["FBillNo"], bill, amount)
    with pytest.raises(KingdeeError, match="不精确"):
        books.server.settle(receipt["FBillNo"], "AR00000001", 1.5)  # type: ignore[arg-type]
    assert books.server.library.count("AR_RECMacthLog") == rows
    assert _open(books, "AR00000001") == Decimal("113000.00")


def test_red_bill_nets_a_blue_one(books: Books) -> None:
    red = books.server.user_change(
        "create", "AR_receivable", "", {"FCUSTOMERID": "CUST0001", "FALLAMOUNTFOR": Decimal("-1130.00")}
    )
    match_id = books.server.settle(red["FBillNo"], "AR00000001", "1130.00")
    assert _open(books, "AR00000001") == Decimal("111870.00")
    assert _open(books, red["FBillNo"]) == 0
    fields = "FTARGETBILLNO,FCURWRITTENOFFAMOUNTFOR,FMATCHMETHODID"
    assert books.query("AR_RECMacthLog", fields, f"FMATCHID={match_id}") == [
        ["AR00000001", Decimal("1130.00"), "红蓝对冲核销"],
        [red["FBillNo"], Decimal("-1130.00"), "红蓝对冲核销"],
    ]


def test_voiding_a_paid_bill_takes_its_allocations_back(books: Books) -> None:
    books.server.user_change("cancel", "AR_receivable", "AR00000003")
    (paid,) = books.query("AR_RECEIVEBILL", "FWRITTENOFFSTATUS,FWRITTENOFFAMOUNTFOR_D", "FBillNo='SKD00000001'")
    assert paid == ["A", 0]
    active = books.query("AR_RECMacthLog", "FISACTIVATION", "FTARGETBILLNO='AR00000003' or FSRCBILLNO='AR00000003'")
    assert active == [[False], [False]]


def test_late_row_has_an_old_stamp(books: Books) -> None:
    since = "FModifyDate>='2026-11-20 00:00:00'"
    before = books.query("AR_receivable", "FBillNo", since)
    late = datetime(2026, 11, 19, 8, 0, tzinfo=UTC)
    bill = books.server.user_change(
        "create", "AR_receivable", "", {"FCUSTOMERID": "CUST0002", "FALLAMOUNTFOR": "99.99"}, modified_at=late
    )
    assert bill["FModifyDate"] == "2026-11-19T16:00:00"
    assert books.query("AR_receivable", "FBillNo", since) == before
    assert _bill(books, bill["FBillNo"])[0][0] == Decimal("99.99")


def test_a_renamed_customer_shows_on_its_bills(books: Books) -> None:
    stamp = _bill(books, "AR00000001")[0][2]
    books.server.user_change("update", "BD_Customer", "CUST0001", {"FName": "改名有限公司"})
    assert _bill(books, "AR00000001", "FCUSTOMERID.FName,FModifyDate") == [["改名有限公司", stamp]]
    new = books.server.user_change("create", "BD_Customer", "", {"FName": "新客户有限公司"})
    assert books.query("BD_Customer", "FNumber", "FName='新客户有限公司'") == [[new["FNumber"]]]
    with pytest.raises(KingdeeError, match="必录"):
        books.server.user_change("create", "BD_Customer", "", {})


def test_state_survives_a_restart(make_books: MakeBooks, tmp_path: Path) -> None:
    path = str(tmp_path / "sandbox.sqlite")
    first = make_books(path)
    first.server.user_change("update", "AR_receivable", "AR00000001", {"FALLAMOUNTFOR": "11.30"})
    first.server.library.store.close()
    second = make_books(path)
    assert second.message("BD_Customer", "FNumber") == "会话信息已丢失，请重新登录"
    second.login()
    assert _bill(second, "AR00000001") == [[Decimal("11.30"), "A", NOW]]
    assert len(second.query("AR_receivable", "FID")) == 300
    everything = "FALLAMOUNTFOR,FNoTaxAmountFor,FTaxAmountFor,FModifyDate"
    fresh = make_books()
    fresh.login()
    where = "FBillNo<>'AR00000001'"
    assert second.query("AR_receivable", everything, where) == fresh.query("AR_receivable", everything, where)
