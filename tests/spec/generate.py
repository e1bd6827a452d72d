"""Writes the machine-readable part of the specification: ``python -m tests.spec.generate``.

Everything is deterministic: keys, times and order are fixed, so that a difference is a change of the protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.spec import plays, vectors
from tests.spec.forms import Json, render
from tests.spec.rpc import document

FOLDER = Path(__file__).parents[2] / "resources" / "spec"
VECTORS: dict[str, Callable[[], Json]] = {
    "digests": vectors.digests,
    "signatures": vectors.signatures,
    "terms": vectors.terms_cases,
    "decoding": vectors.decoding,
    "presence": vectors.presence,
    "checksums": vectors.checksums,
    "transitions": plays.transitions,
    "session": plays.session,
    "proofs": plays.proof_cases,
}


def files() -> Iterator[tuple[str, bytes]]:
    """Each generated file: its name below ``resources/spec``, and what must stand in it."""
    yield "openrpc.json", render(document(), depth=5)
    for name, make in VECTORS.items():
        yield f"vectors/{name}.json", render(make())


def main() -> None:
    for name, data in files():
        target = FOLDER / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        print(f"{len(data):>8} bytes  {name}")


if __name__ == "__main__":
    main()
