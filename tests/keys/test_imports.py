"""Start-up: the keys cost little to import, and the fast libraries are the ones in use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPORTS = """
import sys, time
started = time.process_time()
import wallet.keys.vault, wallet.keys.mnemonic, wallet.keys.backend
print(time.process_time() - started)
print(*sys.modules)
"""
FAST = """
from wallet.keys.backend import assert_fast_backend
from wallet.protocol.errors import WalletError
{before}
try:
    assert_fast_backend()
except WalletError as error:
    print(error.code, error.params["need"])
else:
    print("fast")
"""


def run(code: str, **environment: str) -> str:
    clean = {key: value for key, value in os.environ.items() if key not in {"ETH_HASH_BACKEND", "ECC_BACKEND_CLASS"}}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_importing_the_keys_is_quick_and_loads_nothing_slow() -> None:
    runs = [run(IMPORTS).split("\n") for _ in range(3)]
    assert min(float(seconds) for seconds, _ in runs) < 0.15
    loaded = {name.partition(".")[0] for name in runs[0][1].split()}
    assert not loaded & {"eth_account", "eth_keys", "eth_abi", "web3", "cryptography", "argon2", "PySide6", "asyncio"}


@pytest.mark.parametrize(
    ("before", "environment", "said"),
    [
        ("", {"ETH_HASH_BACKEND": "pysha3"}, "fast"),
        ("", {}, "KEYS_SLOW_BACKEND ETH_HASH_BACKEND=pysha3"),
        ("", {"ETH_HASH_BACKEND": "pycryptodome"}, "KEYS_SLOW_BACKEND ETH_HASH_BACKEND=pysha3"),
        (
            "import os; from eth_hash.auto import keccak; keccak(b''); os.environ['ETH_HASH_BACKEND'] = 'pysha3'",
            {"ETH_HASH_BACKEND": "pycryptodome"},
            "KEYS_SLOW_BACKEND ETH_HASH_BACKEND=pysha3 before the first hash",
        ),
        (
            "",
            {"ETH_HASH_BACKEND": "pysha3", "ECC_BACKEND_CLASS": "eth_keys.backends.NativeECCBackend"},
            "KEYS_SLOW_BACKEND ECC_BACKEND_CLASS unset",
        ),
        ("import sys; sys.modules['sha3'] = None", {"ETH_HASH_BACKEND": "pysha3"}, "KEYS_SLOW_BACKEND sha3"),
        ("import sys; sys.modules['coincurve'] = None", {"ETH_HASH_BACKEND": "pysha3"}, "KEYS_SLOW_BACKEND coincurve"),
    ],
)
def test_slow_libraries_are_noticed(before: str, environment: dict[str, str], said: str) -> None:
    assert run(FAST.format(before=before), **environment) == said
