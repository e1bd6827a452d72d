"""The one accessor of what ships with the program: from source, and from a wheel."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dev_env import ROOT
from dev_project import epoch
from wallet.resources import resource

ASK = "import sys; from wallet.resources import resource; print(resource(sys.argv[1]))"


def test_from_source_it_is_the_folder_of_the_checkout() -> None:
    assert resource("contracts") == ROOT / "resources" / "contracts"


@pytest.mark.parametrize("name", ["../pyproject.toml", "contracts/../../pyproject.toml", "/etc/passwd", "..\\x"])
def test_a_name_stays_inside(name: str) -> None:
    with pytest.raises(ValueError, match="not a name inside"):
        resource(name)


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(FileNotFoundError, match="'no/such.svg' is missing"):
        resource("no/such.svg")


def copy_source(source: Path) -> None:
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("wallet", "resources"):
        shutil.copytree(ROOT / name, source / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without network from what a wheel is built from, and unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    copy_source(source)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True, timeout=100)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_wheel_is_the_same_bytes_from_another_place_at_another_time(tmp_path: Path) -> None:
    digests = set()
    for name, moment in (("a", 1_600_000_000), ("another place, with a longer name", 1_900_000_000)):
        source, out = tmp_path / name, tmp_path / f"{name}.out"
        copy_source(source)
        for path in source.rglob("*"):
            os.utime(path, (moment, moment))
        build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch()), "TZ": "Asia/Tokyo" if name == "a" else "UTC"}
        subprocess.run(build, env=environment, check=True, capture_output=True, timeout=100)
        digests.add(tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())))
    assert len(digests) == 1
    assert len(digests.pop()) == 2  # wheel and sdist


def test_a_wheel_carries_every_resource_and_nothing_beside_the_package(unpacked: Path) -> None:
    def files(folder: Path) -> set[Path]:
        return {file.relative_to(folder) for file in folder.rglob("*") if file.is_file()}

    assert files(unpacked / "wallet" / "_resources") == files(ROOT / "resources")
    assert {entry.name.partition("-")[0] for entry in unpacked.iterdir()} == {"wallet", "channel_wallet"}
    assert (unpacked / "wallet" / "py.typed").is_file()


def test_from_a_wheel_it_is_the_folder_inside_the_package(unpacked: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", ASK, "contracts"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()) == (unpacked / "wallet" / "_resources" / "contracts").resolve()
