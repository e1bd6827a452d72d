"""What a build reads from the source and writes into its packages, without building any."""

import datetime as dt
import fnmatch
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

import dev_build
import dev_deb
import dev_project
from dev_env import ROOT, Refused

NOTES = (
    "# Changelog\n\nWords.\n\n## 0.2.0 (2027-01-31)\n\n- One\n  and more.\n- Two\n\n## 0.1.0 (2026-11-22)\n\n- First\n"
)


def test_a_changelog_is_read() -> None:
    newest, oldest = dev_project.releases(NOTES)
    assert newest == dev_project.Release("0.2.0", dt.date(2027, 1, 31), ("One and more.", "Two"))
    assert oldest.notes == ("First",)


@pytest.mark.parametrize(
    "text", ["", "## 0.1.0 (2026-11-22)\n", NOTES.replace("0.1.0", "0.3.0"), NOTES.replace("0.1.0", "0.2.0")]
)
def test_a_changelog_in_disorder_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="newest first"):
        dev_project.releases(text)


def test_the_source_is_what_the_newest_section_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dev_project.current().version == dev_project.version()
    monkeypatch.setattr(dev_project, "version", lambda: "9.9.9")
    with pytest.raises(Refused, match=r"is of .*, and the source is 9\.9\.9"):
        dev_project.current()


def test_debians_changelog() -> None:
    assert dev_deb.changelog(dev_project.releases(NOTES)).startswith(
        "channel-wallet (0.2.0) unstable; urgency=medium\n\n  * One and more.\n  * Two\n\n"
        " -- The Channel Wallet authors <authors@channel-wallet.example>  Sun, 31 Jan 2027 00:00:00 +0000\n\n"
    )


def test_what_libraries_need_is_read() -> None:
    listing = (
        "File: a.so\n 0x1 (NEEDED)             Shared library: [libc.so.6]\n  Name: GLIBC_2.9  Flags: none\n"
        "File: b.so\n 0x1 (NEEDED)             Shared library: [libGL.so.1]\n  Name: GLIBC_2.34  Flags: none\n"
    )
    assert dev_deb.parse_dynamic(listing) == ({"libc.so.6", "libGL.so.1"}, (2, 34))


def test_folders_of_the_build_machine_are_found() -> None:
    listing = "".join(
        f"\nFile: {name}\n 0x1d (RUNPATH)            Library runpath: [{path}]\n"
        for name, path in {"a.so": "$ORIGIN/../lib", "b.so": "/home/somebody/lib", "c.so": "$ORIGIN"}.items()
    )
    assert dev_build.foreign_paths(listing) == ["b.so"]


@pytest.mark.parametrize("wrong", [["--out"], ["msi"], ["deb", "rpm"]])
def test_senseless_arguments(wrong: list[str]) -> None:
    with pytest.raises(Refused):
        dev_build.build(wrong)


def test_one_name_everywhere() -> None:
    entry = (dev_deb.LINUX / f"{dev_project.APPLICATION}.desktop").read_text()
    assert set(re.findall(r"^Exec=(\S+)", entry, re.MULTILINE)) == {dev_project.NAME}
    assert f"<id>{dev_project.APPLICATION}</id>" in dev_deb.metainfo()
    assert f'setDesktopFileName("{dev_project.APPLICATION}")' in (ROOT / "wallet/gui/app.py").read_text()
    assert f'APPLICATION = "{dev_project.APPLICATION}"' in dev_build.SPEC.read_text()
    assert dev_project.NAME in dev_project.project()["scripts"]  # type: ignore[operator]


def test_every_override_is_explained_and_stands_once() -> None:
    lines = (dev_deb.DEBIAN / "lintian-overrides").read_text().splitlines()
    tags = [line.split()[1] for line in lines if not line.startswith("#")]
    assert tags
    assert len(tags) == len(set(tags))
    assert lines[0].startswith("#")


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="needs desktop-file-utils")
def test_the_desktop_entry_is_valid() -> None:
    entry = dev_deb.LINUX / f"{dev_project.APPLICATION}.desktop"
    done = subprocess.run(["desktop-file-validate", str(entry)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_proof_is_opened_by_the_name_the_program_gives_it(tmp_path: Path) -> None:
    """The entry takes one file, of the type that the names of exported proofs have, and of no other JSON."""
    entry = (dev_deb.LINUX / f"{dev_project.APPLICATION}.desktop").read_text()
    path = dev_deb.LINUX / f"{dev_project.APPLICATION}.mime.xml"
    space = "{http://www.freedesktop.org/standards/shared-mime-info}"
    (kind,) = ElementTree.parse(path).getroot()
    assert f"MimeType={kind.get('type')};" in entry.splitlines()
    assert "Exec=channel-wallet %f" in entry.splitlines()
    (pattern,) = [row.get("pattern") for row in kind.iter(f"{space}glob")]
    names = [
        *re.findall(r'"(withdrawal-proof\S*?\.json)"', (ROOT / "wallet/gui/views/history.py").read_text()),
        *re.findall(r'"(withdrawal-proof\S*?\.json)"', (ROOT / "wallet/gui/room.py").read_text()),
    ]
    assert len(names) == 2
    assert all(fnmatch.fnmatch(name, pattern or "") for name in names)
    if (update := shutil.which("update-mime-database")) is not None:
        (tmp_path / "packages").mkdir()
        shutil.copy(path, tmp_path / "packages")
        done = subprocess.run([update, str(tmp_path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert f"80:{kind.get('type')}:{pattern}" in (tmp_path / "globs2").read_text()


@pytest.mark.skipif(shutil.which("appstreamcli") is None, reason="needs appstream")
def test_the_metadata_of_software_centres_is_valid(tmp_path: Path) -> None:
    path = tmp_path / f"{dev_project.APPLICATION}.metainfo.xml"
    path.write_text(dev_deb.metainfo())
    done = subprocess.run(
        ["appstreamcli", "validate", "--no-net", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
