"""What travels between trader and broker: JSON-RPC 2.0 over WebSocket, both ways, every byte of it distrusted."""
