"""What every view of the workspace is handed: the backend, the way back from its thread, and how things look."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.app.backend import Backend
from wallet.app.messages import explain
from wallet.gui.frames import Courier, FrameClock
from wallet.gui.look import Look
from wallet.gui.settings import Preferences
from wallet.protocol.errors import WalletError


@dataclass(frozen=True, slots=True)
class Desk:
    backend: Backend
    courier: Courier
    clock: FrameClock
    look: Look
    preferences: Preferences

    @staticmethod
    def explain(error: WalletError) -> str:
        return explain(error)

    @staticmethod
    def ignore(error: WalletError) -> None:
        """For questions that are asked again by themselves."""
