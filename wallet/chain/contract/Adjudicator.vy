# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title   Adjudicator of trading channels
@notice  Holds what a trader and a broker commit to a trading channel, and pays it out by the highest state that both have
         validated. Nobody owns, upgrades, pauses or taxes it. It has neither constructor arguments nor immutables: its runtime
         code is one constant, and a wallet refuses to deal with any other.
@dev     Invariants; each has a test of its own.
          1. Solvency. Per asset, what the contract holds is at least the sum of all free balances, all credits, and the
             allocations and collaterals of all channels that are not settled. Only tokens that change balances by themselves
             can break this, and only for themselves.
          2. Nothing is credited but what a deposit was measured to bring; unsolicited transfers are credited to nobody.
          3. A channel passes NONE -> OPEN -> [DISPUTED ->] SETTLED and never back; its id never opens twice.
          4. Only the trader's own call, inside the hour that the terms allow, with both roles' signatures on the setup state,
             opens a channel; every bound of the terms that can be seen here holds from then on.
          5. While disputed, the recorded increment only grows, and the deadline never moves.
          6. Answers are taken up to and including the deadline, settling strictly after it: no moment allows both.
          7. No recorded state lacks validation by both roles: both signatures on it, or one role's on it and the other's on a
             direct successor. Setup needs none after open; finalize needs both on itself.
          8. Only an owner, or the bearer of an owner's signed Challenge, starts a dispute; a signer alone never does.
          9. A channel settles by its recorded outcomes or by a doubly signed finalize state, once. Trader and broker together
             are credited, per asset, exactly allocation + collateral.
         10. Settling can't fail on what was recorded, for outcomes are held against the terms when they are recorded; no token
             or recipient is called in it.
         11. A signer commits no collateral above the cap its broker authorized; settling returns to it only what the trader
             did not win, so that a stolen signer costs the cap once.
         12. Only its owner moves a free balance; credit leaves only to the trader's own address, or where the trader says.
         13. Only strict signatures count: 65 bytes, low s, v 27 or 28, signer not zero. Nothing is keyed on signature bytes.
         14. Nothing re-enters: one lock covers every function that changes anything.
"""

from ethereum.ercs import IERC20


struct Asset:
    asset: address  # zero address: the chain's native currency
    allocation: uint256  # base units the trader commits
    collateral: uint256  # base units the broker commits

struct Terms:
    trader: address
    traderSigner: address
    broker: address
    brokerSigner: address
    nonce: uint256
    openBefore: uint64
    challengePeriod: uint64
    initiative: uint8
    maxFee: uint32
    heartbeat: uint32
    answerTime: uint32
    skew: uint32
    yieldInterval: uint32
    maxOpenOrders: uint16
    maxFills: uint16
    assets: DynArray[Asset, 16]
    markets: bytes32  # EIP-712 hash of the Market[] member

struct Outcome:
    asset: address
    toBroker: uint256
    toTrader: uint256

struct State:
    previous: bytes32
    increment: uint64
    time: uint64
    turn: uint8
    transition: uint8
    orderNonce: uint64
    fillsHash: bytes32  # EIP-712 hashes of the array members: cost does not grow with orders
    balancesHash: bytes32
    ordersHash: bytes32
    outcomes: DynArray[Outcome, 16]

struct Successor:
    signedBy: uint8  # role whose signature stands here: 0 broker, 1 trader
    increment: uint64
    time: uint64
    turn: uint8
    transition: uint8
    orderNonce: uint64
    fillsHash: bytes32
    balancesHash: bytes32
    ordersHash: bytes32
    outcomesHash: bytes32

struct Proof:
    traderSig: Bytes[65]
    brokerSig: Bytes[65]
    successor: DynArray[Successor, 1]  # empty: both signatures are on the state itself

struct Mandate:
    minIncrement: uint64
    validUntil: uint64
    signature: Bytes[65]  # empty: the sender is an owner himself

struct Channel:
    packed: uint256  # status in bits 0..7, deadline in 8..71, increment in 72..135
    outcomes: bytes32  # EIP-712 hash of the recorded outcomes; zero unless disputed


event Deposited:
    owner: indexed(address)
    asset: indexed(address)
    amount: uint256

event Withdrawn:
    owner: indexed(address)
    asset: indexed(address)
    to: indexed(address)
    amount: uint256

event Authorized:
    broker: indexed(address)
    signer: indexed(address)
    asset: indexed(address)
    cap: uint256
    until: uint64

event Opened:
    channel: indexed(bytes32)
    trader: indexed(address)
    broker: indexed(address)
    time: uint64
    terms: Terms

event Challenged:
    channel: indexed(bytes32)
    increment: uint64
    deadline: uint64
    outcomes: DynArray[Outcome, 16]

event Responded:
    channel: indexed(bytes32)
    increment: uint64
    outcomes: DynArray[Outcome, 16]

event Closed:
    channel: indexed(bytes32)
    increment: uint64
    outcomes: DynArray[Outcome, 16]

event Settled:
    channel: indexed(bytes32)
    increment: uint64
    outcomes: DynArray[Outcome, 16]


NATIVE: constant(address) = empty(address)

STATUS_NONE: constant(uint256) = 0
STATUS_OPEN: constant(uint256) = 1
STATUS_DISPUTED: constant(uint256) = 2
STATUS_SETTLED: constant(uint256) = 3

TRANSITION_SETUP: constant(uint8) = 0
TRANSITION_FINALIZE: constant(uint8) = 6

ROLE_BROKER: constant(uint8) = 0
ROLE_TRADER: constant(uint8) = 1

MIN_PERIOD: constant(uint64) = 60
MAX_PERIOD: constant(uint64) = 30 * 86400
OPEN_WINDOW: constant(uint256) = 3600
MAX_FEE: constant(uint32) = 10**6

# No sum of deposits that fits in a chain's life can reach 2**256 while each one stays below this.
MAX_DEPOSIT: constant(uint256) = 2**192 - 1
# cap, used and until share one word: 112, 112 and 32 bits.
MAX_CAP: constant(uint256) = 2**112 - 1

# Half of secp256k1's order, rounded down: an s above it has a twin below.
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
EMPTY_ARRAY: constant(bytes32) = keccak256("")

DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
DOMAIN_NAME: constant(bytes32) = keccak256("Trading Channels")
DOMAIN_VERSION: constant(bytes32) = keccak256("1")
ASSET_TYPE: constant(bytes32) = keccak256("Asset(address asset,uint256 allocation,uint256 collateral)")
BALANCE_TYPE: constant(bytes32) = keccak256("Balance(address asset,uint256 available,uint256 locked)")
OUTCOME_TYPE: constant(bytes32) = keccak256("Outcome(address asset,uint256 toBroker,uint256 toTrader)")
CHALLENGE_TYPE: constant(bytes32) = keccak256("Challenge(bytes32 channel,uint64 minIncrement,uint64 validUntil)")
TERMS_TYPE: constant(bytes32) = keccak256(
    "Terms(address trader,address traderSigner,address broker,address brokerSigner,uint256 nonce,uint64 openBefore,uint64 challengePeriod,uint8 initiative,uint32 maxFee,uint32 heartbeat,uint32 answerTime,uint32 skew,uint32 yieldInterval,uint16 maxOpenOrders,uint16 maxFills,Asset[] assets,Market[] markets)Asset(address asset,uint256 allocation,uint256 collateral)Market(address base,address quote,uint256 unit,uint256 tickSize,uint256 lotSize,uint256 minNotional,uint256 maxUnacked)"
)
STATE_TYPE: constant(bytes32) = keccak256(
    "State(bytes32 channel,bytes32 previous,uint64 increment,uint64 time,uint8 turn,uint8 transition,uint64 orderNonce,Fill[] fills,Balance[] balances,OpenOrder[] openOrders,Outcome[] outcomes)Balance(address asset,uint256 available,uint256 locked)Fill(bytes32 order,uint256 price,uint256 quantity,uint256 fee)OpenOrder(bytes32 id,address base,address quote,uint8 side,uint256 price,uint256 amount,uint256 filled)Outcome(address asset,uint256 toBroker,uint256 toTrader)"
)


# owner -> asset -> base units that only the owner's own call moves
free: HashMap[address, HashMap[address, uint256]]
# trader -> asset -> base units credited by settled channels
credits: HashMap[address, HashMap[address, uint256]]
# broker -> signer -> asset -> cap in bits 0..111, used in 112..223, until in 224..255
authorizations: HashMap[address, HashMap[address, HashMap[address, uint256]]]
channels: HashMap[bytes32, Channel]


# --- funds -----------------------------------------------------------------------------------------------------------


@external
@payable
@nonreentrant
def deposit(asset: address, amount: uint256):
    """
    @notice Adds `amount` base units to the sender's free balance.
    @dev    The value sent (native) or the measured difference of the balance (ERC-20) must equal `amount`.
    """
    assert amount > 0, "ZERO_AMOUNT"
    if asset == NATIVE:
        assert msg.value == amount, "WRONG_VALUE"
    else:
        assert msg.value == 0, "WRONG_VALUE"
    self._receive(asset, amount)
    self.free[msg.sender][asset] += amount


@external
@nonreentrant
def withdraw(asset: address, amount: uint256, to: address):
    """
    @notice Pays `amount` base units of the sender's to `to`: from his credit first, the rest from his free balance.
    """
    assert amount > 0, "ZERO_AMOUNT"
    assert to != empty(address) and to != self, "BAD_RECIPIENT"
    credited: uint256 = self.credits[msg.sender][asset]
    if amount <= credited:
        self.credits[msg.sender][asset] = credited - amount
    else:
        if credited > 0:
            self.credits[msg.sender][asset] = 0
        rest: uint256 = amount - credited
        balance: uint256 = self.free[msg.sender][asset]
        assert rest <= balance, "BALANCE"
        self.free[msg.sender][asset] = balance - rest
    self._pay(asset, msg.sender, to, amount)


@external
@nonreentrant
def pushCredit(asset: address, trader: address):
    """
    @notice Pays a trader's whole credit in `asset` to his own address. Anyone may call it.
    """
    amount: uint256 = self.credits[trader][asset]
    assert amount > 0, "ZERO_AMOUNT"
    self.credits[trader][asset] = 0
    self._pay(asset, trader, trader, amount)


@external
@nonreentrant
def authorize(signer: address, asset: address, cap: uint256, until: uint64):
    """
    @notice Lets `signer` commit collateral out of the sender's free balance, up to `cap` in total, until `until` (Unix seconds).
    @dev    What the signer has used counts against a new cap too, so that a new cap can't be raced by opens under the old one.
            A cap or a time of zero revokes: it stops new opens and nothing else.
    """
    assert cap <= MAX_CAP, "CAP_TOO_HIGH"
    assert until <= convert(max_value(uint32), uint64), "UNTIL_TOO_LATE"
    used: uint256 = (self.authorizations[msg.sender][signer][asset] >> 112) & MAX_CAP
    self.authorizations[msg.sender][signer][asset] = cap | (used << 112) | (convert(until, uint256) << 224)
    log Authorized(broker=msg.sender, signer=signer, asset=asset, cap=cap, until=until)


@internal
def _receive(asset: address, amount: uint256):
    assert amount <= MAX_DEPOSIT, "TOO_MUCH"
    if asset != NATIVE:
        before: uint256 = staticcall IERC20(asset).balanceOf(self)
        assert extcall IERC20(asset).transferFrom(msg.sender, self, amount, default_return_value=True), "TRANSFER_FAILED"
        after: uint256 = staticcall IERC20(asset).balanceOf(self)
        assert after == before + amount, "WRONG_AMOUNT_RECEIVED"
    log Deposited(owner=msg.sender, asset=asset, amount=amount)


@internal
def _pay(asset: address, owner: address, to: address, amount: uint256):
    log Withdrawn(owner=owner, asset=asset, to=to, amount=amount)
    if asset == NATIVE:
        success: bool = raw_call(to, b"", value=amount, revert_on_failure=False)
        assert success, "TRANSFER_FAILED"
    else:
        assert extcall IERC20(asset).transfer(to, amount, default_return_value=True), "TRANSFER_FAILED"


# --- opening ---------------------------------------------------------------------------------------------------------


@external
@nonreentrant
def open(terms: Terms, time: uint64, traderSig: Bytes[65], brokerSig: Bytes[65]):
    """
    @notice Opens the channel of `terms` out of free balances; only the trader himself, before terms.openBefore.
    @param  time The time of the setup state, which follows from it and the terms. Both signatures are on that state.
    """
    self._open(terms, time, traderSig, brokerSig, False, 0)


@external
@payable
@nonreentrant
def openWithDeposit(terms: Terms, time: uint64, traderSig: Bytes[65], brokerSig: Bytes[65]):
    """
    @notice As `open`, after depositing exactly what the trader's free balance lacks: ERC-20 by transferFrom, native by value.
    """
    self._open(terms, time, traderSig, brokerSig, True, msg.value)


@internal
def _open(terms: Terms, time: uint64, traderSig: Bytes[65], brokerSig: Bytes[65], funding: bool, sent: uint256):
    self._check_terms(terms)
    domain: bytes32 = self._domain()
    id: bytes32 = self._channel_id(domain, terms)
    assert self.channels[id].packed == STATUS_NONE, "ALREADY_OPENED"
    setup: bytes32 = self._setup_digest(domain, id, terms, time)
    self._check_trader(setup, traderSig, terms.trader, terms.traderSigner)
    self._check_broker(setup, brokerSig, terms.broker, terms.brokerSigner)
    self.channels[id].packed = STATUS_OPEN
    left: uint256 = sent
    for row: Asset in terms.assets:
        if row.allocation > 0:
            left = self._commit_allocation(row.asset, row.allocation, funding, left)
        if row.collateral > 0:
            self._commit_collateral(terms.broker, terms.brokerSigner, row.asset, row.collateral)
    assert left == 0, "WRONG_VALUE"
    log Opened(channel=id, trader=terms.trader, broker=terms.broker, time=time, terms=terms)


@internal
@view
def _check_terms(terms: Terms):
    assert msg.sender == terms.trader, "NOT_TRADER"
    # The trader is the sender, and so not zero.
    assert terms.traderSigner != empty(address), "ZERO_PARTY"
    assert terms.broker != empty(address) and terms.brokerSigner != empty(address), "ZERO_PARTY"
    assert terms.trader != terms.traderSigner and terms.trader != terms.broker, "SAME_PARTY"
    assert terms.trader != terms.brokerSigner and terms.traderSigner != terms.broker, "SAME_PARTY"
    assert terms.traderSigner != terms.brokerSigner and terms.broker != terms.brokerSigner, "SAME_PARTY"
    open_before: uint256 = convert(terms.openBefore, uint256)
    assert block.timestamp <= open_before, "OPEN_EXPIRED"
    assert open_before <= block.timestamp + OPEN_WINDOW, "OPEN_TOO_FAR"
    assert terms.challengePeriod >= MIN_PERIOD and terms.challengePeriod <= MAX_PERIOD, "BAD_PERIOD"
    assert terms.initiative <= 1, "BAD_INITIATIVE"
    assert terms.maxFee <= MAX_FEE, "BAD_FEE"
    assert len(terms.assets) > 0, "NO_ASSETS"
    first: bool = True
    last: uint160 = 0
    for row: Asset in terms.assets:
        current: uint160 = convert(row.asset, uint160)
        assert first or current > last, "ASSETS_NOT_ASCENDING"
        assert row.allocation <= max_value(uint256) - row.collateral, "AMOUNT_OVERFLOW"
        first = False
        last = current


@internal
def _commit_allocation(asset: address, allocation: uint256, funding: bool, sent: uint256) -> uint256:
    """
    @dev    Takes an allocation out of the trader's free balance, after depositing what it lacks if `funding`.
    @return What is left of the value sent.
    """
    balance: uint256 = self.free[msg.sender][asset]
    if balance >= allocation:
        self.free[msg.sender][asset] = balance - allocation
        return sent
    assert funding, "TRADER_BALANCE"
    lacking: uint256 = allocation - balance
    if balance > 0:
        self.free[msg.sender][asset] = 0
    left: uint256 = sent
    if asset == NATIVE:
        assert sent >= lacking, "WRONG_VALUE"
        left = sent - lacking
    self._receive(asset, lacking)
    return left


@internal
def _commit_collateral(broker: address, signer: address, asset: address, collateral: uint256):
    balance: uint256 = self.free[broker][asset]
    assert balance >= collateral, "BROKER_BALANCE"
    self.free[broker][asset] = balance - collateral
    word: uint256 = self.authorizations[broker][signer][asset]
    assert block.timestamp <= word >> 224, "NOT_AUTHORIZED"
    cap: uint256 = word & MAX_CAP
    used: uint256 = (word >> 112) & MAX_CAP
    assert used + collateral <= cap, "CAP_EXCEEDED"
    self.authorizations[broker][signer][asset] = word + (collateral << 112)


# --- closing together ------------------------------------------------------------------------------------------------


@external
@nonreentrant
def close(terms: Terms, state: State, traderSig: Bytes[65], brokerSig: Bytes[65]):
    """
    @notice Settles by a finalize state that both roles signed. By anyone, any time before settle, whatever is recorded.
    """
    domain: bytes32 = self._domain()
    id: bytes32 = self._channel_id(domain, terms)
    status: uint256 = self.channels[id].packed & 255
    assert status == STATUS_OPEN or status == STATUS_DISPUTED, "NOT_OPEN"
    assert state.transition == TRANSITION_FINALIZE, "NOT_FINAL"
    self._check_outcomes(terms.assets, state.outcomes)
    digest: bytes32 = self._state_digest(domain, id, state, self._outcomes_hash(state.outcomes))
    self._check_trader(digest, traderSig, terms.trader, terms.traderSigner)
    self._check_broker(digest, brokerSig, terms.broker, terms.brokerSigner)
    self._settle(id, state.increment, status, terms, state.outcomes)
    log Closed(channel=id, increment=state.increment, outcomes=state.outcomes)


# --- disputes --------------------------------------------------------------------------------------------------------


@external
@nonreentrant
def challenge(terms: Terms, state: State, proof: Proof, mandate: Mandate):
    """
    @notice Records a validated state and starts the challenge period; on a disputed channel it acts as `respond`.
    @dev    By an owner, or by anyone with an owner's signed Challenge. The setup state (increment 0) needs no proof.
    """
    domain: bytes32 = self._domain()
    id: bytes32 = self._channel_id(domain, terms)
    if len(mandate.signature) == 0:
        assert msg.sender == terms.trader or msg.sender == terms.broker, "NOT_OWNER"
    else:
        self._check_mandate(domain, id, terms.trader, terms.broker, state.increment, mandate)
    packed: uint256 = self.channels[id].packed
    if packed & 255 == STATUS_DISPUTED:
        self._respond(domain, id, packed, terms, state, proof)
    else:
        assert packed & 255 == STATUS_OPEN, "NOT_OPEN"
        self.channels[id].outcomes = self._check_validated(domain, id, terms, state, proof)
        deadline: uint256 = block.timestamp + convert(terms.challengePeriod, uint256)
        self.channels[id].packed = STATUS_DISPUTED | (deadline << 8) | (convert(state.increment, uint256) << 72)
        log Challenged(
            channel=id,
            increment=state.increment,
            deadline=convert(deadline, uint64),
            outcomes=state.outcomes,
        )


@external
@nonreentrant
def respond(terms: Terms, state: State, proof: Proof):
    """
    @notice Replaces the recorded state of a disputed channel by a validated one of a higher increment. By anyone, at or before
            the deadline, which stays.
    """
    domain: bytes32 = self._domain()
    id: bytes32 = self._channel_id(domain, terms)
    packed: uint256 = self.channels[id].packed
    assert packed & 255 == STATUS_DISPUTED, "NOT_DISPUTED"
    self._respond(domain, id, packed, terms, state, proof)


@external
@nonreentrant
def settle(terms: Terms, outcomes: DynArray[Outcome, 16]):
    """
    @notice Settles a disputed channel by its recorded outcomes. By anyone, strictly after the deadline.
    """
    id: bytes32 = self._channel_id(self._domain(), terms)
    packed: uint256 = self.channels[id].packed
    assert packed & 255 == STATUS_DISPUTED, "NOT_DISPUTED"
    assert block.timestamp > self._deadline(packed), "TOO_EARLY"
    assert self._outcomes_hash(outcomes) == self.channels[id].outcomes, "WRONG_OUTCOMES"
    increment: uint64 = self._increment(packed)
    self._settle(id, increment, STATUS_DISPUTED, terms, outcomes)
    log Settled(channel=id, increment=increment, outcomes=outcomes)


@internal
def _respond(domain: bytes32, id: bytes32, packed: uint256, terms: Terms, state: State, proof: Proof):
    assert block.timestamp <= self._deadline(packed), "TOO_LATE"
    assert state.increment > self._increment(packed), "NOT_HIGHER"
    self.channels[id].outcomes = self._check_validated(domain, id, terms, state, proof)
    self.channels[id].packed = (packed & (2**72 - 1)) | (convert(state.increment, uint256) << 72)
    log Responded(channel=id, increment=state.increment, outcomes=state.outcomes)


@internal
@view
def _check_mandate(
    domain: bytes32, id: bytes32, trader: address, broker: address, increment: uint64, mandate: Mandate
):
    assert block.timestamp <= convert(mandate.validUntil, uint256), "MANDATE_EXPIRED"
    assert increment >= mandate.minIncrement, "BELOW_MANDATE"
    content: bytes32 = keccak256(abi_encode(CHALLENGE_TYPE, id, mandate.minIncrement, mandate.validUntil))
    owner: address = self._recover(self._digest(domain, content), mandate.signature)
    assert owner == trader or owner == broker, "NOT_OWNER"


@internal
@view
def _check_validated(domain: bytes32, id: bytes32, terms: Terms, state: State, proof: Proof) -> bytes32:
    """
    @dev    Reverts unless both roles validated `state` and its outcomes fit the terms.
    @return EIP-712 hash of the outcomes.
    """
    self._check_outcomes(terms.assets, state.outcomes)
    outcomes: bytes32 = self._outcomes_hash(state.outcomes)
    if state.increment == 0:
        # Opening proved the setup state, of which nothing but its empty outcomes matters here.
        for row: Outcome in state.outcomes:
            assert row.toBroker == 0 and row.toTrader == 0, "NOT_SETUP"
        return outcomes
    assert state.transition != TRANSITION_SETUP and state.transition <= TRANSITION_FINALIZE, "BAD_TRANSITION"
    digest: bytes32 = self._state_digest(domain, id, state, outcomes)
    trader_digest: bytes32 = digest
    broker_digest: bytes32 = digest
    if len(proof.successor) > 0:
        assert state.transition != TRANSITION_FINALIZE, "FINAL_NEEDS_BOTH"
        successor: Successor = proof.successor[0]
        assert successor.increment > state.increment, "SUCCESSOR_NOT_HIGHER"
        if successor.signedBy == ROLE_TRADER:
            trader_digest = self._successor_digest(domain, id, digest, successor)
        else:
            assert successor.signedBy == ROLE_BROKER, "BAD_ROLE"
            broker_digest = self._successor_digest(domain, id, digest, successor)
    self._check_trader(trader_digest, proof.traderSig, terms.trader, terms.traderSigner)
    self._check_broker(broker_digest, proof.brokerSig, terms.broker, terms.brokerSigner)
    return outcomes


@internal
@pure
def _check_outcomes(assets: DynArray[Asset, 16], outcomes: DynArray[Outcome, 16]):
    assert len(outcomes) == len(assets), "OUTCOME_ASSETS"
    for i: uint256 in range(len(assets), bound=16):
        assert outcomes[i].asset == assets[i].asset, "OUTCOME_ASSETS"
        assert outcomes[i].toBroker == 0 or outcomes[i].toTrader == 0, "OUTCOME_BOTH"
        assert outcomes[i].toBroker <= assets[i].allocation, "OUTCOME_TOO_HIGH"
        assert outcomes[i].toTrader <= assets[i].collateral, "OUTCOME_TOO_HIGH"


@internal
def _settle(id: bytes32, increment: uint64, status: uint256, terms: Terms, outcomes: DynArray[Outcome, 16]):
    """
    @dev Calls nobody, and subtracts only what `_check_outcomes` and `_commit_collateral` have bounded.
    """
    self.channels[id].packed = STATUS_SETTLED | (convert(increment, uint256) << 72)
    if status == STATUS_DISPUTED:
        self.channels[id].outcomes = empty(bytes32)
    for i: uint256 in range(len(terms.assets), bound=16):
        row: Asset = terms.assets[i]
        outcome: Outcome = outcomes[i]
        trader_share: uint256 = row.allocation - outcome.toBroker + outcome.toTrader
        if trader_share > 0:
            self.credits[terms.trader][row.asset] += trader_share
        kept: uint256 = row.collateral - outcome.toTrader
        broker_share: uint256 = kept + outcome.toBroker
        if broker_share > 0:
            self.free[terms.broker][row.asset] += broker_share
        if kept > 0:
            self.authorizations[terms.broker][terms.brokerSigner][row.asset] -= kept << 112


# --- signatures and digests ------------------------------------------------------------------------------------------


@internal
@view
def _check_trader(digest: bytes32, signature: Bytes[65], owner: address, signer: address):
    recovered: address = self._recover(digest, signature)
    assert recovered == signer or recovered == owner, "TRADER_SIGNATURE"


@internal
@view
def _check_broker(digest: bytes32, signature: Bytes[65], owner: address, signer: address):
    recovered: address = self._recover(digest, signature)
    assert recovered == signer or recovered == owner, "BROKER_SIGNATURE"


@internal
@view
def _recover(digest: bytes32, signature: Bytes[65]) -> address:
    assert len(signature) == 65, "SIGNATURE_LENGTH"
    r: uint256 = extract32(signature, 0, output_type=uint256)
    s: uint256 = extract32(signature, 32, output_type=uint256)
    v: uint256 = extract32(signature, 33, output_type=uint256) & 255
    assert s <= HALF_ORDER, "SIGNATURE_HIGH_S"
    assert v == 27 or v == 28, "SIGNATURE_V"
    signer: address = ecrecover(digest, v, r, s)
    assert signer != empty(address), "SIGNATURE_INVALID"
    return signer


@internal
@view
def _domain() -> bytes32:
    return keccak256(abi_encode(DOMAIN_TYPE, DOMAIN_NAME, DOMAIN_VERSION, chain.id, self))


@internal
@pure
def _digest(domain: bytes32, content: bytes32) -> bytes32:
    return keccak256(concat(b"\x19\x01", domain, content))


@internal
@pure
def _array_hash(hashes: DynArray[bytes32, 16]) -> bytes32:
    # abi_encode puts an offset and the length before the members.
    return keccak256(slice(abi_encode(hashes), 64, len(hashes) * 32))


@internal
@pure
def _outcomes_hash(outcomes: DynArray[Outcome, 16]) -> bytes32:
    hashes: DynArray[bytes32, 16] = []
    for row: Outcome in outcomes:
        hashes.append(keccak256(abi_encode(OUTCOME_TYPE, row.asset, row.toBroker, row.toTrader)))
    return self._array_hash(hashes)


@internal
@pure
def _channel_id(domain: bytes32, terms: Terms) -> bytes32:
    hashes: DynArray[bytes32, 16] = []
    for row: Asset in terms.assets:
        hashes.append(keccak256(abi_encode(ASSET_TYPE, row.asset, row.allocation, row.collateral)))
    assets: bytes32 = self._array_hash(hashes)
    content: bytes32 = keccak256(
        abi_encode(
            TERMS_TYPE,
            terms.trader,
            terms.traderSigner,
            terms.broker,
            terms.brokerSigner,
            terms.nonce,
            terms.openBefore,
            terms.challengePeriod,
            terms.initiative,
            terms.maxFee,
            terms.heartbeat,
            terms.answerTime,
            terms.skew,
            terms.yieldInterval,
            terms.maxOpenOrders,
            terms.maxFills,
            assets,
            terms.markets,
        )
    )
    return self._digest(domain, content)


@internal
@pure
def _state_digest(domain: bytes32, id: bytes32, state: State, outcomes: bytes32) -> bytes32:
    content: bytes32 = keccak256(
        abi_encode(
            STATE_TYPE,
            id,
            state.previous,
            state.increment,
            state.time,
            state.turn,
            state.transition,
            state.orderNonce,
            state.fillsHash,
            state.balancesHash,
            state.ordersHash,
            outcomes,
        )
    )
    return self._digest(domain, content)


@internal
@pure
def _successor_digest(domain: bytes32, id: bytes32, previous: bytes32, successor: Successor) -> bytes32:
    content: bytes32 = keccak256(
        abi_encode(
            STATE_TYPE,
            id,
            previous,
            successor.increment,
            successor.time,
            successor.turn,
            successor.transition,
            successor.orderNonce,
            successor.fillsHash,
            successor.balancesHash,
            successor.ordersHash,
            successor.outcomesHash,
        )
    )
    return self._digest(domain, content)


@internal
@pure
def _setup_digest(domain: bytes32, id: bytes32, terms: Terms, time: uint64) -> bytes32:
    balances: DynArray[bytes32, 16] = []
    outcomes: DynArray[bytes32, 16] = []
    for row: Asset in terms.assets:
        balances.append(keccak256(abi_encode(BALANCE_TYPE, row.asset, row.allocation, empty(uint256))))
        outcomes.append(keccak256(abi_encode(OUTCOME_TYPE, row.asset, empty(uint256), empty(uint256))))
    content: bytes32 = keccak256(
        abi_encode(
            STATE_TYPE,
            id,
            empty(bytes32),
            empty(uint64),
            time,
            terms.initiative,
            TRANSITION_SETUP,
            empty(uint64),
            EMPTY_ARRAY,
            self._array_hash(balances),
            EMPTY_ARRAY,
            self._array_hash(outcomes),
        )
    )
    return self._digest(domain, content)


# --- views -----------------------------------------------------------------------------------------------------------


@internal
@pure
def _deadline(packed: uint256) -> uint256:
    return (packed >> 8) & convert(max_value(uint64), uint256)


@internal
@pure
def _increment(packed: uint256) -> uint64:
    return convert(packed >> 72, uint64)


@external
@view
def freeBalance(owner: address, asset: address) -> uint256:
    return self.free[owner][asset]


@external
@view
def credit(trader: address, asset: address) -> uint256:
    return self.credits[trader][asset]


@external
@view
def authorization(broker: address, signer: address, asset: address) -> (uint256, uint256, uint64):
    """
    @return cap, used (base units), until (Unix seconds)
    """
    word: uint256 = self.authorizations[broker][signer][asset]
    return word & MAX_CAP, (word >> 112) & MAX_CAP, convert(word >> 224, uint64)


@external
@view
def channel(id: bytes32) -> (uint8, uint64, uint64, bytes32):
    """
    @return status (0 none, 1 open, 2 disputed, 3 settled), deadline (Unix seconds, 0 unless disputed), increment, EIP-712 hash
            of the recorded outcomes (zero unless disputed)
    """
    packed: uint256 = self.channels[id].packed
    return (
        convert(packed & 255, uint8),
        convert(self._deadline(packed), uint64),
        self._increment(packed),
        self.channels[id].outcomes,
    )


@external
@view
def channelId(terms: Terms) -> bytes32:
    return self._channel_id(self._domain(), terms)


@external
@view
def stateDigest(channelId: bytes32, state: State) -> bytes32:
    return self._state_digest(self._domain(), channelId, state, self._outcomes_hash(state.outcomes))
