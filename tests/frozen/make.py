"""Freezes a profile, what its computer remembers of it, and its market: ``python -m tests.frozen.make``.

Run once before a release, and the archive checked in; never made again, since later versions must open that very one.
Everything in it is a test's: the phrase, the password, a chain that lives in a file.
"""

from __future__ import annotations

import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.end_to_end.installed import Cli, Sandbox
from wallet import __version__

FOLDER = Path(__file__).resolve().parent / "profiles"
PASSWORD = "as good as none"
# What a running program keeps beside its data, and logs.
LEFT_OUT = ("logs", "lock", "broker.lock", "history.db-shm", "owner.sock")


def archive_of(version: str) -> Path:
    return FOLDER / f"{version}.tar.xz"


def program(folder: Path) -> Path:
    """``channel-wallet`` of this checkout, on a computer that remembers nothing but what is in the folder."""
    script = folder / "channel-wallet"
    root = Path(__file__).resolve().parents[2]
    script.write_text(
        f'#!/bin/sh\nXDG_STATE_HOME="{folder}/state" PYTHONPATH="{root}" exec "{sys.executable}" -m wallet "$@"\n'
    )
    script.chmod(0o755)
    return script


def fill(cli: Cli, broker: Path) -> None:
    """An open channel with a fill, a resting order and a cancelled one."""
    cli("keys", "create")
    cli("faucet", "--broker", str(broker))
    cli("channel", "open", "--broker", str(broker), "--allocate", "USDT=20000", "--allocate", "ETH=2")
    assert cli("order", "buy", "ETH/USDT", "0.1", "--limit", "6000", "--ioc")["status"] == "filled"
    cli("order", "buy", "ETH/USDT", "0.1", "--limit", "500")
    rests = cli("order", "buy", "ETH/USDT", "0.2", "--limit", "400")
    cli("order", "cancel", rests["id"])


def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if Path(entry.name).name in LEFT_OUT:
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def main() -> int:
    path = archive_of(__version__)
    if path.exists():
        print(f"{path} is frozen already.", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="frozen-"))
    try:
        command = program(folder)
        sandbox = Sandbox(command, folder / "market")
        try:
            fill(Cli(command, folder / "trader", PASSWORD), sandbox.profile)
        finally:
            sandbox.close()
        FOLDER.mkdir(exist_ok=True)
        with tarfile.open(path, "w:xz", preset=9) as archive:
            for name in ("market", "state", "trader"):
                archive.add(folder / name, name, filter=plain)
    finally:
        shutil.rmtree(folder)
    print(f"{path}: {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
