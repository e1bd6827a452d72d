"""The command as a person types it: help, wrong usage, and refusals that are one sentence (or one JSON object)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wallet.cli.main import main
from wallet.keys.secret import Secret
from wallet.keys.vault import open_vault
from wallet.protocol.errors import WalletError

GROUPS = {
    "keys": ("create", "restore", "list", "passwd"),
    "accounts": ("list", "add", "find", "label"),
    "addresses": ("list", "add", "remove"),
    "transactions": ("list", "speed-up", "cancel"),
    "channel": ("open", "show", "finalize", "withdraw"),
    "order": ("buy", "sell", "cancel", "list", "fills"),
    "history": ("list", "verify", "export", "backup"),
    "proof": ("export", "verify", "submit"),
    "evidence": ("export", "verify"),
}
PHRASE = "test test test test test test test test test test test junk"


def run(*arguments: str, password: str | None = "a password", phrase: str | None = None) -> Result:
    given = {"CHANNEL_WALLET_PASSWORD": password, "CHANNEL_WALLET_PHRASE": phrase}
    return CliRunner().invoke(main, list(arguments), env=given)


def test_help_names_every_command() -> None:
    text = run("--help").output
    for name in (*GROUPS, "demo", "sandbox", "faucet", "flags", "send"):
        assert f"  {name} " in text
    for group, commands in GROUPS.items():
        shown = run(group, "--help").output
        assert all(f"  {name} " in shown or f"  {name}\n" in shown for name in commands), group


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("order", "buy", "ETH/USDT", "1"),
        ("order", "buy", "ETH/USDT", "1", "--limit", "2", "--ioc", "--post-only"),
        ("order", "buy", "ETH/USDT", "1", "--limit", "2", "--market"),
        ("order", "buy", "ETH/USDT", "1", "--limit", "2", "--ioc", "--fok"),
        ("order", "buy", "ETH/USDT", "1", "--market", "--post-only"),
        ("order", "buy", "ETH/USDT", "1", "--market", "--good-for", "1h"),
        ("order", "buy", "ETH/USDT", "1", "--market", "--slippage", "11"),
        ("order", "buy", "ETH/USDT", "1", "--limit", "2", "--fok", "--good-for", "1h"),
        ("order", "buy", "ETH/USDT", "1", "--limit", "2", "--good-for", "0s"),
        ("order", "buy", "ETH/USDT", "1", "--limit", "2", "--good-for", "29d"),
        ("order", "buy", "ETH/USDT", "1", "--limit", "2", "--good-for", "1 day"),
        ("channel", "open", "--allocate", "ETH=1"),
        ("history", "list", "--limit", "0"),
        ("proof", "export"),
        ("sandbox",),
    ],
)
def test_wrong_usage_is_told_apart_from_a_refusal(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert "Usage:" in done.output or "Error:" in done.output


@pytest.mark.parametrize("command", [("channel", "show"), ("order", "list"), ("history", "verify"), ("flags",)])
def test_what_needs_a_channel_says_so(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command, "--profile", str(tmp_path), "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"] == "NO_CHANNEL"
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_keys_are_made_restored_and_listed(tmp_path: Path) -> None:
    made = run("keys", "restore", "--profile", str(tmp_path / "a"), "--json", phrase=PHRASE)
    assert made.exit_code == 0, made.output
    # the address that every wallet shows for these well-known words
    assert json.loads(made.stdout) == {"address": "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"}
    again = run("keys", "restore", "--profile", str(tmp_path / "a"), "--json", phrase=PHRASE)
    assert (again.exit_code, json.loads(again.stdout)["error"]) == (1, "KEYS_EXISTS")
    listed = json.loads(run("keys", "list", "--profile", str(tmp_path / "a"), "--json", password=None).stdout)
    assert [row["path"] for row in listed["accounts"]] == ["m/44'/60'/0'/0/0"]


def test_wrong_words_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    done = run("keys", "restore", "--profile", str(tmp_path / "a"), phrase=PHRASE.replace("junk", "junc"))
    assert done.exit_code == 1
    assert "junc" in done.stderr
    assert not (tmp_path / "a" / "keys.vault").exists()


def test_the_password_is_changed_and_the_old_one_opens_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile, vault = ("--profile", str(tmp_path / "a"), "--json"), tmp_path / "a" / "keys.vault"
    assert json.loads(run("keys", "passwd", *profile).stdout)["error"] == "KEYS_NOT_FOUND"
    assert list(tmp_path.iterdir()) == []
    run("keys", "restore", *profile, phrase=PHRASE)
    before = vault.read_bytes()

    monkeypatch.setenv("CHANNEL_WALLET_NEW_PASSWORD", "")
    assert json.loads(run("keys", "passwd", *profile).stdout)["error"] == "KEYS_PASSWORD_EMPTY"
    monkeypatch.setenv("CHANNEL_WALLET_NEW_PASSWORD", "another")
    assert json.loads(run("keys", "passwd", *profile, password="no").stdout)["error"] == "KEYS_WRONG_PASSWORD"
    assert vault.read_bytes() == before

    assert json.loads(run("keys", "passwd", *profile).stdout) == {"changed": True}
    with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD"):
        open_vault(vault).unlock(Secret("a password"))
    assert open_vault(vault).unlock(Secret("another")).export_phrase().reveal() == PHRASE
