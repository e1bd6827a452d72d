"""A development chain for this machine only: a real EVM behind a small JSON-RPC endpoint."""
