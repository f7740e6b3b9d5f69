"""A secret stays the same for everyone who shares its file, and is there without one too."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from twintrack.core.kept_secret import KeptSecret


def test_making_it_writes_nothing_and_using_it_writes_one_file_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "mask.key"
    secret = KeptSecret(file)
    assert not file.parent.exists()
    assert secret() == secret() == KeptSecret(file)() == file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["mask.key"]


def test_many_who_come_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        values = set(pool.map(lambda _: KeptSecret(tmp_path / "mask.key")(), range(64)))
    assert len(values) == 1


@pytest.mark.parametrize("content", [b"", b"short"])
def test_where_none_can_be_kept_the_process_has_its_own(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "mask.key").write_bytes(content)
    (tmp_path / "file").write_bytes(b"")
    for file in (tmp_path / "mask.key", tmp_path / "file" / "mask.key"):
        secret = KeptSecret(file)
        assert len(secret()) == 32
        assert secret() == secret()
        assert KeptSecret(file)() != secret()
    assert (tmp_path / "mask.key").read_bytes() == content
    assert "cannot be kept" in caplog.text
