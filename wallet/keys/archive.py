"""A sealed stream: any amount of bytes under the password of a vault, in bounded memory.

    magic · version (u16) · KDF header · session data key, wrapped · file key, wrapped · chunks

The first three keys in the row are the vault's own: whoever has it open can write a file without being asked for the
password, also while the owner half is locked, and the password opens the file anywhere. The file key is random, and
the header is authenticated with it. Each chunk is AES-256-GCM of 64 KiB under a nonce that counts them and says which
is the last: none can be changed, left out, put elsewhere or cut off unseen. Source: Hoang, Reyhanitabar, Rogaway,
Vizár, *Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance* (2015), STREAM.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from wallet.keys.image import VaultImage
from wallet.keys.kdf import ENCODED_BYTES, KEY_BYTES, KdfHeader, derive_key
from wallet.keys.secret import Secret
from wallet.keys.sections import seal, unseal
from wallet.protocol.errors import WalletError

MAGIC = b"CHANNEL-WALLET BACKUP\n"
VERSION = 1
CHUNK = 64 * 1024
TAG = 16
_BOX = 12 + KEY_BYTES + TAG
_HEAD = len(MAGIC) + 2
_KDF_END = _HEAD + ENCODED_BYTES
_SESSION_END = _KDF_END + _BOX
HEADER_BYTES = _SESSION_END + _BOX


def contents_size(file_size: int) -> int:
    """How many bytes a file of this size holds. Nothing is compressed: what is claimed inside can't be more.

    Raises WalletError("BACKUP_FORM") for a size that no such file has.
    """
    body = file_size - HEADER_BYTES
    chunks, rest = divmod(body, CHUNK + TAG)
    if body < TAG or 0 < rest < TAG:
        raise WalletError("BACKUP_FORM", why="truncated")
    return body - TAG * (chunks + (1 if rest else 0))


def write(image: VaultImage, data_key: bytes, contents: Iterable[bytes], out: BinaryIO) -> None:
    """Seals ``contents``, in pieces of any size, to ``out``; ``data_key`` is that of the image's session half."""
    file_key = secrets.token_bytes(KEY_BYTES)
    head = MAGIC + VERSION.to_bytes(2, "big") + image.kdf + image.session_key
    out.write(head + seal(data_key, file_key, head))
    cipher = _cipher(file_key)
    waiting, number = bytearray(), 0
    for piece in contents:
        waiting += piece
        while len(waiting) > CHUNK:  # the last chunk is known only when nothing follows
            out.write(cipher.encrypt(_nonce(number, last=False), bytes(waiting[:CHUNK]), None))
            del waiting[:CHUNK]
            number += 1
    out.write(cipher.encrypt(_nonce(number, last=True), bytes(waiting), None))


def read(file: BinaryIO, password: Secret) -> Iterator[bytes]:
    """The contents, each chunk once it is authenticated. Slow by design at the beginning, its cost bounded before.

    Raises WalletError("BACKUP_FORM" | "BACKUP_NEWER" | "BACKUP_SEALED" | "BACKUP_DAMAGED" | "KEYS_NO_MEMORY"). What
    was given out before a failure is of the file, but perhaps not all of it: it counts only when the end is reached.
    """
    head = _header(file)
    kdf = head[_HEAD:_KDF_END]
    wrapping = derive_key(password, _kdf_header(kdf))
    associated = VaultImage(kdf, b"", b"", b"", b"", b"").associated("session_key")
    data_key = unseal(wrapping, head[_KDF_END:_SESSION_END], associated)
    if data_key is None:
        raise WalletError("BACKUP_SEALED")
    return _chunks(file, head, data_key)


def read_again(file: BinaryIO, data_key: bytes) -> Iterator[bytes]:
    """The same for who has the vault open: to see that what was written can be read."""
    return _chunks(file, _header(file), data_key)


def _header(file: BinaryIO) -> bytes:
    head = file.read(HEADER_BYTES)
    if not head.startswith(MAGIC):
        raise WalletError("BACKUP_FORM", why="another kind of file")
    version = int.from_bytes(head[len(MAGIC) : _HEAD], "big")
    if version > VERSION:
        raise WalletError("BACKUP_NEWER", version=version, known=VERSION)
    if version != VERSION:
        raise WalletError("BACKUP_FORM", why="version")
    if len(head) < HEADER_BYTES:
        raise WalletError("BACKUP_FORM", why="truncated")
    return head


def _kdf_header(data: bytes) -> KdfHeader:
    try:
        return KdfHeader.decode(data)
    except WalletError as error:
        raise WalletError("BACKUP_FORM", why="what it costs to open is out of bounds") from error


def _chunks(file: BinaryIO, head: bytes, data_key: bytes) -> Iterator[bytes]:
    file_key = unseal(data_key, head[_SESSION_END:], head[:_SESSION_END])
    if file_key is None:
        raise WalletError("BACKUP_DAMAGED", chunk=0)
    return _decrypted(file.read, _cipher(file_key).decrypt)


def _decrypted(take: Callable[[int], bytes], decrypt: Callable[[bytes, bytes, None], bytes]) -> Iterator[bytes]:
    from cryptography.exceptions import InvalidTag

    box, number = take(CHUNK + TAG), 0
    while True:
        following = take(CHUNK + TAG) if len(box) == CHUNK + TAG else b""
        try:
            yield decrypt(_nonce(number, last=not following), box, None)
        except (InvalidTag, ValueError):
            raise WalletError("BACKUP_DAMAGED", chunk=number + 1) from None
        if not following:
            return
        box, number = following, number + 1


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")


def _cipher(key: bytes):  # type: ignore[no-untyped-def] # the library's class is imported late: first paint needs none
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


class Source(io.RawIOBase):
    """Pieces of bytes as a file that is read from its beginning to its end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size
