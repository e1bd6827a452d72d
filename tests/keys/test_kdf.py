"""Argon2id as RFC 9106 means it, and a machine that has not the memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tests.keys.vaults import CHEAP
from wallet.keys.kdf import KdfHeader, derive_key
from wallet.keys.secret import Secret

ROOT = Path(__file__).parents[2]
POOR = """
import resource
from pathlib import Path
from wallet.keys.kdf import KdfHeader, KdfParams, derive_key
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError
import argon2.low_level
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2**20,) * 2)
try:
    derive_key(Secret("password"), KdfHeader(KdfParams(), bytes(16)))
except WalletError as error:
    print(error)
"""


def test_another_implementation_derives_the_same_key() -> None:
    salt = bytes(range(16))
    theirs = Argon2id(salt=salt, length=32, iterations=1, lanes=1, memory_cost=8 * 1024).derive(b"cafe\xcc\x81")
    assert derive_key(Secret("caf\u00e9"), KdfHeader(CHEAP, salt)) == theirs


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set from /proc")
def test_too_little_memory_is_a_sentence() -> None:
    run = subprocess.run([sys.executable, "-c", POOR], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "KEYS_NO_MEMORY mebibytes=256"
