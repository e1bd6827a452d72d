"""The user's own nodes, by chain: a small file of the profile. They are asked before those a broker names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from wallet.app.profile import write_file
from wallet.chain.nodes import MAX_NODES
from wallet.chain.rpc import Rpc
from wallet.protocol import codec, strictjson
from wallet.protocol.errors import WalletError
from wallet.session.broker_profile import node_url

NAME = "nodes.json"
MAX_FILE = 64 * 1024
MAX_CHAINS = 64

OwnNodes = Mapping[int, tuple[str, ...]]


def read(profile: Path) -> OwnNodes:
    """By chain id, in the order they are asked; nothing if there is no file. Raises WalletError("NODES_FILE")."""
    path = profile / NAME
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WalletError("FILE_UNREADABLE", path=str(path), why=error.strerror or "") from error
    try:
        rows = [
            codec.read_object(row, "nodes", ("chain", "urls"))
            for row in codec.read_list(strictjson.loads(data, max_bytes=MAX_FILE), "nodes")
        ]
        found = {
            codec.read_int(row["chain"], "chain"): tuple(
                named(codec.read_text(url, "urls", 2_000)) for url in codec.read_list(row["urls"], "urls")
            )
            for row in rows
        }
    except WalletError as error:
        raise WalletError("NODES_FILE", path=str(path), why=error.code) from error
    if len(found) != len(rows) or len(found) > MAX_CHAINS or any(len(urls) > MAX_NODES for urls in found.values()):
        raise WalletError("NODES_FILE", path=str(path), why="too many")
    return found


def named(url: str) -> str:
    """``url`` as it is, if a node may have it. Raises WalletError("RPC_URL")."""
    Rpc(url)
    return node_url(url)


def add(profile: Path, chain_id: int, url: str) -> OwnNodes:
    """Keeps one more, asked after those there are. Raises WalletError("NODES_FULL" | "NODES_FILE" | "FILE_…")."""
    nodes = read(profile)
    known = nodes.get(chain_id, ())
    if url in known:
        return nodes
    if len(known) >= MAX_NODES or len(nodes) >= MAX_CHAINS:
        raise WalletError("NODES_FULL", limit=MAX_NODES)
    return _write(profile, {**nodes, chain_id: (*known, url)})


def remove(profile: Path, url: str) -> OwnNodes:
    """Lets go of one, named by its whole address or by what lists show of it. Raises WalletError("NODES_UNKNOWN")."""
    nodes = read(profile)
    left = {
        chain: tuple(known for known in urls if url not in (known, Rpc(known).node)) for chain, urls in nodes.items()
    }
    if left == dict(nodes):
        raise WalletError("NODES_UNKNOWN", node=url)
    return _write(profile, left)


def _write(profile: Path, nodes: OwnNodes) -> OwnNodes:
    rows = [{"chain": chain, "urls": list(urls)} for chain, urls in sorted(nodes.items()) if urls]
    write_file(profile / NAME, msgspec.json.format(msgspec.json.encode(rows), indent=2))
    return {row["chain"]: tuple(row["urls"]) for row in rows}  # type: ignore[arg-type, misc]
