"""What the market looks like: book replica, trades, candles. Pure."""
