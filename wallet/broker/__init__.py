"""The reference broker: order book, channels, market data, server."""
