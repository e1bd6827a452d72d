"""``channel-wallet sign`` and ``verify``: a message by an account of yours, and anybody's signature.

The protocol's structs are signed by the acts they belong to and never here: whoever could ask for one in a file could
ask for anything. They can be verified.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wallet.cli.output import Context, operator_command, wallet_command
from wallet.protocol import signatures
from wallet.protocol.addresses import read_address, show_address
from wallet.protocol.eip191 import message_digest
from wallet.protocol.errors import WalletError
from wallet.protocol.strictjson import loads
from wallet.protocol.typedreading import read_typed_data

_MAX_BYTES = 1024 * 1024


@click.command()
@click.argument("message")
@click.option("--account", metavar="ADDRESS", help="Whose signature; else the first account's.")
@wallet_command
def sign(out: Context, message: str, account: str | None) -> None:
    """Sign MESSAGE (“-” reads it from standard input) as every Ethereum wallet does (EIP-191).

    A signature says that you are the account's owner, and that this text is yours. It can move no money.
    """
    from wallet.keys import gate

    text = _bytes_of(message)
    vault = gate.unlock(out.profile_path() / "keys.vault", out.password())
    try:
        signer = vault.owner(read_address(account) if account is not None else 0)
        signature = "0x" + signer.sign_message(text).hex()
        address = show_address(signer.address)
    finally:
        vault.lock()
    out.show({"address": address, "signature": signature}, f"Signed by {address}:\n{signature}")


@click.command()
@click.argument("signature")
@click.argument("message", required=False)
@click.option("--typed", type=click.Path(path_type=Path, dir_okay=False), help="Typed data (EIP-712) in this file.")
@click.option("--address", metavar="ADDRESS", help="Whose it has to be; else it is only told.")
@operator_command
def verify(out: Context, signature: str, message: str | None, typed: Path | None, address: str | None) -> None:
    """Tell whose SIGNATURE this is, over MESSAGE (“-”: standard input) or over a trading channel's typed data."""
    if (message is None) == (typed is None):
        raise click.UsageError("Give a message, or --typed.")
    rows: tuple[tuple[str, str], ...] = ()
    if typed is not None:
        found = read_typed_data(_json_of(typed))
        digest = found.typed
        contract = show_address(found.domain.contract)
        rows = (("contract", contract), ("chain", str(found.domain.chain_id)), *found.rows)
    else:
        digest = message_digest(_bytes_of(message or ""))
    signer = show_address(signatures.recover_signer(digest, _signature(signature)))
    if address is not None and show_address(read_address(address)) != signer:
        raise WalletError("SIGNATURE_OTHER", address=show_address(read_address(address)), signer=signer)
    lines = [f"Signed by {signer}", *(f"  {name}: {value}" for name, value in rows)]
    out.show({"signer": signer, "signed": dict(rows)}, "\n".join(lines))


def _bytes_of(message: str) -> bytes:
    return sys.stdin.buffer.read(_MAX_BYTES) if message == "-" else message.encode("utf-8", "surrogateescape")


def _json_of(path: Path) -> object:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise WalletError("FILE_UNREADABLE", path=str(path), why=error.strerror or "") from error
    try:
        return loads(data, max_bytes=_MAX_BYTES)
    except WalletError as error:
        raise WalletError("TYPED_FORM", why="no JSON") from error


def _signature(text: str) -> bytes:
    try:
        signature = bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        signature = b""
    if len(signature) != 65:
        raise WalletError("SIGNATURE_FORM")
    # Some signers write v as 0 or 1.
    return signature[:64] + bytes([signature[64] + 27]) if signature[64] < 2 else signature
