"""As much of JSON Schema (draft 7) as the OpenRPC document uses; anything else in a schema is an error."""

from __future__ import annotations

import re
from typing import Any

Json = Any

_TYPES: dict[str, Any] = {"string": str, "integer": int, "array": list, "object": dict}
_NOTES = {"description", "type", "properties", "required", "items", "minItems"}


def problem(schema: Json, value: Any, root: Json, at: str = "$") -> str | None:
    """Where and why ``value`` does not match; None if it does. ``root`` is the document that ``$ref`` points into."""
    if "$ref" in schema:
        return problem(_resolve(schema["$ref"], root), value, root, at)
    if "oneOf" in schema:
        fitting = [one for one in schema["oneOf"] if problem(one, value, root, at) is None]
        return None if len(fitting) == 1 else f"{at}: fits {len(fitting)} of oneOf"
    kind = schema["type"]
    if type(value) is not _TYPES[kind]:  # exactly: true is no number
        return f"{at}: no {kind}"
    for key, bound in schema.items():
        if key not in _NOTES and not _holds(key, bound, value):
            return f"{at}: {key} {bound}"
    if kind == "array":
        return _items(schema, value, root, at)
    return _properties(schema, value, root, at) if kind == "object" else None


def _resolve(pointer: str, root: Json) -> Json:
    found = root
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part]
    return found


def _holds(key: str, bound: Any, value: Any) -> bool:
    match key:
        case "enum":
            return bool(value in bound)
        case "pattern":
            return re.search(bound, value, re.ASCII) is not None and not value.endswith("\n")
        case "minimum":
            return bool(value >= bound)
        case "maximum":
            return bool(value <= bound)
        case "maxLength" | "maxItems" | "maxProperties":
            return bool(len(value) <= bound)
        case "additionalItems" | "additionalProperties":
            return True  # with items and properties
        case _:
            raise AssertionError(f"unknown keyword {key}")


def _items(schema: Json, value: list[Json], root: Json, at: str) -> str | None:
    items = schema["items"]
    if isinstance(items, dict):
        items = [items] * len(value)
    elif len(value) != len(items) or schema["minItems"] != len(items) or schema["additionalItems"] is not False:
        return f"{at}: not {len(items)} items"
    for number, (item, cell) in enumerate(zip(items, value, strict=True)):
        found = problem(item, cell, root, f"{at}[{number}]")
        if found:
            return found
    return None


def _properties(schema: Json, value: dict[str, Json], root: Json, at: str) -> str | None:
    properties, more = schema.get("properties", {}), schema["additionalProperties"]
    missing = set(schema.get("required", ())) - set(value)
    if missing:
        return f"{at}: {sorted(missing)} missing"
    for key, cell in value.items():
        inner = properties.get(key, more)
        if inner is False:
            return f"{at}: {key} unknown"
        found = problem(inner, cell, root, f"{at}.{key}")
        if found:
            return found
    return None
