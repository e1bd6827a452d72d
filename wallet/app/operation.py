"""What the program says to those who run a broker, deploy a contract, or keep key files."""

from __future__ import annotations

from typing import Final


def _(text: str) -> str:
    """Marks a text for translation; it is translated when it is shown."""
    return text


OPERATION: Final[dict[str, str]] = {
    "KEYSTORE_FORM": _("{path} is no key file that this program opens: {why}."),
    "KEYSTORE_PASSWORD": _("The password does not open {path}. Nothing was changed; try again."),
    "TYPED_FORM": _("This is no typed data that this program knows ({why}). Nothing was checked."),
    "SIGNATURE_FORM": _("This is no signature: 65 bytes in hexadecimal digits are needed."),
    "SIGNATURE_OTHER": _("The signature is not {address}'s over this: it would be {signer}'s."),
    "IMPORT_ONE": _("Give exactly one: a key file, --private-key, or --watch."),
    "EXPORT_ONE": _("Give exactly one: a file for the key, or --phrase."),
    "PASSWORD_FD": _("No password can be read from file descriptor {number}: {why}."),
    "SETTINGS_FILE": _("{path} can't be read: {why}. “channel-wallet broker init” writes one to begin with."),
    "SETTINGS_SYNTAX": _("{path} is no TOML: {why}. Nothing was started; correct it there."),
    "SETTINGS_UNKNOWN": _(
        "{path}, line {line}: {key} is no setting. Remove it, or correct its name; known here: {known}."
    ),
    "SETTINGS_MISSING": _("{path}, line {line}: {key} is missing. Write: {example}"),
    "SETTINGS_VALUE": _("{path}, line {line}: {key} is {got}; it must be {expected}."),
    "SETTINGS_TERMS": _("{path}, line {line}: no trader could sign these terms: {field} may not be {got}."),
    "SETTINGS_EXISTS": _("{path} exists already. It was left as it is; choose another folder, or remove it first."),
    "SANDBOX_REAL_CHAIN": _(
        "{node} is on chain {chain}, which is no development chain: what the sandbox sends there may cost real coins. "
        "Nothing was sent; --any-chain says that you mean it."
    ),
    "SANDBOX_NO_ACCOUNT": _("{node} signs for no account that could pay. Use a development node such as anvil."),
    "SANDBOX_CHAIN_GONE": _("The contracts of {path} are not on the chain of {node}. Use another folder."),
    "OPERATOR_EXTRA": _("{missing} is missing. Install what brokers need: pip install “channel-wallet[sandbox]”"),
    "OPERATOR_DECIMALS": _(
        "{symbol} has {chain} decimals on the chain, not {configured}. Correct it in {path}, line {line}."
    ),
    "OPERATOR_AWAY": _("No broker runs in {folder}, and it has no ledger yet."),
    "OPERATOR_BUSY": _("A broker runs in {folder} and does not answer. Look at its log, or try again."),
    "OPERATOR_ASK": _("The running broker knows no such question ({ask}): it may be of an older version."),
    "LEDGER_ROLLED_BACK": _(
        "{path} lacks states that this broker signed: it has {got} of {expected}. An old copy was put in its place, or "
        "its -wal file was removed. Put the newest file back. Without it the broker does not start: it would sign "
        "other states at the same numbers, and each trader could choose."
    ),
    "OPERATOR_NOT_RUNNING": _("No broker runs in {folder}. A decision is the running broker's: start it first."),
    "FLAG_LATER": _("An earlier flag is answered by state {increment}, which the trader has not countersigned yet."),
    "DISPUTE_IMPOSSIBLE": _("The channel of flag {flag} can't be taken to the chain now: look at its status."),
    "OPERATOR_NOTHING": _("The broker has no free {symbol} in the contract. Nothing was sent."),
    "OPERATOR_RUNNING": _("The broker runs in {folder}. Stop it first: two senders would take the same nonce."),
    "OPERATOR_STOCK": _(
        "Of {symbol}, {lacking} are lacking for the collateral that the settings want; {account} has {have}. The "
        "broker offers what is there."
    ),
    "OPERATOR_ANSWER_LATE": _(
        "Half of the challenge period of {channel} is over, and the broker's answer is not on chain. Look at the nodes "
        "and at the gas account."
    ),
    "OPERATOR_PERIOD_MISSED": _(
        "The challenge period of {channel} ended with state {recorded}; the broker holds {ours}."
    ),
    "OPERATOR_CHAIN_STALE": _("The chain's last block is {minutes} minutes old. Look at the nodes."),
}
