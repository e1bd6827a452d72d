"""What every package says of the program: name, version, releases, the date in its files. All of it is read."""

import datetime as dt
import re
import tomllib
from dataclasses import dataclass

from dev_env import ROOT, Refused

NAME = "channel-wallet"
TITLE = "Channel Wallet"
APPLICATION = "org.channelwallet.ChannelWallet"
# What packages and software centres show. The project has no pages of its own yet, and .example is nobody's.
HOME = "https://channel-wallet.example"
CHANGELOG = ROOT / "packaging" / "CHANGELOG.md"

_HEADING = re.compile(r"^## (\d+\.\d+\.\d+) \((\d{4}-\d{2}-\d{2})\)$", re.MULTILINE)
_VERSION = re.compile(r'^__version__ = "(\d+\.\d+\.\d+)"$', re.MULTILINE)


@dataclass(frozen=True)
class Release:
    """A section of the changelog."""

    version: str
    date: dt.date
    notes: tuple[str, ...]


def project() -> dict[str, object]:
    """Return the [project] table of pyproject.toml."""
    table: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def summary() -> str:
    """Return the one line that says what the program is."""
    return str(project()["description"])


def version() -> str:
    """Return the version of the source. Raises Refused if there is none in its one place."""
    found = _VERSION.search((ROOT / "wallet" / "__init__.py").read_text(encoding="utf-8"))
    if found is None:
        raise Refused("wallet/__init__.py names no version of the form 1.2.3.")
    return found[1]


def releases(text: str) -> tuple[Release, ...]:
    """Return the sections of a changelog, newest first. Raises Refused if they are none or not in that order."""
    headings = list(_HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings), len(text)][1:]
    found = tuple(
        Release(heading[1], dt.date.fromisoformat(heading[2]), _notes(text[heading.end() : end]))
        for heading, end in zip(headings, ends, strict=True)
    )
    numbers = [tuple(map(int, release.version.split("."))) for release in found]
    if not found or numbers != sorted(set(numbers), reverse=True) or not all(release.notes for release in found):
        raise Refused("the changelog needs sections `## 1.2.3 (2026-01-31)`, newest first, each with a list of notes.")
    return found


def current() -> Release:
    """Return the changelog's section of this source. Raises Refused if its newest section is of another version."""
    newest = releases(CHANGELOG.read_text(encoding="utf-8"))[0]
    if newest.version != version():
        raise Refused(f"the changelog's newest section is of {newest.version}, and the source is {version()}.")
    return newest


def epoch() -> int:
    """Return the one time in every file of a build, in seconds: midnight (UTC) of the release's day.

    It comes from the source alone, so a build next year, or from a tree without git, says the same.
    """
    return int(dt.datetime.combine(current().date, dt.time(), dt.UTC).timestamp())


def _notes(section: str) -> tuple[str, ...]:
    flat = re.sub(r"\n {2,}", " ", section)
    return tuple(line[2:].strip() for line in flat.splitlines() if line.startswith("- "))
