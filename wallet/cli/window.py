"""Starts the window, and hands it the ways to a backend: an existing profile, a new one, or the demo market."""

from __future__ import annotations

import json
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.backend import Backend
    from wallet.app.service import Service

Progress = Callable[[str, float], None]
T = TypeVar("T")
SANDBOX_START = 60.0  # seconds before a sandbox that says nothing is given up
ONLINE_WITHIN = 30.0


def run_window(profile: Path | None, *, demo: bool, directory: Path | None = None, initiative: str = "broker") -> int:
    """The window until it is closed; the process's exit code. ``initiative``: of the demo market's channels."""
    try:
        from wallet.gui.app import run
    except ImportError as error:  # a system library that Qt needs is missing
        print(f"The window can't be shown here: {error}", file=sys.stderr)
        return 1
    launcher = WindowLauncher(directory, initiative)
    try:
        return run(launcher, profile, demo)
    finally:
        launcher.close()


class WindowLauncher:
    """Implements :class:`wallet.gui.launcher.Launcher`; what it started, it ends."""

    def __init__(self, directory: Path | None = None, initiative: str = "broker") -> None:
        """``directory`` keeps the demo market's state; None makes a throwaway one."""
        self._directory = directory
        self._initiative = initiative
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="launcher")
        self._sandbox: subprocess.Popen[bytes] | None = None
        self._throwaway: Path | None = None
        self._services: list[Service] = []

    # --- for the window ---

    def start_demo(self, progress: Progress) -> Future[Backend]:
        return self._pool.submit(self._start_demo, progress)

    def open_profile(self, path: Path, password: str, progress: Progress) -> Future[Backend]:
        def work() -> Backend:
            from wallet.keys.secret import Secret

            progress("BOOT-UNLOCK", 0.2)
            return self._open(path, Secret(password), None)

        return self._pool.submit(work)

    def new_phrase(self) -> str:
        from wallet.keys.mnemonic import create_phrase

        return create_phrase(12).reveal()

    def check_phrase(self, phrase: str) -> None:
        from wallet.keys.mnemonic import check_phrase
        from wallet.keys.secret import Secret

        check_phrase(Secret(phrase))

    def create_profile(
        self, path: Path, phrase: str, password: str, broker: Path, progress: Progress
    ) -> Future[Backend]:
        def work() -> Backend:
            from wallet.app.profile import Profile
            from wallet.keys.secret import Secret
            from wallet.keys.vault import create_vault
            from wallet.session.broker_profile import load

            found = load(broker)
            progress("BOOT-KEYS", 0.2)
            profile = Profile(path)
            try:
                create_vault(profile.vault, Secret(phrase), Secret(password))
            finally:
                profile.close()
            progress("BOOT-UNLOCK", 0.6)
            return self._open(path, Secret(password), found)

        return self._pool.submit(work)

    def close(self) -> None:
        """Ends services and sandbox; nothing is left running."""
        for service in self._services:
            service.close()
        if self._sandbox is not None:
            self._sandbox.terminate()
            try:
                self._sandbox.wait(10)
            except subprocess.TimeoutExpired:
                self._sandbox.kill()
                self._sandbox.wait()
        self._pool.shutdown(cancel_futures=True)
        if self._throwaway is not None:
            shutil.rmtree(self._throwaway, ignore_errors=True)

    # --- inside ---

    def _open(self, path: Path, password: object, broker: object) -> Service:
        from wallet.app.logs import start_logging
        from wallet.app.profile import Profile
        from wallet.app.service import Service

        profile = Profile(path)
        try:
            start_logging(profile.logs)
            service = Service(profile, password, broker)  # type: ignore[arg-type]
        except BaseException:
            profile.close()
            raise
        self._services.append(service)
        return service

    def _start_demo(self, progress: Progress) -> Backend:
        from wallet.session.broker_profile import load

        progress("BOOT-SANDBOX", 0.1)
        directory = self._demo_directory()
        keys = self._pool.submit(_demo_keys, directory / "trader")
        broker = load(self._start_sandbox(directory / "sandbox"))
        progress("BOOT-KEYS", 0.6)
        password = keys.result()
        progress("BOOT-CONNECT", 0.8)
        service = self._open(directory / "trader", password, broker)
        service.run(lambda account: account.online(ONLINE_WITHIN)).result()
        if not any(service.run(_holdings).result()):
            progress("BOOT-FAUCET", 0.9)
            service.faucet().result()
        progress("BOOT-DONE", 1.0)
        return service

    def _demo_directory(self) -> Path:
        if self._directory is not None:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._directory
        if self._throwaway is None:
            self._throwaway = Path(tempfile.mkdtemp(prefix="channel-wallet-demo-"))
        return self._throwaway

    def _start_sandbox(self, directory: Path) -> Path:
        """Starts broker, chain and makers in a process of their own; the broker profile's path.

        Raises WalletError("SANDBOX_FAILED", why).
        """
        if self._sandbox is not None and self._sandbox.poll() is None:
            self._sandbox.terminate()
            self._sandbox.wait()
        program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "wallet"]
        errors = directory.with_suffix(".err")
        with errors.open("wb") as stream:
            self._sandbox = subprocess.Popen(
                [
                    *program,
                    "sandbox",
                    "--dir",
                    str(directory),
                    "--until-stdin-closes",
                    "--initiative",
                    self._initiative,
                ],
                stdin=subprocess.PIPE,  # closes with this process, however it ends, and the sandbox with it
                stdout=subprocess.PIPE,
                stderr=stream,
            )
        line = _first_line(self._sandbox, SANDBOX_START)
        if not line:
            why = errors.read_text(errors="replace").strip().splitlines()
            raise WalletError("SANDBOX_FAILED", why=why[-1][:200] if why else "it ended without a word")
        return Path(json.loads(line)["profile"])


def _first_line(process: subprocess.Popen[bytes], within: float) -> bytes:
    assert process.stdout is not None
    deadline = time.monotonic() + within
    if sys.platform == "win32":
        return process.stdout.readline()
    while time.monotonic() < deadline and process.poll() is None:
        if select.select([process.stdout], [], [], 0.1)[0]:
            return process.stdout.readline()
    return b""


def _demo_keys(path: Path) -> object:
    """Makes (or finds) the demo's throwaway key. Its random password lies beside it: there is nothing to lose."""
    from wallet.app.profile import Profile, write_file
    from wallet.keys.kdf import KdfParams
    from wallet.keys.mnemonic import create_phrase
    from wallet.keys.secret import Secret
    from wallet.keys.vault import create_vault

    profile = Profile(path)
    try:
        kept = path / "demo-password"
        if kept.exists():
            return Secret(kept.read_text(encoding="ascii"))
        password = secrets.token_urlsafe(24)
        write_file(kept, password.encode())
        create_vault(profile.vault, create_phrase(12), Secret(password), label="Demo", params=KdfParams(8 * 1024, 1, 1))
        return Secret(password)
    finally:
        profile.close()


async def _holdings(account: object) -> list[int]:
    return list(account.chain.holdings.wallet.values())  # type: ignore[attr-defined]
