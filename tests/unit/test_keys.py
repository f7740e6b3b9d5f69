"""Names of keys and folders: injective, and never a way out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.context import Identity
from twintrack.core.errors import NotAllowed
from twintrack.core.keys import decode, encode
from twintrack.nodes.index import _allowed

PARTS = st.one_of(st.sampled_from([".", "..", "%2E", "%2E%2E", "%", "", "/", "../x"]), st.text())


@given(one=PARTS, other=PARTS)
def test_a_part_comes_back_and_two_parts_never_meet(one: str, other: str) -> None:
    try:
        assert decode(encode(one)) == one
        assert (encode(one) == encode(other)) == (one == other)
    except UnicodeEncodeError:
        return
    assert encode(one) not in {".", ".."}
    assert not set(encode(one)) & set(":/{}* ")


@pytest.mark.parametrize("tenant", [".", "..", "", "../other", "a/b"])
def test_no_tenants_name_widens_its_folder(tmp_path: Path, tenant: str) -> None:
    own, paths = _allowed(tmp_path, [], Identity(tenant, "ann"))
    assert own.parent == tmp_path
    assert paths == [own]
    with pytest.raises(NotAllowed, match="outside"):
        _allowed(tmp_path, ["../other"], Identity(tenant, "ann"))
