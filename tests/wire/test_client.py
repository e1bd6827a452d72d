"""Dialling: which URLs, over what, and what is said when it fails."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.waiting import PATIENCE
from tests.wire.kit import run, serving, url
from wallet.protocol.errors import WalletError
from wallet.wire.client import connect
from wallet.wire.hosts import canonical_host, read_url
from wallet.wire.peer import Peer
from wallet.wire.server import serve


@pytest.mark.parametrize(
    ("text", "dialled", "host"),
    [
        ("ws://127.0.0.1:8545", "ws://127.0.0.1:8545", "127.0.0.1:8545"),
        ("ws://LOCALHOST:1/a/b", "ws://localhost:1/a/b", "localhost:1"),
        ("ws://[::1]:9", "ws://[::1]:9", "[::1]:9"),
        ("ws://[0:0:0:0:0:0:0:1]:9", "ws://[::1]:9", "[::1]:9"),
        ("ws://127.9.9.9", "ws://127.9.9.9:80", "127.9.9.9:80"),
        ("wss://Broker.Example", "wss://broker.example:443", "broker.example:443"),
        ("WSS://broker.example:8443/trade", "wss://broker.example:8443/trade", "broker.example:8443"),
        ("wss://127.0.0.1:1", "wss://127.0.0.1:1", "127.0.0.1:1"),
        ("wss://xn--brse-5qa.example", "wss://xn--brse-5qa.example:443", "xn--brse-5qa.example:443"),
    ],
)
def test_what_may_be_dialled(text: str, dialled: str, host: str) -> None:
    address = read_url(text)
    assert (address.url, address.host) == (dialled, host)
    assert read_url(address.url) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "scheme"),
        ("broker.example", "scheme"),
        ("https://broker.example", "scheme"),
        ("ws://broker.example", "plain"),
        ("ws://192.168.1.2:80", "plain"),
        ("ws://0.0.0.0:80", "plain"),
        ("ws://localhost.example:80", "plain"),
        ("ws://127.0.0.1.example:80", "plain"),
        ("ws://[fe80::1]:80", "plain"),
        ("wss://", "form"),
        ("wss://user:pass@broker.example", "form"),
        ("wss://broker.example?x=1", "form"),
        ("wss://broker.example#x", "form"),
        ("wss://broker.example:0", "form"),
        ("wss://broker.example:65536", "form"),
        ("wss://broker.example:x", "form"),
        ("wss://broker.example/a b", "form"),
        ("wss://broker.example/%2e", "form"),
        ("wss://brоker.example", "form"),
        ("wss://broker.example\n", "form"),
        ("wss://-broker.example", "name"),
        ("wss://broker_.example", "name"),
        ("wss://[::1%25eth0]", "form"),
        ("wss://[::1", "form"),
        ("wss://" + "x" * 500, "form"),
    ],
)
def test_what_may_not(text: str, why: str) -> None:
    with pytest.raises(WalletError) as caught:
        read_url(text)
    assert (caught.value.code, caught.value.params["why"]) == ("BROKER_URL", why)


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("127.0.0.1:8545", "127.0.0.1:8545"),
        ("LocalHost", "localhost:80"),
        ("[::1]", "[::1]:80"),
        ("[::1]:9", "[::1]:9"),
        ("Broker.Example", "broker.example:443"),
        ("broker.example:8443", "broker.example:8443"),
        ("", None),
        ("a b", None),
        ("broker.example:", None),
        ("broker.example:0", None),
        ("user@broker.example", None),
        ("brоker.example", None),
    ],
)
def test_the_host_header_has_one_form(header: str, host: str | None) -> None:
    assert canonical_host(header) == host


def test_both_sides_name_the_host_alike() -> None:
    async def main() -> None:
        peers: list[Peer] = []
        async with serving(peers.append) as server:
            for name in ("127.0.0.1", "LOCALHOST"):
                client = await connect(f"ws://{name}:{server.port}/some/path")
                await asyncio.sleep(0.02)
                assert client.host == peers[-1].host == f"{name.lower()}:{server.port}"
                await client.close()

    run(main())


def test_the_environment_names_no_proxy_and_no_certificates_are_asked_of_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    async def main() -> None:
        async with serving() as server:
            client = await connect(url(server))
            assert await client.call("echo", {}, PATIENCE) == {}
            await client.close()

    run(main())


def test_nobody_there() -> None:
    async def main() -> None:
        async with serving() as server:
            port = server.port
        with pytest.raises(WalletError, match="BROKER_UNREACHABLE"):
            await connect(f"ws://127.0.0.1:{port}")

    run(main())


def test_two_brokers_cannot_have_one_port() -> None:
    async def main() -> None:
        async with serving() as server:
            with pytest.raises(WalletError, match="LISTEN"):
                await serve("127.0.0.1", server.port, lambda peer: None)

    run(main())


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "BROKER_HANDSHAKE"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "BROKER_HANDSHAKE"),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "BROKER_FULL"),
        (b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.2:1/\r\nContent-Length: 0\r\n\r\n", "BROKER_HANDSHAKE"),
        (b"HTTP/1.1 302 Found\r\nLocation: wss://broker.example/\r\nContent-Length: 0\r\n\r\n", "BROKER_HANDSHAKE"),
        (b"HTTP/1.1 302 Found\r\nLocation: ???\r\nContent-Length: 0\r\n\r\n", "BROKER_HANDSHAKE"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "BROKER_HANDSHAKE"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "BROKER_HANDSHAKE"),
        (b"", "BROKER_HANDSHAKE"),
        (b"x" * 100_000, "BROKER_HANDSHAKE"),
    ],
    ids=["ok", "404", "503", "elsewhere", "other host", "nowhere", "ssh", "no key", "nothing", "long"],
)
def test_somebody_else_answers(answer: bytes, code: str) -> None:
    async def main() -> None:
        async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(other, "127.0.0.1", 0)
        async with server:
            with pytest.raises(WalletError) as caught:
                await connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert caught.value.code == code
        assert len(str(caught.value.params["why"])) <= 200

    run(main())


# --- TLS ---------------------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str, *, days: int = 1) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a self-signed certificate for ``name``, and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a broker")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.IPAddress(ipaddress.ip_address(name))] if name[0].isdigit() else [x509.DNSName(name)]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=10))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, secret)
    return context, cert


def test_a_certificate_the_system_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        context, cert = certificate(tmp_path, "127.0.0.1")
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        async with serving(tls=context) as server:
            client = await connect(f"wss://127.0.0.1:{server.port}")
            assert await client.call("echo", {"over": "tls"}, PATIENCE) == {"over": "tls"}
            await client.close()

    run(main())


@pytest.mark.parametrize(
    ("name", "days", "trusted"),
    [("127.0.0.1", 1, False), ("127.0.0.2", 1, True), ("broker.example", 1, True), ("127.0.0.1", -1, True)],
    ids=["untrusted", "other address", "other name", "expired"],
)
def test_a_certificate_that_is_not_right(
    name: str, days: int, trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        context, cert = certificate(tmp_path, name, days=days)
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        async with serving(tls=context) as server:
            with pytest.raises(WalletError, match="BROKER_TLS"):
                await connect(f"wss://127.0.0.1:{server.port}")

    run(main())


def test_no_tls_where_tls_was_dialled() -> None:
    async def main() -> None:
        async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(web, "127.0.0.1", 0)
        async with server:
            with pytest.raises(WalletError, match="BROKER_TLS"):
                await connect(f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async with serving() as broker:  # says nothing at all to what is no HTTP
            with pytest.raises(WalletError, match="BROKER_UNREACHABLE") as caught:
                await connect(f"wss://127.0.0.1:{broker.port}")
            assert caught.value.params["why"]

    run(main())
