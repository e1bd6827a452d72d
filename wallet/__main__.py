"""`python -m wallet` is the command `channel-wallet`."""

import sys
from multiprocessing import freeze_support

from wallet.cli.main import main

if __name__ == "__main__":
    freeze_support()  # in a bundle, helper processes start as this very command
    sys.exit(main())
