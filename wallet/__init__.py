"""Channel Wallet: trade in a trading channel, leave with the money."""

__version__ = "0.1.0"
