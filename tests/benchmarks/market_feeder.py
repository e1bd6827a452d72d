"""A market, a process of its own, in JSON lines: a snapshot, then 1,000 changes of the book and 200 trades a second."""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time

from tests.gui.scripted import ETH_USDT, market_view
from wallet.market.depth import checksum

UPDATES, TRADES = 1_000, 200
BATCH = 0.01  # seconds


def main() -> None:
    chance, view = random.Random(1), market_view()
    bids, asks = dict(view.book.bids), dict(view.book.asks)

    def say(*words: object) -> None:
        sys.stdout.write(json.dumps(words) + "\n")

    def check() -> int:
        return checksum(sorted(bids.items(), reverse=True), sorted(asks.items()))

    say("snapshot", 1, sorted(bids.items(), reverse=True), sorted(asks.items()), check())
    seq, trade, start = 1, 0, time.perf_counter()
    while True:
        time.sleep(max(0.0, start + seq / UPDATES - time.perf_counter()))
        for _ in range(int(UPDATES * BATCH)):
            side = chance.choice((bids, asks))
            price = chance.choice(list(side))
            side[price] = chance.randrange(1, 10_000) * ETH_USDT.lot_size
            change = ((price, side[price]),)
            say("depth", seq, seq + 1, change if side is bids else (), change if side is asks else (), check())
            seq += 1
            if seq % (UPDATES // TRADES) == 0:
                trade += 1
                say("trade", trade, int(time.time() * 1000), trade % 2, max(bids), ETH_USDT.lot_size * 10)
        sys.stdout.flush()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more
        main()
