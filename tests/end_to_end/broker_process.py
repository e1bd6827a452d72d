"""The sandbox as its own process — broker, chain and market makers, all killed together — that also answers to the
proxy's name: the broker signs in Auth only for hosts it knows.

``python -m tests.end_to_end.broker_process DIRECTORY PROXY_HOST:PORT``; prints one JSON line when it is ready.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

from wallet.app.logs import start_logging
from wallet.sandbox.boot import market
from wallet.sandbox.population import populate


async def main(directory: Path, proxy: str) -> None:
    async with market(directory) as found:
        start_logging(found.folder.logs)
        identity = found.broker.identity
        found.broker.identity = replace(identity, hosts=identity.hosts | {proxy})
        print(json.dumps({"profile": str(found.folder.profile)}), flush=True)
        async with populate(found):
            await found.broker.stopped.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
