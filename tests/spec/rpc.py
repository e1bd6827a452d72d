"""The JSON-RPC methods as an OpenRPC document, written out by hand: what tests hold against the wire's own table.

Schemas are JSON Schema draft 7, as OpenRPC has it. Only what a schema can't say (a proposal's two channel ids are
one, amounts are below 2^256) is left to the prose.
"""

from __future__ import annotations

from tests.spec.forms import Json

MAX_NUMBER = 2**53 - 1
UP, DOWN, BOTH = "trader-to-broker", "broker-to-trader", "both"


# --- parts of schemas --------------------------------------------------------------------------------------------


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def octets(size: int) -> Json:
    return {"type": "string", "pattern": f"^0x[0-9a-f]{{{2 * size}}}$"}


def number(low: int = 0, high: int = MAX_NUMBER) -> Json:
    return {"type": "integer", "minimum": low, "maximum": high}


def listing(item: Json, most: int) -> Json:
    return {"type": "array", "items": item, "maxItems": most}


def row(*cells: Json) -> Json:
    count = len(cells)
    return {"type": "array", "items": list(cells), "additionalItems": False, "minItems": count, "maxItems": count}


def names(*values: str) -> Json:
    return {"type": "string", "enum": list(values)}


def record(required: dict[str, Json], optional: dict[str, Json] | None = None) -> Json:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


ADDRESS, DIGEST, SIGNATURE, AMOUNT, NUMBER = map(ref, ("Address", "Digest", "Signature", "Amount", "Number"))
PAIR, LEVELS, TRADES, TERMS, SIDE = map(ref, ("Pair", "Levels", "Trades", "Terms", "Side"))
ENVELOPE, STATE, INTENT = map(ref, ("Envelope", "State", "SignedOrder"))
INTENTS = listing(INTENT, 256)
PPM = number(high=1_000_000)
CHECKSUM = number(high=2**32 - 1)
SIGNED_STATE = {"envelope": ENVELOPE, "state": STATE, "signature": SIGNATURE}

SCHEMAS: dict[str, Json] = {
    "Address": {**octets(20), "description": "20 bytes, lower case"},
    "Digest": {**octets(32), "description": "32 bytes, lower case"},
    "Signature": {**octets(65), "description": "r‖s‖v, strict (protocol.md, Signatures)"},
    "Amount": {
        "type": "string",
        "pattern": "^(0|[1-9][0-9]{0,77})$",
        "description": "base units, below 2^256",
    },
    "Number": {**number(), "description": "increments, Unix seconds, nonces"},
    "Code": {
        "type": "string",
        "pattern": "^[A-Z][A-Z0-9_-]{0,39}$",
        "description": "a stable code (protocol.md, Codes)",
    },
    "Side": names("buy", "sell"),
    "Pair": {**row(ADDRESS, ADDRESS), "description": "a market: base, quote"},
    "Levels": {**listing(row(AMOUNT, AMOUNT), 1_000), "description": "price, amount; best level first"},
    "Trades": {
        **listing(row(NUMBER, NUMBER, SIDE, AMOUNT, AMOUNT), 500),
        "description": "id, time in ms, side of the taker, price, amount; oldest first",
    },
    "Terms": record(
        {
            "trader": ADDRESS,
            "traderSigner": ADDRESS,
            "broker": ADDRESS,
            "brokerSigner": ADDRESS,
            "nonce": AMOUNT,
            "openBefore": NUMBER,
            "initiative": names("broker", "cooperative"),
            "challengePeriod": NUMBER,
            "maxFee": NUMBER,
            "heartbeat": NUMBER,
            "answerTime": NUMBER,
            "skew": NUMBER,
            "yieldInterval": NUMBER,
            "maxOpenOrders": NUMBER,
            "maxFills": NUMBER,
            "assets": {**listing(row(ADDRESS, AMOUNT, AMOUNT), 256), "description": "asset, allocation, collateral"},
            "markets": {
                **listing(row(ADDRESS, ADDRESS, AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT), 256),
                "description": "base, quote, unit, tickSize, lotSize, minNotional, maxUnacked",
            },
        }
    ),
    "Order": record(
        {
            "channel": DIGEST,
            "orderNonce": NUMBER,
            "base": ADDRESS,
            "quote": ADDRESS,
            "side": SIDE,
            "price": AMOUNT,
            "amount": AMOUNT,
            "timeInForce": names("good_till_time", "immediate_or_cancel", "fill_or_kill", "post_only"),
            "openBefore": NUMBER,
            "expiry": NUMBER,
        }
    ),
    "SignedOrder": record({"id": DIGEST, "order": ref("Order"), "signature": SIGNATURE}),
    "Envelope": record(
        {
            "channel": DIGEST,
            "previous": DIGEST,
            "time": NUMBER,
            "turn": names("broker", "trader"),
            "transition": names("setup", "create_order", "trade", "cancel_order", "yield", "void", "finalize"),
            "orderNonce": NUMBER,
            "fills": {
                **listing(row(DIGEST, AMOUNT, AMOUNT, AMOUNT), 256),
                "description": "order, price, quantity, fee",
            },
        }
    ),
    "State": {
        **row(
            NUMBER,
            {**listing(row(ADDRESS, AMOUNT, AMOUNT), 256), "description": "asset, available, locked"},
            {
                **listing(row(DIGEST, ADDRESS, ADDRESS, SIDE, AMOUNT, AMOUNT, AMOUNT), 256),
                "description": "id, base, quote, side, price, amount, filled",
            },
            {**listing(row(ADDRESS, AMOUNT, AMOUNT), 256), "description": "asset, to_broker, to_trader"},
        ),
        "description": "[increment, balances, open_orders, outcomes]",
    },
    "SignedState": record(SIGNED_STATE),
    "ProvenState": record(
        {
            "envelope": ENVELOPE,
            "state": STATE,
            "signatures": record({}, {"trader": SIGNATURE, "broker": SIGNATURE}),
            "intents": INTENTS,
        }
    ),
    "Instrument": record(
        {
            "base": ADDRESS,
            "quote": ADDRESS,
            "symbol": {"type": "string", "maxLength": 32},
            "baseSymbol": {"type": "string", "maxLength": 16},
            "quoteSymbol": {"type": "string", "maxLength": 16},
            "baseDecimals": number(high=77),
            "quoteDecimals": number(high=77),
            "unit": AMOUNT,
            "tickSize": AMOUNT,
            "lotSize": AMOUNT,
            "minNotional": AMOUNT,
            "makerFee": PPM,
            "takerFee": PPM,
        }
    ),
    "Snapshot": record({"seq": NUMBER, "bids": LEVELS, "asks": LEVELS, "checksum": CHECKSUM}),
}

NOTHING = record({})


# --- methods -----------------------------------------------------------------------------------------------------


def method(
    name: str,
    direction: str,
    cost: float,
    summary: str,
    params: dict[str, Json],
    result: Json,
    optional: dict[str, Json] | None = None,
) -> Json:
    return {
        "name": name,
        "summary": summary,
        "paramStructure": "by-name",
        "params": [
            {"name": key, "required": key in params, "schema": schema}
            for key, schema in {**params, **(optional or {})}.items()
        ],
        "result": {"name": "result", "schema": result},
        "errors": [{"$ref": "#/components/errors/Rejected"}],
        "x-direction": direction,
        "x-cost": cost,
    }


def news(name: str, summary: str, params: dict[str, Json]) -> Json:
    return {
        "name": name,
        "summary": summary,
        "paramStructure": "by-name",
        "params": [{"name": key, "required": True, "schema": schema} for key, schema in params.items()],
        "x-direction": DOWN,
    }


_STANDING = {"increment": NUMBER, "digest": DIGEST, "signature": SIGNATURE}

METHODS = [
    method(
        "hello",
        UP,
        5,
        "Opens the authentication of one account; the broker proves itself in the result",
        {"nonce": DIGEST, "account": ADDRESS, "role": names("broker", "trader")},
        record({"nonce": DIGEST, "account": ADDRESS, "signature": SIGNATURE}),
    ),
    method(
        "auth",
        UP,
        5,
        "The client's proof; the account may act in these channels from now on",
        {"signature": SIGNATURE},
        record({"now": NUMBER, "channels": listing(DIGEST, 1_000)}),
    ),
    method(
        "offer",
        UP,
        5,
        "Complete terms for these allocations (rows: asset, allocation)",
        {"trader": ADDRESS, "traderSigner": ADDRESS, "assets": listing(row(ADDRESS, AMOUNT), 16)},
        record({"terms": TERMS}),
        {"markets": listing(PAIR, 64)},
    ),
    method(
        "setup",
        UP,
        5,
        "Request setup: the owner's signature over the Terms; the setup state is proposed next",
        {"terms": TERMS, "signature": SIGNATURE},
        NOTHING,
    ),
    method(
        "order",
        UP,
        1,
        "An order intent; accepted into the queue, the state that opens it follows",
        {"intent": INTENT},
        record({"id": DIGEST}),
    ),
    method(
        "cancel",
        UP,
        0.1,
        "Takes an order back; the result is the broker's signed receipt",
        {"channel": DIGEST, "order": DIGEST, "signature": SIGNATURE},
        record({"signature": SIGNATURE}),
    ),
    method(
        "finalize",
        UP,
        1,
        "Request finalize on the last validated state",
        {"channel": DIGEST, "lastDigest": DIGEST, "validUntil": NUMBER, "signature": SIGNATURE},
        NOTHING,
    ),
    method(
        "turn",
        BOTH,
        0.1,
        "A signed TurnRequest of whoever lacks the turn; its holder yields within T",
        {"channel": DIGEST, "increment": NUMBER, "signature": SIGNATURE},
        NOTHING,
    ),
    method(
        "heartbeat",
        UP,
        0.1,
        "The trader is present and up to date; echo is the digest of the Heartbeat",
        {"channel": DIGEST, "increment": NUMBER, "digest": DIGEST, "time": NUMBER, "signature": SIGNATURE},
        record({"echo": DIGEST, "increment": NUMBER, "now": NUMBER}),
    ),
    method(
        "resume",
        UP,
        1,
        "Where each side stands after a break",
        {"channel": DIGEST, **_STANDING},
        record(_STANDING),
    ),
    method(
        "states",
        UP,
        20,
        "Validated states above `after` (-1: from the setup on), to adopt what a side lost",
        {"channel": DIGEST, "after": number(low=-1), "limit": number(low=1, high=100)},
        record({"states": listing(ref("ProvenState"), 100)}),
    ),
    method(
        "ack",
        BOTH,
        1,
        "The issuer's countersignature of the void that refused its state",
        {"channel": DIGEST, **_STANDING},
        NOTHING,
    ),
    method(
        "propose",
        BOTH,
        1,
        "A state to be signed; the reply is the ACK, the Refuse, or of a yield the digest of the state that follows",
        {"channel": DIGEST, **SIGNED_STATE, "intents": INTENTS},
        {
            "oneOf": [
                record({"ack": SIGNATURE}),
                record({"refuse": ref("SignedState")}, {"reason": ref("Code")}),
                record({"next": DIGEST}),
            ]
        },
    ),
    method(
        "instruments",
        UP,
        1,
        "The broker's markets",
        {},
        record({"markets": listing(ref("Instrument"), 64)}),
    ),
    method(
        "subscribe",
        UP,
        5,
        "One market's book and trades; notifications follow",
        {"market": PAIR, "depth": number(low=1, high=1_000)},
        record({"snapshot": ref("Snapshot"), "trades": TRADES}),
    ),
    method("unsubscribe", UP, 1, "Ends the notifications of a market", {"market": PAIR}, NOTHING),
    method(
        "candles",
        UP,
        10,
        "The latest candles, oldest first (rows: start, open, high, low, close, volume)",
        {
            "market": PAIR,
            "interval": {"type": "integer", "enum": [1, 5, 60, 300, 900, 3_600]},
            "limit": number(low=1, high=1_000),
        },
        record({"candles": listing(row(NUMBER, AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT), 1_000)}),
    ),
]

NOTIFICATIONS = [
    news(
        "depth",
        "Changed levels since prev_seq, absolute amounts, 0 takes a level away; checksum of the book after it",
        {
            "market": PAIR,
            "prev_seq": NUMBER,
            "seq": NUMBER,
            "bids": LEVELS,
            "asks": LEVELS,
            "checksum": CHECKSUM,
        },
    ),
    news("trade", "Trades between anyone", {"market": PAIR, "trades": TRADES}),
    news("heartbeat", "Every second: the market is alive", {"market": PAIR, "seq": NUMBER, "now": NUMBER}),
]


def document() -> Json:
    """The OpenRPC document."""
    return {
        "openrpc": "1.3.2",
        "info": {
            "title": "Trading Channels",
            "version": "1.0.0",
            "description": "JSON-RPC 2.0 over WebSocket, both ways, text frames, no batches. Params are by name; "
            "unknown and missing keys are refused. x-direction says who calls whom; x-cost is what a call takes from "
            "the caller's allowance; x-notifications are sent by the broker without an id. Meaning and duties: "
            "protocol.md.",
        },
        "methods": METHODS,
        "x-notifications": NOTIFICATIONS,
        "components": {
            "schemas": SCHEMAS,
            "errors": {
                "Rejected": {
                    "code": -32000,
                    "message": "the stable code again; never shown as such",
                    "data": record(
                        {
                            "code": {"type": "string", "pattern": "^[A-Z][A-Z0-9_-]{0,39}$"},
                            "params": {
                                "type": "object",
                                "additionalProperties": {"type": "string"},
                                "maxProperties": 16,
                            },
                        }
                    ),
                }
            },
        },
    }
