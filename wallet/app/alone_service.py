"""Recovery from the chain alone behind a thread: what the window holds where there is neither broker nor backup."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from wallet.app import proofs
from wallet.app.alone import SENT, Alone, Found, require_of
from wallet.app.alone_backend import FoundView
from wallet.app.profile import Profile
from wallet.app.snapshots import AssetInfo, ShareView
from wallet.keys import gate
from wallet.keys.kdf import calibrate
from wallet.keys.secret import Secret
from wallet.keys.vault import create_vault
from wallet.protocol.errors import WalletError

T = TypeVar("T")


class AloneService:
    """Implements :class:`AloneBackend` on a profile that it makes, or opens, and holds."""

    def __init__(
        self,
        path: Path,
        phrase: Secret | None,
        password: Secret,
        nodes: Sequence[str],
        contract: bytes,
        told: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> None:
        """Blocks for the key derivation and the first search. ``phrase``: of keys that are not there yet.

        Raises WalletError("KEYS_…" | "PROFILE_…" | "RPC_…" | "CHAIN_…").
        """
        self._profile = Profile(path)
        self._told = told
        self._alone: Alone | None = None
        self._found: list[Found] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="recovery", daemon=True)
        self._thread.start()
        try:
            if phrase is not None:
                self._vault = create_vault(self._profile.vault, phrase, password, params=calibrate())
            else:
                self._vault = gate.unlock(self._profile.vault, password)
            self._run(self._reach(nodes, contract)).result()
            self.rows().result()
        except BaseException:
            self.close()
            raise

    async def _reach(self, nodes: Sequence[str], contract: bytes) -> None:
        self._alone = await Alone.reach(nodes, contract, self._profile.path / SENT)

    def _run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    @property
    def _there(self) -> Alone:
        assert self._alone is not None
        return self._alone

    def rows(self) -> Future[tuple[FoundView, ...]]:
        async def look() -> tuple[FoundView, ...]:
            self._found = await self._there.find(self._vault.accounts[0].address, told=self._told)
            return tuple([await self._view(row) for row in self._found])

        return self._run(look())

    async def _view(self, row: Found) -> FoundView:
        now = row.standing
        return FoundView(
            row.channel, now.status.name.lower(), now.increment, now.deadline, await self._there.shares(row)
        )

    def _row(self, channel: bytes) -> Found:
        found = next((row for row in self._found if row.channel == channel), None)
        if found is None:
            raise WalletError("CHANNEL_UNKNOWN", channel="0x" + channel.hex())
        return found

    def worth(self, channel: bytes, proof: Path | None) -> Future[tuple[int, tuple[ShareView, ...]]]:
        async def worth() -> tuple[int, tuple[ShareView, ...]]:
            row = self._row(channel)
            loaded = await asyncio.to_thread(proofs.load, proof) if proof is not None else None
            if loaded is not None:
                require_of(row, loaded, self._there.contract)
            return loaded.state.increment if loaded else 0, await self._there.shares(row, loaded)

        return self._run(worth())

    def leave(self, channel: bytes, proof: Path | None) -> Future[str]:
        async def leave() -> str:
            loaded = await asyncio.to_thread(proofs.load, proof) if proof is not None else None
            return await self._there.leave(self._row(channel), self._vault.owner(), loaded)

        return self._run(leave())

    def withdraw(self) -> Future[tuple[tuple[AssetInfo, int], ...]]:
        async def withdraw() -> tuple[tuple[AssetInfo, int], ...]:
            paid = await self._there.withdraw(self._found, self._vault.owner())
            return tuple([(await self._there.name(asset), amount) for asset, amount in paid.items()])

        return self._run(withdraw())

    def close(self) -> None:
        """Blocks until what is being sent is done with."""
        if not self._loop.is_closed():
            if self._alone is not None:
                self._run(self._alone.close()).result(30)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(30)
            self._loop.close()
            self._profile.close()
