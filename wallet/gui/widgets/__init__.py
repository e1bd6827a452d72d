"""The building blocks that every view shares."""
