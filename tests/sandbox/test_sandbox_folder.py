"""The sandbox's directory: its own or nobody's, owner-only, and the same identity at every start."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from wallet.protocol.errors import WalletError
from wallet.sandbox.folder import Folder


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_identity_is_drawn_once(tmp_path: Path) -> None:
    first = Folder(tmp_path / "new" / "box").identity()
    assert Folder(tmp_path / "new" / "box").identity() == first
    other = Folder(tmp_path / "other").identity()
    assert len({first.owner, first.signer, first.seed, other.owner, other.signer, other.seed}) == 6


def test_what_changes_is_kept(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    identity = folder.update(folder.identity(), rpc_port=8545, broker_port=9000, adjudicator=b"\xad" * 20)
    assert Folder(tmp_path).identity() == identity
    assert identity.rpc_port == 8545


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "box")
    folder.identity()
    folder.write(folder.profile, b"{}")
    assert _mode(tmp_path / "box") == 0o700
    assert _mode(tmp_path / "box" / "sandbox.json") == 0o600
    assert _mode(folder.profile) == 0o600
    assert _mode(folder.broker) == _mode(folder.traders) == 0o700


def test_a_directory_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    tmp_path.chmod(0o755)
    with pytest.raises(WalletError) as refused:
        Folder(tmp_path)
    assert refused.value.code == "SANDBOX_FOLDER"
    assert [entry.name for entry in tmp_path.iterdir()] == ["letters.txt"]
    assert _mode(tmp_path) == 0o755


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WalletError) as refused:
        Folder(tmp_path / "file")
    assert refused.value.code == "SANDBOX_FOLDER"


GOOD = {
    "version": 1,
    "owner": "A" * 43 + "=",
    "signer": "A" * 43 + "=",
    "seed": "A" * 43 + "=",
    "rpc_port": 1,
    "broker_port": 2,
    "adjudicator": "",
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        json.dumps({**GOOD, "version": 2}),
        json.dumps({**GOOD, "owner": "AAAA"}),
        json.dumps({**GOOD, "seed": 7}),
        json.dumps({**GOOD, "rpc_port": 70_000}),
        json.dumps({**GOOD, "rpc_port": -1}),
        json.dumps({**GOOD, "adjudicator": "A" * 44}),
        json.dumps({**GOOD, "more": 1}),
        json.dumps({key: value for key, value in GOOD.items() if key != "signer"}),
    ],
)
def test_a_damaged_identity_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    """Never replaced by a new one: with the keys the channels would be lost."""
    path = tmp_path / "sandbox.json"
    path.write_text(json.dumps(GOOD))
    Folder(tmp_path).identity()
    path.write_text(text)
    with pytest.raises(WalletError) as refused:
        Folder(tmp_path).identity()
    assert refused.value.code == "SANDBOX_DAMAGED"
    assert path.read_text() == text
