"""Two builds compared: what is the same is said so, and what differs needs a reason."""

import io
import tarfile
from pathlib import Path

import pytest

import dev_reproduce
from dev_env import Refused


def folder(path: Path, wheel: bytes, **members: bytes) -> Path:
    path.mkdir()
    (path / "p.whl").write_bytes(wheel)
    with tarfile.open(path / "p.tar.xz", "w:xz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_the_same_is_said_to_be_the_same(tmp_path: Path) -> None:
    pair = [folder(tmp_path / name, b"w", one=b"1") for name in "ab"]
    assert dev_reproduce.compare(*pair) == [("p.tar.xz", "the same bytes"), ("p.whl", "the same bytes")]


def test_each_file_that_differs_is_named_and_needs_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = (
        folder(tmp_path / "a", b"w", known=b"1", other=b"1", same=b"s"),
        folder(tmp_path / "b", b"v", known=b"2", other=b"2", same=b"s", more=b""),
    )
    monkeypatch.setattr(dev_reproduce, "REASONS", (("known", "it tells the time"),))
    assert dev_reproduce.report(dev_reproduce.compare(*pair)).splitlines() == [
        "p.tar.xz: known: it tells the time",
        "p.tar.xz: more: UNEXPLAINED",
        "p.tar.xz: other: UNEXPLAINED",
        "p.whl: UNEXPLAINED",
    ]


def test_it_wants_a_file() -> None:
    with pytest.raises(Refused):
        dev_reproduce.reproduce([])
