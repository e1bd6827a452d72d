"""The tables of the prose are those of the program: every code, every frozen string, every bound that has a name."""

from __future__ import annotations

import inspect
import json
import re
from types import ModuleType

import pytest

from tests.spec.generate import FOLDER, VECTORS
from wallet.broker.errors import CODES
from wallet.chain.artifact import adjudicator
from wallet.history import seat
from wallet.protocol import evidence, presence, proof, rules, signatures, strictjson, terms, transitions
from wallet.protocol.eip712 import FIELDS
from wallet.session import adoption, channel, judging
from wallet.wire import auth, peer

PROSE = (FOLDER / "protocol.md").read_text(encoding="utf-8")
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def table(marker: str) -> dict[str, str]:
    """Code -> the rest of its row, of the table after ``marker``."""
    _, found, rest = PROSE.partition(f"<!-- {marker} -->")
    assert found, marker
    rows = re.findall(r"^\| `([A-Z_-]+)` \| (.+) \|$", rest.partition("<!--")[0], re.MULTILINE)
    assert len(dict(rows)) == len(rows), "a code twice"
    return dict(rows)


def codes_in(pattern: str, *modules: ModuleType) -> set[str]:
    return set(re.findall(pattern, "".join(inspect.getsource(module) for module in modules)))


ANSWERS = {"FLAGGED", "FROZEN", "HELD", "DISPUTED", "NOT_ANSWERED"}  # of either side to a proposal
RULE = r'"([A-Z]{3}-[A-Z-]+)"'


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("flags of the rules", codes_in(RULE, rules, transitions)),
        ("terms", codes_in(RULE, terms)),
        ("signatures", codes_in(r'WalletError\("(SIG-[A-Z-]+)"', signatures)),
        ("refusals", codes_in(r'return "([A-Z]+-[A-Z]+)"', presence)),
        ("broker", set(CODES) - {"AUTH_NEEDED", "BROKER_CONFIG", "BROKER_RUNNING"} - ANSWERS),
        ("proofs", codes_in(r'WalletError\("(PROOF_[A-Z_]+)"', proof)),
        ("evidence", codes_in(r'WalletError\("(EVIDENCE_[A-Z_]+)"', evidence)),
        (
            "wire",
            codes_in(r'WalletError\("(JSON_[A-Z_]+)"', strictjson)
            | codes_in(r'Goodbye\("([A-Z_]+)"', auth)
            | codes_in(r'WalletError\("(RATE|BUSY|METHOD|INTERNAL)"', peer)
            | {"WIR-FORM", "AUTH_NEEDED"},
        ),
        ("flags of the session", codes_in(r'(?:code = |Flag\()"([A-Z]{3}-[A-Z]+)"', seat)),
    ],
)
def test_a_table_lists_the_codes_of_the_program(marker: str, expected: set[str]) -> None:
    assert set(table(marker)) == expected


def test_what_the_trader_may_answer_is_in_its_table() -> None:
    raised = codes_in(r'WalletError\("([A-Z_-]+)"', adoption, channel, judging)
    known = set(table("answers of the trader"))
    about_others = {"FLAG_UNKNOWN", "REFUSE_IMPOSSIBLE", "RES-AHEAD-NO-PROOF", "RES-FORGED-OURS", "RES-GAP", "RATE"}
    assert raised - known == about_others
    assert known - raised == {"CHN-UNKNOWN-CHANNEL"}
    assert known >= ANSWERS


def test_the_frozen_strings_stand_verbatim() -> None:
    block = PROSE.partition("These type strings are frozen:\n\n```\n")[2].partition("\n```")[0].split("\n")
    own = [f"{name}({','.join(f'{kind} {field}' for kind, field in fields)})" for name, fields in FIELDS.items()]
    assert block == own
    assert "0x" + adjudicator().code_hash.hex() in PROSE


def test_bounds_are_those_of_the_program() -> None:
    section = PROSE.partition("## 3. Terms")[2].partition("## 4.")[0]
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", section, re.MULTILINE))
    ranges = {name: (low, high) for name, low, high in terms._RANGES}
    for key, name in (
        ("`maxFee`", "max_fee"),
        ("`heartbeat` H", "heartbeat"),
        ("`answerTime` T", "answer_time"),
        ("`skew`", "skew"),
        ("`yieldInterval`", "yield_interval"),
        ("`maxOpenOrders`", "max_open_orders"),
        ("`maxFills`", "max_fills"),
    ):
        low, high = (int(number.replace(",", "")) for number in re.findall(r"[\d,]+", rows[key])[:2])
        assert (low, high) == ranges[name], key
    assert rows["`challengePeriod`"] == f"{terms.MIN_CHALLENGE_PERIOD} s to {terms.MAX_CHALLENGE_PERIOD // 86_400} days"
    assert rows["`assets`"].startswith(f"1 to {terms.MAX_ASSETS} rows")
    assert rows["`markets`"].startswith(f"1 to {terms.MAX_MARKETS} rows")


def test_every_vector_is_spoken_of_and_every_link_leads_somewhere() -> None:
    for name in VECTORS:
        assert f"`{name}.json`" in PROSE, name
        assert f"`{name}.json`" in README, name
    for text in (PROSE, README):
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert (FOLDER / target).exists(), target


def test_every_method_is_spoken_of() -> None:
    document = json.loads((FOLDER / "openrpc.json").read_text(encoding="utf-8"))
    for row in (*document["methods"], *document["x-notifications"]):
        assert f"`{row['name']}" in PROSE, row["name"]
