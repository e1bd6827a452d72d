"""The address book's file, and finding accounts that were used."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from wallet.app import addressbook
from wallet.app.discovery import GAP, MOST, used_accounts
from wallet.protocol.errors import WalletError

ONE, TWO = b"\x01" * 20, b"\x02" * 20


def test_names_are_kept_changed_and_taken_out(tmp_path: Path) -> None:
    assert addressbook.read(tmp_path) == {}
    addressbook.add(tmp_path, ONE, " Anna ")
    addressbook.add(tmp_path, TWO, "Bruno")
    addressbook.add(tmp_path, ONE, "Anne")
    assert addressbook.read(tmp_path) == {ONE: "Anne", TWO: "Bruno"}
    assert (tmp_path / addressbook.NAME).stat().st_mode & 0o777 == 0o600
    with pytest.raises(WalletError, match="ADDRESS_TAKEN"):
        addressbook.add(tmp_path, TWO, "ANNE")
    addressbook.remove(tmp_path, ONE)
    with pytest.raises(WalletError, match="ADDRESS_UNNAMED"):
        addressbook.remove(tmp_path, ONE)
    assert addressbook.read(tmp_path) == {TWO: "Bruno"}


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\nb", "a\u202eb"])
def test_a_name_is_short_and_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(WalletError, match="ADDRESS_NAME"):
        addressbook.add(tmp_path, ONE, name)
    assert not (tmp_path / addressbook.NAME).exists()


def row(address: bytes = ONE, name: str = "Anna") -> dict[str, str]:
    return {"address": "0x" + address.hex(), "name": name}


@pytest.mark.parametrize(
    "value",
    [
        {},
        [{}],
        [row(), row()],
        [row(), row(TWO)],
        [row(b"\1" * 19)],
        [row(name="x" * 41)],
        [row(name="a\u202eb")],
        [{**row(), "more": 1}],
        [row(bytes([1 + number // 250, number % 250]) * 10, str(number)) for number in range(1_001)],
    ],
)
def test_a_file_that_is_none_is_refused_and_left_as_it_is(tmp_path: Path, value: object) -> None:
    file = tmp_path / addressbook.NAME
    file.write_text(json.dumps(value))
    before = file.read_bytes()
    with pytest.raises(WalletError, match="ADDRESSES_FILE"):
        addressbook.add(tmp_path, TWO, "Bruno")
    assert file.read_bytes() == before


def found(used: set[int], asked: list[bytes] | None = None) -> list[int]:
    async def addresses(first: int, count: int) -> Sequence[bytes]:
        return [index.to_bytes(20, "big") for index in range(first, first + count)]

    async def is_used(address: bytes) -> bool:
        if asked is not None:
            asked.append(address)
        return int.from_bytes(address, "big") in used

    return asyncio.run(used_accounts(addresses, is_used))


def test_the_search_ends_at_the_gap() -> None:
    asked: list[bytes] = []
    assert found(set(), asked) == []
    assert len(asked) == GAP
    assert found({0, 1, 7}) == [0, 1, 7]
    assert found({0, GAP}) == [0, GAP]
    assert found({19, 39}) == [19, 39]
    assert found({0, 2 * GAP + 1}) == [0]  # twenty in a row were unused


def test_a_node_that_calls_every_account_used_is_not_followed_for_ever() -> None:
    asked: list[bytes] = []
    assert found(set(range(10_000)), asked) == list(range(MOST))
    assert len(asked) == MOST
