"""The released test token is what its source compiles to."""

from __future__ import annotations

import json

from wallet.resources import resource
from wallet.sandbox.devnet.build import ARTIFACT, compile_token


def test_the_artifact_is_what_the_source_compiles_to() -> None:
    released = json.loads(resource(ARTIFACT).read_text(encoding="utf-8"))
    assert released == compile_token()
