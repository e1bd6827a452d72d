"""What may enter a block: the checks every Ethereum node makes before a transaction costs anybody anything.

The EVM checks part of this too, but late, in its own words, and not everything: for EIP-1559 transactions it leaves out
intrinsic gas and holds the balance against the price paid instead of the price offered.
"""

from __future__ import annotations

import rlp
from eth.abc import SignedTransactionAPI, StateAPI
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth_hash.auto import keccak
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from wallet.sandbox.devnet.errors import REFUSED, RpcError

MAX_BYTES = 131_072
MAX_INITCODE = 49_152
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_WORD = 2**256
_LEGACY, _ACCESS_LIST, _DYNAMIC_FEE = None, 1, 2
_FIRST_LIST_BYTE = 0xC0


def decode(raw: bytes, chain_id: int) -> SignedTransactionAPI:
    """The transaction `raw` encodes, its signature recovered, for `chain_id`.

    Legacy, EIP-2930 and EIP-1559. Raises RpcError.
    """
    if len(raw) > MAX_BYTES:
        raise RpcError(REFUSED, f"oversized data: transaction size {len(raw)}, limit {MAX_BYTES}")
    if not raw or (raw[0] < _FIRST_LIST_BYTE and raw[0] not in {_ACCESS_LIST, _DYNAMIC_FEE}):
        raise RpcError(REFUSED, "transaction type not supported")
    try:
        transaction = PragueTransactionBuilder.decode(raw)
    except (rlp.exceptions.RLPException, ValidationError, ValueError, TypeError) as error:
        raise RpcError(REFUSED, f"rlp: cannot decode the transaction ({type(error).__name__})") from None
    _check_fields(transaction, chain_id)
    return transaction


def _check_fields(transaction: SignedTransactionAPI, chain_id: int) -> None:
    if transaction.chain_id is None:
        raise RpcError(REFUSED, "only replay-protected (EIP-155) transactions allowed over RPC")
    if transaction.chain_id != chain_id:
        raise RpcError(REFUSED, f"invalid chain id for signer: have {transaction.chain_id} want {chain_id}")
    amounts = (transaction.value, transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas)
    if any(amount >= _WORD for amount in amounts) or max(transaction.nonce, transaction.gas) >= 2**64 - 1:
        raise RpcError(REFUSED, "rlp: a number is larger than its field")
    if not 0 < transaction.s <= _HALF_ORDER or transaction.y_parity not in {0, 1}:
        raise RpcError(REFUSED, "invalid sender: invalid transaction v, r, s values")
    try:
        transaction.check_signature_validity()
        _ = transaction.sender
    except (ValidationError, BadSignature, ValueError):
        raise RpcError(REFUSED, "invalid sender: invalid transaction v, r, s values") from None


def admit(transaction: SignedTransactionAPI, accounts: StateAPI, base_fee: int, gas_limit: int) -> None:
    """Checks `transaction` against `accounts` as they stand right before it. Raises RpcError."""
    offered, tip = transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas
    if tip > offered:
        raise RpcError(
            REFUSED,
            f"max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas {tip}, maxFeePerGas {offered}",
        )
    if offered < base_fee:
        raise RpcError(
            REFUSED, f"max fee per gas less than block base fee: maxFeePerGas: {offered}, baseFee: {base_fee}"
        )
    if transaction.gas > gas_limit:
        raise RpcError(REFUSED, f"exceeds block gas limit: gas {transaction.gas}, limit {gas_limit}")
    if not transaction.to and len(transaction.data) > MAX_INITCODE:
        raise RpcError(REFUSED, f"max initcode size exceeded: code size {len(transaction.data)}, limit {MAX_INITCODE}")
    needed = least_gas(transaction)
    if transaction.gas < needed:
        raise RpcError(REFUSED, f"intrinsic gas too low: have {transaction.gas}, want {needed}")
    _admit_sender(transaction, accounts)


def _admit_sender(transaction: SignedTransactionAPI, accounts: StateAPI) -> None:
    sender = transaction.sender
    nonce = accounts.get_nonce(sender)
    if transaction.nonce < nonce:
        raise RpcError(REFUSED, f"nonce too low: next nonce {nonce}, tx nonce {transaction.nonce}")
    if transaction.nonce > nonce:
        raise RpcError(REFUSED, f"nonce too high: next nonce {nonce}, tx nonce {transaction.nonce}")
    cost = transaction.gas * transaction.max_fee_per_gas + transaction.value
    balance = accounts.get_balance(sender)
    if balance < cost:
        raise RpcError(REFUSED, f"insufficient funds for gas * price + value: balance {balance}, tx cost {cost}")


def least_gas(transaction: SignedTransactionAPI) -> int:
    """The gas below which `transaction` can't be in a block: the larger of intrinsic gas (with EIP-3860) and EIP-7623's
    floor.
    """
    zeros = transaction.data.count(0)
    tokens = zeros + 4 * (len(transaction.data) - zeros)
    initcode = 0 if transaction.to else 2 * ((len(transaction.data) + 31) // 32)
    return max(transaction.intrinsic_gas + initcode, 21_000 + 10 * tokens)


def contract_address(sender: bytes, nonce: int) -> bytes:
    """The 20-byte address of the contract that `sender` creates with transaction `nonce`: keccak256(rlp([sender,
    nonce]))[12:].
    """
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    tail = number if len(number) == 1 and number[0] < 0x80 else bytes([0x80 + len(number)]) + number
    payload = b"\x94" + sender + tail
    return keccak(bytes([0xC0 + len(payload)]) + payload)[12:]
