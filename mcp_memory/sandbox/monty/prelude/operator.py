"""The part of `operator` that exists inside the sandbox."""
# ruff: noqa: E731 - a line each: all of this is in every dump of code that imports it

from __future__ import annotations

from typing import Any

add = concat = lambda a, b: a + b
sub = lambda a, b: a - b
mul = lambda a, b: a * b
truediv = lambda a, b: a / b
floordiv = lambda a, b: a // b
mod = lambda a, b: a % b
pow = lambda a, b: a**b  # noqa: A001
neg = lambda a: -a
eq = lambda a, b: a == b
ne = lambda a, b: a != b
lt = lambda a, b: a < b
le = lambda a, b: a <= b
gt = lambda a, b: a > b
ge = lambda a, b: a >= b
and_ = lambda a, b: a & b
or_ = lambda a, b: a | b
xor = lambda a, b: a ^ b
not_ = lambda a: not a
truth = lambda a: bool(a)
is_ = lambda a, b: a is b
contains = lambda a, b: b in a
getitem = lambda a, b: a[b]


def itemgetter(item: Any, *items: Any) -> Any:
    """A function that takes these items out of its argument."""
    if not items:
        return lambda value: value[item]
    return lambda value: tuple([value[key] for key in (item, *items)])


def attrgetter(attr: str, *attrs: str) -> Any:
    """A function that takes these attributes, dots allowed, of its argument."""
    for name in (attr, *attrs):
        if type(name) is not str:
            raise TypeError("attribute name must be a string")
    if not attrs:
        return lambda value: _attribute(value, attr)
    return lambda value: tuple([_attribute(value, name) for name in (attr, *attrs)])


def _attribute(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = getattr(value, name)
    return value


def methodcaller(name: str, /, *args: Any, **kwargs: Any) -> Any:
    """A function that calls this method of its argument."""
    if type(name) is not str:
        raise TypeError("method name must be a string")
    if not name.isidentifier():
        raise AttributeError("there is no method " + repr(name))
    call = eval("lambda value, args, kwargs: value." + name + "(*args, **kwargs)")  # noqa: S307 - runs in the sandbox
    return lambda value: call(value, args, kwargs)
