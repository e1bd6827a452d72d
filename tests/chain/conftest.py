"""A fresh chain with a funded trader and broker for every test."""

import pytest

from tests.chain.world import World


@pytest.fixture
def world() -> World:
    return World.make()
