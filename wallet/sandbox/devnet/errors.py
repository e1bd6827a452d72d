"""What the endpoint answers when it refuses: JSON-RPC error objects in the words that Ethereum nodes use."""

from __future__ import annotations

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL = -32603
REFUSED = -32000
LIMIT_EXCEEDED = -32005
REVERTED = 3

_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")


class RpcError(Exception):
    """A refusal: `code` and `message` as other nodes give them, `data` as 0x-hex where there is some (revert data)."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        self.code = code
        self.message = message
        self.data = data
        super().__init__(message)

    def as_json(self) -> dict[str, object]:
        """The `error` member of a JSON-RPC response."""
        plain: dict[str, object] = {"code": self.code, "message": self.message}
        return plain if self.data is None else {**plain, "data": self.data}


def reverted(output: bytes) -> RpcError:
    """The error for a call that reverted with `output`: code 3, with the reason in words when the contract gave one."""
    reason = _reason(output)
    message = "execution reverted" if reason is None else f"execution reverted: {reason}"
    return RpcError(REVERTED, message, "0x" + output.hex())


def _reason(output: bytes) -> str | None:
    selector, body = output[:4], output[4:]
    if selector == _PANIC and len(body) == 32:
        return f"panic 0x{int.from_bytes(body, 'big'):02x}"
    if selector != _ERROR_STRING or len(body) < 64 or int.from_bytes(body[:32], "big") != 32:
        return None
    length = int.from_bytes(body[32:64], "big")
    if length > len(body) - 64:
        return None
    text = body[64 : 64 + length].decode("utf-8", errors="replace")
    return "".join(char if char.isprintable() else "?" for char in text)
