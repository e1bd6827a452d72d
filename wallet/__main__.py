"""`python -m wallet` is the command `channel-wallet`."""

import sys

from wallet.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
