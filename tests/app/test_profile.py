"""A profile has one owner; what it keeps is owner-only; a broker can't change behind the user's back."""

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.session.brokers import sample
from wallet.app.profile import Profile, write_file
from wallet.protocol.errors import WalletError


def modes(path: Path) -> dict[str, int]:
    return {str(item.relative_to(path)): stat.S_IMODE(item.stat().st_mode) for item in path.rglob("*")}


def test_everything_in_it_is_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        profile = Profile(tmp_path / "p")
        profile.pin(sample())
        write_file(profile.path / "layout.json", b"{}")
    finally:
        os.umask(before)
    assert stat.S_IMODE(profile.path.stat().st_mode) == 0o700
    for name, mode in modes(profile.path).items():
        assert mode & 0o077 == 0, name
    profile.close()


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    code = (
        "import sys; from pathlib import Path; from wallet.app.profile import Profile\n"
        "from wallet.protocol.errors import WalletError\n"
        "try: Profile(Path(sys.argv[1]))\n"
        "except WalletError as error: print(error.code)"
    )
    said = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "PROFILE_IN_USE"
    profile.close()
    Profile(tmp_path).close()


def test_the_lock_is_on_the_real_directory(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(WalletError, match="PROFILE_IN_USE"):
        Profile(tmp_path / "link")
    profile.close()


@pytest.mark.parametrize("field", ["signer", "chain_id", "adjudicator"])
def test_a_known_broker_with_other_facts_is_refused(tmp_path: Path, field: str) -> None:
    profile = Profile(tmp_path)
    broker = sample()
    profile.pin(broker)
    other = 7 if field == "chain_id" else b"\x77" * 20
    with pytest.raises(WalletError, match="BROKER_CHANGED"):
        profile.pin(replace(broker, **{field: other}))
    assert profile.brokers() == [broker]
    profile.close()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write_file(tmp_path / "a", b"old")
    (tmp_path / f".a.{os.getpid()}.tmp").mkdir()
    with pytest.raises(WalletError, match="FILE_UNWRITABLE"):
        write_file(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
