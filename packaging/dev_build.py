"""Builds what people install, each from the one before: wheel and sdist, the bundle, the .deb."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import dev_deb
import dev_env
import dev_system
from dev_env import CACHE, ROOT, Refused
from dev_project import NAME, TITLE, current, epoch, version

LOCK = ROOT / "packaging" / "lock-packaging.txt"
ENVIRONMENT = CACHE / "packaging"
SPEC = ROOT / "packaging" / "bundle" / f"{NAME}.spec"
DIST = ROOT / "dist"
PARTS = ("python", "bundle", "deb")


def build(arguments: list[str]) -> int:
    """Build the parts asked for, all of them if none is named. Raises Refused if one cannot be built."""
    out = DIST
    if "--out" in arguments:
        at = arguments.index("--out")
        if at + 1 == len(arguments):
            raise Refused("--out needs a folder after it.")
        out = Path(arguments[at + 1]).resolve()
        arguments = arguments[:at] + arguments[at + 2 :]
    wrong = [part for part in arguments if part not in PARTS]
    if wrong:
        raise Refused(f"`build` makes {', '.join(PARTS)}, and got: {' '.join(wrong)}")
    for path in build_parts(out, tuple(arguments) or PARTS):
        print(f"{path.name}: {path.stat().st_size:,} bytes")
    return 0


def build_parts(out: Path, parts: tuple[str, ...] = PARTS) -> list[Path]:
    """Build into the folder `out`; what a part is made from is built too. Returns the files, in the order built."""
    dev_system.provide((dev_system.PYTHON_VENV, *dev_system.QT, *dev_system.BUILD_TOOLS))
    out.mkdir(parents=True, exist_ok=True)
    python = _environment()
    made = build_python(python, out)
    if parts == ("python",):
        return made
    _install(python, made[0])
    tree = build_tree(python, CACHE / "bundle")
    if "bundle" in parts:
        made += [pack(tree, out), *_papers(python, out)]
    if "deb" in parts:
        made.append(dev_deb.build_deb(python, tree, out))
    return made


def build_python(python: Path, out: Path) -> list[Path]:
    """Make the wheel and the sdist; the same bytes wherever and whenever."""
    _run("build wheel and sdist", [str(python), "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)])
    stem = f"{NAME.replace('-', '_')}-{version()}"
    return [out / f"{stem}-py3-none-any.whl", out / f"{stem}.tar.gz"]


def build_tree(python: Path, work: Path) -> Path:
    """Make the bundle's folder from the installed wheel, and return it."""
    shutil.rmtree(work, ignore_errors=True)
    command = [str(python), "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", str(SPEC)]
    command += ["--distpath", str(work / "dist"), "--workpath", str(work / "work")]
    _run("make the bundle", command, **_icon(python, work))
    if sys.platform == "darwin":
        return work / "dist" / f"{TITLE}.app"
    tree = work / "dist" / NAME
    if sys.platform == "linux":
        _strip(tree)
    shutil.copy(ROOT / "LICENSE", tree / "LICENSE")
    normalise(tree)
    return tree


def foreign_paths(listing: str) -> list[str]:
    """Return the files that look for libraries in a folder of the build machine, by `readelf --dynamic`."""
    parts = re.split(r"^File: (.+)$", listing, flags=re.MULTILINE)[1:]
    return [
        name for name, said in zip(parts[::2], parts[1::2], strict=True) if re.search(r"\((RUN|R)PATH\).*\[/", said)
    ]


def normalise(tree: Path) -> None:
    """Give every file of a tree the one time, and owner and mode that do not depend on who builds."""
    for path in [tree, *sorted(tree.rglob("*"))]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)


def pack(tree: Path, out: Path) -> Path:
    """Write a tree as .tar.xz, sorted and owned by nobody in particular; as .zip on Windows and macOS."""
    name = f"{NAME}-{version()}-{sys.platform}-{platform.machine()}"
    if sys.platform != "linux":  # what both systems open by a double click
        return Path(shutil.make_archive(str(out / name), "zip", tree.parent, tree.name))

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = epoch()
        return entry

    plain_tar, path = out / f"{name}.tar", out / f"{name}.tar.xz"
    with tarfile.open(plain_tar, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(tree, name, recursive=False, filter=plain)
        for entry in sorted(tree.rglob("*")):
            archive.add(entry, f"{name}/{entry.relative_to(tree)}", recursive=False, filter=plain)
    # Blocks of one size, whatever the machine: the number of threads does not reach the bytes.
    _run("compress the bundle", ["xz", "--force", "--threads=2", "--block-size=25165824", "-3", str(plain_tar)])
    return path


def _environment() -> Path:
    """Make the environment for building from its own lock, unless it is there. Returns its Python."""
    python = ENVIRONMENT / "bin" / "python" if os.name == "posix" else ENVIRONMENT / "Scripts" / "python.exe"
    stamp, want = ENVIRONMENT / "stamp.json", dev_env.wanted_stamp(ROOT, LOCK)
    if dev_env.read_stamp(stamp) != want:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        dev_env.step("make a virtual environment", [dev_env.base_python(), "-m", "venv", str(ENVIRONMENT)])
        pip = [str(python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        dev_env.step("install the locked packages", [*pip, "--require-hashes", "--no-deps", "--requirement", str(LOCK)])
        dev_env.write_stamp(stamp, want)
    return python


def _install(python: Path, wheel: Path) -> None:
    pip = [str(python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-index", "--no-deps"]
    _run("install the wheel", [*pip, "--force-reinstall", str(wheel)])


def _papers(python: Path, out: Path) -> list[Path]:
    """Write the bill of materials and the licences of everything in the bundle."""
    bill, licences = out / f"{NAME}-{version()}.cdx.json", out / f"{NAME}-{version()}-licences.txt"
    script = ROOT / "packaging" / "dev_sbom.py"
    _run(
        "list what is inside",
        [str(python), str(script), str(ROOT / "packaging" / "lock-sandbox.txt"), *map(str, (bill, licences))],
    )
    return [bill, licences]


def _strip(tree: Path) -> None:
    """Take the build machine's folders and debugging symbols off the libraries.

    Not where their makers moved sections about: stripping breaks those, and they search only beside themselves.
    """

    def ours(path: Path) -> bool:
        parts = path.relative_to(tree).parts
        moved = "PySide6" in parts or any(part.endswith(".libs") for part in parts)
        return path.is_file() and not path.is_symlink() and ".so" in path.name and not moved

    libraries = [str(path) for path in sorted(filter(ours, tree.rglob("*")))]
    _run("strip the libraries", ["strip", "--strip-unneeded", *libraries])
    said = subprocess.run(["readelf", "--dynamic", *libraries], capture_output=True, text=True, check=True).stdout
    foreign = foreign_paths(said)
    if foreign:
        _run("remove search paths", ["chrpath", "--delete", *foreign])


def _icon(python: Path, work: Path) -> dict[str, str]:
    """Make the picture that PyInstaller turns into the icon of a program on Windows and macOS."""
    if platform.system() == "Linux":
        return {}
    share = work / "share"
    _run("make the icon", [str(python), str(ROOT / "packaging" / "dev_pages.py"), str(share), str(current().date)])
    return {"CHANNEL_WALLET_ICON": str(share / "icons" / "hicolor" / "512x512" / "apps" / f"{NAME}.png")}


def _run(what: str, command: list[str], **variables: str) -> None:
    # The order of sets reaches compiled modules, and the time would reach everything.
    environment = dev_env.tool_environment(
        PYTHONHASHSEED="1",
        SOURCE_DATE_EPOCH=str(epoch()),
        PYTHONDONTWRITEBYTECODE="1",
        QT_QPA_PLATFORM="offscreen",
        LC_ALL="C.UTF-8",
        **variables,
    )
    # Not in the checkout: its wallet/ would stand in for the installed wheel, which has the resources inside.
    done = subprocess.run(
        command, cwd=CACHE, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        sys.stderr.buffer.write(done.stdout + done.stderr)
        raise Refused(f"could not {what} (see above).")
