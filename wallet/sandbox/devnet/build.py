"""Compiles the test token to the artifact the sandbox deploys: `python -m wallet.sandbox.devnet.build`."""

from __future__ import annotations

from pathlib import Path

from wallet.chain.build import artifact_text, compile_adjudicator

SOURCE = Path(__file__).resolve().parent.parent / "contract" / "TestToken.vy"
ARTIFACT = "contracts/test-token.json"


def compile_token(source: Path = SOURCE) -> dict[str, object]:
    """The artifact of `source`, of the same form and by the same compiler as the adjudicator's."""
    return compile_adjudicator(source)


def main() -> None:
    """Writes the artifact into the source checkout this file stands in."""
    target = SOURCE.parents[3] / "resources" / ARTIFACT
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(artifact_text(compile_token()), encoding="utf-8")


if __name__ == "__main__":
    main()
