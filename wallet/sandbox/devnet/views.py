"""How blocks, transactions, receipts and logs look in JSON-RPC answers."""

from __future__ import annotations

from collections.abc import Sequence

from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI

from wallet.sandbox.devnet.evm import BASE_FEE
from wallet.sandbox.devnet.store import LogRow
from wallet.sandbox.devnet.transactions import contract_address

Json = dict[str, object]


def quantity(number: int) -> str:
    """A number as JSON-RPC writes it: 0x-hex without leading zeros."""
    return hex(number)


def data(octets: bytes) -> str:
    """Bytes as JSON-RPC writes them: 0x-hex, two digits each."""
    return "0x" + octets.hex()


def block(
    header: BlockHeaderAPI,
    transactions: Sequence[SignedTransactionAPI],
    *,
    size: int,
    full: bool = False,
    pending: bool = False,
) -> Json:
    """The block of `header`, `size` bytes, with whole transactions or their hashes only; a pending one has no hash."""
    entries: list[object] = [
        transaction(entry, header, index) if full else data(entry.hash) for index, entry in enumerate(transactions)
    ]
    return {
        "number": quantity(header.block_number),
        "hash": None if pending else data(header.hash),
        "parentHash": data(header.parent_hash),
        "nonce": None if pending else data(header.nonce),
        "sha3Uncles": data(header.uncles_hash),
        "logsBloom": _bloom(header.bloom),
        "transactionsRoot": data(header.transaction_root),
        "stateRoot": data(header.state_root),
        "receiptsRoot": data(header.receipt_root),
        "miner": data(header.coinbase),
        "difficulty": quantity(header.difficulty),
        "extraData": data(header.extra_data),
        "size": quantity(size),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "mixHash": data(header.mix_hash),
        "baseFeePerGas": quantity(BASE_FEE),
        "withdrawalsRoot": data(header.withdrawals_root or b""),
        "withdrawals": [],
        "blobGasUsed": quantity(header.blob_gas_used),
        "excessBlobGas": quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root or b""),
        "transactions": entries,
        "uncles": [],
    }


def transaction(entry: SignedTransactionAPI, header: BlockHeaderAPI, index: int) -> Json:
    """A transaction that stands at `index` in the block of `header`."""
    kind = entry.type_id or 0
    view: Json = {
        "type": quantity(kind),
        "chainId": quantity(entry.chain_id or 0),
        "hash": data(entry.hash),
        "nonce": quantity(entry.nonce),
        "from": data(entry.sender),
        "to": data(entry.to) if entry.to else None,
        "value": quantity(entry.value),
        "gas": quantity(entry.gas),
        "gasPrice": quantity(_price(entry)),
        "input": data(entry.data),
        "blockHash": data(header.hash),
        "blockNumber": quantity(header.block_number),
        "transactionIndex": quantity(index),
        "v": quantity(entry.y_parity if kind else _legacy_v(entry)),
        "r": quantity(entry.r),
        "s": quantity(entry.s),
    }
    if kind:
        view["yParity"] = quantity(entry.y_parity)
        view["accessList"] = [
            {"address": data(address), "storageKeys": [data(slot.to_bytes(32, "big")) for slot in slots]}
            for address, slots in entry.access_list
        ]
    if kind == 2:
        view["maxFeePerGas"] = quantity(entry.max_fee_per_gas)
        view["maxPriorityFeePerGas"] = quantity(entry.max_priority_fee_per_gas)
    return view


def receipt(
    entry: SignedTransactionAPI,
    header: BlockHeaderAPI,
    index: int,
    receipts: Sequence[ReceiptAPI],
    logs: Sequence[LogRow],
) -> Json:
    """The receipt of the transaction at `index`, given all receipts of its block and its own logs."""
    mine = receipts[index]
    before = receipts[index - 1].gas_used if index else 0
    created = contract_address(entry.sender, entry.nonce)
    return {
        "type": quantity(entry.type_id or 0),
        "status": quantity(1 if mine.state_root == b"\x01" else 0),
        "transactionHash": data(entry.hash),
        "transactionIndex": quantity(index),
        "blockHash": data(header.hash),
        "blockNumber": quantity(header.block_number),
        "from": data(entry.sender),
        "to": data(entry.to) if entry.to else None,
        "contractAddress": None if entry.to else data(created),
        "cumulativeGasUsed": quantity(mine.gas_used),
        "gasUsed": quantity(mine.gas_used - before),
        "effectiveGasPrice": quantity(_price(entry)),
        "logs": [log(row) for row in logs],
        "logsBloom": _bloom(mine.bloom),
    }


def log(row: LogRow) -> Json:
    """One event."""
    return {
        "address": data(row.address),
        "topics": [data(topic) for topic in row.topics],
        "data": data(row.data),
        "blockNumber": quantity(row.block),
        "blockHash": data(row.block_hash),
        "transactionHash": data(row.tx_hash),
        "transactionIndex": quantity(row.tx_index),
        "logIndex": quantity(row.position),
        "removed": False,
    }


def _bloom(bits: int) -> str:
    return data(bits.to_bytes(256, "big"))


def _price(entry: SignedTransactionAPI) -> int:
    return min(entry.max_fee_per_gas, BASE_FEE + entry.max_priority_fee_per_gas)


def _legacy_v(entry: SignedTransactionAPI) -> int:
    return 35 + 2 * (entry.chain_id or 0) + entry.y_parity
