"""EIP-712 digests of the protocol's structs by the standard alone, from the frozen type strings and JSON values.

Shares nothing with the wallet: two programs that hash the same bytes wrong in the same way would be no proof.
Source: EIP-712.
"""

from __future__ import annotations

from typing import Any

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature, ValidationError
from sha3 import keccak_256

_ROWS = {
    "Asset": "Asset(address asset,uint256 allocation,uint256 collateral)",
    "Market": "Market(address base,address quote,uint256 unit,uint256 tickSize,uint256 lotSize,uint256 minNotional,"
    "uint256 maxUnacked)",
    "Fill": "Fill(bytes32 order,uint256 price,uint256 quantity,uint256 fee)",
    "Balance": "Balance(address asset,uint256 available,uint256 locked)",
    "OpenOrder": "OpenOrder(bytes32 id,address base,address quote,uint8 side,uint256 price,uint256 amount,"
    "uint256 filled)",
    "Outcome": "Outcome(address asset,uint256 toBroker,uint256 toTrader)",
}
TYPES = _ROWS | {
    "Terms": "Terms(address trader,address traderSigner,address broker,address brokerSigner,uint256 nonce,"
    "uint64 openBefore,uint64 challengePeriod,uint8 initiative,uint32 maxFee,uint32 heartbeat,uint32 answerTime,"
    "uint32 skew,uint32 yieldInterval,uint16 maxOpenOrders,uint16 maxFills,Asset[] assets,Market[] markets)"
    + _ROWS["Asset"]
    + _ROWS["Market"],
    "State": "State(bytes32 channel,bytes32 previous,uint64 increment,uint64 time,uint8 turn,uint8 transition,"
    "uint64 orderNonce,Fill[] fills,Balance[] balances,OpenOrder[] openOrders,Outcome[] outcomes)"
    + _ROWS["Balance"]
    + _ROWS["Fill"]
    + _ROWS["OpenOrder"]
    + _ROWS["Outcome"],
    "Resume": "Resume(bytes32 channel,uint64 increment,bytes32 digest,bytes32 nonce,bytes32 peerNonce)",
    "CancelReceipt": "CancelReceipt(bytes32 channel,bytes32 order)",
}
DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

SIDES = ("buy", "sell")
ROLES = ("broker", "trader")
TRANSITIONS = ("setup", "create_order", "trade", "cancel_order", "yield", "void", "finalize")


def keccak(data: bytes) -> bytes:
    digest: bytes = keccak_256(data).digest()
    return digest


def fields(name: str) -> list[tuple[str, str]]:
    """(type, name) of each member."""
    inside = TYPES[name].partition("(")[2].partition(")")[0]
    return [(kind, field) for kind, _, field in (part.partition(" ") for part in inside.split(","))]


_MEMBERS = {name: fields(name) for name in TYPES}
_HASHES = {name: keccak(text.encode()) for name, text in TYPES.items()}


def struct_hash(name: str, message: dict[str, Any]) -> bytes:
    return keccak(_HASHES[name] + b"".join(_word(kind, message[field]) for kind, field in _MEMBERS[name]))


def _word(kind: str, value: Any) -> bytes:
    if kind.endswith("[]"):
        return keccak(b"".join(struct_hash(kind[:-2], row) for row in value))
    if kind.startswith("uint"):
        return int(value).to_bytes(32, "big")
    return bytes.fromhex(value[2:]).rjust(32, b"\0")


def domain_separator(chain_id: int, contract: str) -> bytes:
    return keccak(
        keccak(DOMAIN.encode())
        + keccak(b"Trading Channels")
        + keccak(b"1")
        + chain_id.to_bytes(32, "big")
        + bytes.fromhex(contract[2:]).rjust(32, b"\0")
    )


def digest(separator: bytes, name: str, message: dict[str, Any]) -> str:
    return "0x" + keccak(b"\x19\x01" + separator + struct_hash(name, message)).hex()


def signer(digest_hex: str, signature: str) -> str:
    """The address that signed; "" for bytes that a strict contract refuses."""
    raw = bytes.fromhex(signature[2:])
    if len(raw) != 65 or raw[64] not in (27, 28) or int.from_bytes(raw[32:64], "big") > _ORDER // 2:
        return ""
    try:
        key = Signature(raw[:64] + bytes([raw[64] - 27])).recover_public_key_from_msg_hash(
            bytes.fromhex(digest_hex[2:])
        )
    except (BadSignature, ValidationError):
        return ""
    return "0x" + keccak(key.to_bytes())[12:].hex()


def typed_data(chain_id: int, contract: str, name: str, message: dict[str, Any]) -> dict[str, Any]:
    """The same as the JSON that ``eth_signTypedData_v4`` takes, for eth-account to check this module against."""
    inner = {kind[:-2] for kind, _ in _MEMBERS[name] if kind.endswith("[]")}
    types = {part: [{"type": kind, "name": field} for kind, field in _MEMBERS[part]] for part in (name, *inner)}
    inside = DOMAIN.partition("(")[2].rstrip(")")
    types["EIP712Domain"] = [
        {"type": kind, "name": field} for kind, _, field in (part.partition(" ") for part in inside.split(","))
    ]
    domain = {"name": "Trading Channels", "version": "1", "chainId": chain_id, "verifyingContract": contract}
    return {"types": types, "primaryType": name, "domain": domain, "message": message}


# --- the wire's forms as the structs' members -------------------------------------------------------------------------


def state_message(envelope: dict[str, Any], array: list[Any]) -> dict[str, Any]:
    """The members of State from the envelope and the seed's array."""
    increment, balances, orders, outcomes = array
    return {
        "channel": envelope["channel"],
        "previous": envelope["previous"],
        "increment": increment,
        "time": envelope["time"],
        "turn": ROLES.index(envelope["turn"]),
        "transition": TRANSITIONS.index(envelope["transition"]),
        "orderNonce": envelope["orderNonce"],
        "fills": _rows(envelope["fills"], "Fill"),
        "balances": _rows(balances, "Balance"),
        "openOrders": _rows([[*row[:3], SIDES.index(row[3]), *row[4:]] for row in orders], "OpenOrder"),
        "outcomes": _rows(outcomes, "Outcome"),
    }


def terms_message(terms: dict[str, Any]) -> dict[str, Any]:
    """The members of Terms from the wire's object."""
    return terms | {
        "initiative": ("broker", "cooperative").index(terms["initiative"]),
        "assets": _rows(terms["assets"], "Asset"),
        "markets": _rows(terms["markets"], "Market"),
    }


def _rows(rows: list[list[Any]], name: str) -> list[dict[str, Any]]:
    """Decimal strings become numbers; hex stays what it is."""

    def cell(kind: str, value: Any) -> Any:
        return int(value) if kind.startswith("uint") else value

    return [
        {field: cell(kind, value) for (kind, field), value in zip(_MEMBERS[name], row, strict=True)} for row in rows
    ]
