"""The released adjudicator: what its runtime code must be, and how it is spoken to.

A wallet refuses any other code: the artifact that ships with the program is the pin.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from wallet.chain.abi import Abi, read_abi
from wallet.resources import resource


@dataclass(frozen=True)
class Artifact:
    """One compiled contract. ``bytecode`` creates it, ``runtime`` is what then stands on chain."""

    name: str
    version: str
    abi: Abi
    bytecode: bytes
    runtime: bytes
    code_hash: bytes


def load_artifact(name: str) -> Artifact:
    """The artifact in the program's resource ``name``."""
    entry = json.loads(resource(name).read_text(encoding="utf-8"))
    return Artifact(
        name=entry["name"],
        version=entry["version"],
        abi=read_abi(entry["abi"]),
        bytecode=bytes.fromhex(entry["bytecode"].removeprefix("0x")),
        runtime=bytes.fromhex(entry["runtime"].removeprefix("0x")),
        code_hash=bytes.fromhex(entry["codeHash"].removeprefix("0x")),
    )


@cache
def adjudicator() -> Artifact:
    """The adjudicator of this release."""
    return load_artifact("contracts/adjudicator-1.json")
