"""Run by the build's own Python: the manual page, the shell completions and the icons, made from the program itself.

Usage: dev_pages.py FOLDER DATE. The command line describes itself, so that no page can lag behind it.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import get_completion_class
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from wallet import __version__
from wallet.cli.main import main
from wallet.resources import resource

NAME = "channel-wallet"
# Where each shell looks, below /usr/share.
COMPLETIONS = {
    "bash": f"bash-completion/completions/{NAME}",
    "zsh": f"zsh/vendor-completions/_{NAME}",
    "fish": f"fish/vendor_completions.d/{NAME}.fish",
}
SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
_ROFF_TAIL = rf"""
.SH FILES
.TP
.I ~/.local/share/{NAME}/
Profiles: encrypted keys, the signed history, pinned brokers. No package ever touches them.
.SH ENVIRONMENT
.TP
.B CHANNEL_WALLET_PASSWORD
The password of the profile, for commands that need it; else it is asked for.
.SH EXIT STATUS
0 done, 1 refused (one sentence on standard error says why), 2 wrong usage.
"""


def roff(text: str) -> str:
    """Return a text as troff prints it."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", escaped, flags=re.MULTILINE)


def commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command below one, with the words that call it, in the order of the alphabet."""
    if isinstance(command, click.Group):
        for name, below in sorted(command.commands.items()):
            yield from commands(below, (*words, name))
    else:
        yield words, command


def manual(date: str) -> str:
    """Return the manual page."""
    lines = [
        f'.TH CHANNEL\\-WALLET 1 "{date}" "Channel Wallet {__version__}" "User Commands"',
        ".SH NAME",
        rf"{roff(NAME)} \- trade in a trading channel, leave with the money",
        ".SH SYNOPSIS",
        rf".B {roff(NAME)}",
        roff("[--profile DIRECTORY]"),
        ".br",
        rf".B {roff(NAME)}",
        ".I COMMAND",
        roff("[OPTIONS] [ARGUMENTS]"),
        ".SH DESCRIPTION",
        roff(main.help or ""),
        ".SH COMMANDS",
    ]
    for words, command in commands(main, ()):
        context = click.Context(command, info_name=" ".join(words))
        usage = " ".join(command.collect_usage_pieces(context))
        lines += [".TP", rf".B {roff(' '.join(words))} " + roff(usage), roff(command.get_short_help_str(200))]
        for parameter in command.params:
            record = parameter.get_help_record(context)
            if record:
                lines += [".RS", ".TP", rf".B {roff(record[0])}", roff(record[1] or "."), ".RE"]
    return "\n".join(lines) + _ROFF_TAIL


def completion(shell: str) -> str:
    """Return the completion script of a shell."""
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(main, {}, NAME, f"_{NAME.replace('-', '_').upper()}_COMPLETE").source()


def icon(size: int) -> QImage:
    """Return the icon as a picture of so many pixels a side."""
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    QSvgRenderer(str(resource(f"icons/{NAME}.svg"))).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return image


def write(folder: Path, date: str) -> None:
    """Write everything where /usr/share has it."""
    texts = {f"man/man1/{NAME}.1": manual(date), **{path: completion(shell) for shell, path in COMPLETIONS.items()}}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for size in SIZES:
        path = folder / f"icons/hicolor/{size}x{size}/apps/{NAME}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not icon(size).save(str(path)):
            raise OSError(f"could not write {path}")
    scalable = folder / f"icons/hicolor/scalable/apps/{NAME}.svg"
    scalable.parent.mkdir(parents=True, exist_ok=True)
    scalable.write_bytes(resource(f"icons/{NAME}.svg").read_bytes())


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
