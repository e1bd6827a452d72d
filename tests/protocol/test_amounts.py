"""Money in and out of text: exactly, or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.strategies import amounts
from wallet.protocol.amounts import MAX_AMOUNT, format_amount, parse_amount, parse_decimal, to_decimal
from wallet.protocol.errors import WalletError

TOP = str(2**256 - 1)
decimals = st.sampled_from([0, 1, 6, 8, 18, 36, 77])


@pytest.mark.parametrize("value", [0, 1, 10, 10**17 + 1, MAX_AMOUNT])
def test_parse_amount(value: int) -> None:
    assert parse_amount(str(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "01", "00", "+1", "-1", "-0", "1_000", " 1", "1 ", "1\n", "1.0", "1e3", "0x1", "1,0", "NaN", "inf"),
        *("١", "１", "1\u0660", "²", "1\x00"),
        *(1, 0, True, False, 1.0, None, [], {}, b"1", ["1"]),
        *(str(2**256), "1" + "0" * 78, "9" * 10_000),
    ],
)
def test_other_forms_of_an_amount(text: object) -> None:
    with pytest.raises(WalletError) as caught:
        parse_amount(text)
    assert caught.value.code == "AMOUNT_FORM"
    assert len(str(caught.value.params["got"])) <= 60


@pytest.mark.parametrize(
    ("text", "places", "value"),
    [
        ("1.5", 6, 1_500_000),
        ("0", 18, 0),
        ("0.0", 0, 0),
        ("1.000000", 0, 1),
        (".5", 1, 5),
        (" 2 ", 2, 200),
        ("0.000000000000000001", 18, 1),
        ("100000000000000000.1", 1, 10**18 + 1),
        (TOP, 0, MAX_AMOUNT),
        (f"{TOP[:-18]}.{TOP[-18:]}", 18, MAX_AMOUNT),
    ],
)
def test_parse_decimal(text: str, places: int, value: int) -> None:
    assert parse_decimal(text, places) == value


@pytest.mark.parametrize(
    ("text", "places", "code"),
    [
        *(
            (text, 6, "DECIMAL_FORM")
            for text in ("", " ", ".", "1.", "1..2", "-1", "+1", "1e3", "1,5", "01", "١", "NaN")
        ),
        *((text, 6, "DECIMAL_FORM") for text in ("0x10", "1_0", "1 0", "1.5 ETH", "1.²", "1" * 121)),
        ("1.0000001", 6, "DECIMAL_PRECISION"),
        ("0.1", 0, "DECIMAL_PRECISION"),
        (str(2**256), 0, "DECIMAL_SIZE"),
        (TOP, 1, "DECIMAL_SIZE"),
    ],
)
def test_other_decimals(text: str, places: int, code: str) -> None:
    with pytest.raises(WalletError) as caught:
        parse_decimal(text, places)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("amount", "places", "plain", "grouped"),
    [
        (0, 0, "0", "0"),
        (0, 18, "0", "0"),
        (1, 18, "0.000000000000000001", "0.000000000000000001"),
        (1_500_000, 6, "1.5", "1.5"),
        (10**24, 18, "1000000", "1\u202f000\u202f000"),
        (-1_234_567_890, 6, "-1234.56789", "-1\u202f234.56789"),
        (-1, 2, "-0.01", "-0.01"),
    ],
)
def test_format_amount(amount: int, places: int, plain: str, grouped: str) -> None:
    assert format_amount(amount, places) == plain
    assert format_amount(amount, places, group=True) == grouped


@given(amounts, decimals)
def test_there_and_back(amount: int, places: int) -> None:
    shown = format_amount(amount, places)
    assert parse_decimal(shown, places) == amount
    assert Decimal(shown) == to_decimal(amount, places)
    assert "e" not in shown.lower()
    assert parse_amount(str(amount)) == amount


@given(st.text(max_size=130), st.integers(0, 36))
def test_nothing_else_happens_to_any_text(text: str, places: int) -> None:
    """Either the exact value or one of the three codes; what is read, decimal arithmetic reads the same."""
    try:
        value = parse_decimal(text, places)
    except WalletError as error:
        outcome: object = error.code
    else:
        outcome = to_decimal(value, places)
    assert outcome in {"DECIMAL_FORM", "DECIMAL_PRECISION", "DECIMAL_SIZE"} or outcome == Decimal(text.strip())
