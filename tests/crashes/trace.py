"""What a real process did to its files and sockets, in order, from strace's own log of its system calls.

Source: strace(1), ``-f -y -xx``: each call with its descriptors' paths and all bytes in hexadecimal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CALLS = "openat,pwrite64,pwritev,write,writev,ftruncate,fsync,fdatasync,unlink,rename,sendto,sendmsg,close"
_LINE = re.compile(r"^(?P<thread>\d+) +(?P<rest>.*)$")
_CALL = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)(?P<path><[^>]*>)?(?P<error> E[A-Z]+.*)?$")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"^(\d+)<([^>]*)>(?:\(deleted\))?(?:, )?")


def under_strace(log: Path) -> tuple[str, ...]:
    """The command that writes down what the program behind it does; that program stays the child of who starts it."""
    return ("strace", "-D", "-f", "-y", "-xx", "-s", "16777216", "-o", str(log), "-e", f"trace={CALLS}", "--")


@dataclass(frozen=True, slots=True)
class Write:
    path: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Create:
    """A name that was not there before."""

    path: str


@dataclass(frozen=True, slots=True)
class Sync:
    """Returned: what was written to the file, or named in the directory, is on disk."""

    path: str


@dataclass(frozen=True, slots=True)
class Unlink:
    path: str


@dataclass(frozen=True, slots=True)
class Rename:
    path: str
    to: str


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes given to a socket; ``path`` is its name, the same for one connection."""

    path: str
    data: bytes


Event = Write | Truncate | Create | Sync | Unlink | Rename | Send


def read(log: Path, root: Path) -> list[Event]:
    """What happened below ``root`` and on sockets. A call that another thread cut in two counts where it began; a
    sync, which promises something, where it returned.
    """
    return list(_Reader(str(root.resolve()) + "/").events(log))


class _Reader:
    def __init__(self, root: str) -> None:
        self._root = root
        self._known: set[str] = set()
        self._at: dict[int, int] = {}  # where the next write() of a descriptor goes

    def events(self, log: Path) -> Iterator[Event]:
        for line in _whole_calls(log):
            found = _CALL.match(line)
            if found is None or int(found["result"]) < 0:
                continue
            yield from self._event(found["name"], found["arguments"], int(found["result"]))

    def _event(self, name: str, arguments: str, result: int) -> Iterator[Event]:
        if name == "openat":
            yield from self._open(arguments, result)
        elif name == "rename":
            path, to = (_bytes(text).decode() for text in _TEXT.findall(arguments))
            if self._ours(to):
                self._known.discard(path)
                self._known.add(to)
                yield Rename(path, to)
        elif name == "unlink":
            path = _bytes(_TEXT.findall(arguments)[0]).decode()
            if self._ours(path):
                self._known.discard(path)
                yield Unlink(path)
        else:
            yield from self._by_descriptor(name, arguments, result)

    def _open(self, arguments: str, result: int) -> Iterator[Event]:
        path = _bytes(_TEXT.findall(arguments)[0]).decode()
        self._at[result] = 0
        if self._ours(path) and "O_CREAT" in arguments:
            if path not in self._known:
                self._known.add(path)
                yield Create(path)
            if "O_TRUNC" in arguments:
                yield Truncate(path, 0)

    def _by_descriptor(self, name: str, arguments: str, result: int) -> Iterator[Event]:
        found = _DESCRIPTOR.match(arguments)
        if found is None:
            return
        number, path, rest = int(found[1]), _bytes(found[2]).decode(), arguments[found.end() :]
        if path.startswith(("socket:", "TCP")):
            assert name not in ("sendmsg", "writev"), "bytes leave by a call that is not read here"
            if name in ("sendto", "write"):
                yield Send(path, _bytes(_TEXT.findall(rest)[0])[:result])
        elif not self._ours(path + "/"):
            return
        elif name in ("fsync", "fdatasync"):
            yield Sync(path)
        elif name == "ftruncate":
            yield Truncate(path, int(rest))
        elif name == "pwrite64":
            yield Write(path, int(rest.rsplit(", ", 1)[1]), _bytes(_TEXT.findall(rest)[0])[:result])
        elif name == "write":
            yield Write(path, self._at[number], _bytes(_TEXT.findall(rest)[0])[:result])
            self._at[number] += result
        else:
            assert name == "close", f"{name} of {path} is not read here"

    def _ours(self, path: str) -> bool:
        return path.startswith(self._root) and not path.rstrip("/").endswith("-shm")  # the index is made anew


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if "\\x" in text else text.encode()


def _whole_calls(log: Path) -> Iterator[str]:
    """Lines without the thread; those cut in two are put together."""
    begun: dict[str, int] = {}
    lines: list[str | None] = []
    with log.open(encoding="ascii") as file:
        for line in file:
            found = _LINE.match(line.rstrip("\n"))
            if found is None:
                continue
            thread, rest = found["thread"], found["rest"]
            if rest.endswith("<unfinished ...>"):
                begun[thread] = len(lines)
                lines.append(rest.removesuffix("<unfinished ...>").rstrip())
            elif rest.startswith("<..."):
                place = begun.pop(thread)
                call = f"{lines[place]}{rest.partition(' resumed>')[2]}"
                if call.startswith(("fsync", "fdatasync")):
                    lines[place] = None
                    lines.append(call)
                else:
                    lines[place] = call
            else:
                lines.append(rest)
    return (line for line in lines if line is not None)
