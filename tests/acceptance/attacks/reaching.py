"""Programs that look for a way out: the interpreter's insides, modules, files, the network, the environment."""

from __future__ import annotations

from tests.acceptance.attacks.program import VALUE, Program, fails

_NO_ATTRIBUTE = fails("AttributeError")
_NO_NAME = fails("NameError")
_NO_MODULE = fails("ModuleNotFoundError")
_NO_FILE = fails("PermissionError")

INSIDES = (
    Program("class-and-its-relatives", "().__class__.__base__.__subclasses__()", _NO_ATTRIBUTE),
    Program("order-of-resolution", "int.__mro__", _NO_ATTRIBUTE),
    Program("subclasses-of-object", "object.__subclasses__()", _NO_ATTRIBUTE),
    Program("getattr-with-a-text", "getattr('', '__cl' + 'ass__')", _NO_ATTRIBUTE),
    Program("globals-of-a-function", "def f():\n    pass\nf.__globals__", _NO_ATTRIBUTE),
    Program("code-of-a-function", "(lambda: 0).__code__", _NO_ATTRIBUTE),
    Program("closure-of-a-function", "FINAL_VAR.__closure__", _NO_ATTRIBUTE),
    Program("defaults-of-a-function", "FINAL_VAR.__defaults__", _NO_ATTRIBUTE),
    Program("globals-of-a-tool", "recall.__globals__", _NO_ATTRIBUTE),
    Program("owner-of-a-method", "[].append.__self__", _NO_ATTRIBUTE),
    Program("frame-of-a-generator", "(x for x in [1]).gi_frame", _NO_ATTRIBUTE),
    Program("frame-of-a-coroutine", "async def f():\n    pass\nf().cr_frame", _NO_ATTRIBUTE),
    Program("traceback", "try:\n    1 / 0\nexcept Exception as e:\n    x = e.__traceback__.tb_frame", _NO_ATTRIBUTE),
    Program(
        "context-of-an-error", "try:\n    1 / 0\nexcept Exception as e:\n    x = e.__context__.__class__", _NO_ATTRIBUTE
    ),
    Program("format-walk", "'{0.__class__.__base__}'.format('')", _NO_ATTRIBUTE),
    Program("format-walk-by-name", "'{x.__globals__}'.format(x=recall)", _NO_ATTRIBUTE),
    Program("field-walk", "f'{().__class__.__base__}'", _NO_ATTRIBUTE),
    Program("builtins-by-name", "__builtins__", _NO_NAME),
    Program("builtins-of-a-module", "import json\njson.__builtins__", _NO_ATTRIBUTE),
    Program("dictionary-of-a-module", "import json\njson.__dict__", _NO_ATTRIBUTE),
    Program("module-behind-a-polyfill", "import statistics\nstatistics.math.__loader__", _NO_ATTRIBUTE),
    Program("type-of-a-type", "type('X', (), {})", VALUE, "<class 'X'>"),
    Program(
        "class-assignment", "class A:\n    pass\na = A()\na.__class__ = dict", VALUE, None, ("type(a).__name__", "A")
    ),
    Program("globals", "globals()", _NO_NAME),
    Program("vars", "vars()", _NO_NAME),
    Program("compile", "compile('1', 'x', 'eval')", _NO_NAME),
    Program("eval-with-builtins", "eval('__import__(\"os\")', {'__builtins__': {}})", _NO_NAME),
    Program("breakpoint", "breakpoint()", _NO_NAME),
    Program("input", "input()", _NO_NAME),
    Program("help", "help(recall)", _NO_NAME),
    Program("stand-in-for-a-tool", "repr(recall)", VALUE),
)

MODULES = (
    Program("os-system", "import os\nos.system('id')", _NO_ATTRIBUTE),
    Program("os-popen", "import os\nos.popen('id').read()", _NO_ATTRIBUTE),
    Program("os-fork", "import os\nos.fork()", _NO_ATTRIBUTE),
    Program("os-kill", "import os\nos.kill(1, 9)", _NO_ATTRIBUTE),
    Program("dunder-import", "__import__('os')", _NO_NAME),
    Program("relative", "from . import secrets_of_the_host", fails("ImportError")),
    Program("wildcard", "from os import *", fails("NotImplementedError", "SyntaxError")),
    Program("the-server-itself", "import mcp_memory", _NO_MODULE),
    Program("monty", "import pydantic_monty", _NO_MODULE),
    Program("modules-of-sys", "import sys\nsys.modules", _NO_ATTRIBUTE),
    Program("frames-of-sys", "import sys\nsys._getframe()", _NO_ATTRIBUTE),
    Program("name-with-a-path", "exec('import a.b.c.d')", _NO_MODULE),
    *(
        Program(name, f"import {name}", _NO_MODULE)
        for name in (
            *("subprocess", "ctypes", "importlib", "pickle", "marshal", "threading", "multiprocessing", "signal"),
            *("gc", "inspect", "types", "builtins", "code", "mmap", "resource", "platform", "sqlite3", "shutil"),
        )
    ),
)

FILES = (
    Program("open", "open('/etc/passwd').read()", _NO_FILE),
    Program("file-beside-the-database", "open('DATA_DIR/secret.txt').read()", _NO_FILE),
    Program("database", "open('DATA_DIR/memory.db', 'rb').read()", _NO_FILE),
    Program("key-of-the-seal", "open('DATA_DIR/environment.key', 'rb').read()", _NO_FILE),
    Program("open-to-write", "open('/tmp/out', 'w').write('x')", _NO_FILE),
    Program("pathlib", "from pathlib import Path\nPath('/etc/passwd').read_text()", _NO_FILE),
    Program("path-up", "from pathlib import Path\nPath('../../../../etc/passwd').read_bytes()", _NO_FILE),
    Program("listing", "import os\nos.listdir('/')", _NO_FILE),
    Program("iterdir", "from pathlib import Path\nlist(Path('/').iterdir())", _NO_FILE),
    Program("environment-of-the-process", "open('/proc/self/environ').read()", _NO_FILE),
    Program("memory-of-the-process", "open('/proc/self/mem', 'rb').read(10)", _NO_FILE),
    Program("standard-output", "open('/proc/self/fd/1', 'w').write('x')", _NO_FILE),
    Program("descriptor", "open(1, 'w').write('x')", fails("TypeError", "PermissionError")),
    Program("device", "open('/dev/zero', 'rb').read()", _NO_FILE),
    Program("remove", "import os\nos.remove('/tmp/x')", _NO_FILE),
    Program("exists", "from pathlib import Path\nPath('/etc/passwd').exists()", _NO_FILE),
)

NETWORK = (
    *(
        Program(name.replace(".", "-"), f"import {name}", _NO_MODULE)
        for name in (
            "socket",
            "ssl",
            "urllib.request",
            "http.client",
            "http.server",
            "ftplib",
            "smtplib",
            "requests",
            "httpx",
        )
    ),
    Program("asyncio-connection", "import asyncio\nasyncio.open_connection('localhost', 80)", _NO_ATTRIBUTE),
    Program("asyncio-process", "import asyncio\nasyncio.create_subprocess_shell('id')", _NO_ATTRIBUTE),
)

SURROUNDINGS = (
    Program(
        "environ", "import os\nos.environ['SECRET_OF_HOST']", fails("NotImplementedError", "OSError", "RuntimeError")
    ),
    Program(
        "getenv", "import os\nos.getenv('SECRET_OF_HOST')", fails("NotImplementedError", "OSError", "RuntimeError")
    ),
    Program("urandom", "import os\nos.urandom(8)", fails("NotImplementedError", "OSError", "RuntimeError")),
    Program("working-directory", "import os\nos.getcwd()", VALUE, "/"),
    Program("home", "from pathlib import Path\nPath.home()", fails("AttributeError", "PermissionError")),
    Program("process-number", "import os\nos.getpid()", _NO_ATTRIBUTE),
    Program("user", "import os\nos.getlogin()", _NO_ATTRIBUTE),
    Program("arguments-of-the-process", "import sys\nsys.argv", VALUE, "['main.py']"),
    Program("paths-of-the-process", "import sys\nsys.path", _NO_ATTRIBUTE),
    Program("own-file", "__file__", VALUE, "/main.py"),
    Program("address-of-an-object", "id(recall) < 10**6", VALUE, "True"),
    Program("variables-of-others", "[name for name in locals() if 'theirs' in name]", VALUE, "[]"),
    Program("all-that-is-there", "print(locals())", VALUE),
)
