"""One decoder reads what others wrote; whoever adds another way in has to say here why it is none."""

from __future__ import annotations

import re
from pathlib import Path

import wallet

ROOT = Path(wallet.__file__).parent
OTHER_WAYS = re.compile(
    r"(?<!strict)json\.loads?\(|msgspec\.(?:json|yaml|toml)\.decode|literal_eval|(?<![.\w])eval\(|(?<![.\w])exec\(|pickle|marshal|shelve|tomllib|yaml|"
    r"configparser|xml\.|csv\.(?:reader|DictReader)|plistlib"
)
# file: what it reads there, and whose that is
OWN = {
    "protocol/strictjson.py": "the decoder itself",
    "chain/artifact.py": "shipped with the program",
    "chain/build.py": "the compiler's output, when the program is made",
    "sandbox/boot.py": "shipped with the program",
    "sandbox/devnet/node.py": "shipped with the program",
    "session/tokens.py": "shipped with the program",
    "sandbox/outside.py": "shipped with the program",
    "broker/tables.py": "TOML, which is no JSON: the operator's own file, bounded, each value read strictly after",
    "history/records.py": "rows of the program's own sealed history, each read strictly by the codec after",
    "history/schema.py": "the same, once, when an old history is brought up to date",
}
NAMES_ONLY = re.compile(r"^\s*(?:#|\"\"\")|no pickle|nor pickled")


def test_nothing_else_is_decoded_otherwise() -> None:
    found = {}
    for file in sorted(ROOT.rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        lines = file.read_text(encoding="utf-8").splitlines()
        ways = [line.strip() for line in lines if OTHER_WAYS.search(line) and not NAMES_ONLY.search(line)]
        if ways and name not in OWN:
            found[name] = ways
    assert found == {}


def test_what_is_listed_is_there() -> None:
    for name in OWN:
        assert (ROOT / name).exists(), name
        assert OTHER_WAYS.search((ROOT / name).read_text(encoding="utf-8")), name
