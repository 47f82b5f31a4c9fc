"""What to write instead, where code met something that the sandbox's Python does not have."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hint:
    """Advice for failures whose message this pattern is found in."""

    pattern: str
    advice: str
    type: str = ""
    """The failure's type; any where empty."""


HINTS = (
    Hint("'del' statement", "There is no `del`: use `d.pop(key)`, `items[a:b] = []`, or `x = None`."),
    Hint("yield", "There is no `yield`: build a list and return it."),
    Hint("class inheritance", "Classes cannot inherit: use plain dicts and functions, and raise `ValueError(text)`."),
    Hint("method decorators", "Methods cannot be decorated: write a plain method, or a function outside the class."),
    Hint("Wildcard imports", "Import the names one by one."),
    Hint("is not an iterator", "Generator expressions are lists here: use `next(iter(items), None)`."),
    Hint(
        "callable replacement",
        "`re.sub` takes no function: loop over `re.finditer`, and join the parts.",
    ),
    Hint("argument 'default'", "`json.dumps` has no `default`: convert the values first, for example with `str`."),
    Hint(
        "(type object '[a-z]+'|'(str|dict|list)' object) has no attribute '(lower|upper|strip|title|get|append|split|"
        "lstrip|rstrip|capitalize|casefold|items|keys|values|startswith|join|index|count|extend)'",
        "Methods cannot be taken from a type or passed on: use a lambda, such as `key=lambda s: s.lower()`.",
        "AttributeError",
    ),
    Hint("attribute 'fromtimestamp'", "Add: `datetime(1970, 1, 1) + timedelta(seconds=stamp)`.", "AttributeError"),
    Hint("attribute 'utc(now|fromtimestamp)'", "Use `datetime.now(timezone.utc)`.", "AttributeError"),
    Hint("attribute 'isocalendar'", "Use `date.strftime('%G-W%V')` or count from the weekday.", "AttributeError"),
    Hint("attribute '(maketrans|translate)'", "Chain `text.replace(a, b)`, or join over the characters."),
    Hint("attribute 'format_map'", "Use `text.format(**mapping)`.", "AttributeError"),
    Hint("asdict", "Write the dict out: `{'a': x.a, 'b': x.b}`."),
    Hint("'wraps'", "Leave `functools.wraps` out.", ""),
    Hint("attribute '__name__'", "Functions do not know their names: keep them in a dict by name.", "AttributeError"),
    Hint("attribute '__(class|dict|module|doc|mro|bases)__'", "Objects do not show their insides: use `type(x)`."),
    Hint("name '(globals|vars|dir)'", "Use `locals()` at the top of the code: it lists all variables.", "NameError"),
    Hint("name 'callable'", "Try the call, or use `type(x).__name__ == 'function'`.", "NameError"),
    Hint("name '(input|breakpoint|compile|__import__|memoryview|bytearray|super)'", "There is no such thing here."),
    Hint(
        "name '(recall|llm_query|llm_query_batched|rlm_query)'",
        "This tool is not offered in this call; work on the variables.",
        "NameError",
    ),
    Hint("cannot suspend", "Tools cannot be called in a sort key, `map` or `max`: use a list comprehension first."),
    Hint(
        "can't be (used in 'await'|awaited)|await.* expression|object is not awaitable|'await' outside",
        "Tools answer at once: call them without `await`.",
    ),
    Hint("'coroutine' object", "Call it inside `asyncio.run(...)`; tools need no `await`."),
    Hint("has no len\\(\\)", "Operators and `len` do not see methods of classes: call a method by name."),
    Hint("called with zero or one string", "Raise exceptions with one text, such as `ValueError(text)`."),
    Hint("not supported between instances", "`<` and its like work on numbers and texts: give `sort` a `key`."),
    Hint("deeply nested", "Write it in smaller steps."),
    Hint("No module named 'collections\\.abc'", "It is not needed: leave annotations out."),
    Hint("cannot import name 'OrderedDict'", "A plain dict keeps its order."),
    Hint("No module named '(numpy|pandas|scipy|sklearn)", "Use plain Python with `statistics` and `math`."),
    Hint("No module named '(requests|httpx|urllib|http|socket|aiohttp)", "There is no network here."),
    Hint(
        "No module named '(os|subprocess|shutil|pathlib|glob|tempfile|io|pickle|sqlite3|threading|multiprocessing)",
        "There are no files and processes here: work on the variables.",
    ),
    Hint("No module named '(csv)", "Split lines with `line.split(',')`."),
    Hint("No module named '(difflib)", "Compare sets of words, or write it out."),
    Hint("No module named '(enum|abc|typing_extensions|contextlib|copyreg|types|inspect)", "Use plain values."),
    Hint("No module named '(uuid)", "Use `hashlib.sha256(text.encode()).hexdigest()` for an id."),
    Hint("No module named", "Only parts of the standard library are here; write it out in plain Python."),
    Hint("not supported in this environment", "There is no operating system here: work on the variables."),
    Hint("Max limit for backtracking", "The pattern backtracks too much: make it simpler, or use `in` and `split`."),
    Hint("module 'sys' has no", "There is no process to look at or to leave: let the code end."),
    Hint("module 'os' has no", "There is no operating system here: work on the variables."),
    Hint("Permission denied", "There are no files here: work on the variables.", "PermissionError"),
    Hint("'Module' object has no", "This module is here in part only; write it out in plain Python."),
    Hint("re.VERBOSE|'VERBOSE'", "Write the pattern without `re.VERBOSE`."),
    Hint("'subn'", "Use `re.sub`, and count with `len(re.findall(...))`."),
    Hint("maximum recursion depth", "Use a loop with a list as a stack.", "RecursionError"),
    Hint("", "Work on less at once, or in several calls: nothing of this call was kept.", "TimeoutError"),
    Hint("", "Keep less at once: nothing of this call was kept.", "MemoryError"),
    Hint("too many host calls", "Use `llm_query_batched` for many prompts, or work in several calls.", "RuntimeError"),
)


def hint_for(type_name: str, message: str) -> str:
    """Advice for a failure, or nothing."""
    for hint in HINTS:
        if hint.type in ("", type_name) and re.search(hint.pattern, message):
            return hint.advice
    return ""
