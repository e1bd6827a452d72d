"""The handshake: who it lets in, and every way in which it must not be fooled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.support.game import ADDRESSES, CONTRACT, KEYS, NOW
from tests.support.waiting import PATIENCE, until
from tests.wire.kit import run, serving, url
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Auth
from wallet.protocol.signatures import sign
from wallet.protocol.terms import Role
from wallet.protocol.typed import TypedDigest
from wallet.wire.auth import AuthResult, Gate, Identity, Nonces, authenticate
from wallet.wire.client import connect
from wallet.wire.frames import RemoteError
from wallet.wire.messages import Hello, HelloResult, Proof
from wallet.wire.methods import AUTH, HELLO, ask
from wallet.wire.peer import Peer

DOMAIN = Domain(1337, CONTRACT)
OWNER, SESSION = ADDRESSES["trader"], ADDRESSES["trader signer"]
BROKER, STRANGER = ADDRESSES["broker signer"], ADDRESSES["stranger"]
CHANNELS = {OWNER: (b"\1" * 32, b"\2" * 32), SESSION: (b"\2" * 32,)}


class Key:
    """A signer that remembers what it was asked to sign."""

    def __init__(self, name: str) -> None:
        self.address = ADDRESSES[name]
        self.signed: list[TypedDigest] = []
        self._key = KEYS[name]

    def sign(self, typed: TypedDigest) -> bytes:
        self.signed.append(typed)
        return sign(self._key, typed)


@asynccontextmanager
async def broker(
    signer: str = "broker signer", domain: Domain = DOMAIN, hosts: Callable[[int], set[str]] | None = None
) -> AsyncIterator[tuple[Peer, list[Gate]]]:
    """A client connected to a broker with a gate on each connection."""
    gates: list[Gate] = []
    known: set[str] = set()
    identity = Identity(domain, Key(signer), frozenset())

    def on(peer: Peer) -> None:
        here = replace(identity, hosts=frozenset(known))
        gates.append(Gate(peer, here, lambda account: CHANNELS.get(account, ()), lambda: NOW))

    async with serving(on) as server:
        known |= hosts(server.port) if hosts else {f"127.0.0.1:{server.port}"}
        client = await connect(url(server))
        await until(lambda: bool(gates))
        try:
            yield client, gates
        finally:
            await client.close()


async def enter(client: Peer, key: Key, **changes: Any) -> AuthResult:
    wanted = {"account": key.address, "broker_signer": BROKER, "host": client.host, "domain": DOMAIN, **changes}
    return await authenticate(client, signer=key, **wanted)


def test_both_sides_know_each_other() -> None:
    async def main() -> None:
        async with broker() as (client, gates):
            key = Key("trader")
            result = await enter(client, key)
            assert (result.channels, result.now) == (CHANNELS[OWNER], NOW)
            assert gates[0].accounts == {OWNER: Nonces(result.peer_nonce, result.nonce)}
            assert gates[0].require(SESSION, OWNER) == OWNER
            auth = Auth(result.nonce, result.peer_nonce, OWNER, BROKER, Role.TRADER, client.host)
            assert key.signed == [DOMAIN.digest(auth)]

    run(main())


def test_nobody_speaks_before_the_handshake_is_through() -> None:
    async def main() -> None:
        async with broker() as (client, gates):
            with pytest.raises(WalletError, match="AUTH_NEEDED"):
                gates[0].require(OWNER)
            await ask(client, HELLO, Hello(b"\7" * 32, OWNER, Role.TRADER), 5)
            with pytest.raises(WalletError, match="AUTH_NEEDED"):
                gates[0].require(OWNER)

    run(main())


def test_a_second_pair_adds_an_account_with_nonces_of_its_own() -> None:
    async def main() -> None:
        async with broker() as (client, gates):
            first = await enter(client, Key("trader"))
            second = await enter(client, Key("trader signer"))
            assert second.channels == CHANNELS[SESSION]
            assert gates[0].accounts == {
                OWNER: Nonces(first.peer_nonce, first.nonce),
                SESSION: Nonces(second.peer_nonce, second.nonce),
            }
            assert len({first.nonce, first.peer_nonce, second.nonce, second.peer_nonce}) == 4

    run(main())


def test_the_same_account_again_has_new_nonces() -> None:
    async def main() -> None:
        async with broker() as (client, gates):
            first = await enter(client, Key("trader"))
            again = await enter(client, Key("trader"))
            assert first.peer_nonce != again.peer_nonce
            assert gates[0].accounts == {OWNER: Nonces(again.peer_nonce, again.nonce)}

    run(main())


# --- the client is not fooled ------------------------------------------------------------------------------------


def test_a_broker_with_another_key_gets_no_signature() -> None:
    async def main() -> None:
        async with broker(signer="stranger") as (client, _):
            key = Key("trader")
            with pytest.raises(WalletError, match="AUTH_BROKER"):
                await enter(client, key)
            assert key.signed == []

    run(main())


def test_a_signer_of_another_account_is_an_error_before_anything_is_sent() -> None:
    async def main() -> None:
        async with broker() as (client, _):
            with pytest.raises(WalletError, match="AUTH_ACCOUNT"):
                await enter(client, Key("stranger"), account=OWNER)

    run(main())


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "127.0.0.1:1"},
        {"host": "broker.example:443"},
        {"domain": Domain(1, CONTRACT)},
        {"domain": Domain(1337, b"\1" * 20)},
    ],
    ids=["port", "host", "chain", "contract"],
)
def test_a_proof_for_another_place_is_none_here(changes: dict[str, Any]) -> None:
    async def main() -> None:
        async with broker() as (client, gates):
            key = Key("trader")
            with pytest.raises(WalletError, match="AUTH_BROKER"):
                await enter(client, key, **changes)
            assert key.signed == []
            assert gates[0].accounts == {}

    run(main())


Forge = Callable[[Hello, Key, str], HelloResult]


def _auth(nonce: bytes, hello: Hello, host: str, account: bytes = BROKER, role: Role = Role.BROKER) -> TypedDigest:
    return DOMAIN.digest(Auth(nonce, hello.nonce, account, hello.account, role, host))


def _old_answer(hello: Hello, key: Key, host: str) -> HelloResult:
    earlier = replace(hello, nonce=b"\5" * 32)
    return HelloResult(b"\6" * 32, BROKER, key.sign(_auth(b"\6" * 32, earlier, host)))


def _reflected_nonce(hello: Hello, key: Key, host: str) -> HelloResult:
    return HelloResult(hello.nonce, BROKER, key.sign(_auth(hello.nonce, hello, host)))


def _for_another_account(hello: Hello, key: Key, host: str) -> HelloResult:
    other = replace(hello, account=STRANGER)
    return HelloResult(b"\6" * 32, BROKER, key.sign(_auth(b"\6" * 32, other, host)))


def _as_trader(hello: Hello, key: Key, host: str) -> HelloResult:
    return HelloResult(b"\6" * 32, BROKER, key.sign(_auth(b"\6" * 32, hello, host, role=Role.TRADER)))


def _high_s(hello: Hello, key: Key, host: str) -> HelloResult:
    good = key.sign(_auth(b"\6" * 32, hello, host))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(good[32:64], "big")
    return HelloResult(b"\6" * 32, BROKER, good[:32] + s.to_bytes(32, "big") + bytes([55 - good[64]]))


def _under_another_name(hello: Hello, key: Key, host: str) -> HelloResult:
    return HelloResult(b"\6" * 32, STRANGER, key.sign(_auth(b"\6" * 32, hello, host)))


def _zeros(hello: Hello, key: Key, host: str) -> HelloResult:
    return HelloResult(b"\6" * 32, BROKER, bytes(65))


@pytest.mark.parametrize(
    ("forge", "code"),
    [
        (_old_answer, "AUTH_BROKER"),
        (_reflected_nonce, "AUTH_REFLECTED"),
        (_for_another_account, "AUTH_BROKER"),
        (_as_trader, "AUTH_BROKER"),
        (_high_s, "AUTH_BROKER"),
        (_under_another_name, "AUTH_BROKER"),
        (_zeros, "AUTH_BROKER"),
    ],
)
def test_a_forged_answer_gets_no_signature(forge: Forge, code: str) -> None:
    async def main() -> None:
        def on(peer: Peer) -> None:
            async def hello(params: dict[str, Any], frame: Any) -> dict[str, Any]:
                return forge(Hello.read(params), Key("broker signer"), peer.host).show()

            peer.handlers["hello"] = hello

        async with serving(on) as server:
            client = await connect(url(server))
            key = Key("trader")
            with pytest.raises(WalletError, match=code):
                await enter(client, key)
            assert key.signed == []
            await client.close()

    run(main())


def test_a_broker_that_hangs_up_is_told_as_that() -> None:
    async def main() -> None:
        async with broker() as (client, gates):
            gates[0]._peer.handlers["hello"] = lambda params, frame: gates[0]._peer.close()
            with pytest.raises(WalletError, match="RPC_CLOSED"):
                await enter(client, Key("trader"))

    run(main())


# --- the broker is not fooled ------------------------------------------------------------------------------------


async def refused(client: Peer, code: str, call: Any) -> None:
    with pytest.raises(RemoteError, match=code):
        await call
    await asyncio.wait_for(client.wait_closed(), PATIENCE)
    assert client.close_code == 1008


def _signed(key: Key, hello: Hello, reply: HelloResult, dialled: str, **changes: Any) -> Proof:
    auth = Auth(hello.nonce, reply.nonce, hello.account, BROKER, Role.TRADER, dialled)
    return Proof(key.sign(DOMAIN.digest(replace(auth, **changes))))


HELLO_NOW = Hello(b"\7" * 32, OWNER, Role.TRADER)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("stranger", {}),
        ("trader signer", {}),
        ("broker signer", {}),
        ("trader", {"host": "127.0.0.1:1"}),
        ("trader", {"role": Role.BROKER}),
        ("trader", {"peer": STRANGER}),
        ("trader", {"account": SESSION}),
        ("trader", {"nonce": b"\1" * 32}),
        ("trader", {"peer_nonce": b"\1" * 32}),
    ],
)
def test_a_wrong_proof_is_refused_and_the_connection_closed(name: str, changes: dict[str, Any]) -> None:
    async def main() -> None:
        async with broker() as (client, gates):
            reply = await ask(client, HELLO, HELLO_NOW, 5)
            proof = _signed(Key(name), HELLO_NOW, reply, client.host, **changes)
            await refused(client, "AUTH_SIGNATURE", ask(client, AUTH, proof, 5))
            assert gates[0].accounts == {}

    run(main())


def test_a_proof_of_an_earlier_connection_is_refused() -> None:
    async def main() -> None:
        async with broker() as (client, gates):
            reply = await ask(client, HELLO, HELLO_NOW, 5)
            proof = _signed(Key("trader"), HELLO_NOW, reply, client.host)
            assert (await ask(client, AUTH, proof, 5)).now == NOW
            again = await connect("ws://" + client.host)
            await ask(again, HELLO, HELLO_NOW, 5)
            await refused(again, "AUTH_SIGNATURE", ask(again, AUTH, proof, 5))
            assert [len(gate.accounts) for gate in gates] == [1, 0]

    run(main())


def test_a_proof_serves_once() -> None:
    async def main() -> None:
        async with broker() as (client, _):
            reply = await ask(client, HELLO, HELLO_NOW, 5)
            proof = _signed(Key("trader"), HELLO_NOW, reply, client.host)
            await ask(client, AUTH, proof, 5)
            await refused(client, "AUTH_ORDER", ask(client, AUTH, proof, 5))

    run(main())


def test_a_proof_without_a_hello_is_refused() -> None:
    async def main() -> None:
        async with broker() as (client, _):
            await refused(client, "AUTH_ORDER", ask(client, AUTH, Proof(bytes(65)), 5))

    run(main())


def test_the_brokers_own_answer_sent_back_is_refused() -> None:
    async def main() -> None:
        async with broker() as (client, gates):
            reply = await ask(client, HELLO, HELLO_NOW, 5)
            await refused(client, "AUTH_SIGNATURE", ask(client, AUTH, Proof(reply.signature), 5))
            assert gates[0].accounts == {}

    run(main())


@pytest.mark.parametrize(
    "hello", [replace(HELLO_NOW, role=Role.BROKER), replace(HELLO_NOW, account=BROKER)], ids=["role", "account"]
)
def test_nobody_comes_as_the_broker_himself(hello: Hello) -> None:
    async def main() -> None:
        async with broker() as (client, _):
            await refused(client, "AUTH_REFLECTED", ask(client, HELLO, hello, 5))

    run(main())


@pytest.mark.parametrize("mine", [True, False], ids=["the client's", "the broker's"])
def test_a_nonce_used_before_is_refused(mine: bool) -> None:
    async def main() -> None:
        async with broker() as (client, _):
            reply = await ask(client, HELLO, HELLO_NOW, 5)
            again = HELLO_NOW if mine else replace(HELLO_NOW, nonce=reply.nonce)
            await refused(client, "AUTH_NONCE", ask(client, HELLO, again, 5))

    run(main())


def test_a_host_that_is_not_the_brokers_gets_no_signature_of_his() -> None:
    async def main() -> None:
        async with broker(hosts=lambda port: {"broker.example:443"}) as (client, _):
            await refused(client, "AUTH_HOST", ask(client, HELLO, HELLO_NOW, 5))

    run(main())


def test_accounts_on_one_connection_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet.wire.auth.MAX_ACCOUNTS", 2)

    async def main() -> None:
        async with broker() as (client, _):
            await enter(client, Key("trader"))
            await enter(client, Key("trader signer"))
            with pytest.raises(RemoteError, match="AUTH_TOO_MANY"):
                await enter(client, Key("stranger"))

    run(main())
