"""Starts the window, and hands it the ways to a backend: an existing profile, a new one, or the demo market."""

from __future__ import annotations

import os
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
from typing import TYPE_CHECKING, Any, TypeVar

from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.alone_backend import AloneBackend
    from wallet.app.backend import Backend
    from wallet.app.owner.claim import Owner
    from wallet.app.owner.door import Front
    from wallet.app.profile import Profile
    from wallet.app.service import Service
    from wallet.gui.models.onboarding import Words

Progress = Callable[[str, float], None]
T = TypeVar("T")
SANDBOX_START = 60.0  # seconds before a sandbox that says nothing is given up
DEMO_PROFILE = "trader"  # in the demo's folder


def run_window(
    profile: Path | None,
    *,
    demo: bool,
    directory: Path | None = None,
    initiative: str = "broker",
    file: Path | None = None,
) -> int:
    """The window until it is closed; the process's exit code.

    If another window has the same profile (or the same demo), that one comes to the front, and this call is done.
    ``initiative``: of the demo market's channels. ``file``: a proof to show; that needs no profile, so it is shown in
    a window without one where another has it.
    """
    launcher = WindowLauncher(directory, initiative)
    try:
        try:
            launcher.claim(directory / DEMO_PROFILE if demo and directory else profile)
        except WalletError as error:
            if file is None or error.code != "OWNER_RAISED":
                raise
            profile = None
        from wallet.gui.app import run

        return run(launcher, profile, demo, file)
    except WalletError as error:
        from wallet.app.messages import explain

        raised = error.code == "OWNER_RAISED"
        print(explain(error), file=sys.stdout if raised else sys.stderr)
        return 0 if raised else 1
    except ImportError as error:  # a system library that Qt needs is missing
        print(f"The window can't be shown here: {error}", file=sys.stderr)
        return 1
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
        self._alone: list[AloneBackend] = []
        self._owners: dict[Path, Owner] = {}  # profiles held and not yet opened, by resolved path
        self._front: Front | None = None

    def claim(self, path: Path | None) -> None:
        """Holds a profile before its window appears, if there is one at ``path``.

        Raises WalletError("OWNER_RAISED") if another window has it, which was brought to the front; "PROFILE_…" and
        "OWNER_…" if it can't be had.
        """
        if path is not None and ((path / "keys.vault").exists() or path.name == DEMO_PROFILE):
            owner = self._own(path)
            self._owners[owner.profile.path] = owner

    # --- for the window ---

    def attend(self, front: Front) -> None:
        self._front = front
        for owner in self._owners.values():
            owner.attend(front)

    def start_demo(self, progress: Progress) -> Future[Backend]:
        return self._pool.submit(self._start_demo, progress)

    def open_profile(self, path: Path, password: str, progress: Progress) -> Future[Backend]:
        def work() -> Backend:
            from wallet.keys.secret import Secret

            progress("BOOT-UNLOCK", 0.2)
            if not (path / "keys.vault").exists():
                raise WalletError("KEYS_NOT_FOUND", path=str(path))
            owner = self._take(path)
            try:
                if not owner.profile.brokers():
                    raise WalletError("NO_BROKER")
                given = Secret(password) if password else None
                return self._serve(owner, given, None, strengthen=True)
            except BaseException:
                self._owners[owner.profile.path] = owner  # still ours: the password is asked for again
                raise

        return self._pool.submit(work)

    def stays_unlocked(self, path: Path) -> bool:
        from wallet.keys import stay

        return stay.is_on(path / "keys.vault")

    def password_wait(self, path: Path) -> float:
        from wallet.keys import gate

        return gate.seconds_to_wait(path / "keys.vault")

    def accept_loss(self, path: Path) -> Future[int]:
        def work() -> int:
            from wallet.app.installation import accept_loss

            owner = self._take(path)
            try:
                return accept_loss(owner.profile.journal)
            finally:
                self._owners[owner.profile.path] = owner

        return self._pool.submit(work)

    def restore_backup(self, file: Path, password: str, path: Path, progress: Progress) -> Future[Backend]:
        def work() -> Backend:
            from wallet.app import backup
            from wallet.keys.secret import Secret

            def tell(code: str, done: int, whole: int) -> None:
                progress(code, 0.8 * done / max(whole, 1))

            if path.resolve() in self._owners:
                raise WalletError("BACKUP_OCCUPIED", path=str(path))  # held for this window, and so not empty
            backup.restore(file, Secret(password), path, tell)
            progress("BOOT-UNLOCK", 0.9)
            owner = self._take(path)
            try:
                if not owner.profile.brokers():
                    raise WalletError("NO_BROKER")
                return self._serve(owner, Secret(password), None, strengthen=True)
            except BaseException:
                self._owners[owner.profile.path] = owner
                raise

        return self._pool.submit(work)

    def recover(self, path: Path, phrase: str, password: str, node: str, contract: bytes) -> Future[AloneBackend]:
        def work() -> AloneBackend:
            from wallet.app.alone_service import AloneService
            from wallet.keys.secret import Secret

            words = Secret(phrase) if phrase else None
            service = AloneService(path, words, Secret(password), (node,), contract)
            self._alone.append(service)
            return service

        return self._pool.submit(work)

    def let_go(self, backend: AloneBackend) -> None:
        self._pool.submit(backend.close)

    def new_phrase(self, count: int) -> str:
        from wallet.keys.mnemonic import create_phrase

        return create_phrase(count).reveal()

    def check_phrase(self, phrase: str) -> None:
        from wallet.keys.mnemonic import check_phrase
        from wallet.keys.secret import Secret

        check_phrase(Secret(phrase))

    def create_profile(
        self, path: Path, words: Words, password: str, broker: Path, progress: Progress
    ) -> Future[Backend]:
        def work() -> Backend:
            from wallet.keys.kdf import calibrate
            from wallet.keys.secret import Secret
            from wallet.keys.vault import create_vault
            from wallet.session.broker_profile import load

            found = load(broker)
            progress("BOOT-KEYS", 0.2)
            owner = self._take(path)
            try:
                phrase, extra = Secret(words.phrase), Secret(words.passphrase)
                create_vault(owner.profile.vault, phrase, Secret(password), passphrase=extra, params=calibrate())
                progress("BOOT-UNLOCK", 0.6)
                return self._serve(owner, Secret(password), found)
            except BaseException:
                owner.close()
                raise

        return self._pool.submit(work)

    def close(self) -> None:
        """Ends services and sandbox; nothing is left running."""
        for service in self._services:
            service.close()
        for alone in self._alone:
            alone.close()
        for owner in self._owners.values():
            owner.close()
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

    def _own(self, path: Path) -> Owner:
        """A profile, its lock and its door. Raises as :meth:`claim` does."""
        from wallet.app.owner.claim import own_or_raise

        owner = own_or_raise(path, os.environ.get("XDG_ACTIVATION_TOKEN", ""))
        if owner is None:
            raise WalletError("OWNER_RAISED", path=str(path))
        if self._front is not None:
            owner.attend(self._front)
        return owner

    def _take(self, path: Path) -> Owner:
        """The profile that was held for this, else the profile as :meth:`_own` gets it."""
        return self._owners.pop(path.resolve(), None) or self._own(path)

    def _serve(self, owner: Owner, password: object, broker: object, *, strengthen: bool = False) -> Service:
        from wallet.app.logs import start_logging
        from wallet.app.service import Service

        start_logging(owner.profile.logs)
        service = Service(owner.profile, password, broker, owner.leave, strengthen=strengthen)  # type: ignore[arg-type]
        owner.serve(service)
        self._services.append(service)
        return service

    def _start_demo(self, progress: Progress) -> Backend:
        progress("BOOT-SANDBOX", 0.1)
        directory = self._demo_directory()
        owner = self._take(directory / DEMO_PROFILE)
        try:
            return self._serve_demo(owner, directory, progress)
        except BaseException:
            self._owners[owner.profile.path] = owner
            raise

    def _serve_demo(self, owner: Owner, directory: Path, progress: Progress) -> Backend:
        from wallet.session.broker_profile import load

        started = self._start_sandbox(directory / "sandbox")
        # While that process starts, and not in a thread of its own: two threads that import the same large library at
        # the same time may each find half of it.
        password = _demo_keys(owner.profile)
        progress("BOOT-KEYS", 0.6)
        broker = load(_profile_of(started, directory / "sandbox"))
        progress("BOOT-CONNECT", 0.8)
        service = self._serve(owner, password, broker)
        service.online(broker.broker, chain_only=False).result()
        if not any(row.wallet for row in service.view(broker.broker, b"").result().wallet):
            progress("BOOT-FAUCET", 0.9)
            service.faucet(broker.broker).result()
        progress("BOOT-DONE", 1.0)
        return service

    def _demo_directory(self) -> Path:
        if self._directory is not None:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._directory
        if self._throwaway is None:
            self._throwaway = Path(tempfile.mkdtemp(prefix="channel-wallet-demo-"))
        return self._throwaway

    def _start_sandbox(self, directory: Path) -> subprocess.Popen[bytes]:
        """Starts broker, chain and makers in a process of their own, without waiting for them."""
        if self._sandbox is not None and self._sandbox.poll() is None:
            self._sandbox.terminate()
            self._sandbox.wait()
        program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "wallet"]
        with _errors(directory).open("wb") as stream:
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
        return self._sandbox


def _errors(directory: Path) -> Path:
    """What the sandbox of a directory complains of."""
    return directory.with_suffix(".err")


def _profile_of(sandbox: subprocess.Popen[bytes], directory: Path) -> Path:
    """Where the sandbox's broker profile is, once it is ready. Raises WalletError("SANDBOX_FAILED", why)."""
    line = _first_line(sandbox, SANDBOX_START)
    if not line:
        why = _errors(directory).read_text(errors="replace").strip().splitlines()
        raise WalletError("SANDBOX_FAILED", why=why[-1][:200] if why else "it ended without a word")
    ready: Any = strictjson.loads(line)
    return Path(ready["profile"])


def _first_line(process: subprocess.Popen[bytes], within: float) -> bytes:
    assert process.stdout is not None
    deadline = time.monotonic() + within
    if sys.platform == "win32":
        return process.stdout.readline()
    while time.monotonic() < deadline and process.poll() is None:
        if select.select([process.stdout], [], [], 0.1)[0]:
            return process.stdout.readline()
    return b""


def _demo_keys(profile: Profile) -> object:
    """Makes (or finds) the demo's throwaway key. Its random password lies beside it: there is nothing to lose."""
    from wallet.app.profile import write_file
    from wallet.keys.kdf import KdfParams
    from wallet.keys.mnemonic import create_phrase
    from wallet.keys.secret import Secret
    from wallet.keys.vault import create_vault

    kept = profile.path / "demo-password"
    if kept.exists():
        return Secret(kept.read_text(encoding="ascii"))
    password = secrets.token_urlsafe(24)
    write_file(kept, password.encode())
    create_vault(profile.vault, create_phrase(12), Secret(password), label="Demo", params=KdfParams(8 * 1024, 1, 1))
    return Secret(password)
