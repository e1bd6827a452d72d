"""An X server of the test's own, and hands on its mouse and keyboard: input goes the way a person's does."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 60.0


class Screen:
    """Xvfb on a display it chose itself. Where things stand is read from the program's read-only list of rectangles."""

    def __init__(self, folder: Path, size: str = "1440x900") -> None:
        self.folder = folder
        self.rects_path = folder / "rects.json"
        read, write = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp", "-noreset"],
            pass_fds=(write,),
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as pipe:
            self.display = f":{pipe.readline().strip()}"

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY")}
        return {**kept, "DISPLAY": self.display, "CHANNEL_WALLET_RECTS": str(self.rects_path)}

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(10)

    # --- eyes ---

    def rects(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self.rects_path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return found

    def text(self, name: str) -> str:
        return str(self.rects().get(name, {}).get("text", ""))

    def until(self, condition: Callable[[dict[str, Any]], bool], what: str, patience: float = PATIENCE) -> None:
        """Waits until the list shows something; fails with a picture if it never does."""
        deadline = time.monotonic() + patience
        while not condition(self.rects()):
            if time.monotonic() > deadline:
                picture = self.picture("failure")
                raise AssertionError(f"never seen within {patience:.0f} s: {what}; see {picture}")
            time.sleep(0.1)

    def until_usable(self, name: str, patience: float = PATIENCE) -> None:
        def usable(rects: dict[str, Any]) -> bool:
            found = rects.get(name, {})
            return bool(found.get("visible") and found.get("enabled", True))

        self.until(usable, f"{name}, to be clicked", patience)

    def picture(self, name: str) -> Path:
        path = self.folder / f"{name}.png"
        subprocess.run(["import", "-display", self.display, "-window", "root", str(path)], check=True, timeout=60)
        return path

    # --- hands ---

    def click(self, name: str) -> None:
        """Waits until a widget can be clicked, and clicks in its middle."""
        self.until_usable(name)
        self.click_now(name)

    def click_now(self, name: str) -> str:
        """Clicks what the list says is there at this moment; the words it had."""
        entry = self.rects()[name]
        left, top, width, height = entry["rect"]
        self._hand("mousemove", str(left + width // 2), str(top + height // 2), "click", "1")
        return str(entry.get("text", ""))

    def type(self, text: str) -> None:
        self._hand("type", "--delay", "20", text)

    def key(self, *keys: str) -> None:
        self._hand("key", *keys)

    def _hand(self, *arguments: str) -> None:
        environment = {**os.environ, "DISPLAY": self.display}
        subprocess.run(["xdotool", *arguments], check=True, timeout=30, env=environment)
