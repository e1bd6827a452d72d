"""Every code that any part of the program can raise has a sentence, and the sentence needs nothing it is not given."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import wallet
from wallet.app.messages import explain, known, sentence
from wallet.protocol.errors import WalletError
from wallet.wire.frames import RemoteError

ROOT = Path(wallet.__file__).parent
RAISERS = {"WalletError", "RuleBroken", "Flag", "Goodbye", "refused"}


def raised() -> Iterator[tuple[str, set[str], str]]:
    """(code, parameters, where) of every literal code that is raised."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISERS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value, {word.arg or "**" for word in node.keywords}, f"{path.name}:{node.lineno}"


def test_every_code_has_a_sentence() -> None:
    missing = {f"{code} ({where})" for code, _, where in raised() if not known(code)}
    assert missing == set()


def test_no_sentence_shows_a_question_mark_for_what_it_was_not_told() -> None:
    wanting = []
    for code, params, where in raised():
        text = sentence(code, {name: name.upper() for name in params})
        if "?" in text and "**" not in params:
            wanting.append(f"{code} at {where}: {text}")
    assert wanting == []


def test_sentences_hold_no_markup_and_end_like_sentences() -> None:
    for code, _, _ in raised():
        text = sentence(code)
        assert "<" not in text, code
        assert text.rstrip()[-1] in ".!?:”" or text.endswith(("withdraw", "create")), (code, text)


def test_a_strangers_words_are_plain_and_cut() -> None:
    said = explain(WalletError("RPC_ERROR", method="x", message="<b>update now</b>\u202e" + "x" * 5000, error=1))
    assert "\u202e" not in said
    assert len(said) < 400


def test_an_unknown_code_is_quoted() -> None:
    assert "NO-SUCH-CODE" in sentence("NO-SUCH-CODE")


def test_a_broken_rule_says_expected_and_got() -> None:
    assert explain(WalletError("ORD-LOT", expected="a multiple of 5", got=7)).endswith(
        "Expected a multiple of 5, got 7."
    )


def test_fields_of_all_templates_are_names() -> None:
    for code, _, _ in raised():
        for _text, field, _spec, _conversion in string.Formatter().parse(sentence(code)):
            assert field is None, code


def test_a_broker_does_not_speak_with_our_voice() -> None:
    ours = explain(WalletError("KEYS_WRONG_PASSWORD"))
    his = explain(RemoteError("KEYS_WRONG_PASSWORD", {}))
    assert ours != his
    assert "broker" in his
    assert "KEYS_WRONG_PASSWORD" in his
    assert explain(RemoteError("ORDER_TOO_LARGE", {})) == sentence("ORDER_TOO_LARGE")
