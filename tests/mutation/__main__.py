"""``python -m tests.mutation``: mutates the rules and the signature parser (mutmut), and says what the tests let pass.

Every mutant is one small change of wallet/protocol/{rules,transitions,signatures,shown}.py; one that no test notices is
a survivor. ``survivors.json`` names those that a person has looked at, with the reason why each is no hole.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.sharded import ROOT, record

KNOWN = Path(__file__).with_name("survivors.json")
MUTATED = ("rules", "transitions", "signatures", "shown")
TESTS = ("test_rules.py", "test_edges.py", "test_accepted.py", "test_signatures.py")
SETTINGS = """\
[tool.pytest.ini_options]
pythonpath = ["."]
addopts = ["--import-mode=importlib"]

[tool.mutmut]
source_paths = ["wallet"]
only_mutate = {mutated}
also_copy = ["resources"]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = {tests}
"""


@dataclass(frozen=True)
class Outcome:
    """How many mutants there were, and what the tests let pass: by its change, as (taken away, put in its place)."""

    killed: int
    survivors: dict[str, str]  # "function: - old / + new" to mutmut's name

    @property
    def share(self) -> float:
        """Per cent of the mutants that were killed."""
        return 100 * self.killed / (self.killed + len(self.survivors))


def run(folder: Path, processes: int = 2) -> Outcome:
    """Runs mutmut over a copy of what is needed in ``folder``; some minutes."""
    for name in ("wallet", "resources"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("support", "protocol"):
        shutil.copytree(ROOT / "tests" / name, folder / "tests" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "tests")
    (folder / "pyproject.toml").write_text(
        SETTINGS.format(
            mutated=json.dumps([f"wallet/protocol/{name}.py" for name in MUTATED]),
            tests=json.dumps([f"tests/protocol/{name}" for name in TESTS]),
        ),
        encoding="utf-8",
    )
    done = _mutmut(folder, "run", "--max-children", str(processes))
    if done.returncode:
        raise RuntimeError(done.stdout[-2_000:] + done.stderr[-2_000:])
    rows = re.findall(r"(\S+): (\w[\w ]*)", _mutmut(folder, "results", "--all", "true").stdout)
    states = dict(rows)
    survivors = [name for name, state in states.items() if state not in ("killed", "timeout", "caught by type check")]
    return Outcome(len(states) - len(survivors), {_change(folder, name): name for name in survivors})


def _mutmut(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _change(folder: Path, name: str) -> str:
    """What a mutant changed, so that it is known again when the file moves on."""
    lines = _mutmut(folder, "show", name).stdout.splitlines()
    changed = [line[0] + " " + line[1:].strip() for line in lines if re.match(r"[-+](?![-+])", line)]
    function = re.sub(r"^wallet\.protocol\.|__mutmut_\d+$", "", name).replace("x_", "", 1)
    return f"{function}: {' / '.join(changed)}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), wish.processes)
    known = json.loads(KNOWN.read_text(encoding="utf-8"))
    for change in sorted(found.survivors):
        print(("known  " if change in known else "NEW    ") + change)
    counts = {"killed": found.killed, "survived": len(found.survivors)}
    record("mutation", 0, counts, share=round(found.share, 2), survivors=sorted(found.survivors))
    print(f"{found.killed} of {found.killed + len(found.survivors)} mutants killed: {found.share:.2f} %")
    return 0 if found.share >= 95 and not found.survivors.keys() - known.keys() else 1


if __name__ == "__main__":
    sys.exit(main())
