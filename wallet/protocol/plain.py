"""Text from outside, made safe to show: never longer than asked, never able to rearrange what stands beside it."""

from __future__ import annotations

import unicodedata

# Control, format (bidirectional marks, zero width, tags), surrogate, private and unassigned code points, and the two
# separators that break lines: whatever has no glyph of its own or moves the glyphs of others.
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def plain(text: str, limit: int = 200) -> str:
    """``text`` with every invisible character written as its escape, cut to ``limit`` characters (with ``…``).

    Idempotent, so a text may pass through several hands. What comes out is still somebody else's word: it must be
    shown as plain text, never as markup. Source: research/security §0.10, row 167.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text
    # An escape is longer than what it stands for, so what lies beyond the limit can't come back into view.
    shown = "".join(map(_visible, text[: limit + 1]))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _visible(char: str) -> str:
    if unicodedata.category(char) not in _INVISIBLE:
        return char
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
