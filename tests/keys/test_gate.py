"""Wrong passwords cost a growing wait, across restarts and never for ever; what is cheap is made dearer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.keys.vaults import CHEAP, OWNER_0, PASSWORD, image_of, make
from wallet.keys import gate, kdf
from wallet.keys.kdf import FLOOR, KdfParams, calibrate, is_weak
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "time", lambda: made.now)
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make(tmp_path / "keys.vault")
    return tmp_path / "keys.vault"


def refusal(path: Path, password: str = "wrong") -> WalletError:
    with pytest.raises(WalletError) as refused:
        gate.unlock(path, Secret(password))
    return refused.value


def test_waits_grow_to_a_minute_and_no_further(path: Path, clock: Clock) -> None:
    waits = []
    for _ in range(12):
        assert refusal(path).code == "KEYS_WRONG_PASSWORD"
        waits.append(gate.seconds_to_wait(path))
        clock.now += waits[-1]
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert gate.unlock(path, Secret(PASSWORD)).owner().address == OWNER_0
    assert sorted(row.name for row in path.parent.iterdir()) == ["keys.vault"]


def test_while_it_waits_even_the_right_password_is_not_tried(path: Path, clock: Clock) -> None:
    for _ in range(4):
        refusal(path)
        clock.now += gate.seconds_to_wait(path)
    refusal(path)
    clock.now += 1.5
    refused = refusal(path, PASSWORD)
    assert (refused.code, refused.params) == ("KEYS_WAIT", {"seconds": 3})
    clock.now += 2.5
    assert gate.unlock(path, Secret(PASSWORD)).owner_unlocked
    assert refusal(path).code == "KEYS_WRONG_PASSWORD"
    assert gate.seconds_to_wait(path) == 0


def test_a_try_that_was_cut_off_counts(path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as cut:
        cut.setattr("wallet.keys.locking.derive_key", kill)
        for _ in range(3):
            with pytest.raises(Killed):
                gate.unlock(path, Secret("wrong"))
    assert refusal(path).code == "KEYS_WAIT"


def test_what_did_not_judge_the_password_does_not_count(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        raise WalletError("KEYS_NO_MEMORY", mebibytes=8)

    monkeypatch.setattr("wallet.keys.locking.derive_key", no_memory)
    for _ in range(5):
        assert refusal(path).code == "KEYS_NO_MEMORY"
    assert gate.seconds_to_wait(path) == 0


def test_a_clock_set_back_locks_nobody_out(path: Path, clock: Clock) -> None:
    for _ in range(3):
        refusal(path)
    clock.now -= 86_400 * 365
    assert gate.seconds_to_wait(path) == 1
    clock.now += 1
    assert gate.unlock(path, Secret(PASSWORD)).owner_unlocked


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b'{"failed":-1,"atMs":0}',
        b'{"failed":9,"atMs":1e999}',
        b'{"failed":9,"atMs":NaN}',
        b'{"failed":9,"atMs":-5}',
        b'{"failed":true,"atMs":5}',
        b"x" * 5000,
        b"[" * 1000,
    ],
)
def test_a_record_that_is_none_is_none(path: Path, text: bytes) -> None:
    path.with_name("keys.vault.tries").write_bytes(text)
    assert gate.unlock(path, Secret(PASSWORD)).owner_unlocked


def test_a_huge_count_waits_a_minute(path: Path, clock: Clock) -> None:
    path.with_name("keys.vault.tries").write_text(f'{{"failed":{10**14},"atMs":{int(clock.now * 1000)}}}')
    assert gate.seconds_to_wait(path) == 60


def test_where_nothing_can_be_written_the_password_opens(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(at: Path, _data: bytes) -> None:
        raise WalletError("KEYS_WRITE_FAILED", path=str(at), why="No space left on device")

    monkeypatch.setattr("wallet.keys.files.replace", full)
    assert gate.unlock(path, Secret(PASSWORD), strengthen=True).owner_unlocked


# --- the cost ---


def machine(seconds: float, *, mebibytes: int = 4096) -> Callable[[KdfParams], float]:
    """A machine that fills 256 MiB once in so many seconds."""

    def measure(params: KdfParams) -> float:
        if params.memory_kib > mebibytes * 1024:
            raise WalletError("KEYS_NO_MEMORY", mebibytes=params.memory_kib // 1024)
        return seconds * params.work / (256 * 1024)

    return measure


@pytest.mark.parametrize(
    ("measure", "chosen"),
    [
        (machine(0.15), KdfParams(256 * 1024, 5)),
        (machine(0.24), KdfParams(256 * 1024, 3)),
        (machine(0.3), KdfParams(128 * 1024, 5)),
        (machine(0.9), KdfParams(64 * 1024, 3)),
        (machine(30), FLOOR),
        (machine(0.001), KdfParams(256 * 1024, 8)),
        (machine(0), KdfParams(256 * 1024, 8)),
        (machine(0.15, mebibytes=128), KdfParams(128 * 1024, 10)),
        (machine(0.15, mebibytes=8), FLOOR),
    ],
)
def test_the_cost_is_what_the_machine_bears(measure: Callable[[KdfParams], float], chosen: KdfParams) -> None:
    assert calibrate(measure) == chosen.check()


def test_what_is_weak() -> None:
    assert is_weak(FLOOR, 0.1)
    assert not is_weak(FLOOR, 0.5)
    assert is_weak(replace(FLOOR, passes=2), 9)
    assert is_weak(KdfParams(32 * 1024, 16), 9)


def test_a_cheap_vault_is_made_dearer_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dearer = replace(CHEAP, passes=3)
    monkeypatch.setattr(kdf, "calibrate", lambda: dearer)
    gate.unlock(path, Secret(PASSWORD))
    assert image_of(path).kdf_header().params == CHEAP
    vault = gate.unlock(path, Secret(PASSWORD), strengthen=True)
    assert vault.kdf_params == image_of(path).kdf_header().params == dearer
    address = vault.new_session_key()
    again = gate.unlock(path, Secret(PASSWORD))
    assert again.session_addresses() == (address,)
    assert again.data_keys() == vault.data_keys()
    monkeypatch.setattr(kdf, "calibrate", lambda: CHEAP)
    assert gate.unlock(path, Secret(PASSWORD), strengthen=True).kdf_params == dearer
    before = image_of(path)
    monkeypatch.setattr(kdf, "calibrate", lambda: replace(dearer, passes=4))
    monkeypatch.setattr(kdf, "is_weak", lambda *_: False)
    gate.unlock(path, Secret(PASSWORD), strengthen=True)
    assert image_of(path) == before
