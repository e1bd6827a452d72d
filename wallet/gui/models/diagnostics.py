"""What helps whoever is asked for help, as text to copy: kinds and counts, never an address, a name, a path, an amount.

Pure: versions and the system's name are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping

from wallet.app.snapshots import AppView


def diagnostics(view: AppView, system: Mapping[str, str]) -> str:
    """One ``name: value`` a line; ``system`` first, as it is."""
    channel, link = view.channel, view.connection
    rows = {
        **system,
        "profile": "open" if view.account else "none",
        "demo": "yes" if view.simulated else "no",
        "broker": link.broker.value,
        "chain": link.chain.value,
        "problem": link.problem or "none",
        "round trip": f"{link.round_trip_ms} ms",
        "brokers": str(len(view.brokers)),
        "sessions": str(len(view.channels)),
        "session": channel.phase.value if channel else "none",
        "states": str(channel.increment + 1) if channel else "0",
        "waits for": (channel.awaiting or "nobody") if channel else "nobody",
        "note": (channel.note or "none") if channel else "none",
        "open orders": str(len(channel.orders)) if channel else "0",
        "flags": ", ".join(sorted({flag.code for flag in view.flags})) or "none",
        "trading stopped": "yes" if view.stopped else "no",
        "doubt": view.doubt or "none",
    }
    return "\n".join(f"{name}: {value}" for name, value in rows.items())
