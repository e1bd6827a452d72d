"""Checks a withdrawal proof and gets the money with it, by web3 and eth-account alone: the wallet is gone.

``python independent_proof.py PROOF RPC_URL`` with the recovery phrase in PHRASE; prints one JSON object. It reads of
the file only what any tool would: the typed data that was signed, the signatures, and the ready-made calls.
"""

import json
import os
import sys
import time
from pathlib import Path

from eth_account import Account
from eth_account.messages import encode_typed_data
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError, Web3RPCError

Account.enable_unaudited_hdwallet_features()


def check(proof: dict) -> dict:
    """Both signatures are of the parties that the terms name, on what the file says the state is."""
    signable = encode_typed_data(full_message=proof["typedData"])
    terms = proof["terms"]
    signers = {}
    for role in ("trader", "broker"):
        signers[role] = Account.recover_message(signable, signature=proof["signatures"][role]).lower()
        if signers[role] not in (terms[role], terms[f"{role}Signer"]):
            raise SystemExit(f"not signed by the {role}")
    domain, message = proof["typedData"]["domain"], proof["typedData"]["message"]
    if int(domain["chainId"]) != proof["chainId"] or domain["verifyingContract"] != proof["adjudicator"]:
        raise SystemExit("signed for another contract")
    increment, _, _, outcomes = proof["state"]
    signed = [[row["asset"], row["toBroker"], row["toTrader"]] for row in message["outcomes"]]
    if int(message["increment"]) != increment or signed != outcomes:
        raise SystemExit("the state is not what was signed")
    return signers


def send(web3: Web3, owner, call: dict) -> bool:
    """Sends one of the calls; False if the contract would not take it now."""
    transaction = {
        "from": owner.address,
        "to": Web3.to_checksum_address(call["to"]),
        "data": call["data"],
        "value": 0,
        "nonce": web3.eth.get_transaction_count(owner.address),
        "chainId": web3.eth.chain_id,
        "maxFeePerGas": 4 * web3.eth.gas_price,
        "maxPriorityFeePerGas": web3.eth.max_priority_fee,
    }
    try:
        transaction["gas"] = web3.eth.estimate_gas(transaction)
    except (ContractLogicError, Web3RPCError):
        return False
    signed = owner.sign_transaction(transaction)
    receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction), timeout=60)
    return receipt["status"] == 1


def main(file: Path, rpc: str) -> None:
    proof = json.loads(file.read_text(encoding="utf-8"))
    signers = check(proof)
    web3 = Web3(HTTPProvider(rpc))
    owner = Account.from_mnemonic(os.environ["PHRASE"])
    # The calls stand in the order in which they fall due: send what the contract takes, wait for what it will take.
    left, sent = list(proof["calls"]), []
    deadline = time.monotonic() + float(os.environ.get("WAIT", "0"))
    while True:
        done = [call for call in left if send(web3, owner, call)]
        sent += [call["says"] for call in done]
        left = [call for call in left if call not in done]
        if proof["calls"][-1] not in left or time.monotonic() > deadline:
            break
        time.sleep(1)
    print(
        json.dumps(
            {"owner": owner.address.lower(), "signers": signers, "sent": sent, "left": [c["says"] for c in left]}
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
