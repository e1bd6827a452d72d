"""The methods that only read: a table from JSON-RPC name to what computes the answer.

Blocking, one thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from eth.abc import BlockHeaderAPI
from eth_typing import Address

from wallet.sandbox.devnet import params, views
from wallet.sandbox.devnet.errors import INVALID_PARAMS, LIMIT_EXCEEDED, METHOD_NOT_FOUND, REFUSED, RpcError
from wallet.sandbox.devnet.evm import BASE_FEE, CHAIN_ID, GAS_LIMIT, Evm
from wallet.sandbox.devnet.store import LogFilter, Store

VERSION = "channel-wallet-devnet/1"
TIP = 10**8
MAX_LOGS = 10_000
MAX_HISTORY = 128
_HUNDRED = 100

Parameters = Sequence[object]


class Reads:
    """Answers questions about one chain."""

    def __init__(self, evm: Evm, store: Store, clock: Callable[[], int]) -> None:
        """`clock` gives the seconds that the next block would carry."""
        self._evm = evm
        self._store = store
        self._clock = clock
        # name -> (least, most parameters, answer)
        self._table: Mapping[str, tuple[int, int, Callable[[Parameters], object]]] = {
            "web3_clientVersion": (0, 0, lambda _: VERSION),
            "net_version": (0, 0, lambda _: str(CHAIN_ID)),
            "net_listening": (0, 0, lambda _: True),
            "eth_syncing": (0, 0, lambda _: False),
            "eth_accounts": (0, 0, lambda _: []),
            "eth_chainId": (0, 0, lambda _: views.quantity(CHAIN_ID)),
            "eth_gasPrice": (0, 0, lambda _: views.quantity(BASE_FEE + TIP)),
            "eth_maxPriorityFeePerGas": (0, 0, lambda _: views.quantity(TIP)),
            "eth_blockNumber": (0, 0, lambda _: views.quantity(evm.head.block_number)),
            "eth_getBalance": (1, 2, self._balance),
            "eth_getTransactionCount": (1, 2, self._nonce),
            "eth_getCode": (1, 2, self._code),
            "eth_getStorageAt": (2, 3, self._storage),
            "eth_call": (1, 2, self._call),
            "eth_estimateGas": (1, 2, self._estimate),
            "eth_feeHistory": (2, 3, self._fee_history),
            "eth_getBlockByNumber": (1, 2, self._block_by_number),
            "eth_getBlockByHash": (1, 2, self._block_by_hash),
            "eth_getTransactionByHash": (1, 1, self._transaction),
            "eth_getTransactionReceipt": (1, 1, self._receipt),
            "eth_getLogs": (1, 1, self._logs),
        }

    def answer(self, method: str, parameters: Parameters) -> object:
        """The result of `method`, ready for JSON. Raises RpcError."""
        entry = self._table.get(method)
        if entry is None:
            raise RpcError(METHOD_NOT_FOUND, f"the method {method[:60]!r} does not exist/is not available")
        least, most, compute = entry
        if not least <= len(parameters) <= most:
            raise RpcError(INVALID_PARAMS, f"{method} takes {least} to {most} parameters, not {len(parameters)}")
        return compute(parameters)

    def _find(self, choice: params.BlockChoice) -> BlockHeaderAPI | None:
        if choice.digest is not None:
            return self._evm.header_by_hash(choice.digest)
        if choice.number is not None:
            return self._evm.header_by_number(choice.number)
        # Blocks are never taken back here, and a transaction is in one before its hash is known: all other tags are the
        # latest.
        return self._evm.header_by_number(0) if choice.tag == "earliest" else self._evm.head

    def _header(self, parameters: Parameters, index: int) -> BlockHeaderAPI:
        header = self._find(params.block(parameters[index] if len(parameters) > index else None, str(index)))
        if header is None:
            raise RpcError(REFUSED, "header not found")
        return header

    def _account(self, parameters: Parameters) -> Address:
        return Address(params.octets(parameters[0], "0", 20))

    def _balance(self, parameters: Parameters) -> str:
        return views.quantity(self._evm.state(self._header(parameters, 1)).get_balance(self._account(parameters)))

    def _nonce(self, parameters: Parameters) -> str:
        return views.quantity(self._evm.state(self._header(parameters, 1)).get_nonce(self._account(parameters)))

    def _code(self, parameters: Parameters) -> str:
        return views.data(self._evm.state(self._header(parameters, 1)).get_code(self._account(parameters)))

    def _storage(self, parameters: Parameters) -> str:
        slot = params.quantity(parameters[1], "1")
        state = self._evm.state(self._header(parameters, 2))
        return views.data(state.get_storage(self._account(parameters), slot).to_bytes(32, "big"))

    def _call(self, parameters: Parameters) -> str:
        choice = params.block(parameters[1] if len(parameters) > 1 else None, "1")
        pending = choice.tag == "pending"
        header = self._evm.next_header(self._clock()) if pending else self._header(parameters, 1)
        return views.data(self._evm.call(params.call(parameters[0]), header))

    def _estimate(self, parameters: Parameters) -> str:
        self._header(parameters, 1)
        return views.quantity(self._evm.estimate(params.call(parameters[0]), self._clock()))

    def _block_by_number(self, parameters: Parameters) -> object:
        choice = params.block(parameters[0], "0")
        if choice.tag == "pending":
            header = self._evm.next_header(self._clock())
            return views.block(header, (), size=0, pending=True)
        return self._block(self._find(choice), parameters)

    def _block_by_hash(self, parameters: Parameters) -> object:
        return self._block(self._evm.header_by_hash(params.octets(parameters[0], "0", 32)), parameters)

    def _block(self, header: BlockHeaderAPI | None, parameters: Parameters) -> object:
        full = parameters[1] if len(parameters) > 1 else False
        if not isinstance(full, bool):
            raise params.wrong("1", "not true or false")
        if header is None:
            return None
        return views.block(header, self._evm.transactions(header), size=self._evm.size(header), full=full)

    def _transaction(self, parameters: Parameters) -> object:
        place = self._evm.locate(params.octets(parameters[0], "0", 32))
        if place is None:
            return None
        header, index = place
        return views.transaction(self._evm.transactions(header)[index], header, index)

    def _receipt(self, parameters: Parameters) -> object:
        place = self._evm.locate(params.octets(parameters[0], "0", 32))
        if place is None:
            return None
        header, index = place
        rows = self._store.logs_of(header.block_number, index)
        return views.receipt(self._evm.transactions(header)[index], header, index, self._evm.receipts(header), rows)

    def _logs(self, parameters: Parameters) -> object:
        query = params.log_query(parameters[0])
        if query.digest is not None:
            only = self._evm.header_by_hash(query.digest)
            if only is None:
                raise RpcError(REFUSED, "unknown block")
            first, last = int(only.block_number), int(only.block_number)
        else:
            first, last = self._number(query.first), min(self._number(query.last), self._evm.head.block_number)
        wanted = LogFilter(first, last, query.addresses, query.topics)
        rows = self._store.logs(wanted, MAX_LOGS + 1)
        if len(rows) > MAX_LOGS:
            raise RpcError(LIMIT_EXCEEDED, f"query returned more than {MAX_LOGS} results: ask for fewer blocks at once")
        return [views.log(row) for row in rows]

    def _number(self, choice: params.BlockChoice) -> int:
        if choice.number is not None:
            return choice.number
        return 0 if choice.tag == "earliest" else self._evm.head.block_number

    def _fee_history(self, parameters: Parameters) -> object:
        count = min(max(params.quantity(parameters[0], "0", 64), 1), MAX_HISTORY)
        newest = self._header(parameters[1:], 0)
        shares = _percentiles(parameters[2] if len(parameters) > 2 else None)
        first = max(0, newest.block_number - count + 1)
        asked = (self._evm.header_by_number(number) for number in range(first, newest.block_number + 1))
        present = [header for header in asked if header is not None]
        history: views.Json = {
            "oldestBlock": views.quantity(first),
            "baseFeePerGas": [views.quantity(BASE_FEE)] * (len(present) + 1),
            "gasUsedRatio": [header.gas_used / GAS_LIMIT for header in present],
        }
        if shares is not None:
            history["reward"] = [[views.quantity(tip) for tip in self._tips(header, shares)] for header in present]
        return history

    def _tips(self, header: BlockHeaderAPI, shares: Sequence[int]) -> list[int]:
        """The priority fee below which each share (per cent) of the gas in the block was paid for."""
        before = 0
        paid: list[tuple[int, int]] = []
        for entry, receipt in zip(self._evm.transactions(header), self._evm.receipts(header), strict=True):
            tip = min(entry.max_fee_per_gas - BASE_FEE, entry.max_priority_fee_per_gas)
            paid.append((tip, receipt.gas_used - before))
            before = receipt.gas_used
        tips: list[int] = []
        for share in shares:
            spent, found = 0, 0
            for tip, gas in sorted(paid):
                spent, found = spent + gas, tip
                if spent * _HUNDRED >= before * share:
                    break
            tips.append(found)
        return tips


def _percentiles(value: object) -> tuple[int, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > _HUNDRED:
        raise params.wrong("2", f"not a list of at most {_HUNDRED} percentiles")
    shares: list[int] = []
    for entry in value:
        if isinstance(entry, bool) or not isinstance(entry, int) or not 0 <= entry <= _HUNDRED:
            raise params.wrong("2", "a percentile is not a whole number from 0 to 100")
        shares.append(entry)
    if shares != sorted(shares):
        raise params.wrong("2", "percentiles are not in ascending order")
    return tuple(shares)
