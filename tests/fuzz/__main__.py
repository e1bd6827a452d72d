"""``python -m tests.fuzz [--seconds N] [TARGET…]``: looks for inputs that a target does not bear; needs atheris.

Each target runs by itself, led by coverage of wallet/. What it finds is left in .cache/fuzz/TARGET; the inputs that
reach new code are kept there too and begin the next run. The last line of each says how many were tried.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).with_name("corpus")
WORK = ROOT / ".cache" / "fuzz"
LONGEST = 65_536


def names() -> list[str]:
    return sorted(folder.name for folder in CORPUS.iterdir() if folder.is_dir())


def command(name: str, seconds: int) -> list[str]:
    """The command that fuzzes one target for so long, in a process of its own."""
    return [sys.executable, "-m", "tests.fuzz", "--only", name, "--seconds", str(seconds)]


def fuzz(name: str, seconds: int) -> None:
    """Fuzzes in this process, and ends it: libFuzzer does not come back."""
    import atheris

    with atheris.instrument_imports(include=["wallet"]):
        from tests.fuzz.targets import TARGETS

    found = WORK / name
    (found / "corpus").mkdir(parents=True, exist_ok=True)
    # Threads and keyrings are none of a target's; rss: a reader that eats memory is a finding.
    arguments = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        "-timeout=5",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={found}{os.sep}",
        f"-seed={os.environ.get('CHANNEL_WALLET_SEED', '0')}",
        str(found / "corpus"),
        str(CORPUS / name),
    ]
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *names()], help="all, if none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    wish = parser.parse_args()
    if wish.only:
        fuzz(wish.only, wish.seconds)
        return 0
    worst = 0
    for name in wish.targets or names():
        print(f"== {name}", flush=True)
        worst = max(worst, subprocess.run(command(name, wish.seconds), cwd=ROOT, check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
