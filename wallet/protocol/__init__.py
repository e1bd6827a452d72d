"""The rules of the game, pure: no input or output, no clock, no Qt, no randomness."""
