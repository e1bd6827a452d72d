"""The real broker in a process of its own, made to be killed: ``python -m tests.crashes.broker_worker FOLDER OPTIONS``.

Only its chain is made up: every channel is open at once, since what is killed here is the channel, not the chain.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from tests.broker.broker_process import EagerChain
from tests.broker.kit import Key, make_config
from tests.crashes import builds
from tests.crashes.options import Options, say
from tests.crashes.points import Points
from wallet.app.logs import start_logging
from wallet.broker.server import Broker
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import Initiative

PLENTY = 1_000_000


async def main(folder: Path, options: Options) -> int:
    points = Points(*options.deadly)
    if options.watched:
        points.install(Key)
    builds.BUILDS[options.build]()
    policy = {
        "heartbeat": 2,
        "answer_time": 3,
        "initiative": Initiative[options.initiative.upper()],
        "refused_fills": PLENTY,
        "unknown_cancels": PLENTY,
        "channels_per_owner": PLENTY,
        "unopened_per_owner": PLENTY,
    }
    config = replace(make_config(folder / "broker", options.port, **policy), names=(options.host,))
    chain = EagerChain()
    chain.balances = dict.fromkeys(chain.balances, 10**30)
    broker = Broker(config, chain)
    try:
        await broker.start()
    except WalletError as error:
        say(refused=error.code)
        return 3
    start_logging(folder / "broker-logs")
    say(profile=broker.profile(), port=broker.port)
    options.stop_at_sigterm(broker.stopped)
    await broker.stopped.wait()
    halted = broker.ledger.failed
    say(halted=halted, points=points.passed)
    await broker.stop()
    return 4 if halted else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), Options.read(sys.argv[2]))))
