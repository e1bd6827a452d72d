"""Messages as records: each field says in which form it travels, and reading and showing follow from that.

``read`` takes what the strict decoder gave and raises WalletError("WIR-FORM") for any other form, a missing or an
unknown key; ``show`` is its inverse.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, Generic, Self, TypeVar, cast, dataclass_transform

from wallet.protocol import codec
from wallet.protocol.amounts import MAX_INCREMENT
from wallet.protocol.codec import Json, malformed, read_object, show_enum, show_hex
from wallet.protocol.plain import plain

T = TypeVar("T")
E = TypeVar("E", bound=IntEnum)
Pair = tuple[bytes, bytes]
_CODE = re.compile(r"[A-Z][A-Z0-9_-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """How one kind of value is written as JSON. ``read`` is told what the value is called, for its error."""

    read: Callable[[Json, str], T]
    show: Callable[[T], Json]
    optional: bool = False


def of(form: Form[T], key: str = "", *, default: Any = dataclasses.MISSING) -> T:
    """A field of a message that travels in ``form`` under ``key`` (else its own name in camel case)."""
    made: T = dataclasses.field(default=default, metadata={"form": form, "key": key})
    return made


class Message:
    """Base of all params and results."""

    __slots__ = ()
    # (attribute, key, form) of each field that says its form
    _parts: ClassVar[tuple[tuple[str, str, Form[Any]], ...]] = ()

    @classmethod
    def read(cls, value: Json) -> Self:
        row = read_object(
            value,
            cls.__name__,
            tuple(key for _, key, form in cls._parts if not form.optional),
            tuple(key for _, key, form in cls._parts if form.optional),
        )
        make: Callable[..., Self] = cls
        return make(**{name: form.read(row[key], key) if key in row else None for name, key, form in cls._parts})

    def show(self) -> dict[str, Json]:
        shown = {}
        for name, key, form in self._parts:
            value = getattr(self, name)
            if value is not None or not form.optional:
                shown[key] = form.show(value)
        return shown


M = TypeVar("M", bound=Message)


@dataclass_transform(frozen_default=True, field_specifiers=(of,))
def message(cls: type[M]) -> type[M]:
    """A frozen record; its fields are made by :func:`of`, or it reads and shows itself."""
    made = dataclass(frozen=True, slots=True)(cls)
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(cast(Any, made))
    made._parts = tuple(
        (field.name, field.metadata["key"] or _camel(field.name), field.metadata["form"])
        for field in fields
        if "form" in field.metadata
    )
    return made


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


# --- the forms ---------------------------------------------------------------------------------------------------


def octets(size: int) -> Form[bytes]:
    return Form(lambda value, what: codec.read_hex(value, size, what), show_hex)


def number(low: int = 0, high: int = MAX_INCREMENT) -> Form[int]:
    """A JSON integer from ``low`` to ``high``."""

    def read(value: Json, what: str) -> int:
        if type(value) is not int or not low <= value <= high:
            raise malformed(what, value)
        return value

    return Form(read, int)


def enum(kind: type[E]) -> Form[E]:
    return Form(lambda value, what: codec.read_enum(kind, value, what), show_enum)


def text(longest: int) -> Form[str]:
    """A name somebody chose: bounded, and made plain as it comes in."""
    return Form(lambda value, what: plain(codec.read_text(value, what, longest), longest), str)


def listing(form: Form[T], most: int) -> Form[tuple[T, ...]]:
    """At most ``most`` values of one form."""

    def read(value: Json, what: str) -> tuple[T, ...]:
        if type(value) is not list or len(value) > most:
            raise malformed(what, value)
        return tuple(form.read(item, what) for item in value)

    return Form(read, lambda items: [form.show(item) for item in items])


def row(make: Callable[..., T], *cells: Form[Any]) -> Form[T]:
    """A tuple of fixed length as a JSON array; ``make`` builds it from the cells."""

    def read(value: Json, what: str) -> T:
        if type(value) is not list or len(value) != len(cells):
            raise malformed(what, value)
        return make(*(cell.read(item, what) for cell, item in zip(cells, value, strict=True)))

    def show(items: Any) -> Json:
        return [cell.show(item) for cell, item in zip(cells, items, strict=True)]

    return Form(read, show)


def record(kind: type[M]) -> Form[M]:
    """A message inside a message."""
    return Form(lambda value, what: kind.read(value), lambda item: item.show())


def optional(form: Form[T]) -> Form[T | None]:
    """A key that may be missing; its value is then None. (null is no form of anything.)"""

    def show(value: T | None) -> Json:
        return None if value is None else form.show(value)

    return Form(form.read, show, optional=True)


def _read_code(value: Json, what: str) -> str:
    if type(value) is not str or _CODE.fullmatch(value) is None:
        raise malformed(what, value)
    return value


ADDRESS = octets(20)
DIGEST = octets(32)
SIGNATURE = octets(65)
CODE: Form[str] = Form(_read_code, str)
AMOUNT: Form[int] = Form(codec.read_amount, str)
NUMBER = number()
TERMS = Form(lambda value, what: codec.read_terms(value), codec.show_terms)
SIGNED_ORDER = Form(lambda value, what: codec.read_signed_order(value), codec.show_signed_order)
PAIR: Form[Pair] = row(lambda base, quote: (base, quote), ADDRESS, ADDRESS)
