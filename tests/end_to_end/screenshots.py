"""Pictures of the live demo, and the history each was taken of: ``python -m tests.end_to_end.screenshots [FOLDER]``.

The real program under Xvfb, driven by mouse and keyboard; no widget is fed anything. Beside the pictures lie
``history.db`` of each demo and ``pictures.json``: the channel and the state number that stood in the window when a
picture was taken, read from its widgets. A picture is refused unless both stand in that history.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.end_to_end.screen import Screen
from wallet.history.backup import back_up

ROOT = Path(__file__).parents[2]
THEMES = ("light", "contrast", "dark")  # in this order: the last one stays
SITE = (
    "import sys\nif 'sandbox' in sys.orig_argv:\n    from tests.end_to_end.lying_broker import install\n    install()\n"
)


@dataclass
class Album:
    """One demo, its screen and what was taken of it."""

    out: Path
    screen: Screen
    size: str
    demo: Path
    lie: Path
    taken: dict[str, dict[str, object]] = field(default_factory=dict)

    def session(self) -> tuple[str, int]:
        """The channel's first digits and the state number, as they stand in the window."""
        rects = self.screen.rects()
        return str(rects["strip.session"]["label"]).removeprefix("Session "), int(
            str(rects["strip.state"]["text"]).partition(" ")[0].lstrip("#")
        )

    def take(self, name: str) -> None:
        """A picture between two looks that agree: what was read is what is in it."""
        name = f"{name}-{self.size}"
        while True:
            before = self.session()
            path = self.screen.picture(name)
            time.sleep(0.6)  # until the list is written again
            if before == self.session():
                break
        subprocess.run(["convert", str(path), "-strip", "-colors", "200", f"PNG8:{path}"], check=True)
        path.replace(self.out / path.name)
        self.taken[path.name] = {"channel": before[0], "state": before[1], "history": f"history-{self.size}.db"}
        print(f"{path.name}: channel {before[0]}, state {before[1]}", flush=True)

    def channel(self) -> str:
        with sqlite3.connect(f"file:{self.demo / 'trader' / 'history.db'}?mode=ro", uri=True) as history:
            row = history.execute("SELECT id FROM channels ORDER BY created DESC LIMIT 1").fetchone()
        history.close()
        return bytes(row[0]).hex()

    def check(self) -> None:
        """Leaves the history beside the pictures; each state in them must stand in it."""
        history = self.out / f"history-{self.size}.db"
        history.unlink(missing_ok=True)
        back_up(self.demo / "trader" / "history.db", history)
        db = sqlite3.connect(f"file:{history}?mode=ro", uri=True)
        for name, row in self.taken.items():
            sql = "SELECT count(*) FROM states WHERE lower(hex(channel)) LIKE ? || '%' AND increment = ?"
            found = db.execute(sql, (str(row["channel"]).removeprefix("0x"), row["state"])).fetchone()[0]
            if not found:
                raise SystemExit(f"{name} shows state {row['state']} of channel {row['channel']}, which is not there")
        db.close()


@contextmanager
def demo(out: Path, size: str) -> Iterator[Album]:
    """A demo market of its own, its session open and prices in the book."""
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name:
        folder = Path(name)
        site = folder / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(SITE)
        screen = Screen(folder, size)
        environment = screen.environment() | {
            "PYTHONPATH": os.pathsep.join((str(site), str(ROOT))),
            "CHANNEL_WALLET_LIE": str(folder / "lie"),
        }
        with (folder / "output.txt").open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "wallet", "demo", "--dir", str(folder / "demo")],
                env=environment,
                cwd=ROOT,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield Album(out, screen, size, folder / "demo", folder / "lie")
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(60)
                screen.close()


def open_session(album: Album) -> None:
    screen = album.screen
    screen.until_usable("session.open", 120)
    screen.click("session.open")
    screen.until(lambda rects: rects.get("book.sell.2", {}).get("visible", False), "an order book with prices")


def buy(album: Album, row: str, amount: str, kind: str) -> None:
    screen = album.screen
    before = album.session()[1]
    screen.click(f"ticket.kind.{kind}")
    screen.click(row)
    screen.click("ticket.amount")
    screen.key("ctrl+a")
    screen.type(amount)
    screen.click("ticket.send")
    screen.click("ask.yes")
    screen.until(lambda _: album.session()[1] > before, "the next state")


def theme(album: Album, name: str) -> None:
    screen = album.screen
    screen.key("ctrl+comma")
    screen.click("settings.theme")
    screen.key("Home")
    screen.type({"light": "L", "dark": "D", "contrast": "H"}[name])
    screen.key("Return")  # shuts the list
    time.sleep(1)
    screen.key("Escape")
    screen.until(lambda rects: not rects.get("settings.close", {}).get("visible"), "the settings shut")


def small(album: Album) -> None:
    """1280×720: everything that is to be seen of one session, from its first order to a dispute."""
    screen = album.screen
    open_session(album)
    buy(album, "book.sell.4", "0.5", "immediate_or_cancel")
    buy(album, "book.buy.6", "0.2", "post_only")
    screen.key("ctrl+3")
    screen.click("history.table")
    screen.key("Home")
    screen.until(lambda rects: rects.get("history.state", {}).get("text", "").startswith("#"), "a state in full")
    album.take("history")
    screen.click("history.timeline")
    screen.key("Home")
    screen.key("Right")
    screen.until(lambda rects: rects.get("history.then", {}).get("visible", False), "balances as they were")
    album.take("timeline")
    screen.key("ctrl+5")
    screen.until(lambda rects: rects.get("result.total", {}).get("visible", False), "the session's result")
    album.take("result")
    screen.key("ctrl+1")
    for name in THEMES:
        theme(album, name)
        album.take(name)
    screen.click("ticket.amount")
    screen.key("ctrl+a")
    screen.type("900")
    album.take("ticket-error")
    screen.key("Escape")
    album.lie.write_text(album.channel())
    screen.click("ticket.kind.immediate_or_cancel")
    screen.click("book.sell.4")
    screen.click("ticket.amount")
    screen.key("ctrl+a")
    screen.type("0.3")
    screen.click("ticket.send")
    screen.click("ask.yes")
    screen.until_usable("flag.refuse")
    album.take("flag")
    screen.click("flag.refuse")
    screen.until(lambda rects: not rects.get("flag.refuse", {}).get("visible"), "the flag decided")
    screen.click("strip.leave")
    screen.click("leave.alone")
    screen.until(lambda rects: bool(rects.get("leave.costs", {}).get("text")), "what leaving costs")
    time.sleep(1.5)  # the dialog grew by those words: the list of where things stand is written twice a second
    screen.click("leave.go")
    screen.until_usable("dispute.details", 120)
    screen.key("Escape")
    album.take("dispute")


def large(album: Album) -> None:
    open_session(album)
    buy(album, "book.sell.4", "0.5", "immediate_or_cancel")
    buy(album, "book.buy.6", "0.2", "post_only")
    album.take("dark")


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".cache" / "screenshots").absolute()
    missing = [name for name in ("Xvfb", "xdotool", "import", "convert") if shutil.which(name) is None]
    if missing:
        raise SystemExit(f"Not installed: {', '.join(missing)} (Xvfb, xdotool, ImageMagick).")
    out.mkdir(parents=True, exist_ok=True)
    taken: dict[str, Any] = {}
    for size, story in (("1280x720", small), ("2560x1440", large)):
        with demo(out, size) as album:
            story(album)
            album.check()
            taken |= album.taken
    (out / "pictures.json").write_text(json.dumps(taken, indent=1) + "\n")
    print(f"{len(taken)} pictures in {out}; each state in them stands in the history beside them.")


if __name__ == "__main__":
    main()
