"""Logging in, sessions and signatures."""

from __future__ import annotations

import base64

import pytest
from k3cloud_webapi_sdk.util import encode_util, hmac_util

from tests.sandbox.kingdee.conftest import AUTH_SERVICE, BASE, FORM_SERVICE, Books, MakeBooks
from tieout.sandbox.kingdee.signing import client_secret, hmac_text, login_sign

LOST = "会话信息已丢失，请重新登录"


def test_login_signature_vector() -> None:
    sign = login_sign("acct1", "user1", "app1", "secret1", "1700000000")
    assert sign == "dd2e6d9bb803095816d0366e1231441ebc6639c7c4e9c866ae2d924953db7cef"


def test_signatures_agree_with_the_official_sdk(books: Books) -> None:
    assert hmac_text("hello", "key").startswith("OTMwN2IzYjkxNWVmYjUx")
    assert hmac_text("中文", "密钥") == hmac_util.HmacSHA256("中文", "密钥")
    for app_id in (books.server.settings.app_id, "9_AbCdEfGhIjKlMnOpQrStUvWxYz012345"):
        assert client_secret(app_id) == encode_util.DecodeAppSecret(app_id.split("_")[1]) != ""


def test_three_logins_and_their_refusals(make_books: MakeBooks) -> None:
    books = make_books()
    ours = books.server.settings
    good = books.login()
    assert good["LoginResultType"] == 1
    assert good["KDSVCSessionId"] == books.http.cookies["kdservice-sessionid"]
    assert "ASP.NET_SessionId" in books.http.cookies
    by_secret = {"parameters": [ours.acct_id, ours.user, ours.app_id, ours.app_secret, 2052]}
    assert books.call(AUTH_SERVICE, "LoginByAppSecret", by_secret)["LoginResultType"] == 1
    by_password = {"acctID": ours.acct_id, "username": ours.user, "password": ours.password, "lcid": 2052}
    assert books.call(AUTH_SERVICE, "ValidateUser", by_password)["LoginResultType"] == 1
    by_password["password"] = "wrong"
    assert books.call(AUTH_SERVICE, "ValidateUser", by_password)["LoginResultType"] == 0
    assert books.call(AUTH_SERVICE, "ValidateUser", {**by_password, "acctID": "other"})["LoginResultType"] == -1
    bad_sign = [ours.acct_id, ours.user, ours.app_id, "1700000000", "0" * 64, 2052]
    refused = books.call(AUTH_SERVICE, "LoginBySign", {"parameters": bad_sign})
    assert refused["LoginResultType"] == 0
    assert refused["KDSVCSessionId"] is None


def test_no_session_is_an_error_inside_the_result_array(make_books: MakeBooks) -> None:
    books = make_books()
    ((first,),) = books.query("BD_Customer", "FNumber")
    status = first["Result"]["ResponseStatus"]
    assert status["MsgCode"] == 1
    assert status["Errors"][0]["Message"] == LOST
    view = {"formid": "AR_receivable", "data": {"Number": "AR00000001"}}
    assert books.call(FORM_SERVICE, "View", view) == {}


def test_session_by_header_and_its_end(make_books: MakeBooks) -> None:
    books = make_books()
    session = books.login()["KDSVCSessionId"]
    books.http.cookies.clear()
    assert books.message("BD_Customer", "FNumber") == LOST
    books.http.headers["kdservice-sessionid"] = session
    assert len(books.query("BD_Customer", "FNumber")) == 40
    books.clock.advance(1199)
    assert len(books.query("BD_Customer", "FNumber")) == 40  # use prolongs it
    books.clock.advance(1201)
    assert books.message("BD_Customer", "FNumber") == LOST
    del books.http.headers["kdservice-sessionid"]
    books.login()
    assert len(books.query("BD_Customer", "FNumber")) == 40


def test_lost_session_fault(books: Books) -> None:
    books.faults.add("kingdee", "ExecuteBillQuery", "lose_session")
    assert books.message("BD_Customer", "FNumber") == LOST
    assert books.message("BD_Customer", "FNumber") == LOST  # lost for good, until the next login
    books.login()
    assert len(books.query("BD_Customer", "FNumber")) == 40


@pytest.mark.parametrize("spoiled", ["x-kd-signature", "x-api-signature", "x-kd-appdata"])
def test_signed_requests_need_no_session(make_books: MakeBooks, spoiled: str) -> None:
    books = make_books()
    ours = books.server.settings
    path = f"/k3cloud/{FORM_SERVICE}.ExecuteBillQuery.common.kdsvc"
    data = f"{ours.acct_id},{ours.user},2052,0"
    text = "POST\n" + path.replace("/", "%2F") + "\n\nx-api-nonce:1700000001\nx-api-timestamp:1700000001\n"
    headers = {
        "X-Api-ClientID": ours.app_id.split("_")[0],
        "X-Api-Auth-Version": "2.0",
        "x-api-timestamp": "1700000001",
        "x-api-nonce": "1700000001",
        "x-api-signheaders": "x-api-timestamp,x-api-nonce",
        "X-Api-Signature": hmac_util.HmacSHA256(text, client_secret(ours.app_id)),
        "X-Kd-Appkey": ours.app_id,
        "X-Kd-Appdata": base64.b64encode(data.encode()).decode(),
        "X-Kd-Signature": hmac_util.HmacSHA256(ours.app_id + data, ours.app_secret),
    }
    body = {"data": {"FormId": "BD_Customer", "FieldKeys": "FNumber"}}
    url = BASE + path.removeprefix("/k3cloud/")
    assert len(books.http.post(url, json=body, headers=headers).json()) == 40
    broken = {key: "AAAA" if key.lower() == spoiled else value for key, value in headers.items()}
    assert LOST in books.http.post(url, json=body, headers=broken).text
