"""Releases: what the releaser signed is verified, and nothing else, with Debian's minisign."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import dev_release
from dev_env import Refused
from wallet.app import updates

pytestmark = pytest.mark.skipif(shutil.which("minisign") is None, reason="needs minisign")


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    secret, public = tmp_path / "secret", tmp_path / "public"
    subprocess.run(["minisign", "-G", "-W", "-s", str(secret), "-p", str(public)], check=True, capture_output=True)
    return secret, public


@pytest.fixture
def folder(tmp_path: Path, keys: tuple[Path, Path]) -> Path:
    there = tmp_path / "release"
    there.mkdir()
    (there / "program.deb").write_bytes(b"program")
    dev_release.write_release([there / "program.deb"], there)
    for name in (dev_release.SUMS, dev_release.NOTICE):
        dev_release.sign(there / name, keys[0])
    return there


def test_a_release_verifies_and_the_program_reads_its_notice(folder: Path, keys: tuple[Path, Path]) -> None:
    assert dev_release.verify_release(folder, keys[1]) == ["NOTES.md", "program.deb", "release.json"]
    data = (folder / dev_release.NOTICE).read_bytes()
    key = keys[1].read_text().splitlines()[1]
    updates.verify(data, (folder / f"{dev_release.NOTICE}.minisig").read_bytes(), key)
    assert updates.read_release(data).version == dev_release.current().version


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: (folder / "program.deb").write_bytes(b"other"), "not the bytes"),
        (lambda folder: (folder / "program.deb").unlink(), "not the files"),
        (lambda folder: (folder / "more.deb").write_bytes(b""), "not the files"),
        (lambda folder: (folder / "SHA256SUMS").write_text(""), "SHA256SUMS is not signed"),
        (lambda folder: (folder / "release.json.minisig").unlink(), "release.json is not signed"),
    ],
)
def test_a_spoilt_release_does_not(
    folder: Path, keys: tuple[Path, Path], spoil: Callable[[Path], object], why: str
) -> None:
    spoil(folder)
    with pytest.raises(Refused, match=why):
        dev_release.verify_release(folder, keys[1])


@pytest.mark.parametrize("wrong", [[], ["--key"], ["--key", "a"], ["--key", "a", "--public", "b", "--more", "c"]])
def test_senseless_arguments(wrong: list[str]) -> None:
    with pytest.raises(Refused):
        dev_release.release(wrong)
