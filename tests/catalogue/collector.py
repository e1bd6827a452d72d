"""A pytest plugin: what every collected test is called, and the text in which its code must stand."""

from __future__ import annotations

import inspect
import json
import os
import sys
from pathlib import Path

import pytest


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leaves {id: source, parameters and module constants} in the file of CATALOGUE_COLLECTED."""
    found = {}
    for item in session.items:
        function = getattr(item, "function", None)
        if function is None:
            continue
        params = getattr(getattr(item, "callspec", None), "params", {})
        found[item.nodeid] = inspect.getsource(function) + repr(params)
    Path(os.environ["CATALOGUE_COLLECTED"]).write_text(json.dumps(found), encoding=sys.getdefaultencoding())
