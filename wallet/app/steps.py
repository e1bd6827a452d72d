"""Progress of long work as steps that a screen can show."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from wallet.app.snapshots import Step
from wallet.protocol.errors import WalletError

OPEN_STEPS = ("STEP-OFFER", "STEP-SETUP", "STEP-DEPOSIT", "STEP-CONFIRM")
ALONE_STEPS = ("STEP-CHALLENGE", "STEP-PERIOD", "STEP-SETTLE", "STEP-WITHDRAW")
LEAVE_STEPS = ("STEP-CANCEL", "STEP-FINALIZE", "STEP-CLOSE", "STEP-WITHDRAW")


class Progress:
    """The steps of the work that runs, or ran last."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.steps: tuple[Step, ...] = ()
        self._changed = changed

    @contextlib.contextmanager
    def of(self, codes: Sequence[str], done: int = 0) -> Iterator[Callable[[int], None]]:
        """A stepper: call what it gives with the number of the step that begins; a failure marks that step."""
        current = done

        def show(doing: int, state: str = "doing", detail: str = "") -> None:
            nonlocal current
            current = doing
            self.steps = tuple(
                Step(code, state, detail) if number == doing else Step(code, "done" if number < doing else "todo")
                for number, code in enumerate(codes)
            )
            self._changed()

        try:
            yield show
        except BaseException as error:
            show(current, "failed", error.code if isinstance(error, WalletError) else type(error).__name__)
            raise
        show(current + 1)
