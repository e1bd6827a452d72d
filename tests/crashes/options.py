"""What a worker is told when it starts, and how it speaks: one JSON line at a time."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import asdict, dataclass
from typing import Any

import msgspec


@dataclass(frozen=True)
class Options:
    """``deadly``: the point to die at and its how-manieth passage. ``build``: which deliberately broken program."""

    initiative: str = "broker"
    host: str = ""  # under which wallets dial the broker
    port: int = 0
    deadly: tuple[str, int] = ("", 0)
    watched: bool = False
    build: str = "sound"

    def show(self) -> str:
        return msgspec.json.encode(asdict(self)).decode()

    @classmethod
    def read(cls, text: str) -> Options:
        return msgspec.json.decode(text, type=cls)

    @staticmethod
    def stop_at_sigterm(stop: asyncio.Event) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)


def say(**what: Any) -> None:
    sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
    sys.stdout.flush()
