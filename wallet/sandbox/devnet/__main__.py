"""The development chain as a process: `python -m wallet.sandbox.devnet --dir D [--port N]` prints one JSON line when it
answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from wallet.protocol.errors import WalletError
from wallet.sandbox.devnet.node import Devnet


async def _serve(directory: Path, port: int, *, allow_time_travel: bool) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has no signal handlers on its loop; there Ctrl-C ends the loop itself.
        if sys.platform != "win32":
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    chain = await Devnet.start(directory, port, allow_time_travel=allow_time_travel)
    try:
        tokens = {symbol: "0x" + token.address.hex() for symbol, token in chain.tokens.items()}
        ready = {"url": chain.url, "chainId": chain.chain_id, "tokens": tokens}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await chain.stop()


def main() -> int:
    """Runs until SIGINT or SIGTERM; 1 if the chain could not be started."""
    parser = argparse.ArgumentParser(prog="devnet", description="A development chain on 127.0.0.1")
    parser.add_argument("--dir", type=Path, required=True, help="where the chain is kept")
    parser.add_argument("--port", type=int, default=0, help="the port to answer on (0: any free one)")
    parser.add_argument("--time-travel", action="store_true", help="serve evm_increaseTime and evm_mine")
    given = parser.parse_args()
    try:
        asyncio.run(_serve(given.dir, given.port, allow_time_travel=given.time_travel))
    except WalletError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
