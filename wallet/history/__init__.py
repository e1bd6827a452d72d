"""The durable, append-only journal of signed states, used by both sides."""
