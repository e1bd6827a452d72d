"""The notice of a newer release: a signed file at an address that the user chose, read and never obeyed.

Off until switched on. The file is fetched over HTTPS (or from this computer), is small, and holds a version and a date,
no text and no link; its signature (minisign, Ed25519 over BLAKE2b) is checked with the key pinned when it was switched
on. Nothing is downloaded or started. A version once seen is never unseen: an older file is a rollback, and refused.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wallet.app.profile import write_file
from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError
from wallet.wire.hosts import is_loopback

FORMAT = "channel-wallet-release/1"
NAME = "updates.json"
MOST = 4096  # bytes of the release file and of its signature
SECONDS = 15.0
_VERSION = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_KEY_BYTES = 42  # "Ed", 8 of the key's number, 32 of the key
_SIGNATURE_BYTES = 74  # "ED", the key's number, 64 of the signature
_TRUSTED = "trusted comment: "


@dataclass(frozen=True, slots=True)
class Source:
    """Where releases are announced: ``key`` is minisign's public key, ``newest`` the highest version seen."""

    url: str
    key: str
    newest: str


@dataclass(frozen=True, slots=True)
class Release:
    """What a release file says: ``date`` is year-month-day."""

    version: str
    date: str


def read_source(url: str, key: str, version: str) -> Source:
    """A source as the user typed it; ``version`` is the one running.

    Raises WalletError("UPDATE_URL") for anything but https:// (http:// on this computer), WalletError("UPDATE_KEY").
    """
    try:
        parts = urlsplit(url)
        plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
        fit = bool(parts.hostname) and (parts.scheme == "https" or plain) and parts.port != 0
    except ValueError:
        fit = False
    if not fit or len(url) > 500 or not url.isascii() or not url.isprintable() or any(sign in url for sign in " \\@?#"):
        raise WalletError("UPDATE_URL")
    _key(key)
    return Source(url, key, version)


def load(folder: Path) -> Source | None:
    """The source of a profile's folder; None while it is off. Raises WalletError("UPDATE_SETTINGS")."""
    try:
        data = (folder / NAME).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WalletError("UPDATE_SETTINGS", path=str(folder / NAME)) from error
    try:
        found = strictjson.loads(data, max_bytes=MOST, max_depth=2)
        if not isinstance(found, dict) or set(found) != {"url", "key", "newest"}:
            raise WalletError("UPDATE_FORM")
        source = read_source(_text(found["url"]), _text(found["key"]), _text(found["newest"]))
        _numbers(source.newest)
    except WalletError as error:
        raise WalletError("UPDATE_SETTINGS", path=str(folder / NAME)) from error
    return source


def save(folder: Path, source: Source | None) -> None:
    """Switches it on, or off with None. Raises WalletError("FILE_UNWRITABLE")."""
    if source is None:
        (folder / NAME).unlink(missing_ok=True)
    else:
        row = {"url": source.url, "key": source.key, "newest": source.newest}
        write_file(folder / NAME, msgspec.json.format(msgspec.json.encode(row), indent=2))


async def check(folder: Path, running: str) -> Release | None:
    """The release announced, if it is newer than ``running``; what was seen is kept in the folder.

    Raises WalletError("UPDATE_OFF" | "UPDATE_UNREACHABLE" | "UPDATE_SIGNATURE" | "UPDATE_FORM" | "UPDATE_ROLLBACK" |
    "UPDATE_SETTINGS" | "FILE_UNWRITABLE").
    """
    source = load(folder)
    if source is None:
        raise WalletError("UPDATE_OFF")
    data, signature = await _fetch(source.url), await _fetch(source.url + ".minisig")
    verify(data, signature, source.key)
    release = read_release(data)
    if _numbers(release.version) < _numbers(source.newest):
        raise WalletError("UPDATE_ROLLBACK", seen=source.newest, got=release.version)
    # Switched off, or on elsewhere, while the file was fetched: that holds, and is not written over.
    if release.version != source.newest and load(folder) == source:
        save(folder, replace(source, newest=release.version))
    return release if _numbers(release.version) > _numbers(running) else None


def read_release(data: bytes) -> Release:
    """The release file; foreign until its signature is checked. Raises WalletError("UPDATE_FORM")."""
    try:
        found = strictjson.loads(data, max_bytes=MOST, max_depth=1)
    except WalletError as error:
        raise WalletError("UPDATE_FORM") from error
    if not isinstance(found, dict) or set(found) != {"format", "version", "date"} or found["format"] != FORMAT:
        raise WalletError("UPDATE_FORM")
    release = Release(_text(found["version"]), _text(found["date"]))
    _numbers(release.version)
    if not _DATE.fullmatch(release.date):
        raise WalletError("UPDATE_FORM")
    return release


def verify(data: bytes, signature: bytes, key: str) -> None:
    """Checks a minisign signature (prehashed, the tool's default), and the one over it and its trusted comment.

    Raises WalletError("UPDATE_KEY" | "UPDATE_SIGNATURE").
    """
    number, public = _key(key)
    try:
        _, first, comment, second, *rest = signature.decode("ascii").split("\n")
        signed, whole = base64.b64decode(first, validate=True), base64.b64decode(second, validate=True)
        if any(rest) or not comment.startswith(_TRUSTED) or len(signed) != _SIGNATURE_BYTES:
            raise WalletError("UPDATE_SIGNATURE")
        if signed[:2] != b"ED" or signed[2:10] != number:
            raise WalletError("UPDATE_SIGNATURE")
        public.verify(signed[10:], hashlib.blake2b(data).digest())
        public.verify(whole, signed[10:] + comment.removeprefix(_TRUSTED).encode())
    except (ValueError, InvalidSignature) as error:
        raise WalletError("UPDATE_SIGNATURE") from error


def _key(text: str) -> tuple[bytes, Ed25519PublicKey]:
    try:
        found = base64.b64decode(text, validate=True)
        if len(found) == _KEY_BYTES and found[:2] == b"Ed":
            return found[2:10], Ed25519PublicKey.from_public_bytes(found[10:])
    except ValueError:
        pass
    raise WalletError("UPDATE_KEY")


def _numbers(version: str) -> tuple[int, ...]:
    if not _VERSION.fullmatch(version):
        raise WalletError("UPDATE_FORM")
    return tuple(map(int, version.split(".")))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise WalletError("UPDATE_FORM")
    return value


async def _fetch(url: str) -> bytes:
    import aiohttp

    # As for nodes: no proxy of the environment, no cookies, no redirects, and the size read is the size there is.
    headers = {"Accept-Encoding": "identity", "User-Agent": "channel-wallet"}
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers=headers,
                timeout=timeout,
            ) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise WalletError("UPDATE_UNREACHABLE")
            found = bytearray()
            while chunk := await response.content.readany():
                found += chunk
                if len(found) > MOST:
                    raise WalletError("UPDATE_FORM")
            return bytes(found)
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise WalletError("UPDATE_UNREACHABLE") from error
