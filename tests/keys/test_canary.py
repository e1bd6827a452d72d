"""A whole session with known secrets; then everything it has written or said is searched for them."""

from __future__ import annotations

import base64
import contextlib
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.keys.vaults import CHEAP, PHRASE
from wallet.keys import hd
from wallet.keys.mnemonic import phrase_seed
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, create_vault, open_vault
from wallet.protocol.errors import WalletError
from wallet.protocol.typed import TypedDigest

PASSWORD = "canary-password-93c1"
PASSPHRASE = "canary-passphrase-5b7e"


def shapes(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    yield str(int.from_bytes(secret, "big")).encode()
    yield repr(secret)[2:-1].encode()
    yield secret[::-1]
    for shift in range(3):  # base64 of a text that holds the secret at any offset
        yield base64.b64encode(bytes(shift) + secret)[4:-4]
    with contextlib.suppress(UnicodeDecodeError):
        yield secret.decode().encode("utf-16-le")


def secrets_of(vault: Vault) -> dict[str, bytes]:
    seed = phrase_seed(Secret(PHRASE), Secret(PASSPHRASE))
    found = {
        "password": PASSWORD.encode(),
        "passphrase": PASSPHRASE.encode(),
        "phrase": PHRASE.encode(),
        "seed": seed,
        "owner": hd.derive_key(seed, hd.account_path(0)),
        "gas": hd.derive_key(seed, hd.GAS_PATH),
        "owner data key": vault.owner_keys.data_key,
        "session data key": vault.session_keys.data_key,
    }
    found |= {f"session {i}": record.key for i, record in enumerate(vault.session_keys.section.records)}
    return found


def caught(attempt: Callable[[], object]) -> str:
    with pytest.raises((WalletError, TypeError, ValueError)) as error:
        attempt()
    return "".join(traceback.format_exception(error.value)) + repr(error.value) + repr(error.value.__dict__)


def test_nothing_leaks(tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "profile" / "keys.vault"
    password, phrase, passphrase = Secret(PASSWORD), Secret(PHRASE), Secret(PASSPHRASE)
    vault = create_vault(path, phrase, password, passphrase=passphrase, label="canary", params=CHEAP)
    sessions = [vault.new_session_key(), vault.new_session_key()]
    locked = open_vault(path)
    vault = locked.unlock(password)
    vault.backup(tmp_path / "copy.vault")
    secrets = secrets_of(vault)

    said = [
        f"{thing} {thing!r} {[thing]}"
        for thing in (
            password,
            phrase,
            locked,
            vault,
            vault.owner(),
            vault.gas_key(),
            vault.session(sessions[0]),
            vault.owner_keys,
            vault.owner_keys.section,
            vault.session_keys,
            vault.session_keys.section,
            vault.session_keys.section.records,
            vault.export_phrase(),
            vault.accounts,
        )
    ]
    said += [
        caught(lambda: open_vault(path).unlock(Secret(PASSWORD + "x"))),
        caught(lambda: create_vault(path, phrase, password, params=CHEAP)),
        caught(lambda: create_vault(tmp_path / "n", Secret(PHRASE + " more"), password, params=CHEAP)),
        caught(lambda: create_vault(tmp_path / "n", Secret(PHRASE[:-4] + "test"), password, params=CHEAP)),
        caught(lambda: vault.owner().sign(cast(Any, b"\x01" * 32))),
        caught(lambda: vault.owner().sign_transaction({"chainId": 1, "nonsense": 1})),
        caught(lambda: vault.session(b"\x01" * 20)),
    ]
    vault.owner().sign(TypedDigest("State", b"\x01" * 32))
    vault.owner().sign_transaction(
        {"chainId": 1, "nonce": 0, "to": b"\1" * 20, "value": 0, "gas": 21000, "gasPrice": 1}
    )
    vault.change_password(password, Secret(PASSWORD + "2"), CHEAP)
    vault.lock()
    said.append(caught(vault.owner))
    logging.getLogger("wallet").info("objects: %s", [vault, locked, password, phrase])

    out, err = capfd.readouterr()
    heard = {"said": "\n".join(said), "log": caplog.text, "out": out, "err": err}
    places = {name: text.encode() for name, text in heard.items()}
    places |= {str(file): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert len(places) == 6
    leaks = [
        (name, place)
        for name, secret in secrets.items()
        for place, contents in places.items()
        for shape in shapes(secret)
        if shape in contents
    ]
    assert leaks == []


def test_the_search_would_find_a_leak() -> None:
    for shape in shapes(PASSWORD.encode()):
        assert len(shape) > 8
    assert any(shape in base64.b64encode(b"xy" + PASSWORD.encode() + b"!") for shape in shapes(PASSWORD.encode()))
