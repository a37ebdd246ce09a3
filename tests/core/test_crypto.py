"""Secrets at rest: what opens with which key, digests that hold for good, and the file that keeps a home's keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.core import crypto
from tieout.core.crypto import Sealer, home_key, new_key, same, write_home_keys
from tieout.core.errors import ConfigError, HomeError

OLD, NEW = "a phrase somebody chose", base64.urlsafe_b64encode(bytes(range(32))).decode()


@given(st.text(), st.text(st.characters(exclude_characters="\x00")))
def test_what_was_sealed_opens_at_its_place_and_at_no_other(text: str, place: str) -> None:
    text, place = (one.encode("utf-8", "ignore").decode() for one in (text, place))
    sealer = Sealer([NEW])
    sealed = sealer.seal(text, place)
    assert sealer.open(sealed, place) == text
    with pytest.raises(ConfigError, match="was found at"):
        sealer.open(sealed, f"{place}/other")


def test_a_new_key_opens_what_the_old_one_sealed_until_it_is_sealed_again() -> None:
    sealed = Sealer([OLD]).seal("secret", "tokens/zoho")
    both = Sealer([NEW, OLD])
    assert both.open(sealed, "tokens/zoho") == "secret"
    again = both.rotate(sealed)
    assert Sealer([NEW]).open(again, "tokens/zoho") == "secret"
    with pytest.raises(ConfigError, match="cannot be opened with this key") as refused:
        Sealer([NEW]).open(sealed, "tokens/zoho")
    assert "TIEOUT_SECRET_KEY" in str(refused.value.hint)
    with pytest.raises(ConfigError):
        Sealer([OLD]).open(again, "tokens/zoho")


def test_a_key_that_is_one_is_taken_as_it_is_and_any_phrase_makes_one() -> None:
    from cryptography.fernet import Fernet

    assert Fernet(NEW.encode()).decrypt(Sealer([NEW]).seal("x", "p").encode()) == b"p\x00x"
    made = base64.urlsafe_b64encode(hashlib.sha256(OLD.encode()).digest())
    assert Fernet(made).decrypt(Sealer([f" {OLD} "]).seal("x", "p").encode()) == b"p\x00x"


def test_without_a_key_nothing_is_sealed_and_the_hint_names_the_variable() -> None:
    with pytest.raises(ConfigError, match="no secret key") as refused:
        Sealer([])
    assert refused.value.hint == "Set TIEOUT_SECRET_KEY."


def test_digests_are_stored_so_their_rule_holds_for_good() -> None:
    def digest(key: str, text: str) -> str:
        made = hashlib.sha256(b"tieout-mac:" + key.encode()).digest()
        return hmac.new(made, text.encode(), hashlib.sha256).hexdigest()

    sealer = Sealer([NEW, OLD])
    assert sealer.macs("文本") == (digest(NEW, "文本"), digest(OLD, "文本"))
    assert sealer.mac("文本") == digest(NEW, "文本") != sealer.mac("文")


@pytest.mark.parametrize(("left", "right"), [("a", "b"), ("a", "aa"), ("é", "e"), ("\ud800", "\ud801"), ("", "a")])
def test_texts_are_compared_whatever_a_stranger_sent(left: str, right: str) -> None:
    assert same(left, left)
    assert same(right, right)
    assert not same(left, right)


def test_a_home_makes_its_key_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    made = home_key(path)
    assert home_key(path) == made
    assert path.read_text(encoding="ascii") == f"{made}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["secret.key"]
    Sealer([made])


def test_a_key_that_is_read_makes_no_file_beside_it_and_a_folder_nobody_may_write_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret.key"
    path.write_text("XX", encoding="ascii")  # short and odd, but somebody's key
    monkeypatch.setattr(crypto, "_write_private", lambda *_: pytest.fail("a key that is there was to be made again"))
    assert home_key(path) == "XX"


def test_keys_of_a_home_are_replaced_whole_newest_first(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    first, second = home_key(path), new_key()
    write_home_keys(path, [second, first])
    assert home_key(path) == f"{second},{first}"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("content", [b"", b"\n", b" , ,\n", "schlüssel".encode(), b"\xff\xfe"])
def test_a_damaged_key_file_is_never_written_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is damaged") as refused:
        home_key(path)
    assert refused.value.code == "key_damaged"
    assert refused.value.message == f"the secret key in {path} is damaged."
    assert refused.value.hint == (
        "Put the file back from your copy: what was sealed with it cannot be opened with another key."
    )
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no folder" / "secret.key"
    for attempt in (lambda: home_key(path), lambda: write_home_keys(path, [NEW])):
        with pytest.raises(HomeError, match="cannot write the secret key") as refused:
            attempt()
        assert str(path) in str(refused.value)
    with pytest.raises(HomeError, match="cannot read the secret key"):
        home_key(tmp_path)


def test_the_digest_of_a_token_is_plain_sha_256() -> None:
    assert crypto.sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
