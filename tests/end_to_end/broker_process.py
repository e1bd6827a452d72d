"""The sandbox as its own process — broker, chain and market makers, all killed together — whose broker is told one
more name under which wallets dial it: the proxy's. In Auth he signs for no other host.

``python -m tests.end_to_end.broker_process DIRECTORY PROXY_HOST:PORT [broker|cooperative]``; the rest is
``channel-wallet sandbox``.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from wallet.app.logs import start_logging
from wallet.broker.config import BrokerConfig
from wallet.protocol.terms import Initiative
from wallet.sandbox import boot
from wallet.sandbox.main import run

if __name__ == "__main__":
    boot.BrokerConfig = functools.partial(BrokerConfig, names=(sys.argv[2],))
    flow = Initiative[sys.argv[3].upper()] if len(sys.argv) > 3 else Initiative.BROKER
    sys.exit(run(Path(sys.argv[1]), start_logging, initiative=flow))
