"""The address book: names the user gave to addresses, in a small file of the profile.

What it is for besides names: an address that begins and ends as one of these, and is another, is warned of.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from wallet.app.profile import write_file
from wallet.protocol import codec, strictjson
from wallet.protocol.addresses import show_address
from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain

NAME = "addresses.json"
MAX_FILE = 256 * 1024
MAX_ENTRIES = 1_000
MAX_NAME = 40

Book = Mapping[bytes, str]


def read(profile: Path) -> Book:
    """Names by address, in the order they were added. Raises WalletError("ADDRESSES_FILE" | "FILE_UNREADABLE")."""
    path = profile / NAME
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WalletError("FILE_UNREADABLE", path=str(path), why=error.strerror or "") from error
    try:
        rows = [
            codec.read_object(row, "addresses", ("address", "name"))
            for row in codec.read_list(strictjson.loads(data, max_bytes=MAX_FILE), "addresses")
        ]
        found = {codec.read_hex(row["address"], 20, "address"): _checked(row["name"]) for row in rows}
    except WalletError as error:
        raise WalletError("ADDRESSES_FILE", path=str(path), why=error.code) from error
    if len(found) != len(rows) or len(found) > MAX_ENTRIES or len(set(found.values())) != len(found):
        raise WalletError("ADDRESSES_FILE", path=str(path), why="too many, or twice the same")
    return found


def add(profile: Path, address: bytes, name: str) -> Book:
    """Names an address, or names it anew.

    Raises WalletError("ADDRESS_NAME" | "ADDRESS_TAKEN" | "ADDRESSES_FULL" | "ADDRESSES_FILE" | "FILE_…").
    """
    book, name = read(profile), _checked(name.strip())
    holder = next((known for known, given in book.items() if given.casefold() == name.casefold()), address)
    if holder != address:
        raise WalletError("ADDRESS_TAKEN", name=name, address=show_address(holder))
    if address not in book and len(book) >= MAX_ENTRIES:
        raise WalletError("ADDRESSES_FULL", limit=MAX_ENTRIES)
    return _write(profile, {**book, address: name})


def remove(profile: Path, address: bytes) -> Book:
    """Raises WalletError("ADDRESS_UNNAMED" | "ADDRESSES_FILE" | "FILE_…")."""
    book = read(profile)
    if address not in book:
        raise WalletError("ADDRESS_UNNAMED", address=show_address(address))
    return _write(profile, {known: name for known, name in book.items() if known != address})


def _checked(name: object) -> str:
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME or plain(name, MAX_NAME) != name:
        raise WalletError("ADDRESS_NAME", limit=MAX_NAME)
    return name


def _write(profile: Path, book: Book) -> Book:
    rows = [{"address": "0x" + address.hex(), "name": name} for address, name in book.items()]
    write_file(profile / NAME, msgspec.json.format(msgspec.json.encode(rows), indent=2))
    return book
