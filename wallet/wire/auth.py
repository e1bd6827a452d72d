"""Who speaks on a connection: both sides sign an Auth struct over both nonces, both addresses, role and host.

The broker proves itself first, against the address pinned in its profile, so that nobody else ever gets a signature
to relay; the host is the one the client dialled, so that a proof made for one broker is worth nothing at another.
No side signs a string the other chose. Source: design §8, research/security §0.4, §2.2, rows 135–136.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Auth
from wallet.protocol.signatures import require_signer
from wallet.protocol.terms import Role
from wallet.protocol.typed import TypedDigest
from wallet.wire.frames import Frame
from wallet.wire.messages import Hello, HelloResult, Proof, Welcome
from wallet.wire.methods import AUTH, HELLO, answer, ask
from wallet.wire.peer import Goodbye, Peer

ANSWER_WITHIN = 10.0  # seconds, for each of the two requests
MAX_ACCOUNTS = 256  # on one connection: the owner's, and one session key for each channel


class AuthSigner(Protocol):
    """Whatever can sign for one address (a key, a device, another process)."""

    @property
    def address(self) -> bytes: ...

    def sign(self, typed: TypedDigest) -> bytes: ...


@dataclass(frozen=True, slots=True)
class AuthResult:
    """What a handshake leaves with the client. ``nonce`` and ``peer_nonce`` go into the Resume structs it signs."""

    nonce: bytes
    peer_nonce: bytes
    channels: tuple[bytes, ...]
    now: int


async def authenticate(
    peer: Peer, domain: Domain, signer: AuthSigner, account: bytes, broker_signer: bytes, host: str
) -> AuthResult:
    """Speak for ``account`` from now on; once for each account on the connection.

    ``signer`` signs for ``account``; ``broker_signer`` and ``host`` come from the profile and the dialled URL
    (``read_url(url).host``), never from the peer. Raises WalletError("AUTH_BROKER") if whoever answers doesn't hold
    the pinned key, WalletError("AUTH_REFLECTED") for our own nonce as his, WalletError("AUTH_ACCOUNT") for a signer
    of another account, and what :meth:`Peer.call` raises. Nothing is signed before the broker has proved itself.
    """
    if signer.address != account:
        raise WalletError("AUTH_ACCOUNT", account=account)
    nonce = secrets.token_bytes(32)
    hello = await ask(peer, HELLO, Hello(nonce, account, Role.TRADER), ANSWER_WITHIN)
    if hello.account != broker_signer:
        raise WalletError("AUTH_BROKER", expected=broker_signer, got=hello.account)
    if hello.nonce == nonce:
        raise WalletError("AUTH_REFLECTED")
    proof = domain.digest(Auth(hello.nonce, nonce, broker_signer, account, Role.BROKER, host))
    try:
        require_signer(proof, hello.signature, (broker_signer,))
    except WalletError as error:
        raise WalletError("AUTH_BROKER", expected=broker_signer, got=error.code) from error
    own = domain.digest(Auth(nonce, hello.nonce, account, broker_signer, Role.TRADER, host))
    welcome = await ask(peer, AUTH, Proof(signer.sign(own)), ANSWER_WITHIN)
    return AuthResult(nonce, hello.nonce, welcome.channels, welcome.now)


@dataclass(frozen=True, slots=True)
class Identity:
    """The broker's side of a handshake: its signer, and the host:port names under which clients dial it."""

    domain: Domain
    signer: AuthSigner
    hosts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Nonces:
    """Of one account on one connection, for the Resume structs: the broker's own, and the client's."""

    nonce: bytes
    peer_nonce: bytes


class Gate:
    """The broker's side: answers ``hello`` and ``auth`` on one connection and knows who speaks on it.

    ``channels`` gives the channels in which an account may act, ``clock`` Unix seconds.
    """

    def __init__(
        self,
        peer: Peer,
        identity: Identity,
        channels: Callable[[bytes], Sequence[bytes]],
        clock: Callable[[], int],
    ) -> None:
        self.accounts: dict[bytes, Nonces] = {}
        self._peer = peer
        self._identity = identity
        self._channels = channels
        self._clock = clock
        self._greeted: tuple[bytes, Nonces] | None = None
        self._used: set[bytes] = set()
        answer(peer, HELLO, self._hello)
        answer(peer, AUTH, self._auth)

    def require(self, *accounts: bytes) -> bytes:
        """The one of ``accounts`` that has authenticated here; WalletError("AUTH_NEEDED") if none has."""
        for account in accounts:
            if account in self.accounts:
                return account
        raise WalletError("AUTH_NEEDED")

    async def _hello(self, hello: Hello, frame: Frame) -> HelloResult:
        identity = self._identity
        if self._peer.host not in identity.hosts:
            raise Goodbye("AUTH_HOST", host=self._peer.host)
        if hello.role is not Role.TRADER or hello.account == identity.signer.address:
            raise Goodbye("AUTH_REFLECTED")
        if hello.nonce in self._used:
            raise Goodbye("AUTH_NONCE")
        if len(self._used) >= 2 * MAX_ACCOUNTS or len(self.accounts) >= MAX_ACCOUNTS:
            raise Goodbye("AUTH_TOO_MANY", limit=MAX_ACCOUNTS)
        nonce = secrets.token_bytes(32)
        self._used |= {nonce, hello.nonce}
        self._greeted = hello.account, Nonces(nonce, hello.nonce)
        auth = Auth(nonce, hello.nonce, identity.signer.address, hello.account, Role.BROKER, self._peer.host)
        return HelloResult(nonce, identity.signer.address, identity.signer.sign(identity.domain.digest(auth)))

    async def _auth(self, proof: Proof, frame: Frame) -> Welcome:
        greeted, self._greeted = self._greeted, None  # one proof for one hello, right or wrong
        if greeted is None:
            raise Goodbye("AUTH_ORDER")
        account, nonces = greeted
        identity = self._identity
        auth = Auth(nonces.peer_nonce, nonces.nonce, account, identity.signer.address, Role.TRADER, self._peer.host)
        try:
            require_signer(identity.domain.digest(auth), proof.signature, (account,))
        except WalletError as error:
            raise Goodbye("AUTH_SIGNATURE", why=error.code) from error
        self.accounts[account] = nonces
        return Welcome(self._clock(), tuple(self._channels(account)))
