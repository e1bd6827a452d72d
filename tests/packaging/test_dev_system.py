"""What the operating system must bring: reading Debian's records, and the sentence for who cannot install."""

import os
import sys

import pytest

import dev_system
from dev_system import Need

GLIB = Need(("libglib2.0-0t64", "libglib2.0-0"), "libglib-2.0.so.0")
XVFB = Need(("xvfb",), command="Xvfb")


def test_only_what_is_fully_installed_counts() -> None:
    listing = "ii  libgl1\nun  libegl1\nrc  xvfb\niF  xdotool\nhi  held\n\n"
    assert dev_system.parse_installed(listing) == {"libgl1"}


@pytest.mark.parametrize("name", ["libglib2.0-0", "libglib2.0-0t64"])
def test_either_name_of_a_package_will_do(name: str) -> None:
    assert dev_system.lacking_packages([GLIB, XVFB], {name}) == [XVFB]
    assert dev_system.lacking_packages([GLIB, XVFB], {name, "xvfb"}) == []


def test_what_can_be_installed() -> None:
    policy = (
        "libglib2.0-0t64:\n  Installed: (none)\n  Candidate: 2.84.4-3\n  Version table:\n     2.84.4-3 500\n"
        "libglib2.0-0:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n"
    )
    assert dev_system.parse_candidates(policy) == {"libglib2.0-0t64"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's way to find a library")
def test_where_there_is_no_dpkg_the_thing_itself_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    dev_system.provide([Need(("libc6",), "libc.so.6"), Need(("nothing",), "libnothing-at-all.so.7"), XVFB])
    said = capsys.readouterr().err
    assert "seems to lack libnothing-at-all.so.7, Xvfb:" in said
    assert said.count("\n") == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Debian only")
def test_on_debian_without_root_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_system.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(dev_system, "_installed", lambda needs: {"libglib2.0-0"})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(dev_system.Lacking, match="sudo apt-get install xvfb$"):
        dev_system.provide([GLIB, XVFB])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Debian only")
def test_who_lacks_nothing_starts_no_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_system.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(dev_system, "_installed", lambda needs: {"libglib2.0-0", "xvfb"})
    monkeypatch.setattr(dev_system, "_apt_get", lambda *arguments: pytest.fail(f"apt-get {arguments}"))
    dev_system.provide([GLIB, XVFB, dev_system.PYTHON_VENV])
