"""Evidence files: what the history holds of a flag, checked by eth-account alone and by this program; hostile files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from eth_account import Account
from eth_account.messages import encode_typed_data

from tests.support.forge import moved
from tests.support.game import ADDRESSES, ETH, KEYS, NOW, Game
from tests.support.histories import entry_of, issued, journal_with
from wallet.app import evidence
from wallet.cli.main import main
from wallet.history.journal import FlagRecord, Journal, Status
from wallet.history.reader import HistoryReader
from wallet.protocol import codec
from wallet.protocol.errors import WalletError
from wallet.protocol.proof import show_state
from wallet.protocol.rules import Flag
from wallet.protocol.signatures import sign
from wallet.protocol.state import State
from wallet.protocol.terms import Role


def raw_of(game: Game, state: State) -> bytes:
    """The frame in which the broker proposed it."""
    params = {
        "channel": codec.show_hex(state.channel),
        "envelope": codec.envelope(state),
        "state": codec.state_array(state),
        "signature": codec.show_hex(game.sign(Role.BROKER, state)),
        "intents": [],
    }
    return msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": "propose", "params": params})


def flag_of(game: Game, state: State, code: str, last_good: int) -> FlagRecord:
    flag = Flag(code, "this", "that", ((ETH, 7),))
    signature = game.sign(Role.BROKER, state)
    raw = raw_of(game, state)
    return FlagRecord(
        0, game.channel, state.increment, flag, game.digest(state), raw, signature, NOW, last_good, resolved=False
    )


def told(folder: Path) -> tuple[Game, Journal]:
    """A channel of three validated states."""
    game = Game()
    game.open()
    game.apply(game.trade(game.fill(game.last.open_orders[0].id, 10**17)))
    folder.mkdir(exist_ok=True)
    return game, journal_with(
        folder / "history.db", game, [entry_of(game, state, issuer) for state, issuer in game.states]
    )


def exported(folder: Path, flag: int) -> Any:
    path = folder / "evidence.json"
    with HistoryReader(folder / "history.db") as reader:
        evidence.save(reader, flag, path)
    return json.loads(path.read_bytes())


def recovered(shown: Any, role: str = "broker") -> tuple[str, int, str]:
    """(signer, increment, digest) of a state of the file, by eth-account alone."""
    message = encode_typed_data(full_message=shown["typedData"])
    signer = Account.recover_message(message, signature=shown["signatures"][role]).lower()
    digest = Account.from_key(b"\1" * 32).sign_message(message).message_hash
    return signer, int(shown["typedData"]["message"]["increment"]), bytes(digest).hex()


@pytest.fixture
def equivocation(tmp_path: Path) -> Any:
    """The broker signed another second state than the one that both know."""
    game, journal = told(tmp_path)
    other = replace(moved(game.last, balances={ETH: (-5, 0)}), time=NOW + 9)
    number = journal.add_flag(flag_of(game, other, "EQV-TWO", 2))
    journal.close()
    return game, exported(tmp_path, number)


@pytest.fixture
def theft(tmp_path: Path) -> Any:
    """The broker signed a state that takes five wei."""
    folder = tmp_path / "theft"
    game, journal = told(folder)
    lie = moved(game.cancel(game.last.open_orders[0].id), balances={ETH: (-5, 0)})
    number = journal.add_flag(flag_of(game, lie, "BAL-DEFLATE", 2))
    journal.close()
    return game, exported(folder, number)


def code_of(value: object, folder: Path) -> str:
    path = folder / "bent.json"
    path.write_bytes(msgspec.json.encode(value))
    with pytest.raises(WalletError) as caught:
        evidence.describe(evidence.load(path))
    return caught.value.code


# --- what it proves, by other tools ----------------------------------------------------------------------------------


def test_equivocation_is_proved_by_eth_account_alone(equivocation: Any) -> None:
    _, value = equivocation
    assert value["kind"] == "equivocation"
    found = [recovered(shown) for shown in value["states"]]
    signers, increments, digests = ({row[at] for row in found} for at in range(3))
    assert signers == {value["terms"]["brokerSigner"]}
    assert increments == {2}
    assert len(digests) == 2
    domain = value["states"][0]["typedData"]["domain"]
    assert (int(domain["chainId"]), domain["verifyingContract"]) == (value["chainId"], value["adjudicator"])


def test_a_theft_is_shown_with_the_state_before_it_and_the_bytes(theft: Any) -> None:
    game, value = theft
    assert value["kind"] == "broken_rule"
    (lie,) = value["states"]
    assert recovered(lie)[0] == recovered(value["lastGood"])[0] == value["terms"]["brokerSigner"]
    assert recovered(value["lastGood"], "trader")[0] == value["terms"]["traderSigner"]
    assert lie["typedData"]["message"]["previous"] == "0x" + recovered(value["lastGood"])[2]
    assert bytes.fromhex(value["raw"][2:]) == raw_of(game, codec.read_state(lie["envelope"], lie["state"]))
    assert [row["id"] for row in value["intents"]] == ["0x" + order.hex() for order in game.intents]


# --- what this program says of it ------------------------------------------------------------------------------------


def test_verified_by_the_command_line(equivocation: Any, tmp_path: Path) -> None:
    run = CliRunner().invoke
    path = str(tmp_path / "evidence.json")
    shown = json.loads(run(main, ["evidence", "verify", path, "--json"]).output)
    assert (shown["kind"], shown["proven"], shown["accused"], shown["increment"]) == ("equivocation", True, "broker", 2)
    assert len(set(shown["digests"])) == 2
    text = run(main, ["evidence", "verify", path]).output
    assert "signed two different states of number 2" in text
    assert all(digest in text for digest in shown["digests"])
    out = run(main, ["evidence", "export", "1", str(tmp_path / "again.json"), "--profile", str(tmp_path)])
    assert out.exit_code == 0
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "evidence.json").read_bytes()
    assert run(main, ["evidence", "export", "9", path, "--profile", str(tmp_path)]).exit_code == 1


def test_the_rules_are_run_again(theft: Any, tmp_path: Path) -> None:
    value, text = evidence.describe(evidence.load(tmp_path / "theft" / "evidence.json"))
    assert (value["kind"], value["proven"], value["rule"]) == ("broken_rule", True, "BAL-DEFLATE")
    assert "breaks the rule BAL-DEFLATE" in text


def test_a_rule_that_no_file_can_show_is_not_called_proven(tmp_path: Path) -> None:
    game, journal = told(tmp_path)
    game.apply(game.cancel(game.last.open_orders[0].id))
    journal.record(entry_of(game, game.last, Role.BROKER))
    number = journal.add_flag(flag_of(game, game.finalize(), "FIN-UNASKED", 3))
    journal.close()
    exported(tmp_path, number)
    value, text = evidence.describe(evidence.load(tmp_path / "evidence.json"))
    assert (value["proven"], value["rule"]) == (False, "FIN-UNASKED")
    assert "takes more to show" in text


def test_two_flags_of_one_number_are_an_equivocation(tmp_path: Path) -> None:
    """Neither was accepted; the two lies prove each other."""
    game, journal = told(tmp_path)
    lies = [moved(game.cancel(game.last.open_orders[0].id), balances={ETH: (-n, 0)}) for n in (5, 6)]
    numbers = [journal.add_flag(flag_of(game, lie, "BAL-DEFLATE", 2)) for lie in lies]
    journal.close()
    digests = [{recovered(shown)[2] for shown in exported(tmp_path, number)["states"]} for number in numbers]
    assert digests[0] == digests[1] == {game.digest(lie).hex() for lie in lies}


def test_a_setup_with_other_funds(tmp_path: Path) -> None:
    game = Game()
    lie = moved(game.setup, balances={ETH: (-5, 0)})
    journal = journal_with(tmp_path / "history.db", game, [])
    journal.add_flag(flag_of(game, lie, "SET-FUNDING", 0))
    journal.close()
    assert exported(tmp_path, 1)["lastGood"] is None
    assert evidence.describe(evidence.load(tmp_path / "evidence.json"))[0]["rule"] == "SET-FUNDING"


def test_the_last_good_state_may_be_validated_by_the_lie_itself(tmp_path: Path) -> None:
    """The broker never signed the state before but by naming it."""
    game, journal = told(tmp_path)
    journal.close()
    folder = tmp_path / "implied"
    folder.mkdir()
    entries = [entry_of(game, state, issuer) for state, issuer in game.states]
    entries[2] = replace(entries[2], broker_signature=None)
    lie = moved(game.cancel(game.last.open_orders[0].id), balances={ETH: (-5, 0)})
    journal = journal_with(folder / "history.db", game, [*entries, issued(game, lie, Role.BROKER, Status.FLAGGED)])
    journal.add_flag(flag_of(game, lie, "BAL-DEFLATE", 2))
    journal.close()
    value = exported(folder, 1)
    assert value["lastGood"]["signatures"]["broker"] is None
    assert evidence.describe(evidence.load(folder / "evidence.json"))[0]["proven"]


def test_a_flag_without_a_readable_state(tmp_path: Path) -> None:
    game, journal = told(tmp_path)
    journal.add_flag(replace(flag_of(game, game.setup, "INC-ZERO", 2), raw=b'{"params": 3}'))
    journal.close()
    with pytest.raises(WalletError, match="EVIDENCE_RAW"):
        exported(tmp_path, 1)


# --- hostile files ---------------------------------------------------------------------------------------------------


def bent(value: Any, *path: Any, to: Any) -> Any:
    copy = json.loads(json.dumps(value))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return copy


def test_accusations_that_do_not_hold(equivocation: Any, theft: Any, tmp_path: Path) -> None:
    game, two = equivocation
    _, one = theft
    stranger = codec.show_hex(sign(KEYS["stranger"], game.domain.digest(game.states[2][0])))
    trader_only = {**two["states"][1]["signatures"], "broker": None}
    forged = entry_of(game, moved(game.last, balances={ETH: (9, 0)}), Role.TRADER, roles=(Role.TRADER,))
    forged_shown = {
        **one["lastGood"],
        "envelope": codec.envelope(forged.state),
        "state": codec.state_array(forged.state),
    }
    cases = {
        "EVIDENCE_SAME": bent(two, "states", to=[two["states"][0], two["states"][0]]),
        "EVIDENCE_SIGNATURE": bent(two, "states", 1, "signatures", to=trader_only),
        "EVIDENCE_TYPED_DATA": bent(two, "states", 0, "typedData", "message", "increment", to="3"),
        "EVIDENCE_CHANNEL": bent(two, "chainId", to=1),
        "EVIDENCE_TERMS": bent(two, "terms", "challengePeriod", to=1),
        "EVIDENCE_INTENTS": bent(one, "intents", 0, "order", "amount", to="5"),
        "EVIDENCE_VERSION": bent(two, "version", to=2),
        "EVIDENCE_FORM": bent(two, "kind", to="broken_rule"),
    }
    for code, value in cases.items():
        assert code_of(value, tmp_path) == code
    assert code_of(bent(two, "states", 0, "signatures", "broker", to=stranger), tmp_path) == "EVIDENCE_SIGNATURE"
    other = bent(two, "states", to=[two["states"][0], one["states"][0]])
    assert code_of(other, tmp_path) == "EVIDENCE_SAME"  # of two numbers
    assert code_of(bent(one, "lastGood", to=forged_shown), tmp_path) == "EVIDENCE_TYPED_DATA"
    assert ADDRESSES["stranger"].hex() not in json.dumps(two)


def test_a_last_good_state_that_the_accuser_invented(theft: Any, tmp_path: Path) -> None:
    """Signed by the trader alone, and named by nothing of the broker's."""
    game, value = theft
    invented = moved(game.last, balances={ETH: (9, 0)})
    shown = show_state(game.domain, invented, {Role.TRADER: game.sign(Role.TRADER, invented)})
    assert code_of(bent(value, "lastGood", to=shown), tmp_path) == "EVIDENCE_LAST_GOOD"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"format":"trading-channels/evidence"}',
        b'{"format":"trading-channels/evidence","format":"x"}',
        b"[" * 100,
        b"\xff",
        b" " * (8 * 2**20 + 1),
    ],
)
def test_nonsense_is_refused_with_a_code(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "nonsense.json"
    path.write_bytes(data)
    with pytest.raises(WalletError):
        evidence.load(path)


def test_every_key_is_needed_and_no_other_taken(equivocation: Any, tmp_path: Path) -> None:
    _, value = equivocation
    for key in value:
        if key != "version":
            assert code_of({name: row for name, row in value.items() if name != key}, tmp_path) == "EVIDENCE_FORM"
    assert code_of(value | {"more": 1}, tmp_path) == "EVIDENCE_FORM"
    for path in (("rule",), ("states", 0), ("states", 0, "signatures")):
        assert code_of(bent(value, *path, "more", to=1), tmp_path) == "EVIDENCE_FORM"
