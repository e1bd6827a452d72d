"""The chain itself: py-evm with Prague's rules on the store, one block at a time. Blocking; one thread at a time.

Why py-evm, driven directly. pyrevm is a hundred times faster but runs bare messages: it neither advances nonces, nor
charges fees, nor refuses a price below the base fee, knows no blocks and receipts, and has no Linux wheels for CPython
3.13 and 3.14. eth-tester is py-evm with an interface of its own in between, without persistence. py-evm is pure Python
under the MIT licence, checks and accounts as a node does, keeps a real state trie, and stores it as key-value pairs,
which is all that a restart needs. An ERC-20 transfer in a block of its own takes about 6 ms: plenty for deposits and
withdrawals, since trading happens off this chain.

Two rules differ from a public chain: the base fee stands still, so that fees in a demo look the same all day, and
contracts that only the consensus layer calls are not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eth.abc import BlockHeaderAPI, ComputationAPI, ReceiptAPI, SignedTransactionAPI, StateAPI, VirtualMachineAPI
from eth.chains.base import Chain
from eth.db.atomic import AtomicDB
from eth.exceptions import CanonicalHeadNotFound, HeaderNotFound, Revert, TransactionNotFound
from eth.typing import AccountDetails, HeaderParams
from eth.validation import validate_gas_limit
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.exceptions import ValidationError

from wallet.sandbox.devnet.errors import REFUSED, RpcError, reverted
from wallet.sandbox.devnet.store import LogRow, Store
from wallet.sandbox.devnet.transactions import admit, least_gas

CHAIN_ID = int.from_bytes(b"tcdn", "big")
BASE_FEE = 10**9
GAS_LIMIT = 2**24
_ANYONE = bytes(20)
_ESTIMATE_TOLERANCE = 64


class SteadyVM(PragueVM):
    """Prague with a base fee that does not move."""

    @classmethod
    def validate_gas(cls, header: BlockHeaderAPI, parent_header: BlockHeaderAPI) -> None:
        validate_gas_limit(header.gas_limit, parent_header.gas_limit)


class _SteadyChain(Chain):
    chain_id = CHAIN_ID
    vm_configuration = ((BlockNumber(0), SteadyVM),)


@dataclass(frozen=True)
class Call:
    """A message that leaves no trace.

    Amounts in wei; `to` empty for a contract creation; `gas` None for as much as there is.
    """

    sender: bytes = _ANYONE
    to: bytes = b""
    value: int = 0
    data: bytes = b""
    gas: int | None = None


@dataclass(frozen=True)
class Mined:
    """What became of the first `len(outcomes)` candidates: each has its hash, in a block now, or why it may not enter
    one.
    """

    outcomes: tuple[bytes | RpcError, ...]


class Evm:
    """One chain in one store, from its genesis on."""

    def __init__(self, store: Store, genesis_time: int, rich: bytes) -> None:
        """Goes on with the chain in `store`, or starts one at `genesis_time` (seconds) where address `rich` holds all
        of the currency.
        """
        self._store = store
        database = AtomicDB(store)
        self._chain = _SteadyChain(database)
        try:
            self._head = self._chain.get_canonical_head()
        except CanonicalHeadNotFound:
            params: dict[str, HeaderParams] = {
                "difficulty": 0,
                "gas_limit": GAS_LIMIT,
                "timestamp": genesis_time,
                "base_fee_per_gas": BASE_FEE,
            }
            wealth = AccountDetails(balance=10**27, nonce=0, code=b"", storage={})
            _SteadyChain.from_genesis(database, params, {Address(rich): wealth})
            store.commit()
            self._head = self._chain.get_canonical_head()

    @property
    def head(self) -> BlockHeaderAPI:
        """The header of the latest block."""
        return self._head

    def mine(self, candidates: Sequence[SignedTransactionAPI], timestamp: int, *, even_empty: bool = False) -> Mined:
        """Puts as many of `candidates` as fit, in their order, into one durable block at `timestamp` (seconds, later
        than the head's).

        No block is made of nothing, except when `even_empty`. Raises WalletError DEVNET_STORAGE; nothing has changed
        then.
        """
        try:
            mined = self._assemble(candidates, timestamp, even_empty=even_empty)
        except BaseException:
            self._store.rollback()
            raise
        self._store.commit()
        self._head = self._chain.get_canonical_head()
        return mined

    def _assemble(self, candidates: Sequence[SignedTransactionAPI], timestamp: int, *, even_empty: bool) -> Mined:
        header = self.next_header(timestamp)
        vm = self._chain.get_vm(header)
        outcomes: list[bytes | RpcError] = []
        included: list[SignedTransactionAPI] = []
        receipts: list[ReceiptAPI] = []
        for candidate in candidates:
            if included and header.gas_used + candidate.gas > GAS_LIMIT:
                break
            try:
                admit(candidate, vm.state, BASE_FEE, GAS_LIMIT)
                receipt, _ = vm.apply_transaction(header, candidate)
            except RpcError as refusal:
                outcomes.append(refusal)
            except ValidationError as error:
                outcomes.append(RpcError(REFUSED, str(error)[:200]))
            else:
                header = vm.add_receipt_to_header(header, receipt)
                included.append(candidate)
                receipts.append(receipt)
                outcomes.append(candidate.hash)
        if included or even_empty:
            self._seal(vm, header, included, receipts)
        return Mined(tuple(outcomes))

    def _seal(
        self,
        vm: VirtualMachineAPI,
        header: BlockHeaderAPI,
        included: Sequence[SignedTransactionAPI],
        receipts: Sequence[ReceiptAPI],
    ) -> None:
        filled = vm.set_block_transactions_and_withdrawals(vm.get_block(), header, included, receipts)
        block = vm.mine_block(filled).block
        self._chain.persist_block(block)
        self._store.add_logs(_log_rows(block.header, included, receipts))

    def header_by_number(self, number: int) -> BlockHeaderAPI | None:
        """The header of block `number`, or None."""
        if number > self._head.block_number:
            return None
        return self._chain.get_canonical_block_header_by_number(BlockNumber(number))

    def header_by_hash(self, digest: bytes) -> BlockHeaderAPI | None:
        """The header whose hash is `digest`, or None."""
        try:
            return self._chain.get_block_header_by_hash(Hash32(digest))
        except HeaderNotFound:
            return None

    def next_header(self, timestamp: int) -> BlockHeaderAPI:
        """The header a block made at `timestamp` would start from, on the state of the latest one."""
        header = self._chain.create_header_from_parent(self._head, timestamp=timestamp, gas_limit=GAS_LIMIT)
        return header.copy(base_fee_per_gas=BASE_FEE)

    def size(self, header: BlockHeaderAPI) -> int:
        """About how many bytes the block of `header` takes."""
        return len(self._store[header.hash]) + sum(len(entry.encode()) for entry in self.transactions(header))

    def state(self, header: BlockHeaderAPI) -> StateAPI:
        """The accounts as they stand after the block of `header`."""
        return self._chain.get_vm(header).state

    def transactions(self, header: BlockHeaderAPI) -> tuple[SignedTransactionAPI, ...]:
        """The transactions of the block of `header`, in order."""
        return self._chain.chaindb.get_block_transactions(header, PragueTransactionBuilder)

    def receipts(self, header: BlockHeaderAPI) -> tuple[ReceiptAPI, ...]:
        """The receipts of the block of `header`, in order; gas used is cumulative."""
        return self._chain.chaindb.get_receipts(header, SteadyVM.get_receipt_builder())

    def locate(self, tx_hash: bytes) -> tuple[BlockHeaderAPI, int] | None:
        """The block and the index where transaction `tx_hash` stands, or None."""
        try:
            number, index = self._chain.chaindb.get_transaction_index(Hash32(tx_hash))
        except TransactionNotFound:
            return None
        return self._chain.get_canonical_block_header_by_number(number), index

    def call(self, call: Call, header: BlockHeaderAPI) -> bytes:
        """What `call` returns in the block of `header`, free of charge.

        Raises RpcError: code 3 with its data if it reverts.
        """
        computation, _ = self._run(call, header, GAS_LIMIT if call.gas is None else min(call.gas, GAS_LIMIT))
        _raise_failure(computation)
        return computation.output

    def estimate(self, call: Call, timestamp: int) -> int:
        """A gas limit with which `call` succeeds in a block at `timestamp`, at most 1/64 above the least one.

        Raises RpcError.
        """
        header = self.next_header(timestamp)
        most = GAS_LIMIT if call.gas is None else min(call.gas, GAS_LIMIT)
        computation, used = self._run(call, header, most)
        _raise_failure(computation)
        too_little, enough = used - 1, most
        # Mostly the gas that was used is also enough. If not: a sixty-fourth stays behind at every inner call, and
        # refunds come too late to help.
        guesses = [min(most, (used + computation.get_gas_refund() + 2_300) * 64 // 63), used]
        while enough - too_little > max(1, enough // _ESTIMATE_TOLERANCE):
            guess = guesses.pop() if guesses else (too_little + enough) // 2
            computation, _ = self._run(call, header, guess)
            if computation.is_error:
                too_little = max(too_little, guess)
            else:
                enough = min(enough, guess)
        return enough

    def _run(self, call: Call, header: BlockHeaderAPI, gas: int) -> tuple[ComputationAPI, int]:
        """Runs `call` with `gas` at no price, on a state that is thrown away; returns that and the gas used."""
        vm = self._chain.get_vm(header.copy(base_fee_per_gas=0, gas_used=0))
        sender = Address(call.sender)
        transaction = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
            chain_id=CHAIN_ID,
            nonce=vm.state.get_nonce(sender),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=0,
            gas=gas,
            to=Address(call.to),
            value=call.value,
            data=call.data,
            access_list=(),
        )
        spoof: Any = SpoofTransaction(transaction, from_=sender)
        if gas < (needed := least_gas(spoof)):
            raise RpcError(REFUSED, f"intrinsic gas too low: have {gas}, want {needed}")
        if vm.state.get_balance(sender) < call.value:
            raise RpcError(REFUSED, f"insufficient funds for gas * price + value: address 0x{sender.hex()}")
        computation = vm.state.apply_transaction(spoof)
        return computation, SteadyVM.finalize_gas_used(spoof, computation)


def _raise_failure(computation: ComputationAPI) -> None:
    if not computation.is_error:
        return
    error = computation.error
    if isinstance(error, Revert):
        raise reverted(computation.output)
    words = "".join(f" {char.lower()}" if char.isupper() else char for char in type(error).__name__).strip()
    raise RpcError(REFUSED, words)


def _log_rows(
    header: BlockHeaderAPI, transactions: Sequence[SignedTransactionAPI], receipts: Sequence[ReceiptAPI]
) -> Iterator[LogRow]:
    position = 0
    for index, (transaction, receipt) in enumerate(zip(transactions, receipts, strict=True)):
        for log in receipt.logs:
            topics = tuple(topic.to_bytes(32, "big") for topic in log.topics)
            yield LogRow(
                header.block_number, position, index, header.hash, transaction.hash, log.address, topics, log.data
            )
            position += 1
