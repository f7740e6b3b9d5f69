"""Whose key a request carries, and who is let in where there are no keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from twintrack.app.api_keys import ApiKeys
from twintrack.app.callers import caller, presented_key
from twintrack.core.context import Identity
from twintrack.core.errors import NotAllowed, SettingsError
from twintrack.core.settings import load_settings

ANN, BOB = "ann-key-0123456789", "bob-key-0123456789"
KEYS = ApiKeys.parse([SecretStr(f"{ANN}:ann@example.com:acme"), SecretStr(f"{BOB}:bob")])
HERE = ("127.0.0.1", 5000)


def test_a_key_names_its_user_and_tenant() -> None:
    assert KEYS.holder(ANN) == Identity("acme", "ann@example.com")


def test_a_key_without_a_tenant_belongs_to_the_default_one() -> None:
    assert KEYS.holder(BOB) == Identity("default", "bob")


def test_a_key_may_name_the_groups_of_its_holder() -> None:
    keys = ApiKeys.parse([SecretStr(f"{ANN}:ann:acme:legal,board"), SecretStr(f"{BOB}:bob::staff")])
    holders = [keys.holder(ANN), keys.holder(BOB)]
    assert [(one.tenant_id, one.groups) for one in holders if one] == [
        ("acme", ("legal", "board")),
        ("default", ("staff",)),
    ]


@given(st.text())
def test_any_other_text_is_nobodys_key(text: str) -> None:
    assert text in (ANN, BOB) or KEYS.holder(text) is None


@pytest.mark.parametrize(
    "entries",
    [
        ["short:ann"],
        ["0123456789abcdef"],
        ["0123456789abcdef:"],
        ["0123456789abcdef:a:b:c:d"],
        ["0123456789abcdef:ann", "0123456789abcdef:bob"],
    ],
)
def test_a_wrong_entry_is_named_without_showing_it(entries: list[str]) -> None:
    with pytest.raises(SettingsError) as error:
        ApiKeys.parse([SecretStr(entry) for entry in entries])
    assert "TWINTRACK_SERVER__KEYS" in str(error.value)
    assert "0123456789abcdef" not in str(error.value)
    assert "short:" not in str(error.value)


def test_an_entry_of_the_wrong_kind_is_not_shown_either() -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(server={"keys": [{"0123456789abcdef": "ann:acme"}]})
    assert "TWINTRACK_SERVER__KEYS" in str(error.value)
    assert "0123456789abcdef" not in str(error.value)


def test_the_keys_themselves_are_not_held() -> None:
    assert ANN not in repr(KEYS)


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({b"authorization": b"Bearer abc"}, "abc"),
        ({b"authorization": b"bearer  abc "}, "abc"),
        ({b"x-api-key": b"abc"}, "abc"),
        ({b"authorization": b"Basic abc"}, ""),
        ({b"authorization": b"Bearer abc", b"x-api-key": b"other"}, "abc"),
        ({}, ""),
    ],
)
def test_a_key_is_read_from_either_header(headers: dict[bytes, bytes], key: str) -> None:
    assert presented_key(headers) == key


def test_where_keys_are_set_a_request_without_one_is_nobodys() -> None:
    assert caller(KEYS, {b"host": b"localhost:2024"}, HERE) is None


@pytest.mark.parametrize("host", [b"127.0.0.1:2024", b"localhost:2024", b"[::1]:2024"])
def test_without_keys_this_machine_is_the_local_user(host: bytes) -> None:
    assert caller(ApiKeys(), {b"host": host}, HERE) == Identity("default", "local")


@pytest.mark.parametrize("origin", [b"http://localhost:3000", b"https://smith.langchain.com"])
def test_without_keys_pages_of_this_machine_and_studio_may_call(origin: bytes) -> None:
    assert caller(ApiKeys(), {b"host": b"localhost", b"origin": origin}, HERE) == Identity()


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ({b"host": b"localhost"}, ("10.0.0.7", 5000)),
        ({b"host": b"localhost"}, None),
        ({b"host": b"rebound.example.com"}, HERE),
        ({}, HERE),
        ({b"host": b"localhost", b"origin": b"https://evil.example.com"}, HERE),
        ({b"host": b"localhost", b"origin": b"null"}, HERE),
        ({b"host": b"localhost", b"x-forwarded-for": b"8.8.8.8"}, HERE),
    ],
    ids=["from elsewhere", "from nowhere", "by another name", "by no name", "by a page", "by a sandbox", "by a proxy"],
)
def test_without_keys_everyone_else_is_refused(headers: dict[bytes, bytes], client: object) -> None:
    with pytest.raises(NotAllowed, match="TWINTRACK_SERVER__KEYS"):
        caller(ApiKeys(), headers, client)
