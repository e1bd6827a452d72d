"""The sealed stream: whatever is changed, cut, moved or asked for is refused, before any work where that can be."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.keys.vaults import PASSWORD, make
from wallet.keys import archive, kdf
from wallet.keys.archive import CHUNK, HEADER_BYTES, MAGIC, TAG
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault
from wallet.protocol.errors import WalletError

THREE = bytes(range(256)) * (3 * CHUNK // 256)


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return make(tmp_path_factory.mktemp("vault") / "keys.vault")


def sealed(vault: Vault, *pieces: bytes) -> bytes:
    out = io.BytesIO()
    archive.write(*vault.for_backup(), pieces, out)
    return out.getvalue()


def opened(data: bytes, password: str = PASSWORD) -> bytes:
    return b"".join(archive.read(io.BytesIO(data), Secret(password)))


def refused(data: bytes, password: str = PASSWORD) -> str:
    with pytest.raises(WalletError) as found:
        opened(data, password)
    return found.value.code


@given(sizes=st.lists(st.integers(0, 2 * CHUNK), max_size=5))
def test_any_pieces_come_back_and_their_size_is_known_from_the_file_alone(vault: Vault, sizes: list[int]) -> None:
    pieces = [bytes([number]) * size for number, size in enumerate(sizes)]
    data = sealed(vault, *pieces)
    again = b"".join(archive.read_again(io.BytesIO(data), vault.for_backup()[1]))
    assert again == b"".join(pieces)
    assert archive.contents_size(len(data)) == len(again)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1])
def test_the_password_alone_opens_it(vault: Vault, size: int) -> None:
    assert opened(sealed(vault, b"x" * size)) == b"x" * size


def test_it_is_written_while_the_owner_is_locked(tmp_path: Path) -> None:
    vault = make(tmp_path / "keys.vault")
    vault.lock_owner()
    assert opened(sealed(vault, b"contents")) == b"contents"
    vault.lock()
    with pytest.raises(WalletError, match="KEYS_LOCKED"):
        sealed(vault, b"contents")


def test_a_wrong_password(vault: Vault) -> None:
    assert refused(sealed(vault, b"contents"), "another one") == "BACKUP_SEALED"


def test_every_byte_of_the_header_is_held(vault: Vault) -> None:
    data = sealed(vault, b"contents")
    for at in (
        0,
        len(MAGIC),
        len(MAGIC) + 1,
        HEADER_BYTES - 130,
        HEADER_BYTES - 61,
        HEADER_BYTES - 60,
        HEADER_BYTES - 1,
    ):
        changed = bytearray(data)
        changed[at] ^= 1
        assert refused(bytes(changed)) in ("BACKUP_FORM", "BACKUP_NEWER", "BACKUP_SEALED", "BACKUP_DAMAGED"), at


def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def worked(*_: object) -> bytes:
        raise AssertionError("a key was derived")

    monkeypatch.setattr(archive, "derive_key", worked)


def test_what_is_no_backup_or_of_another_version_is_refused_before_any_work(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, version = sealed(vault, b"contents"), len(MAGIC)
    no_work(monkeypatch)
    assert refused(b"") == "BACKUP_FORM"
    assert refused(b"PK\3\4" + bytes(1000)) == "BACKUP_FORM"
    assert refused(data[: HEADER_BYTES - 1]) == "BACKUP_FORM"
    assert refused(data[:version] + b"\0\2" + data[version + 2 :]) == "BACKUP_NEWER"
    assert refused(data[:version] + b"\0\0" + data[version + 2 :]) == "BACKUP_FORM"


def test_a_price_out_of_bounds_is_refused_before_any_work(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    data, at = sealed(vault, b"contents"), len(MAGIC) + 2
    bomb = b"\1" + (64 * 1024 * 1024).to_bytes(4, "big") + (1000).to_bytes(4, "big") + b"\0\4" + bytes(kdf.SALT_BYTES)
    no_work(monkeypatch)
    assert refused(data[:at] + bomb + data[at + len(bomb) :]) == "BACKUP_FORM"


def chunks(data: bytes) -> list[bytes]:
    body = data[HEADER_BYTES:]
    return [body[at : at + CHUNK + TAG] for at in range(0, len(body), CHUNK + TAG)]


def test_chunks_changed_moved_left_out_said_twice_or_cut_off(vault: Vault) -> None:
    data = sealed(vault, THREE)
    head, (one, two, three) = data[:HEADER_BYTES], chunks(data)
    assert opened(head + one + two + three) == THREE
    other = chunks(sealed(vault, THREE))[1]
    for rows in (
        (two, one, three),
        (one, three, two),
        (one, three),
        (one, two),
        (two, three),
        (one, one, two, three),
        (one, two, three, three),
        (one, two, three, b"\0"),
        (one, two[:-1]),
        (one, two, three[:-1]),
        (one, two, three[:5]),
        (one, other, three),
        (one[:-1] + bytes([one[-1] ^ 1]), two, three),
        (),
    ):
        assert refused(head + b"".join(rows)) == "BACKUP_DAMAGED"


def test_memory_stays_small_whatever_the_size(vault: Vault) -> None:
    """The contents are never held: each chunk is out before the next is asked for."""
    asked, seen = 0, 0

    def pieces() -> Iterator[bytes]:
        nonlocal asked
        for _ in range(64):
            asked += 1
            yield bytes(CHUNK)

    class Out(io.BytesIO):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            nonlocal seen
            seen += 1
            assert asked - seen <= 2
            return len(data)

    archive.write(*vault.for_backup(), pieces(), Out())
    assert seen == 65


@pytest.mark.parametrize("size", [0, HEADER_BYTES, HEADER_BYTES + TAG - 1, HEADER_BYTES + CHUNK + TAG + 3])
def test_sizes_that_no_file_has(size: int) -> None:
    with pytest.raises(WalletError, match="BACKUP_FORM"):
        archive.contents_size(size)
