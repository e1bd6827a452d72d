"""The notice of a newer release, against a real server on this computer and files that the minisign tool signed."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wallet.app import updates
from wallet.protocol.errors import WalletError

# Made with minisign 0.11 of Debian; the secret key is gone.
KEY = "RWSQnes1OiM7T3l4l2AtCC9CKrMYBRR/62P60+FmY1k/aMFNolRj+/mx"
DATA = b'{"format":"channel-wallet-release/1","version":"0.2.0","date":"2027-01-31"}\n'
SIGNATURE = b"""untrusted comment: signature from minisign secret key
RUSQnes1OiM7T5I9UkrJi7TlAEShCla7UU1/s39zp/XJM3VWigVhZaXsF11aEQ9AUzqhJ3SkQFXF+jSwWnBIbEhoap9dZK3KmQE=
trusted comment: channel-wallet 0.2.0
coGheXAa5xyTfpxpP7Dqz31jwK5iI1jCw5E6Nasmci8bnFAE0rXZ4JaTvjPvHQywNb0jJtsAnARB5AnQkh6ECg==
"""


class Signer:
    """Signs as minisign does, with a key of the test's own."""

    def __init__(self) -> None:
        self._secret = Ed25519PrivateKey.generate()
        self.key = base64.b64encode(b"Ed" + b"12345678" + self._secret.public_key().public_bytes_raw()).decode()

    def sign(self, data: bytes) -> bytes:
        from hashlib import blake2b

        first = self._secret.sign(blake2b(data).digest())
        second = self._secret.sign(first + b"c")
        rows = [b"untrusted comment: x", base64.b64encode(b"ED12345678" + first), b"trusted comment: c"]
        return b"\n".join([*rows, base64.b64encode(second), b""])

    def release(self, version: str, date: str = "2027-01-31") -> tuple[bytes, bytes]:
        data = json.dumps({"format": updates.FORMAT, "version": version, "date": date}).encode()
        return data, self.sign(data)


class Pages:
    """A web server with files that can be changed; what it was asked for is noted."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        pages = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                pages.asked.append(self.path)
                body = pages.files.get(self.path)
                self.send_response(200 if body is not None else 302)
                if body is None:
                    self.send_header("Location", "/release.json")
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/release.json"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, release: tuple[bytes, bytes]) -> None:
        self.files["/release.json"], self.files["/release.json.minisig"] = release


@pytest.fixture
def pages() -> Iterator[Pages]:
    there = Pages()
    yield there
    there.server.shutdown()
    there.server.server_close()


def check(folder: Path, running: str = "0.1.0") -> updates.Release | None:
    return asyncio.run(updates.check(folder, running))


def refused(code: str, folder: Path) -> None:
    before = (folder / updates.NAME).read_bytes()
    with pytest.raises(WalletError) as error:
        check(folder)
    assert error.value.code == code
    assert (folder / updates.NAME).read_bytes() == before


def switch_on(folder: Path, pages: Pages, key: str) -> None:
    updates.save(folder, updates.read_source(pages.url, key, "0.1.0"))


def test_what_minisign_signed_is_believed_and_nothing_else() -> None:
    updates.verify(DATA, SIGNATURE, KEY)
    with pytest.raises(WalletError, match="UPDATE_SIGNATURE"):
        updates.verify(DATA.replace(b"0.2.0", b"0.3.0"), SIGNATURE, KEY)
    with pytest.raises(WalletError, match="UPDATE_SIGNATURE"):
        updates.verify(DATA, SIGNATURE.replace(b"wallet 0.2.0", b"wallet 0.3.0"), KEY)
    with pytest.raises(WalletError, match="UPDATE_SIGNATURE"):
        updates.verify(DATA, SIGNATURE, Signer().key)
    for cut in range(0, len(SIGNATURE) - 1, 7):
        with pytest.raises(WalletError, match="UPDATE_SIGNATURE"):
            updates.verify(DATA, SIGNATURE[:cut], KEY)


def test_it_is_off_until_it_is_switched_on_and_asks_nobody(tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="UPDATE_OFF"):
        check(tmp_path)


def test_a_newer_release_is_told_and_nothing_is_downloaded(tmp_path: Path, pages: Pages) -> None:
    signer = Signer()
    switch_on(tmp_path, pages, signer.key)
    pages.put(signer.release("0.10.0"))
    assert check(tmp_path, "0.9.0") == updates.Release("0.10.0", "2027-01-31")
    assert check(tmp_path, "0.10.0") is None
    assert pages.asked == ["/release.json", "/release.json.minisig"] * 2


def test_what_was_seen_is_never_unseen(tmp_path: Path, pages: Pages) -> None:
    signer = Signer()
    switch_on(tmp_path, pages, signer.key)
    pages.put(signer.release("0.3.0"))
    assert check(tmp_path)
    pages.put(signer.release("0.2.0"))
    refused("UPDATE_ROLLBACK", tmp_path)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"x" * 5000, "UPDATE_FORM"),
        (b"{}", "UPDATE_FORM"),
        (b"[" * 2000, "UPDATE_FORM"),
        (DATA.replace(b"0.2.0", b"0.2.0rc1"), "UPDATE_FORM"),
        (DATA.replace(b"0.2.0", b"00.2.0"), "UPDATE_FORM"),
        (DATA.replace(b"/1", b"/2"), "UPDATE_FORM"),
        (DATA.replace(b"2027-01-31", b"<b>now</b>"), "UPDATE_FORM"),
        (DATA.replace(b"}", b',"url":"http://127.0.0.1/get"}'), "UPDATE_FORM"),
    ],
)
def test_even_signed_only_the_one_form_is_read(tmp_path: Path, pages: Pages, data: bytes, code: str) -> None:
    signer = Signer()
    switch_on(tmp_path, pages, signer.key)
    pages.put((data, signer.sign(data)))
    refused(code, tmp_path)


def test_another_key_and_a_redirect_are_not_followed(tmp_path: Path, pages: Pages) -> None:
    switch_on(tmp_path, pages, Signer().key)
    refused("UPDATE_UNREACHABLE", tmp_path)
    assert pages.asked == ["/release.json"]
    pages.put(Signer().release("0.2.0"))
    refused("UPDATE_SIGNATURE", tmp_path)


@pytest.mark.parametrize(
    "url",
    ["http://example.org/x", "ftp://127.0.0.1/x", "https://", "file:///etc/passwd", "https://a b/", "https://u@h/"],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(WalletError, match="UPDATE_URL"):
        updates.read_source(url, KEY, "0.1.0")


@pytest.mark.parametrize("key", ["", "RWS", KEY[:-4], KEY + "A", "!" * 56, "RUS" + KEY[3:]])
def test_keys_that_are_refused(key: str) -> None:
    with pytest.raises(WalletError, match="UPDATE_KEY"):
        updates.read_source("https://h/x", key, "0.1.0")


def test_settings_that_somebody_changed_are_not_used(tmp_path: Path) -> None:
    (tmp_path / updates.NAME).write_text('{"url": "http://elsewhere/", "key": "", "newest": "0.1.0"}')
    with pytest.raises(WalletError, match="UPDATE_SETTINGS"):
        updates.load(tmp_path)


def test_switched_off_while_the_file_is_fetched_it_stays_off(
    tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = Signer()
    switch_on(tmp_path, pages, signer.key)
    pages.put(signer.release("0.10.0"))
    believed = updates.verify

    def verify(data: bytes, signature: bytes, key: str) -> None:
        believed(data, signature, key)
        updates.save(tmp_path, None)  # another program of the user's, just then

    monkeypatch.setattr(updates, "verify", verify)
    assert check(tmp_path) == updates.Release("0.10.0", "2027-01-31")
    assert updates.load(tmp_path) is None
