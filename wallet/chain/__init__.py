"""The adjudicator: its contract, the node it is reached through, and a typed client of it."""
