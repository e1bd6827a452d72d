"""A disk that forgets what was not synced: from a trace of real writes to the files a power cut may leave behind.

What a completed fsync covered is there. Of everything later any part may be: all, nothing, single writes out of
order, single sectors of one write; a file may have its new length and zeros in it. A new name is there once its
directory was synced; before that, names appear and change in order or not yet.
Source: research/security §4 F2; SQLite's own crash tests (sqlite.org/testing.html).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.crashes.trace import Create, Event, Rename, Send, Sync, Truncate, Unlink, Write

SECTOR = 512


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write | Truncate] = field(default_factory=list)


class Disk:
    """The files of one tree, write by write."""

    def __init__(self) -> None:
        self._durable_names: dict[str, _File] = {}
        self._names: dict[str, _File] = {}
        self._unsynced: list[Create | Rename | Unlink] = []

    def apply(self, event: Event) -> None:
        if isinstance(event, Send):
            return
        if isinstance(event, (Write, Truncate)):
            self._names[event.path].pending.append(event)
        elif isinstance(event, Sync):
            self._sync(event.path)
        else:
            _rename(self._names, event, self._files_of(event))
            self._unsynced.append(event)

    def _files_of(self, event: Create | Rename | Unlink) -> _File:
        return _File() if isinstance(event, Create) else self._names[event.path]

    def _sync(self, path: str) -> None:
        file = self._names.get(path)
        if file is not None:
            for write in file.pending:
                _change(file.durable, write)
            file.pending.clear()
            return
        self._unsynced = [event for event in self._unsynced if _folder(event.path) != path]  # a directory's sync
        inside = {name: file for name, file in self._names.items() if _folder(name) == path}
        outside = {name: file for name, file in self._durable_names.items() if _folder(name) != path}
        self._durable_names = outside | inside

    def cut(self, chance: random.Random, root: Path, into: Path) -> str:
        """What may be left if the power goes now, written below ``into``; in which manner, in a word."""
        manner = chance.choice(("nothing", "everything", "torn", "reordered", "lengths"))
        names = dict(self._durable_names)
        kept = {"nothing": 0, "everything": len(self._unsynced)}.get(manner, chance.randint(0, len(self._unsynced)))
        order = dict(self._names)
        for event in self._unsynced[:kept]:
            if isinstance(event, Unlink):
                names.pop(event.path, None)
            elif isinstance(event, Create):
                if event.path in order:
                    names[event.path] = order[event.path]
            elif event.to in order:
                names.pop(event.path, None)
                names[event.to] = order[event.to]
        for name, file in names.items():
            target = into / PurePosixPath(name).relative_to(root)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            target.write_bytes(_left_of(file, manner, chance))
        return manner


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _rename(names: dict[str, _File], event: Create | Rename | Unlink, file: _File) -> None:
    if isinstance(event, Create):
        names[event.path] = file
    else:
        names.pop(event.path, None)
        if isinstance(event, Rename):
            names[event.to] = file


def _left_of(file: _File, manner: str, chance: random.Random) -> bytes:
    image = bytearray(file.durable)
    if manner == "nothing":
        return bytes(image)
    writes = list(file.pending)
    if manner == "reordered":
        chance.shuffle(writes)
    for write in writes:
        if manner == "everything":
            _change(image, write)
        elif manner == "lengths" and isinstance(write, Write):  # the length went to disk, the bytes did not
            image.extend(bytes(max(0, write.offset + len(write.data) - len(image))))
        elif chance.random() < 0.5:
            _change(image, write)
        elif manner == "torn" and isinstance(write, Write):
            for start in range(0, len(write.data), SECTOR):
                if chance.random() < 0.5:
                    _change(image, Write(write.path, write.offset + start, write.data[start : start + SECTOR]))
    return bytes(image)


def _change(image: bytearray, write: Write | Truncate) -> None:
    if isinstance(write, Truncate):
        del image[write.size :]
        image.extend(bytes(write.size - len(image)))
        return
    end = write.offset + len(write.data)
    if len(image) < end:
        image.extend(bytes(end - len(image)))
    image[write.offset : end] = write.data
