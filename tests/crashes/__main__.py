"""``python -m tests.crashes --kills 1000 [--seed N] [--initiative cooperative]``: random kills, resumable."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.crashes.campaign import RESULTS, campaign


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.crashes", description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--initiative", choices=("broker", "cooperative"), default="broker")
    wish = parser.parse_args()
    results = RESULTS / f"kills-{wish.initiative}-{wish.seed}.json"
    with tempfile.TemporaryDirectory(prefix="channel-wallet-crashes-") as folder:
        options = {"batch": wish.batch, "initiative": wish.initiative}
        record = campaign(Path(folder), results, wish.kills, wish.seed, **options)
    print(f"{record['total']}\n{results}")


if __name__ == "__main__":
    main()
