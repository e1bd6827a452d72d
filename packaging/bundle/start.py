"""Where the bundle begins: the command `channel-wallet`."""

import sys

from wallet.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
