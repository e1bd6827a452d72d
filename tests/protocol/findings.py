"""What each lie of the table is found to be, in full: rule, expected, got, and what signing it would have lost.

``findings.json`` is read by people: after a change, ``python -m tests.protocol.findings`` writes it anew, and the
difference is what the change did to what users are told.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.protocol.cases import CASES
from tests.support.game import ETH, USDT, WBTC
from wallet.protocol.rules import Flag

FILE = Path(__file__).with_name("findings.json")
NAMES = {ETH: "ETH", USDT: "USDT", WBTC: "WBTC"}


def shown(flag: Flag) -> dict[str, Any]:
    """A flag as the file has it."""
    cost = {NAMES[asset]: str(amount) for asset, amount in flag.cost}
    return {"code": flag.code, "expected": flag.expected, "got": flag.got, "cost": cost}


def found() -> dict[str, dict[str, Any]]:
    """Every lie, judged now."""
    flags = {name: case() for name, (_, case) in CASES.items()}
    return {name: shown(flag) for name, flag in flags.items() if flag is not None}


def kept() -> dict[str, dict[str, Any]]:
    """Every lie, as it was judged when a person last looked."""
    findings: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return findings


if __name__ == "__main__":
    FILE.write_text(json.dumps(found(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
