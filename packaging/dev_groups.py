"""The groups of slow tests, and which changed files call for which."""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Tests to run together: pytest's paths and marker, and the files that ask for them (globs; * crosses /).

    ``minutes`` is what it takes at most on two quiet cores: with less time than that left it is not begun.
    """

    paths: tuple[str, ...]
    files: tuple[str, ...]
    marker: str = "slow"
    minutes: float = 5.0


_ENVIRONMENT = ("pyproject.toml", "packaging/*", ".ci/*")

GROUPS = {
    "protocol": Group(
        ("tests/protocol", "tests/spec", "tests/catalogue"), ("wallet/protocol/*", "resources/spec/*"), minutes=3
    ),
    "chain": Group(("tests/chain",), ("wallet/protocol/*", "wallet/chain/*", "resources/contracts/*"), minutes=2),
    "parts": Group(
        ("tests/wire", "tests/keys", "tests/history", "tests/market"),
        ("wallet/protocol/*", "wallet/wire/*", "wallet/keys/*", "wallet/history/*", "wallet/market/*"),
        minutes=5,
    ),
    "broker": Group(
        ("tests/broker", "tests/sandbox"),
        (
            "wallet/protocol/*",
            "wallet/wire/*",
            "wallet/history/*",
            "wallet/chain/*",
            "wallet/broker/*",
            "wallet/sandbox/*",
        ),
        minutes=4,
    ),
    "session": Group(("tests/session", "tests/app", "tests/cli"), ("wallet/*", "resources/contracts/*"), minutes=6),
    "gui": Group(("tests/gui",), ("wallet/app/*", "wallet/gui/*", "resources/*"), minutes=2),
    "end_to_end": Group(
        ("tests/end_to_end", "tests/benchmarks"), ("wallet/*", "resources/*", *_ENVIRONMENT), minutes=12
    ),
    "operators": Group(
        ("tests/operators",),
        ("wallet/chain/*", "wallet/broker/*", "wallet/cli/*", "wallet/sandbox/*", "wallet/session/*"),
        minutes=7,
    ),
    "disputes": Group(
        ("tests/disputes",),
        ("wallet/chain/*", "wallet/broker/*", "wallet/session/*", "resources/contracts/*"),
        minutes=6,
    ),
    "crashes": Group(
        ("tests/crashes",),
        (
            "wallet/protocol/*",
            "wallet/wire/*",
            "wallet/keys/*",
            "wallet/history/*",
            "wallet/session/*",
            "wallet/broker/*",
        ),
        minutes=14,
    ),
    "fuzz": Group(
        ("tests/fuzz",),
        (
            "wallet/protocol/*",
            "wallet/wire/*",
            "wallet/keys/*",
            "wallet/market/*",
            "wallet/chain/*",
            "wallet/session/broker_profile.py",
            "wallet/sandbox/devnet/*",
        ),
        minutes=5,
    ),
    "mutation": Group(("tests/mutation",), ("wallet/protocol/*", "tests/protocol/*"), minutes=6),
    "installed": Group(
        ("tests/installed",), ("wallet/cli/*", "wallet/resources.py", "resources/*", *_ENVIRONMENT), minutes=14
    ),
    "packaging": Group(
        ("tests/packaging", "tests/frozen"), ("wallet/__init__.py", "wallet/resources.py", *_ENVIRONMENT), minutes=4
    ),
}


def groups_for(files: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the groups that these changed files ask for, in the table's order."""
    changed = list(files)

    def asked_for(group: Group) -> bool:
        globs = [*group.files, *(f"{path}/*" for path in group.paths)]
        return any(fnmatch.fnmatchcase(name, glob) for name in changed for glob in globs)

    return tuple(name for name, group in GROUPS.items() if asked_for(group))
