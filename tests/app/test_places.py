"""Where a profile should not lie: shares and synced folders are told apart from the computer's own disks."""

from pathlib import Path

import pytest

from wallet.app.places import doubt, filesystem
from wallet.app.profile import Profile

MOUNTS = r"""
40 22 0:35 / /home/me/share rw shared:2 - nfs4 host:/x rw
41 22 0:36 / /mnt/two\040words rw - cifs //host/x rw
42 40 0:37 / /home/me/share/local rw - xfs /dev/sdb rw
43 22 0:38 / /cover rw - ext4 /dev/sdc rw
44 22 0:39 / /cover rw - fuse.sshfs host: rw
broken line
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/p", "ext4"),
        ("/home/me/share/p", "nfs4"),
        ("/home/me/sharewith", "ext4"),
        ("/mnt/two words/p", "cifs"),
        ("/home/me/share/local/p", "xfs"),
        ("/cover/p", "fuse.sshfs"),
    ],
)
def test_the_file_system_of_a_path(path: str, kind: str) -> None:
    assert filesystem(Path(path), MOUNTS) == kind


@pytest.mark.parametrize(
    ("folder", "doubtful"),
    [
        ("Dropbox", True),
        ("OneDrive - Company", True),
        ("Nextcloud", True),
        ("Mobile Documents", True),
        ("drop", False),
        ("my-nextcloud-notes", False),
    ],
)
def test_a_synced_folder_is_said(tmp_path: Path, folder: str, doubtful: bool) -> None:
    profile = Profile(tmp_path / folder / "wallet")
    assert (profile.doubt == "PROFILE_SYNCED") is doubtful
    profile.close()


def test_a_folder_that_syncthing_marked_is_said(tmp_path: Path) -> None:
    (tmp_path / ".stfolder").mkdir()
    assert doubt(tmp_path / "a" / "b") == "PROFILE_SYNCED"


def test_a_share_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    monkeypatch.setattr("wallet.app.places._MOUNTS", mounts)
    assert doubt(Path("/home/me/share/p")) == "PROFILE_SHARED"
    assert doubt(Path("/home/me/p")) == ""
