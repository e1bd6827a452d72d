"""One life of a program that uses the keyring of its session bus: ``python -m tests.keys.keyring_process VAULT STEP…``.

Each step prints one line: what came of it, or the code of the refusal.
"""

from __future__ import annotations

import sys
from pathlib import Path

import secretstorage

from tests.keys.vaults import CHEAP, PASSWORD, make
from wallet.keys import ring, stay
from wallet.keys.secret import Secret
from wallet.keys.vault import open_vault
from wallet.protocol.errors import WalletError


def step(path: Path, name: str) -> object:
    """``name``: on, off, unlock, password, items, lock (the keyring itself)."""
    if name == "make":
        return make(path).owner().address.hex()
    if name == "on":
        return stay.turn_on(open_vault(path).unlock(Secret(PASSWORD)), patience=20)
    if name == "off":
        return stay.turn_off(path, patience=20)
    if name == "unlock":
        return stay.unlock(path, patience=20).owner().address.hex()
    if name == "unlock-impatient":
        return stay.unlock(path, patience=1).owner().address.hex()
    if name == "password":
        vault = open_vault(path).unlock(Secret(PASSWORD))
        return vault.change_password(Secret(PASSWORD), Secret(PASSWORD), CHEAP)
    collection = secretstorage.get_default_collection(secretstorage.dbus_init())
    if name == "lock":
        return collection.lock()
    assert name == "items"
    rows = list(collection.get_all_items())
    ours = [row for row in rows if row.get_attributes().get("service") == ring.SERVICE]
    return [len(rows), len(ours), *(len(row.get_secret()) for row in ours)]


def main() -> None:
    for name in sys.argv[2:]:
        try:
            print(name, step(Path(sys.argv[1]), name), flush=True)
        except WalletError as error:
            print(name, error.code, flush=True)


if __name__ == "__main__":
    main()
