"""The benchmarks: ``python -m tests.benchmarks [NAME…]``. One module each; a table, and a record in .cache/results."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import acknowledge, gui, histories, pair, unlock, update
from tests.benchmarks.report import RESULTS, ROOT, Figure, Options, table, write

BENCHMARKS: dict[str, tuple[str, Callable[[Options], list[Figure]]]] = {
    "update": ("One update in CPU time: decode, digest, verify, rules, sign; the best of the rounds", update.run),
    "acknowledge": (
        "Acknowledged states through the driver over loopback, durable (synchronous=FULL)",
        acknowledge.run,
    ),
    "pair": ("Acknowledged states of the real broker and wallet over loopback, durable on both sides", pair.run),
    "gui": ("The window under Xvfb: start, gaps of its loop under load, painting, memory, idling", gui.run),
    "history": ("A long history: verified by all cores, and opened at its last page", histories.run),
    "unlock": ("The password: what a guess costs on this machine, and what its owner waits for", unlock.run),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all if none")
    parser.add_argument("--rounds", type=int, default=5, help="how often (5)")
    parser.add_argument("--states", type=int, default=1_000, help="per round (1000)")
    parser.add_argument("--history", type=int, default=1_000_000, help="states of the long one, made once (1000000)")
    parser.add_argument("--json", type=Path, default=RESULTS / "bench.json", help="where the record goes")
    wish = parser.parse_args()
    unknown = [name for name in wish.names if name not in BENCHMARKS]
    if unknown or wish.rounds < 1 or wish.states < 1 or wish.history < 1:
        parser.error(f"no benchmark {unknown[0]!r}" if unknown else "--rounds, --states and --history are at least 1")
    # on the disk of the checkout: a temporary directory may be memory, where a commit costs nothing
    (ROOT / ".cache").mkdir(exist_ok=True)
    results = {}
    for name in wish.names or BENCHMARKS:
        title, run = BENCHMARKS[name]
        with tempfile.TemporaryDirectory(dir=ROOT / ".cache", prefix="bench-") as folder:
            results[name] = run(Options(wish.rounds, wish.states, Path(folder), wish.history))
        print(table(title, results[name]) + "\n", flush=True)
    write(wish.json, results)
    print(f"Record: {wish.json}")


if __name__ == "__main__":
    main()
