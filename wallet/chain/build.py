"""Compiles the adjudicator to the artifact that is released with the program: `python -m wallet.chain.build`.

The compiler is a developer's tool and runs as a process of its own: nothing that is installed depends on it. A test
compiles the source again and compares every byte.
"""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from wallet.protocol.eip712 import keccak

SOURCE = Path(__file__).resolve().parent / "contract" / "Adjudicator.vy"
ARTIFACT = "contracts/adjudicator-1.json"
# The source's own pragma decides; the artifact only repeats it for those who deploy.
_PRAGMA = "# pragma evm-version "


def compile_adjudicator(source: Path = SOURCE) -> dict[str, object]:
    """The artifact of `source`: name, version, compiler, evmVersion, abi, bytecode, runtime, codeHash, sourceHash.

    `codeHash` is keccak256 of the runtime code as it stands on chain, `sourceHash` SHA-256 of the file. Raises
    RuntimeError with what the compiler said.
    """
    text = source.read_bytes()
    abi, bytecode, runtime = _vyper(
        "-f", "abi,bytecode,bytecode_runtime", "--no-bytecode-metadata", source.name, folder=source.parent
    )
    (version,) = _vyper("--version", folder=source.parent)
    evm = next(line for line in text.decode().splitlines() if line.startswith(_PRAGMA)).removeprefix(_PRAGMA)
    return {
        "name": source.stem,
        "version": "1",
        "compiler": f"vyper {version}",
        "evmVersion": evm.strip(),
        "abi": json.loads(abi),
        "bytecode": bytecode,
        "runtime": runtime,
        "codeHash": "0x" + keccak(bytes.fromhex(runtime.removeprefix("0x"))).hex(),
        "sourceHash": "0x" + sha256(text).hexdigest(),
    }


def artifact_text(artifact: dict[str, object]) -> str:
    """The artifact file's content: one form for one source."""
    return json.dumps(artifact, indent=1) + "\n"


def _vyper(*arguments: str, folder: Path) -> list[str]:
    command = [sys.executable, "-m", "vyper", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or "the compiler said nothing")
    return done.stdout.strip().splitlines()


def main() -> None:
    """Writes the artifact into the source checkout this file stands in."""
    target = SOURCE.parents[3] / "resources" / ARTIFACT
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(artifact_text(compile_adjudicator()), encoding="utf-8")


if __name__ == "__main__":
    main()
