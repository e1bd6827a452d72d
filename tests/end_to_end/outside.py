"""What the chain itself says, read by web3: the witness who knows nothing of the wallet."""

from __future__ import annotations

from web3 import HTTPProvider, Web3

_ERC20 = [
    {
        "type": "function",
        "name": "balanceOf",
        "stateMutability": "view",
        "inputs": [{"name": "owner", "type": "address"}],
        "outputs": [{"name": "", "type": "uint256"}],
    }
]


class Chain:
    """One node."""

    def __init__(self, rpc: str) -> None:
        self.web3 = Web3(HTTPProvider(rpc))

    def balance(self, account: str, token: str) -> int:
        """Base units; the zero address is the chain's own currency."""
        owner, asset = Web3.to_checksum_address(account), Web3.to_checksum_address(token)
        if int(token, 16) == 0:
            return int(self.web3.eth.get_balance(owner))
        return int(self.web3.eth.contract(asset, abi=_ERC20).functions.balanceOf(owner).call())

    def gas_spent(self, account: str) -> int:
        """Wei that the account paid for its transactions, and gave its gas key, over all blocks."""
        eth, spent = self.web3.eth, 0
        for number in range(eth.block_number + 1):
            for row in eth.get_block(number, full_transactions=True)["transactions"]:
                if not isinstance(row, bytes) and row["from"].lower() == account.lower():
                    receipt = eth.get_transaction_receipt(row["hash"])
                    spent += receipt["gasUsed"] * receipt["effectiveGasPrice"]
                    spent += 0 if row["input"] else row["value"]  # a plain transfer: the gas key's share
        return spent
