"""What the sandbox keeps about its state. Runs inside it, in a namespace that the code there cannot shadow.

Results leave as one text, made of `length:text` one after another, so that nothing the code made is converted outside.
Comments, docstrings and annotations are taken out before this goes in: it is part of every dump.
"""
# ruff: noqa: S102, BLE001, C419 - it runs and catches inside the sandbox alone, where generators are lists

from __future__ import annotations

import datetime
import decimal
import functools
import itertools
from collections import Counter, defaultdict, deque, namedtuple
from dataclasses import dataclass
from hashlib import blake2b
from json import dumps, loads
from typing import Any

DEPTH = 6
ITEMS = 50
SAMPLE = 20
ANSWER = 200000
MOST = 100000000000
SHORTEST = 20
HIDDEN = {"_mm", "_mm_in", "_mm_r", "answer", "FINAL", "FINAL_VAR"}
FOREIGN = [
    Counter, defaultdict, deque, namedtuple, decimal.Decimal, functools.partial,
    datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone,
]  # fmt: skip
PLAIN = {"list": ("[", "]"), "tuple": ("(", ")"), "set": ("{", "}"), "dict": ("{", "}")}
LISTED = ("list", "set", "frozenset", "deque", "dict_keys", "dict_values", "dict_items")
OPAQUE = ("partial", "mappingproxy")

final: dict[str, Any] = {}
kept: dict[str, Any] = {}
shared: dict[str, Any] = {}
lent = {"next"}


def face(namespace: dict[str, Any], names: list[str]) -> Any:
    """An object with these things as methods and constants, and with nothing that can be changed on itself.

    It crosses to the outside and back, where attributes would be written out, each as often as it is referred to.
    """

    @dataclass(frozen=True)
    class Module:
        """A module made in here."""

    for name in names:
        thing = namespace[name]
        setattr(Module, name, method(thing) if type(thing).__name__ == "function" else thing)
    return Module()


def method(function: Any) -> Any:
    """A function as a method that ignores what it is called on."""

    def call(_: Any, *args: Any, **named: Any) -> Any:
        return function(*args, **named)

    return call


def module(source: str, name: str, own: list[str]) -> Any:
    """What this source defines, as one object."""
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    shared[name] = face(namespace, own)
    for key in own:
        FOREIGN.append(namespace[key])
        lent.add(key)
    return shared[name]


def modules() -> list[Any]:
    """Every module made so far, each after its name."""
    return [part for pair in shared.items() for part in pair]


def keep(function: Any) -> Any:
    """Take care of `FINAL_VAR`, which is made outside this namespace."""
    kept["named"] = function
    return function


def give_named() -> Any:
    """`FINAL_VAR`."""
    return kept["named"]


def say(texts: list[str]) -> str:
    """Texts as one, for the outside."""
    return "".join([str(len(text)) + ":" + text for text in texts])


def clip(text: str, most: int) -> str:
    """A text, cut where it is longer than `most`."""
    if len(text) <= most:
        return text
    kept = most - len("… ( more characters)") - len(str(len(text)))
    if kept < SHORTEST:
        return cut(text, most)
    return text[:kept] + "… (" + str(len(text) - kept) + " more characters)"


def cut(text: str, most: int) -> str:
    """A text, cut where it is longer than `most`, without a word about how much is missing."""
    return text if len(text) <= most else text[: max(0, most - 1)] + "…"


def show(value: Any, most: int) -> str:
    """A value as one would read it: a text as it is, anything else much as its `repr`."""
    if type(value) is str:
        return clip(value, most)
    out: list[str] = []
    try:
        walk(value, DEPTH, [most], out)
    except Exception:
        return "<" + type(value).__name__ + ">"
    return cut("".join(out), most)


def walk(value: Any, depth: int, room: list[int], out: list[str]) -> None:
    """Append the pieces of a preview while there is room."""
    kind = type(value).__name__
    some: list[Any]
    if isinstance(value, dict):
        some = [(None, key, value[key]) for key in itertools.islice(value, ITEMS)]
        nest(PLAIN.get(kind, (kind + "({", "})")), len(value), some, depth, room, out)
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        fields(kind, value._fields, value, depth, room, out)
    elif isinstance(value, tuple) or kind in LISTED:
        some = [("", "", item) for item in itertools.islice(value, ITEMS)]
        nest(PLAIN.get(kind, (kind + "([", "])")), len(value), some, depth, room, out)
        if kind == "tuple" and len(value) == 1:
            out[-1] = ",)"
    elif hasattr(value, "__dataclass_fields__") and kind != "type":
        fields(kind, list(value.__dataclass_fields__), value, depth, room, out)
    else:
        put(atom(value, kind, room[0]), room, out)


def fields(kind: str, names: Any, value: Any, depth: int, room: list[int], out: list[str]) -> None:
    """Append the preview of something with named fields."""
    some = [(name + "=", "", getattr(value, name)) for name in names]
    nest((kind + "(", ")"), len(some), some, depth, room, out)


def nest(brackets: tuple[str, str], length: int, some: Any, depth: int, room: list[int], out: list[str]) -> None:
    """Append a container's preview: its first items, as deep as is allowed."""
    if length == 0 and brackets == PLAIN["set"]:
        brackets = ("set(", ")")
    put(brackets[0], room, out)
    shown = 0
    if depth == 0 and length:
        put("…", room, out)
        shown = length
    while shown < len(some) and room[0] > 0:
        label, key, item = some[shown]
        if shown:
            put(", ", room, out)
        if label is None:
            walk(key, depth - 1, room, out)
            label = ": "
        put(label, room, out)
        walk(item, depth - 1, room, out)
        shown += 1
    if shown < length:
        put(", … (" + str(length - shown) + " more)", room, out)
    put(brackets[1], room, out)


def put(piece: str, room: list[int], out: list[str]) -> None:
    """Append a piece."""
    out.append(piece)
    room[0] -= len(piece)


def atom(value: Any, kind: str, most: int) -> str:
    """A value that holds no others."""
    if kind == "str" or kind == "bytes":
        return repr(value[: max(most, 0) + 1])
    if kind in OPAQUE:
        return "<" + kind + ">"
    try:
        return clip(repr(value), max(most, 80))
    except Exception:
        return "<" + kind + ">"


def own(name: str, value: Any) -> bool:
    """Whether a variable is the code's own: no module, no import, nothing of ours."""
    kind = type(value).__name__
    if name in HIDDEN or kind in ("module", "builtin_function_or_method", "method", "builtin_method"):
        return False
    if kind == "function" or kind == "type":
        for foreign in FOREIGN:
            if value is foreign:
                return False
        return not (name in lent and repr(value) == "<bound method>")
    return all([value is not made for made in shared.values()])


def kind_of(value: Any) -> str:
    """The name of a value's type, as the outside knows it."""
    kind = type(value).__name__
    return "class" if kind == "type" else str(kind)


def length_of(value: Any) -> str:
    """How many items or characters a value has, or nothing."""
    try:
        return str(len(value)) if len(value) < MOST else ""
    except Exception:
        return ""


def json_text(value: Any) -> str | None:
    """A value as JSON, or None where it is none."""
    try:
        return dumps(value, ensure_ascii=False)
    except Exception:
        return None


def estimate(value: Any) -> int:
    """About how many bytes a value takes as text, from a few of its items."""
    try:
        length = len(value)
        some = list(itertools.islice(value, SAMPLE))
    except Exception:
        return len(show(value, 1000))
    return min(MOST, length * sum(len(show(item, 1000)) for item in some) // max(1, len(some)))


def described(name: str, value: Any, most: int) -> list[str]:
    """A variable, as six texts."""
    text = json_text(value)
    if text is None:
        size, digest = estimate(value), ""
    else:
        encoded = text.encode("utf-8", "replace")
        size, digest = len(encoded), blake2b(encoded, digest_size=32).hexdigest()
    return [name, kind_of(value), str(size), length_of(value), digest, show(value, most) if most else ""]


def there(everything: dict[str, Any]) -> list[str]:
    """The names of the code's own variables."""
    return [name for name in sorted(everything) if own(name, everything[name])]


def variables(everything: dict[str, Any], most: int) -> str:
    """All variables, by name."""
    return say([text for name in there(everything) for text in described(name, everything[name], most)])


def names(everything: dict[str, Any]) -> str:
    """Which variables there are."""
    return say(there(everything))


def variable(everything: dict[str, Any], name: str, most: int) -> str:
    """One variable, if it is there."""
    if name in everything and own(name, everything[name]):
        return say(described(name, everything[name], most))
    return ""


def json_of(everything: dict[str, Any], wanted: list[str]) -> str:
    """The JSON of variables, each after its name."""
    told = []
    for name in wanted:
        if name in everything and own(name, everything[name]):
            text = json_text(everything[name])
            if text is not None:
                told.extend([name, text])
    return say(told)


def text_of(value: Any, most: int) -> str:
    """A value as text for a language model."""
    if type(value) is str:
        return value
    text = json_text(value)
    return show(value, most) if text is None else text


def render(everything: dict[str, Any], wanted: list[str], most: int) -> str:
    """What variables hold: short ones wholly, the others with what is left, in equal parts."""
    found = [name for name in wanted if name in everything and own(name, everything[name])]
    texts = {name: text_of(everything[name], most) for name in found}
    left, waiting = most, len(texts)
    for name in sorted(texts, key=lambda name: len(texts[name])):
        texts[name] = clip(texts[name], left // waiting)
        left -= len(texts[name])
        waiting -= 1
    return say([text for name in found for text in (name, texts[name])])


def give(value: Any) -> None:
    """Take this value as the final answer."""
    final["value"] = value
    final["box"]["content"] = value
    final["box"]["ready"] = True


def give_variable(name: Any, read: Any) -> None:
    """Take the value of the variable of this name as the final answer."""
    if type(name) is not str:
        give(name)
        return
    if not name.isidentifier():
        raise NameError("FINAL_VAR takes a variable's name; give a text itself with FINAL(text)")
    try:
        value = read(name)
    except NameError:
        raise NameError("FINAL_VAR: there is no variable " + repr(name)) from None
    give(value)


def box() -> dict[str, Any]:
    """A new `answer`."""
    final.clear()
    new = {"content": None, "ready": False}
    final["box"] = new
    return new


def tell(everything: dict[str, Any]) -> str:
    """The final answer, if there is one."""
    current = everything.get("answer")
    if "value" in final:
        return say([text_of(final["value"], ANSWER)])
    if isinstance(current, dict) and current.get("ready"):
        return say([text_of(current.get("content"), ANSWER)])
    return ""


def shown(value: Any, most: int) -> str:
    """A preview of what code came to, unless that is None."""
    return "" if value is None else say([show(value, most)])


def following(iterator: Any, *default: Any) -> Any:
    """`next`, also of what a generator expression is here: a list, used up from its front."""
    if type(iterator) is not list:
        return builtin_next(iterator, *default)
    if iterator:
        return iterator.pop(0)
    if default:
        return default[0]
    raise StopIteration


builtin_next = next
everything_here = locals
from_json = loads
Unbinding = ArithmeticError


def fail() -> None:
    """Raise `Unbinding`."""
    raise Unbinding


FOREIGN.append(following)
