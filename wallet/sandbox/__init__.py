"""The demo market: broker, chain and market makers on this computer, for the demo and the tests."""
