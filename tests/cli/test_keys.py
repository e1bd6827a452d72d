"""``channel-wallet keys``, ``sign`` and ``verify`` as scripts use them: no secret is ever an argument."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data

from tests.keys.vaults import CHEAP, OWNER_0, OWNER_0_KEY, PASSWORD, PHRASE, make
from tests.support.game import SIGNERS, Game
from wallet.cli.main import main
from wallet.keys.keystore import open_keystore, save_keystore
from wallet.keys.secret import Secret
from wallet.keys.vault import open_vault
from wallet.protocol.signatures import sign as sign_typed
from wallet.protocol.terms import Role
from wallet.protocol.typeddata import state_typed_data

ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
KEY = b"\x11" * 32
KEY_ADDRESS = "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"
STRONG = "correct horse battery staple"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a guess costs is measured in test_gate; here it would only take time."""
    monkeypatch.setattr("wallet.keys.kdf.calibrate", lambda: CHEAP)


def run(*arguments: str, stdin: bytes | None = None, **given: str) -> Result:
    env = {"CHANNEL_WALLET_PASSWORD": STRONG, **given}
    return CliRunner().invoke(main, list(arguments), env={k: v or None for k, v in env.items()}, input=stdin)


def answer(*arguments: str, **given: str) -> Any:
    done = run(*arguments, "--json", **given)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refusal(*arguments: str, **given: str) -> str:
    done = run(*arguments, "--json", **given)
    assert done.exit_code == 1, done.output
    assert done.stderr.rstrip().count("\n") == 0
    return str(json.loads(done.stdout)["error"])


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    (tmp_path / "p").mkdir()
    make(tmp_path / "p" / "keys.vault", password=STRONG)
    return tmp_path / "p"


@pytest.fixture
def descriptor() -> Callable[[bytes], str]:
    def made(data: bytes) -> str:
        read, write = os.pipe()
        os.write(write, data)
        os.close(write)
        return str(read)

    return made


def test_no_command_takes_a_secret_as_an_argument() -> None:
    def walk(command: click.Command, path: str) -> list[str]:
        if isinstance(command, click.Group):
            return [row for name, inner in command.commands.items() for row in walk(inner, f"{path} {name}")]
        return [
            f"{path} {option}"
            for param in command.params
            for option in (*param.opts, param.name or "")
            if any(word in option for word in ("password", "phrase", "private"))
            and not (isinstance(param, click.Option) and (param.is_flag or option.replace("_", "-").endswith("-fd")))
        ]

    assert walk(main, "") == []


def test_words_with_a_passphrase_are_other_accounts(tmp_path: Path) -> None:
    plain = answer("keys", "restore", "--profile", str(tmp_path / "a"), CHANNEL_WALLET_PHRASE=PHRASE)
    other = answer(
        "keys", "restore", "--profile", str(tmp_path / "b"), CHANNEL_WALLET_PHRASE=PHRASE, CHANNEL_WALLET_PASSPHRASE="x"
    )
    assert plain["address"] == ADDRESS.lower() != other["address"]
    asked = run(
        *("keys", "restore", "--passphrase", "--json", "--profile", str(tmp_path / "c")),
        stdin=b"x\n",
        CHANNEL_WALLET_PHRASE=PHRASE,
    )
    assert json.loads(asked.stdout) == other


def test_a_password_from_a_descriptor(profile: Path, descriptor: Callable[[bytes], str]) -> None:
    at = ("--profile", str(profile))
    given = ("--password-fd", descriptor(STRONG.encode() + b"\n"))
    assert answer("sign", "hello", *at, *given, CHANNEL_WALLET_PASSWORD="")["address"] == ADDRESS
    wrong = ("--password-fd", descriptor(b"wrong"))
    assert refusal("sign", "hello", *at, *wrong) == "KEYS_WRONG_PASSWORD"
    assert refusal("sign", "hello", *at, "--password-fd", "987") == "PASSWORD_FD"


def test_two_passwords_from_one_descriptor(profile: Path, descriptor: Callable[[bytes], str]) -> None:
    both = descriptor(STRONG.encode() + b"\nanother good one, unlike it\n")
    answer("keys", "passwd", "--profile", str(profile), "--password-fd", both, "--new-password-fd", both)
    vault = open_vault(profile / "keys.vault").unlock(Secret("another good one, unlike it"))
    assert vault.owner().address == OWNER_0


@pytest.mark.parametrize("command", ["create", "restore"])
def test_a_weak_password_is_named_and_taken(tmp_path: Path, command: str) -> None:
    given = {"CHANNEL_WALLET_PASSWORD": "jennifer1987", "CHANNEL_WALLET_PHRASE": PHRASE}
    done = run("keys", command, "--profile", str(tmp_path / "a"), "--json", **given)
    assert done.exit_code == 0
    assert done.stderr.startswith("This password is weak. It is built on one common word or name.")
    assert "jennifer" not in done.output
    assert run("keys", command, "--profile", str(tmp_path / "b"), CHANNEL_WALLET_PHRASE=PHRASE).stderr == ""


def test_a_key_file_makes_a_wallet_or_joins_one(tmp_path: Path, profile: Path) -> None:
    file = tmp_path / "theirs.json"
    save_keystore(file, KEY, Secret("theirs"), work=1024)
    given = {"CHANNEL_WALLET_KEY_PASSWORD": "theirs"}
    alone = ("--profile", str(tmp_path / "alone"))
    assert answer("keys", "import", str(file), *alone, **given) == {"address": KEY_ADDRESS}
    assert answer("keys", "import", str(file), "--profile", str(profile), "--label", "old", **given)
    rows = answer("keys", "list", "--profile", str(profile))["accounts"]
    assert [(row["address"], row["kind"], row["label"]) for row in rows] == [
        (ADDRESS.lower(), "derived", ""),
        (KEY_ADDRESS, "imported", "old"),
    ]
    again = ("keys", "import", str(file), "--profile", str(profile))
    assert refusal(*again, **given) == "KEYS_ACCOUNT_EXISTS"
    assert refusal(*again, CHANNEL_WALLET_KEY_PASSWORD="no") == "KEYSTORE_PASSWORD"


def test_a_private_key_and_a_watched_address_come_in(tmp_path: Path, profile: Path) -> None:
    at = ("--profile", str(profile))
    assert (
        answer("keys", "import", "--private-key", *at, CHANNEL_WALLET_PRIVATE_KEY=KEY.hex())["address"] == KEY_ADDRESS
    )
    watched = "0x" + "22" * 20
    assert answer("keys", "import", "--watch", watched, *at)["address"] == watched
    assert refusal("sign", "x", "--account", watched, *at) == "KEYS_WATCH_ONLY"
    assert refusal("keys", "import", "--private-key", *at, CHANNEL_WALLET_PRIVATE_KEY="11") == "KEYS_PRIVATE_KEY_FORM"
    assert refusal("keys", "import", *at) == "IMPORT_ONE"
    fresh = ("--profile", str(tmp_path / "w"))
    assert answer("keys", "import", "--watch", watched, *fresh)["address"] == watched
    assert answer("keys", "list", *fresh)["accounts"][0]["kind"] == "watched"


def test_keys_go_out_in_a_file_or_as_words(tmp_path: Path, profile: Path) -> None:
    at, file = ("--profile", str(profile)), tmp_path / "out.json"
    given = {"CHANNEL_WALLET_KEY_PASSWORD": PASSWORD}
    assert answer("keys", "export", str(file), *at, **given) == {"address": ADDRESS.lower(), "file": str(file)}
    assert open_keystore(file, Secret(PASSWORD)) == OWNER_0_KEY
    assert refusal("keys", "export", str(file), *at, **given) == "KEYS_EXISTS"
    assert answer("keys", "export", "--phrase", *at) == {"phrase": PHRASE}
    assert refusal("keys", "export", *at) == "EXPORT_ONE"
    assert refusal("keys", "export", "--phrase", *at, CHANNEL_WALLET_PASSWORD="no") == "KEYS_WRONG_PASSWORD"
    alone = ("--profile", str(tmp_path / "alone"))
    answer("keys", "import", "--private-key", *alone, CHANNEL_WALLET_PRIVATE_KEY=KEY.hex())
    assert refusal("keys", "export", "--phrase", *alone) == "KEYS_NO_PHRASE"


def test_wrong_passwords_have_to_wait(profile: Path) -> None:
    codes = [refusal("sign", "x", "--profile", str(profile), CHANNEL_WALLET_PASSWORD="no") for _ in range(4)]
    assert codes == ["KEYS_WRONG_PASSWORD"] * 3 + ["KEYS_WAIT"]


def test_locking_without_a_keyring_is_quiet(profile: Path) -> None:
    assert answer("keys", "lock", "--profile", str(profile)) == {"wasUnlocked": False, "window": False}


@pytest.mark.parametrize("text", ["", "hello", "é👩\n\x00", "x" * 10_000])
def test_messages_are_signed_as_everywhere(profile: Path, text: str) -> None:
    at = ("--profile", str(profile))
    done = run("sign", "-", *at, "--json", stdin=text.encode())
    signed = json.loads(done.stdout)
    assert Account.recover_message(encode_defunct(text=text), signature=signed["signature"]) == ADDRESS
    shown = run("verify", signed["signature"], "-", "--address", ADDRESS, "--json", stdin=text.encode())
    assert json.loads(shown.stdout)["signer"] == ADDRESS


def test_another_text_or_signer_is_told() -> None:
    signature = "0x" + Account.sign_message(encode_defunct(text="yes"), KEY).signature.hex()
    assert answer("verify", signature, "yes")["signer"].lower() == KEY_ADDRESS
    assert refusal("verify", signature, "no", "--address", KEY_ADDRESS) == "SIGNATURE_OTHER"
    assert refusal("verify", signature[:-2], "yes") == "SIGNATURE_FORM"
    assert refusal("verify", "0x" + "00" * 65, "yes").startswith("SIG-")
    assert run("verify", signature).exit_code == 2


def test_typed_data_of_ours_is_verified_and_shown(tmp_path: Path) -> None:
    game = Game()
    data = state_typed_data(game.domain, game.setup)
    file = tmp_path / "state.json"
    file.write_text(json.dumps(data))
    ours = "0x" + sign_typed(SIGNERS[Role.BROKER], game.domain.digest(game.setup)).hex()
    shown = answer("verify", ours, "--typed", str(file))
    theirs = Account.recover_message(encode_typed_data(full_message=data), signature=ours)
    assert shown["signer"] == theirs
    assert shown["signed"]["chain"] == str(game.domain.chain_id)
    assert shown["signed"]["State.increment"] == str(game.setup.increment)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: row["types"]["State"].reverse(),
        lambda row: row["types"]["State"].append({"name": "x", "type": "uint256"}),
        lambda row: row["types"].update(More=[]),
        lambda row: row["types"].pop("EIP712Domain"),
        lambda row: row.update(primaryType="Permit"),
        lambda row: row.update(primaryType="Fill"),
        lambda row: row["domain"].update(name="Other"),
        lambda row: row["domain"].update(salt="0x00"),
        lambda row: row["domain"].update(chainId=-1),
        lambda row: row["domain"].update(chainId=True),
        lambda row: row["message"].update(increment=str(1 << 64)),
        lambda row: row["message"].update(increment="-1"),
        lambda row: row["message"].update(increment=1.5),
        lambda row: row["message"].update(channel="0x00"),
        lambda row: row["message"].update(more=1),
        lambda row: row["message"].pop("turn"),
        lambda row: row["message"].update(fills={}),
        lambda row: row["message"].update(fills=[{}]),
        lambda row: row.update(message=[]),
        lambda row: row.clear(),
    ],
)
def test_typed_data_of_others_is_refused(tmp_path: Path, spoil: Callable[[Any], object]) -> None:
    game = Game()
    data = json.loads(json.dumps(state_typed_data(game.domain, game.setup)))
    spoil(data)
    file = tmp_path / "other.json"
    file.write_text(json.dumps(data))
    assert refusal("verify", "0x" + "11" * 64 + "1b", "--typed", str(file)) == "TYPED_FORM"


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a":1,"a":2}', "7"])
def test_a_file_that_is_no_typed_data(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    assert refusal("verify", "0x" + "11" * 64 + "1b", "--typed", str(file)) == "TYPED_FORM"
