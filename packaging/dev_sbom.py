"""Run by the build's own Python: a CycloneDX bill of materials and the licences of the packages in the bundle.

Usage: dev_sbom.py LOCK BILL LICENCES. What is in the bundle are the packages of the lock that are installed here; their
hashes are the lock's. The bill is checked against CycloneDX's schema before it is believed.
"""

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

Component = dict[str, Any]
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
_LICENCE_FILE = re.compile(r"(^|/)(licen[cs]es?|copying|notice|authors)([./-]|$)", re.IGNORECASE)


def pins(lock: str) -> dict[str, list[str]]:
    """Return the SHA-256 hashes of each package that a lock file names, by name."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in lock.splitlines():
        pin = _PIN.match(line)
        if pin:
            name = pin[1]
            found.setdefault(name, [])
        found.get(name, []).extend(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
    return found


def licence(package: Distribution) -> str:
    """Return what a package says its licence is: the expression, else the classifiers, else a short free text."""
    data: Any = package.metadata  # a Message, which typeshed knows by half
    expression = data.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [
        text.rpartition(" :: ")[2] for text in data.get_all("Classifier", []) if text.startswith("License ::")
    ]
    free = str(data.get("License") or "").strip()
    return ", ".join(name for name in classifiers if name != "OSI Approved") or (
        free if 0 < len(free) < 80 else "see its text"
    )


def component(package: Distribution, hashes: list[str]) -> Component:
    """Return a package as CycloneDX says it."""
    name = package.metadata["Name"].lower().replace("_", "-")
    purl = f"pkg:pypi/{name}@{package.version}"
    said: Component = {"type": "library", "bom-ref": purl, "name": name, "version": package.version, "purl": purl}
    said["licenses"] = [{"license": {"name": licence(package)}}]
    # One package has a file for each platform; each is named, the one in this bundle among them.
    said["properties"] = [{"name": "lock:sha256", "value": digest} for digest in hashes]
    return said


def bill(packages: list[tuple[Distribution, list[str]]], own: Distribution) -> Component:
    """Return the bill of materials: the same for the same packages, so without time and serial number."""
    purl = f"pkg:pypi/{own.metadata['Name']}@{own.version}"
    root: Component = {"type": "application", "bom-ref": purl, "name": own.metadata["Name"], "version": own.version}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**root, "purl": purl, "licenses": [{"license": {"id": "MIT"}}]}},
        "components": [component(package, hashes) for package, hashes in packages],
    }


def licences(packages: list[Distribution]) -> str:
    """Return the licence texts that the packages bring, one after the other."""
    parts = ["The parts of Channel Wallet that others made, and their licences.\n"]
    for package in packages:
        texts = [str(package.locate_file(file)) for file in package.files or () if _LICENCE_FILE.search(str(file))]
        bodies = [
            Path(text).read_text(encoding="utf-8", errors="replace").strip()
            for text in sorted(texts)
            if Path(text).is_file()
        ]
        parts.append(
            "\n".join([f"==== {package.metadata['Name']} {package.version}: {licence(package)}", "", *bodies, ""])
        )
    return "\n".join(parts)


def main(lock: Path, bill_file: Path, licences_file: Path) -> int:
    """Write both files. Returns 1 if the bill breaks the schema."""
    found: list[tuple[Distribution, list[str]]] = []
    for name, hashes in sorted(pins(lock.read_text(encoding="utf-8")).items()):
        try:
            found.append((distribution(name), hashes))
        except PackageNotFoundError:
            continue  # of another platform
    text = json.dumps(bill(found, distribution("channel-wallet")), indent=1, ensure_ascii=False) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        print(f"the bill of materials breaks CycloneDX's schema: {wrong}", file=sys.stderr)
        return 1
    bill_file.write_text(text, encoding="utf-8")
    licences_file.write_text(licences([package for package, _ in found]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
