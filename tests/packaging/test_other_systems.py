"""The recipes for Windows, macOS and Flatpak, which have not run: they parse, and say what pyproject.toml says."""

import ast
import json
import plistlib
import re
import shlex

import pytest

import dev_build
import dev_commands
import dev_deb
import dev_pages
from dev_env import ROOT
from dev_project import APPLICATION, NAME, TITLE, project

FLATPAK = ROOT / "packaging" / "flatpak" / f"{APPLICATION}.json"
WORKFLOW = (ROOT / ".github" / "workflows" / "packages.yml").read_text(encoding="utf-8")
SPEC = dev_build.SPEC.read_text(encoding="utf-8")
MANIFEST = json.loads(FLATPAK.read_text(encoding="utf-8"))


def test_the_sandbox_is_given_a_screen_the_network_and_the_keyring_and_nothing_else() -> None:
    assert MANIFEST["finish-args"] == [
        "--share=network",
        "--share=ipc",  # X11's shared memory
        "--socket=wayland",
        "--socket=fallback-x11",
        "--device=dri",
        "--talk-name=org.freedesktop.secrets",
    ]


def test_the_manifest_has_the_projects_names_and_takes_what_the_build_makes() -> None:
    assert (MANIFEST["id"], MANIFEST["command"]) == (APPLICATION, NAME)
    assert NAME in project()["scripts"]  # type: ignore[operator]
    (module,) = MANIFEST["modules"]
    sources = {row["dest"]: (FLATPAK.parent / row["path"]).resolve() for row in module["sources"]}
    assert sources == {
        "bundle": dev_build.CACHE / "bundle" / "dist" / NAME,
        "share": dev_deb.CACHE / "deb" / NAME / "usr" / "share",
    }
    taken = {word for line in module["build-commands"] for word in shlex.split(line) if word.startswith("share/")}
    assert taken == {
        f"share/applications/{APPLICATION}.desktop",
        f"share/metainfo/{APPLICATION}.metainfo.xml",
        f"share/mime/packages/{APPLICATION}.xml",
        f"share/icons/hicolor/scalable/apps/{NAME}.svg",
    }


def test_the_hardened_runtime_is_loosened_in_one_point() -> None:
    text = (dev_build.SPEC.parent / "entitlements.plist").read_bytes()
    assert plistlib.loads(text) == {"com.apple.security.cs.allow-unsigned-executable-memory": True}
    assert "entitlements.plist" in SPEC


def test_one_recipe_for_all_systems_and_its_names_are_the_projects() -> None:
    named = {
        node.targets[0].id: node.value.value
        for node in ast.parse(SPEC).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    assert (named["NAME"], named["APPLICATION"]) == (NAME, APPLICATION)
    assert f'name="{TITLE}.app"' in SPEC
    assert "version=version(NAME)" in SPEC
    assert 'os.environ.get("CHANNEL_WALLET_ICON")' in SPEC
    assert 512 in dev_pages.SIZES


def test_the_workflow_builds_on_every_system_that_the_project_names_and_may_only_read() -> None:
    systems = {word.partition("-")[0] for word in re.findall(r"system: (\S+)", WORKFLOW)}
    said = " ".join(row for row in project()["classifiers"] if row.startswith("Operating System"))  # type: ignore[attr-defined]
    assert systems == {"ubuntu", "windows", "macos"}
    assert all(name in said for name in ("Linux", "Windows", "MacOS"))
    assert re.findall(r"^permissions:\n((?:  .+\n)+)", WORKFLOW, re.MULTILINE) == ["  contents: read\n"]
    assert "secrets." not in WORKFLOW


def test_the_workflow_calls_commands_parts_and_pythons_that_there_are() -> None:
    calls = re.findall(r"packaging/dev\.py (\w+)((?: \w+)*)", WORKFLOW)
    assert calls
    parts = {part for _, words in calls for part in words.split()}
    parts |= {part for row in re.findall(r"parts: ([a-z ]+)$", WORKFLOW, re.MULTILINE) for part in row.split()}
    assert {command for command, _ in calls} == {"build"}
    assert "  build " in dev_commands.USAGE
    assert parts <= set(dev_build.PARTS)
    for version in re.findall(r'python-version: "([\d.]+)"', WORKFLOW):
        assert f"Programming Language :: Python :: {version}" in project()["classifiers"]  # type: ignore[operator]
    assert f"packaging/flatpak/{FLATPAK.name}" in WORKFLOW


def test_the_readme_says_that_they_have_not_run() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "**Windows, macOS and Flatpak**" in readme
    assert "*not run*" in readme


def test_the_workflow_parses() -> None:
    yaml = pytest.importorskip("yaml", reason="no dependency of ours; others bring it")
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    assert set(jobs) == {"build", "flatpak"}
    assert all("uses" in step or "run" in step for job in jobs.values() for step in job["steps"])
