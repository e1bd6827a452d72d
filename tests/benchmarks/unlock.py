"""What a guess at the password costs here, what the calibration makes of that, and how long the owner waits."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.benchmarks.report import Figure, Options, median
from wallet.keys import gate, kdf
from wallet.keys.mnemonic import create_phrase
from wallet.keys.secret import Secret
from wallet.keys.vault import create_vault, open_vault


def run(options: Options) -> list[Figure]:
    rounds = range(min(options.rounds, 5))
    started = time.perf_counter()
    chosen = kdf.calibrate()
    calibrating = time.perf_counter() - started
    path, password = options.folder / "bench.vault", Secret("of no use elsewhere")
    vault = create_vault(path, create_phrase(12), password, params=chosen)
    kept = vault.data_keys()
    bare = median([kdf.measure(chosen) for _ in rounds])
    unlocked = median([_timed(lambda: gate.unlock(path, password).lock()) for _ in rounds])
    by_keys = median([_timed(lambda: open_vault(path).unlock_with(kept).lock()) for _ in rounds])
    usual = median([kdf.measure(kdf.DEFAULT_PARAMS) for _ in rounds])
    name = f"{chosen.memory_kib // 1024} MiB × {chosen.passes}"
    return [
        Figure("Argon2id, 256 MiB × 3, 4 lanes", usual * 1e3, "ms"),
        Figure("calibrating, once for a new vault", calibrating * 1e3, "ms"),
        Figure(f"one guess at the calibrated cost, {name}", bare * 1e3, "ms"),
        Figure("unlock at that cost, by the password", unlocked * 1e3, "ms"),
        Figure("unlock by the keyring's key", by_keys * 1e3, "ms"),
    ]


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
