"""Blocks, receipts and logs as a node tells them, of which only what is used is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wallet.chain.quantities import bad_reply, read_data, read_items, read_quantity, read_record

Json = Any

MAX_TOPICS = 4
MAX_RECEIPT_LOGS = 10_000


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header. ``time`` in Unix seconds, ``base_fee`` in wei per gas (0 before London)."""

    number: int
    hash: bytes
    parent: bytes
    time: int
    base_fee: int
    gas_limit: int


@dataclass(frozen=True, slots=True)
class Log:
    """One event, and where it stands."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a mined transaction. ``gas_price`` is what was paid, wei per gas."""

    transaction: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    gas_price: int
    contract: bytes | None
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class FeeHistory:
    """Wei per gas. ``base_fees``: of each block, oldest first, and last of the one to come; ``tips``: of each block
    that had transactions, at the shares that were asked for.
    """

    base_fees: tuple[int, ...]
    tips: tuple[tuple[int, ...], ...]


def read_fee_history(value: Json, most: int, shares: int) -> FeeHistory:
    """Of ``shares`` tips a block, for at most ``most`` blocks."""
    method = "eth_feeHistory"
    row = read_record(value, method)
    fees = read_items(row.get("baseFeePerGas"), method, most + 1)
    rewards = row.get("reward")
    tips = [read_items(tip, method, shares) for tip in ([] if rewards is None else read_items(rewards, method, most))]
    if not fees or any(len(tip) != shares for tip in tips):
        raise bad_reply(method, "fees or tips are missing")
    read = [tuple(read_quantity(one, method, "reward", 128) for one in tip) for tip in tips]
    return FeeHistory(
        tuple(read_quantity(fee, method, "baseFeePerGas", 128) for fee in fees),
        tuple(tip for tip in read if any(tip)),
    )


def read_block(value: Json) -> Block:
    method = "eth_getBlockByNumber"
    row = read_record(value, method)
    base_fee = row.get("baseFeePerGas")
    return Block(
        # A pending block has neither.
        number=0 if row.get("number") is None else read_quantity(row["number"], method, "number", 63),
        hash=bytes(32) if row.get("hash") is None else read_data(row["hash"], method, "hash", 32),
        parent=read_data(row.get("parentHash"), method, "parentHash", 32),
        time=read_quantity(row.get("timestamp"), method, "timestamp", 63),
        base_fee=0 if base_fee is None else read_quantity(base_fee, method, "baseFeePerGas", 128),
        gas_limit=read_quantity(row.get("gasLimit"), method, "gasLimit", 63),
    )


def read_receipt(value: Json, transaction: bytes) -> Receipt:
    method = "eth_getTransactionReceipt"
    row = read_record(value, method)
    status = read_quantity(row.get("status"), method, "status", 1)
    contract = row.get("contractAddress")
    price = row.get("effectiveGasPrice")
    found = Receipt(
        transaction=read_data(row.get("transactionHash"), method, "transactionHash", 32),
        block_number=read_quantity(row.get("blockNumber"), method, "blockNumber", 63),
        block_hash=read_data(row.get("blockHash"), method, "blockHash", 32),
        succeeded=status == 1,
        gas_used=read_quantity(row.get("gasUsed"), method, "gasUsed", 63),
        gas_price=0 if price is None else read_quantity(price, method, "effectiveGasPrice", 128),
        contract=None if contract is None else read_data(contract, method, "contractAddress", 20),
        logs=read_logs(row.get("logs"), method, MAX_RECEIPT_LOGS),
    )
    if found.transaction != transaction:
        raise bad_reply(method, "the receipt of another transaction")
    return found


def read_logs(value: Json, method: str, most: int) -> tuple[Log, ...]:
    """Logs that stand; what a reorganisation removed is left out."""
    rows = [read_record(row, method) for row in read_items(value, method, most)]
    return tuple(_log(row, method) for row in rows if row.get("removed") is not True)


def _log(row: dict[str, Json], method: str) -> Log:
    return Log(
        address=read_data(row.get("address"), method, "address", 20),
        topics=tuple(
            read_data(topic, method, "topic", 32) for topic in read_items(row.get("topics"), method, MAX_TOPICS)
        ),
        data=read_data(row.get("data"), method, "data"),
        block_number=read_quantity(row.get("blockNumber"), method, "blockNumber", 63),
        block_hash=read_data(row.get("blockHash"), method, "blockHash", 32),
        transaction=read_data(row.get("transactionHash"), method, "transactionHash", 32),
        index=read_quantity(row.get("logIndex"), method, "logIndex", 63),
    )
