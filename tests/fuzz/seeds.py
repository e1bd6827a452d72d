"""Where fuzzing begins: something valid for every target, and its near neighbours.

``python -m tests.fuzz.seeds`` writes them into the corpora.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.protocol import json_cases
from tests.protocol.test_signatures import REFUSED
from tests.session.brokers import sample_json
from tests.support.game import LOT, ONE, SIGNERS, Game, make_terms
from wallet.app.backup import FORMAT
from wallet.chain.artifact import adjudicator
from wallet.keys import archive
from wallet.keys.image import MAGIC, VaultImage
from wallet.keys.kdf import KdfHeader, KdfParams
from wallet.keys.sections import Account, Public, encode
from wallet.market.depth import checksum
from wallet.protocol import codec
from wallet.protocol.errors import WalletError
from wallet.protocol.signatures import sign
from wallet.protocol.terms import Role
from wallet.protocol.typed import TypedDigest
from wallet.wire.frames import dumps, failure, notice, request, result
from wallet.wire.messages import Propose

FOLDER = Path(__file__).with_name("corpus")
VECTORS = Path(__file__).resolve().parents[2] / "resources" / "spec" / "vectors"
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


def vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def seeds() -> dict[str, list[bytes]]:
    """Texts by target."""
    game = Game()
    buy = game.open()
    game.apply(game.trade(game.fill(buy, ONE // 4, fee=10)))
    signed = game.intent()
    states = [game.setup, *(row for row, _ in game.states[1:]), game.create(signed), game.cancel(buy), game.finalize()]
    proposals = [
        request(7, "propose", Propose(row, game.sign(Role.BROKER, row), (signed,) if row is states[3] else ()).show())
        for row in states
    ]
    return {
        "strict_json": [text for _, text, _ in json_cases.accepted() if len(text) < 100][::6]
        + [text for _, text, _ in (*json_cases.refused(), *json_cases.open_cases()) if len(text) < 60][::12],
        "state": [dumps([codec.envelope(row), codec.state_array(row)]) for row in states],
        "proposal": proposals,
        "signature": [bytes(range(32)) + row for row, _ in REFUSED.values()]
        + [bytes(range(32)) + sign(SIGNERS[Role.BROKER], TypedDigest("State", bytes(range(32))))],
        "order": [dumps(codec.show_signed_order(signed))],
        "terms": [dumps(codec.show_terms(make_terms())), dumps(codec.show_terms(make_terms(max_fee=0)))],
        "proof": [dumps(case["proof"]) for case in vectors("proofs")["cases"][:6] if "proof" in case],
        "amount": [
            b"0",
            b"1",
            b"1.5",
            b".5",
            b"01",
            b"1e3",
            b"1_000",
            str(2**256 - 1).encode(),
            "١".encode(),
            b"1.000001",
        ],
        "frame": [*proposals[:2], *_frames(game)],
        "profile": [dumps(sample_json()), dumps({**sample_json(), "version": 2})],
        "address": [
            b"ws://127.0.0.1:4000",
            b"wss://broker.example/x",
            b"wss://[::1]:9",
            b"127.0.0.1:80",
            b"WSS://A.b:443",
        ],
        "book": _books(),
        "rpc": _replies(),
        "devnet_call": [
            b'"0x00"',
            b'{"to":"0x0000000000000000000000000000000000000001","data":"0x","gas":"0x5208"}',
            b'{"fromBlock":"0x0","toBlock":"latest","topics":[null,["0x' + b"00" * 32 + b'"]]}',
            b'{"blockHash":"0x' + b"11" * 32 + b'"}',
        ],
        "abi": [bytes(32), (1).to_bytes(32, "big") * 8, b"\xff" * 64],
        "vault": _vaults(),
        "backup": _backups(),
        "mnemonic": [
            PHRASE.encode(),
            PHRASE.upper().encode(),
            PHRASE[:-6].encode() + b"winner",
            b"abandon " * 11 + b"about",
        ],
    }


def _frames(game: Game) -> list[bytes]:
    order = {"intent": codec.show_signed_order(game.intent())}
    return [
        request(1, "order", order),
        request(
            2, "resume", {"channel": "0x" + "00" * 32, "increment": 0, "digest": "0x" + "00" * 32, "signature": "0x"}
        ),
        result(1, {"id": "0x" + "11" * 32}),
        result(2, {"ack": "0x" + "11" * 65, "refuse": None}),
        failure(3, WalletError("FLAGGED", rule="INC-SKIP")),
        notice("heartbeat", {"market": ["0x" + "00" * 20, "0x" + "11" * 20], "seq": 1, "now": 1}),
        notice("depth", {"market": ["0x" + "00" * 20, "0x" + "11" * 20], **_delta(1, 2)}),
    ]


def _delta(before: int, after: int) -> dict[str, Any]:
    return {"prev_seq": before, "seq": after, "bids": [["100", "0"]], "asks": [["103", "5"]], "checksum": 0}


def _books() -> list[bytes]:
    bids, asks = ((100, 5), (99, 7)), ((101, 4), (102, LOT))
    shot = {
        "seq": 1,
        "bids": [[str(price), str(amount)] for price, amount in bids],
        "asks": [[str(price), str(amount)] for price, amount in asks],
        "checksum": checksum(bids, asks),
    }
    delta = {
        "market": ["0x" + "00" * 20, "0x" + "11" * 20],
        **_delta(1, 2),
        "checksum": checksum(bids[1:], (*asks, (103, 5))),
    }
    return [dumps([shot]), dumps([shot, delta]), dumps([shot, {**delta, "prev_seq": 5}])]


def _replies() -> list[bytes]:
    word, account = "0x" + "01" * 32, "0x" + "02" * 20
    log = {
        "address": account,
        "topics": [word],
        "data": "0x",
        "blockNumber": "0x1",
        "blockHash": word,
        "transactionHash": word,
        "transactionIndex": "0x0",
        "logIndex": "0x0",
        "removed": False,
    }
    header = {"number": "0x1", "hash": word, "parentHash": word, "timestamp": "0x5"}
    block = {**header, "baseFeePerGas": "0x7", "gasLimit": "0x1c9c380"}
    receipt = {
        "transactionHash": word,
        "blockNumber": "0x1",
        "blockHash": word,
        "status": "0x1",
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x1",
        "contractAddress": None,
        "logs": [log],
    }
    topic = "0x" + adjudicator().abi.topic("Withdrawn").hex()
    known = {**log, "topics": [topic, word[:26] + "0" * 40, word], "data": "0x" + "00" * 96}
    found = [{"jsonrpc": "2.0", "id": 1, "result": row} for row in (block, receipt, [log], [known], None, "0x")]
    error = {"code": 3, "message": "execution reverted", "data": "0x08c379a0" + "00" * 64}
    return [*map(dumps, found), dumps({"jsonrpc": "2.0", "id": 1, "error": error})]


def _vaults() -> list[bytes]:
    public = encode(Public("wallet", (Account(0, "m/44'/60'/0'/0/0", bytes(20), "first"),)))
    kdf = KdfHeader(KdfParams(), bytes(16)).encode()
    file = VaultImage(kdf, public, b"a" * 60, b"b" * 60, b"c" * 90, b"d" * 90).encode()
    body = file[:-33] + b"!"
    return [file, file[:-1], body + hashlib.sha256(body).digest(), MAGIC, MAGIC + b"\0\2" + bytes(40), public]


def _backups() -> list[bytes]:
    head = archive.MAGIC + b"\0\1" + KdfHeader(KdfParams(), bytes(16)).encode()
    keys, setting = ["keys.vault", 3], ["brokers/" + "ab" * 20 + ".json", 2]
    lists = [dumps({"format": FORMAT, "version": 1, "made": 1, "files": rows}) for rows in ([keys], [keys, setting])]
    whole = [len(text).to_bytes(4, "big") + text for text in lists]
    return [head + bytes(120 + 16), head, whole[0] + b"abc", whole[1] + b"abcde", whole[1]]


def write() -> None:
    for name, texts in seeds().items():
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        for text in texts:
            (folder / f"seed-{hashlib.sha256(text).hexdigest()[:12]}").write_bytes(text)


if __name__ == "__main__":
    write()
