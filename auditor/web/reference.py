"""The API's description (OpenAPI 3) as what a page prints: groups of calls, their parameters, their shapes.

    reference_of(schema) -> Reference(groups=(Group(calls=(Call(...),)),), shapes=(Shape(...),))

Pure: it knows JSON and nothing of the calls themselves.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    """A parameter, or a member of a shape."""

    name: str
    type: str
    required: bool
    words: str = ""
    shape: str = ""  # the name of the shape that it is, or is a list of
    place: str = ""  # of a parameter: path, query


@dataclass(frozen=True)
class Call:
    """One method of one address."""

    method: str
    path: str
    title: str
    words: str
    ident: str
    fields: tuple[Field, ...]
    takes: Field | None  # the body
    gives: Field | None
    status: str  # of what it gives


@dataclass(frozen=True)
class Group:
    """Calls about one thing."""

    title: str
    calls: tuple[Call, ...]

    @property
    def ident(self) -> str:
        return "of-" + self.title.lower().replace(" ", "-")


@dataclass(frozen=True)
class Shape:
    """An object that calls take or give."""

    name: str
    words: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Reference:
    """The whole description."""

    title: str
    words: tuple[str, ...]  # paragraphs
    groups: tuple[Group, ...]
    shapes: tuple[Shape, ...]


def reference_of(schema: Mapping[str, Any]) -> Reference:
    """The description in the order in which it is written."""
    groups: dict[str, list[Call]] = {}
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if method in methods:
                call = methods[method]
                groups.setdefault((call.get("tags") or ["Other"])[0], []).append(_call(path, method, call))
    return Reference(
        title=schema["info"]["title"],
        words=tuple(
            " ".join(part.split()) for part in schema["info"].get("description", "").split("\n\n") if part
        ),
        groups=tuple(Group(title, tuple(calls)) for title, calls in groups.items()),
        shapes=tuple(_shapes(schema.get("components", {}).get("schemas", {}))),
    )


def _call(path: str, method: str, call: Mapping[str, Any]) -> Call:
    status, gives = "", None
    for code, answer in call.get("responses", {}).items():
        if str(code).startswith("2"):
            status, gives = str(code), _content("gives", answer)
            break
    return Call(
        method=method.upper(),
        path=path,
        title=call.get("summary", ""),
        words=" ".join(call.get("description", "").split()),
        ident=f"{method}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}",
        fields=tuple(
            _field(one["name"], one.get("schema", {}), bool(one.get("required")), place=one["in"])
            for one in call.get("parameters", ())
        ),
        takes=_content("takes", call.get("requestBody", {})),
        gives=gives,
        status=status,
    )


def _content(name: str, part: Mapping[str, Any]) -> Field | None:
    for media in part.get("content", {}).values():
        return _field(name, media.get("schema", {}), True)
    return None


def _shapes(schemas: Mapping[str, Any]) -> Iterator[Shape]:
    for name, schema in schemas.items():
        required = set(schema.get("required", ()))
        fields = tuple(_field(key, one, key in required) for key, one in schema.get("properties", {}).items())
        yield Shape(_plain_name(name), " ".join(schema.get("description", "").split()), fields)


def _field(name: str, schema: Mapping[str, Any], required: bool, *, place: str = "") -> Field:
    words, shape = _type(schema)
    said = " ".join(str(schema.get("description", "")).split())
    return Field(name, words, required, said, shape, place)


def _type(schema: Mapping[str, Any]) -> tuple[str, str]:
    """What a value is in words, and the shape that it is made of, if any."""
    if ref := schema.get("$ref"):
        name = _plain_name(str(ref).rsplit("/", 1)[1])
        return name, name
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            parts = [_type(one) for one in schema[several]]
            return " or ".join(words for words, _ in parts), next((shape for _, shape in parts if shape), "")
    if "enum" in schema:
        return " or ".join(str(one) for one in schema["enum"]), ""
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        words, shape = _type(schema.get("items", {}))
        return f"list of {words}", shape
    if kind == "object":
        inner = schema.get("additionalProperties")
        return (f"map to {_type(inner)[0]}" if isinstance(inner, dict) and inner else "object"), ""
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS if key in schema]
    words = {"integer": "whole number", "string": str(schema.get("format", "text")), "null": "null"}.get(
        kind, kind
    )
    return " ".join([words, *bounds]), ""


_BOUNDS = (("minimum", "from"), ("maximum", "to"), ("maxLength", "up to"), ("maxItems", "up to"))


def _plain_name(name: str) -> str:
    """`Listed_RoundOut_` is `Listed of Round`, and `RoundIn` is `Round to send`."""
    return " of ".join(_plain_word(part) for part in name.split("_") if part)


def _plain_word(word: str) -> str:
    return f"{word.removesuffix('In')} to send" if word.endswith("In") else word.removesuffix("Out")
