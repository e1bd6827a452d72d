# pragma version 0.4.3
# pragma optimize gas
# pragma evm-version prague
"""
@title Test token
@notice A plain ERC-20 for the sandbox. Its deployer mints as much as the faucet gives away: it is worth nothing.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256

name: public(String[32])
symbol: public(String[8])
decimals: public(uint8)
minter: public(address)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(name: String[32], symbol: String[8], decimals: uint8):
    self.name = name
    self.symbol = symbol
    self.decimals = decimals
    self.minter = msg.sender


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Gives `amount` of the caller's tokens to `receiver`.
    """
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Gives `amount` of `owner`'s tokens to `receiver`, within what `owner` approved for the caller.
    """
    allowed: uint256 = self.allowance[owner][msg.sender]
    assert allowed >= amount, "allowance too small"
    # The largest number stands for an approval without a limit, as is the custom.
    if allowed != max_value(uint256):
        self.allowance[owner][msg.sender] = allowed - amount
    self._move(owner, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Lets `spender` take up to `amount` of the caller's tokens; replaces what was approved before.
    """
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Makes `amount` new tokens for `receiver`. Only the minter may.
    """
    assert msg.sender == self.minter, "not the minter"
    assert receiver != empty(address), "no receiver"
    self.totalSupply += amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=empty(address), receiver=receiver, value=amount)


@internal
def _move(owner: address, receiver: address, amount: uint256):
    assert receiver != empty(address), "no receiver"
    held: uint256 = self.balanceOf[owner]
    assert held >= amount, "balance too small"
    self.balanceOf[owner] = held - amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=owner, receiver=receiver, value=amount)
