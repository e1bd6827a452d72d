"""The judge between wallet and broker: decides from the recorded bytes alone whether both kept the promise.

*One digest per increment and role*, whatever was killed when; every signature by a key of its role; nothing that was
acknowledged is lost: both sides resume where they were and all of it stands in the chain of the last state.
Imports nothing of the wallet. Source: design §3 and §8.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.end_to_end import typed
from tests.end_to_end.recording import Said, messages

ZERO = "0x" + "00" * 32
SETUP, VOID, YIELD, FINALIZE = map(typed.TRANSITIONS.index, ("setup", "void", "yield", "finalize"))
ROLES = ("broker", "trader")
DENIALS = ("CHANNEL_UNKNOWN", "RESUME_BEHIND", "RESUME_FORK")  # a broker's words for "I have it not"
PAUSE = 0.3  # seconds without an answer in which nothing flows: a process is being started again


@dataclass
class Seen:
    """One state of which a signature passed."""

    digest: str
    message: dict[str, Any]
    first: float
    signatures: dict[str, str] = field(default_factory=dict)  # by role

    @property
    def increment(self) -> int:
        return int(self.message["increment"])


@dataclass
class Channel:
    """What passed of one channel, by digest."""

    id: str
    signers: dict[str, set[str]]
    states: dict[str, Seen] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)  # orders the broker said he has
    # highest number that each role has shown to hold as validated
    shown: dict[str, int] = field(default_factory=lambda: {"broker": -1, "trader": -1})

    @property
    def unopened(self) -> int:
        """Accepted orders that no state opened: their ten seconds may have passed while a side was dead."""
        opened = {row["id"] for seen in self.states.values() for row in seen.message["openOrders"]}
        return len(self.accepted - opened)

    @property
    def validated(self) -> list[Seen]:
        """Signed by both, or by one and, on a state that names it, by the other; lowest first."""
        implied = {(seen.message["previous"], role) for seen in self.states.values() for role in seen.signatures}
        needs_both = (SETUP, FINALIZE)
        found = [
            seen
            for seen in self.states.values()
            if len(seen.signatures) == 2
            or (
                seen.message["transition"] not in needs_both
                and len(seen.signatures) == 1
                and any((seen.digest, role) in implied for role in ROLES if role not in seen.signatures)
            )
        ]
        return sorted(found, key=lambda seen: seen.increment)


@dataclass
class Verdict:
    """``findings`` is what is wrong, in words; empty is acquittal."""

    findings: list[str]
    channels: list[Channel]
    connections: int
    resumes: int
    signatures: int
    flow_seconds: float

    @property
    def states(self) -> int:
        """Different states that both signed."""
        return sum(len(channel.validated) for channel in self.channels)

    @property
    def rate(self) -> float:
        """States that both signed per second in which states flowed."""
        return self.states / self.flow_seconds if self.flow_seconds else 0.0


class Judge:
    """Reads one recording, message by message."""

    def __init__(self, chain_id: int, contract: str) -> None:
        self.findings: list[str] = []
        self.channels: dict[str, Channel] = {}
        self.signatures = 0
        self.resumes = 0
        self._separator = typed.domain_separator(chain_id, contract)
        self._asked: dict[tuple[int, bool, int], dict[str, Any]] = {}
        self._nonces: dict[int, list[tuple[str, str]]] = defaultdict(list)  # client's and broker's, per connection
        self._standing: dict[tuple[int, str], tuple[int, str]] = {}  # what the trader resumed with
        self._due: dict[tuple[int, str], str] = {}  # the digest the broker must show first on this connection
        self._digests: dict[tuple[str, str, int], str] = {}
        self._times: list[float] = []

    def hear(self, said: Said) -> None:
        """One message in its turn."""
        value = said.value
        if "method" in value:
            if "id" in value:
                self._asked[said.connection, said.by_broker, value["id"]] = value
                self._request(said, value["method"], value["params"])
        elif "result" in value:
            asked = self._asked.pop((said.connection, not said.by_broker, value["id"]), None)
            if asked is None:
                self.findings.append(f"an answer to nothing on connection {said.connection}")
            else:
                self._answer(said, asked["method"], asked["params"], value["result"])
        elif "error" in value:
            asked = self._asked.pop((said.connection, not said.by_broker, value["id"]), None)
            if asked is not None and asked["method"] == "resume":
                self._denied(asked["params"], value["error"].get("data", {}).get("code"))

    def verdict(self, connections: int) -> Verdict:
        """The findings when all was heard."""
        for channel in self.channels.values():
            self._check_chain(channel)
        times = sorted(self._times)
        gaps = [after - before for before, after in pairwise(times)]
        return Verdict(
            self.findings,
            list(self.channels.values()),
            connections,
            self.resumes,
            self.signatures,
            sum(gap for gap in gaps if gap < PAUSE),
        )

    # --- what is asked ---

    def _request(self, said: Said, method: str, params: dict[str, Any]) -> None:
        if method == "setup":
            self._setup(params)
        elif method == "propose":
            self._proposed(said, params)
        elif method == "ack":
            self._signed(said, params["channel"], params["digest"], params["signature"])
        elif method == "resume":
            self._check_resume(said, params)
            self._standing[said.connection, params["channel"]] = params["increment"], params["digest"]

    def _offered(self, params: dict[str, Any]) -> str:
        """Terms that passed: in the cooperative flow the setup state names them by their digest alone."""
        terms = params["terms"]
        channel = typed.digest(self._separator, "Terms", typed.terms_message(terms))
        signers = {role: {terms[role], terms[role + "Signer"]} for role in typed.ROLES}
        self.channels.setdefault(channel, Channel(channel, signers))
        return channel

    def _setup(self, params: dict[str, Any]) -> None:
        terms, channel = params["terms"], self._offered(params)
        if typed.signer(channel, params["signature"]) != terms["trader"]:
            self.findings.append(f"setup of {channel} not signed by its trader")

    def _proposed(self, said: Said, params: dict[str, Any]) -> None:
        channel = self._channel(params["channel"])
        seen = self._state(said, channel, params["envelope"], params["state"])
        self._sign(said, channel, seen, "broker" if said.by_broker else "trader", params["signature"])
        due = self._due.pop((said.connection, channel.id), None)
        if said.by_broker and due not in (None, seen.digest):
            self.findings.append(f"the broker did not show state {due} again that the trader had acknowledged")
        previous = channel.states.get(seen.message["previous"])
        if previous is not None:  # who issues a successor holds what it builds on
            self._holds(channel, "broker" if said.by_broker else "trader", previous.increment)

    # --- what is answered ---

    def _answer(self, said: Said, method: str, params: dict[str, Any], result: dict[str, Any]) -> None:
        if method == "hello":
            self._nonces[said.connection].append((params["nonce"], result["nonce"]))
        elif method == "offer":
            self._offered(result)
        elif method == "order":
            self._channel(params["intent"]["order"]["channel"]).accepted.add(result["id"])
        elif method == "propose":
            self._answered(said, params, result)
        elif method == "ack":
            self._holds(self._channel(params["channel"]), "broker" if said.by_broker else "trader", params["increment"])
        elif method == "resume":
            self._resumed(said, params, result)
        elif method == "states":
            for row in result["states"]:
                channel = self._channel(params["channel"])
                seen = self._state(said, channel, row["envelope"], row["state"])
                for role, signature in row["signatures"].items():
                    self._sign(said, channel, seen, role, signature)

    def _answered(self, said: Said, params: dict[str, Any], result: dict[str, Any]) -> None:
        channel = self._channel(params["channel"])
        role = "broker" if said.by_broker else "trader"
        if "ack" in result:
            seen = self._state(said, channel, params["envelope"], params["state"])
            fresh = role not in seen.signatures
            self._sign(said, channel, seen, role, result["ack"])
            self._holds(channel, role, seen.increment)
            if fresh:
                self._times.append(said.time)
        elif "next" in result:  # to a yield: the state that follows says it
            seen = self._state(said, channel, params["envelope"], params["state"])
            if seen.message["transition"] != YIELD:
                self.findings.append(f"state {seen.increment} is no yield, and was answered by a next state")
            self._holds(channel, role, seen.increment)
        else:
            void = result["refuse"]
            seen = self._state(said, channel, void["envelope"], void["state"])
            self._sign(said, channel, seen, role, void["signature"])

    def _resumed(self, said: Said, params: dict[str, Any], result: dict[str, Any]) -> None:
        """Both have said where they are: at one state, or one step apart by what was on its way when they parted.

        The trader commits before he answers, so only the countersignature of his void can be news to him.
        """
        self.resumes += 1
        channel = self._channel(params["channel"])
        self._check_resume(said, {"channel": channel.id, **result})
        number, digest = self._standing[said.connection, channel.id]
        his, his_digest = result["increment"], result["digest"]
        if (number, digest) == (his, his_digest):
            return
        ahead, behind = channel.states.get(digest), channel.states.get(his_digest)
        if ahead is not None and ahead.message["previous"] == his_digest:
            if self._issuer(ahead) == "broker":  # the ACK was lost on the way: the same bytes come again
                self._due[said.connection, channel.id] = digest
        elif behind is not None and behind.message["previous"] == digest and self._issuer(behind) == "trader":
            pass  # he lacks the broker's ACK of a state of his own
        elif behind is None or behind.message["previous"] != digest or behind.message["transition"] != VOID:
            self.findings.append(f"they disagree after a break: trader {number} {digest}, broker {his} {his_digest}")

    def _denied(self, params: dict[str, Any], code: str) -> None:
        """The broker says that he has not what the trader stands at: then he must never have signed it."""
        seen = self._channel(params["channel"]).states.get(params["digest"])
        if code in DENIALS and seen is not None and "broker" in seen.signatures:
            self.findings.append(f"the broker knows nothing of state {seen.increment} that he had signed: {code}")

    def _issuer(self, seen: Seen) -> str:
        """Who issued it: the holder of the turn in it; the other one a void, and a yield, which has passed it on."""
        turn = typed.ROLES[seen.message["turn"]]
        return turn if seen.message["transition"] not in (VOID, YIELD) else ROLES[turn == "broker"]

    def _check_resume(self, said: Said, params: dict[str, Any]) -> None:
        channel = self._channel(params["channel"])
        role = "broker" if said.by_broker else "trader"
        number = params["increment"]
        if number < channel.shown[role]:
            self.findings.append(f"the {role} resumes at {number} after having held {channel.shown[role]}")
        if params["digest"] != ZERO:
            self._holds(channel, role, number)
            seen = channel.states.get(params["digest"])
            if seen is None or seen.increment != number:
                self.findings.append(f"the {role} resumes with a digest that never passed: {number}")
        for nonces in self._nonces[said.connection]:
            own, peer = reversed(nonces) if said.by_broker else nonces
            message = {key: params[key] for key in ("channel", "increment", "digest")}
            found = typed.digest(self._separator, "Resume", message | {"nonce": own, "peerNonce": peer})
            if typed.signer(found, params["signature"]) in channel.signers[role]:
                return
        self.findings.append(f"a resume not signed by the {role} for connection {said.connection}")

    # --- keeping ---

    def _channel(self, channel: str) -> Channel:
        assert channel in self.channels, "a channel whose setup did not pass here"
        return self.channels[channel]

    def _state(self, said: Said, channel: Channel, envelope: dict[str, Any], array: list[Any]) -> Seen:
        message = typed.state_message(envelope, array)
        if message["channel"] != channel.id:
            self.findings.append(f"a state of another channel in {channel.id}")
        found = typed.digest(self._separator, "State", message)
        return channel.states.setdefault(found, Seen(found, message, said.time))

    def _signed(self, said: Said, channel_id: str, digest: str, signature: str) -> None:
        """A countersignature: the state itself passed before."""
        channel = self._channel(channel_id)
        seen = channel.states.get(digest)
        if seen is None:
            self.findings.append(f"a countersignature of a state that never passed: {digest}")
            return
        role = "broker" if said.by_broker else "trader"
        self._sign(said, channel, seen, role, signature)
        self._holds(channel, role, seen.increment)

    def _sign(self, said: Said, channel: Channel, seen: Seen, role: str, signature: str) -> None:
        """The heart of it: this signature, by this role, at this number, on this digest."""
        self.signatures += 1
        if typed.signer(seen.digest, signature) not in channel.signers[role]:
            self.findings.append(f"state {seen.increment}: a signature that is not by the {role}")
            return
        first = self._digests.setdefault((channel.id, role, seen.increment), seen.digest)
        if first != seen.digest:
            self.findings.append(f"the {role} signed two digests at {seen.increment}: {first} and {seen.digest}")
        if seen.signatures.setdefault(role, signature) != signature:
            self.findings.append(f"the {role} signed state {seen.increment} twice, with other bytes")

    def _holds(self, channel: Channel, role: str, increment: int) -> None:
        channel.shown[role] = max(channel.shown[role], increment)

    def _check_chain(self, channel: Channel) -> None:
        """Everything validated lies on the one chain that the last validated state ends."""
        validated = channel.validated
        if not validated:
            return  # a setup that came to nothing
        chain, digest = set(), validated[-1].digest
        while digest in channel.states:
            chain.add(digest)
            digest = channel.states[digest].message["previous"]
        if digest != ZERO:
            self.findings.append(f"the chain of {channel.id} ends at {digest}, not at its setup")
        lost = [seen.increment for seen in validated if seen.digest not in chain]
        if lost:
            self.findings.append(f"acknowledged and lost: states {lost[:10]} of {channel.id}")


def judge(file: Path, chain_id: int, contract: str) -> Verdict:
    """The verdict on a recording; ``contract`` is the adjudicator's address (0x…) on chain ``chain_id``."""
    judging = Judge(chain_id, contract)
    connections = set()
    for said in messages(file):
        connections.add(said.connection)
        judging.hear(said)
    return judging.verdict(len(connections))
