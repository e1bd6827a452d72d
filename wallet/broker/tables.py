"""TOML read strictly, for people: every value is asked for by name, and what is wrong is said with its line.

Nothing that was not asked for is passed over in silence: a misspelt limit is no limit. Source: TOML 1.0.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

from wallet.protocol.amounts import parse_decimal
from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain

MAX_FILE: Final = 256 * 1024
MAX_ROWS: Final = 64
MAX_TEXT: Final = 500
_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=")


class Missing:
    """A setting without a default."""


REQUIRED: Final = Missing()


def read_tables(path: Path) -> Table:
    """The file's whole content. Raises WalletError("SETTINGS_FILE" | "SETTINGS_SYNTAX")."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise WalletError("SETTINGS_FILE", path=str(path), why=error.strerror or "") from error
    if len(data) > MAX_FILE:
        raise WalletError("SETTINGS_FILE", path=str(path), why=f"it is larger than {MAX_FILE} bytes")
    try:
        text = data.decode("utf-8")
        value = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise WalletError("SETTINGS_SYNTAX", path=str(path), why=f"byte {error.start} is no UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        why = plain(str(error)) or type(error).__name__
        raise WalletError("SETTINGS_SYNTAX", path=str(path), why=why) from None
    return Table(path, "", value, _lines(text))


def _lines(text: str) -> dict[str, int]:
    """The line of each table and key, by its path: ``markets[1].tick``."""
    found, prefix, counts = {"": 1}, "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            name = header[2]
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                name = f"{name}[{counts[name]}]"
            found.setdefault(name, number)
            prefix = name + "."
        elif key := _KEY.match(line):
            found.setdefault(prefix + key[1], number)
    return found


@dataclass(slots=True)
class Table:
    """One table; :meth:`done` refuses whatever nobody asked for."""

    path: Path
    name: str
    _value: dict[str, Any]
    _lines: dict[str, int]
    _asked: set[str] = field(default_factory=set)

    # --- telling what is wrong ---

    def line(self, key: str = "") -> int:
        """Where ``key`` stands, else where its table begins."""
        whole = self._whole(key)
        return self._lines.get(whole) or self._lines.get(self.name, 1)

    def refuse(self, key: str, expected: str) -> NoReturn:
        got = plain(repr(self._value.get(key)), 80)
        raise WalletError(
            "SETTINGS_VALUE", path=str(self.path), line=self.line(key), key=self._said(key), got=got, expected=expected
        )

    def _whole(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name and key else self.name or key

    def _said(self, key: str) -> str:
        return re.sub(r"\[\d+\]", "", self._whole(key))

    def done(self) -> None:
        """Raises WalletError("SETTINGS_UNKNOWN") for the first key that is no setting."""
        for key in self._value:
            if key not in self._asked:
                raise WalletError(
                    "SETTINGS_UNKNOWN",
                    path=str(self.path),
                    line=self.line(key),
                    key=plain(self._said(key), 80),
                    known=", ".join(sorted(self._asked)),
                )

    # --- asking ---

    def _get(self, key: str, default: object, example: str) -> Any:
        self._asked.add(key)
        if key in self._value:
            return self._value[key]
        if isinstance(default, Missing):
            raise WalletError(
                "SETTINGS_MISSING",
                path=str(self.path),
                line=self.line(),
                key=self._said(key),
                example=f"{key} = {example}",
            )
        return default

    def table(self, key: str) -> Table:
        """A table inside; an empty one if it is not there."""
        value = self._get(key, {}, "")
        if type(value) is not dict:
            self.refuse(key, f"a table: [{key}]")
        return Table(self.path, self._whole(key), value, self._lines)

    def tables(self, key: str, least: int = 1) -> list[Table]:
        """The rows of ``[[key]]``."""
        rows = self._get(key, [], "")
        if type(rows) is not list or not all(type(row) is dict for row in rows):
            self.refuse(key, f"tables: [[{key}]]")
        if not least <= len(rows) <= MAX_ROWS:
            self.refuse(key, f"{least} to {MAX_ROWS} tables [[{key}]]")
        return [Table(self.path, f"{self._whole(key)}[{index}]", row, self._lines) for index, row in enumerate(rows)]

    def text(self, key: str, example: str, default: str | Missing = REQUIRED, longest: int = MAX_TEXT) -> str:
        value = self._get(key, default, f'"{example}"')
        if type(value) is not str or len(value) > longest or value != plain(value, longest):
            self.refuse(key, f'a plain text of at most {longest} characters, such as "{example}"')
        return str(value)

    def texts(self, key: str, example: str, default: list[str] | Missing = REQUIRED, most: int = 8) -> tuple[str, ...]:
        value = self._get(key, default, f'["{example}"]')
        plainly = type(value) is list and all(type(one) is str and len(one) <= MAX_TEXT for one in value)
        if not plainly or not 1 <= len(value) <= most:
            self.refuse(key, f'1 to {most} texts, such as ["{example}"]')
        return tuple(value)

    def number(self, key: str, low: int, high: int, default: int | Missing = REQUIRED) -> int:
        value = self._get(key, default, str(low))
        if type(value) is not int or not low <= value <= high:
            self.refuse(key, f"a whole number from {low} to {high}")
        return int(value)

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._get(key, default, "false")
        if type(value) is not bool:
            self.refuse(key, "true or false")
        return bool(value)

    def choice(self, key: str, known: Iterable[str], default: str | Missing = REQUIRED) -> str:
        names = list(known)
        value = self._get(key, default, f'"{names[0]}"' if names else "")
        if value not in names:
            self.refuse(key, "one of " + ", ".join(f'"{name}"' for name in names))
        return str(value)

    def amount(self, key: str, decimals: int, default: str | Missing = REQUIRED, *, zero: bool = True) -> int:
        """Base units from a decimal text: numbers with a point are not exact in TOML."""
        value = self._get(key, default, '"1.5"')
        expected = f'an amount in quotes with at most {decimals} decimals, such as "1.5"'
        try:
            found = parse_decimal(value if type(value) is str else "", decimals)
        except WalletError:
            self.refuse(key, expected)
        if not found and not zero:
            self.refuse(key, "more than zero: " + expected)
        return found

    def address(self, key: str) -> bytes:
        value = self._get(key, REQUIRED, '"0x…"')
        if type(value) is not str or not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
            self.refuse(key, "an address: 0x and 40 hexadecimal digits")
        return bytes.fromhex(value[2:])

    def file(self, key: str, example: str, default: str | Missing = REQUIRED) -> Path:
        """A path, relative to the folder of the file that it stands in."""
        return self.path.parent / self.text(key, example, default)
