"""`channel-wallet updates`, as typed."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from tests.app.test_updates import KEY, Pages, Signer
from wallet.cli.main import main


def typed(profile: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["updates", *words, "--profile", str(profile), "--json"])


def test_on_check_off(tmp_path: Path) -> None:
    profile, signer, pages = tmp_path / "profile", Signer(), Pages()
    try:
        assert typed(profile, "check").exit_code == 1
        assert typed(profile, "on", "http://example.org/", KEY).exit_code == 1
        assert typed(profile, "on", pages.url, signer.key).exit_code == 0
        pages.put(signer.release("99.0.0"))
        found = typed(profile, "check")
        assert json.loads(found.stdout)["newer"] == {"version": "99.0.0", "date": "2027-01-31"}
        assert typed(profile, "off").exit_code == 0
        asked = len(pages.asked)
        refused = typed(profile, "check")
        assert json.loads(refused.stdout)["error"] == "UPDATE_OFF"
        assert len(pages.asked) == asked
    finally:
        pages.server.shutdown()
        pages.server.server_close()
