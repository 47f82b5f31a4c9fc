"""What whoever runs the server relies on: the image, readiness, logs, and backups of a store that is in use."""

from __future__ import annotations

import asyncio
import fnmatch
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
from mcp import Client
from starlette.testclient import TestClient

from mcp_memory import __version__
from mcp_memory.app import SEAL_KEY, build_memory, restore_backup
from mcp_memory.models.search import Filter
from mcp_memory.rest.app import build_app
from mcp_memory.rest.opening import Opening
from mcp_memory.rest.readiness import with_phase
from mcp_memory.rest.table import ENDPOINTS
from mcp_memory.settings import Settings, load_settings
from mcp_memory.storage.sqlite import SqliteStore
from tests.support.environments import Window, window
from tests.support.rest import Rest
from tests.support.server import ROOT, ServerProcess, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.applications import Starlette

    from mcp_memory.core.memory import Memory

MINUTES = 600.0
NEEDED = ("pyproject.toml", "README.md", "LICENSE", "constraints.txt")


def terminal(*words: str, data_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MCP_MEMORY_")}
    place = {"PYTHONPATH": str(ROOT), "MCP_MEMORY_DATA_DIR": str(data_dir)}
    return subprocess.run(
        [sys.executable, "-m", "mcp_memory", *words],
        env={**bare, **place, **environment}, cwd=data_dir.parent,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------ the image


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def of(wanted: str) -> list[str]:
    return [rest for word, rest in instructions() if word == wanted]


def final() -> dict[str, str]:
    """The last instruction of each kind in the last stage."""
    stages = "\n".join(f"{word} {rest}" for word, rest in instructions()).split("\nFROM ")
    return {word: rest for word, _, rest in (line.partition(" ") for line in f"FROM {stages[-1]}".splitlines())}


def health_check() -> list[str]:
    command: list[str] = json.loads(final()["HEALTHCHECK"].partition(" CMD ")[2])
    assert command[0] == "python"
    return [sys.executable, *command[1:]]


def goes_into_the_context(path: str) -> bool:
    """What `.dockerignore` lets through: the last rule that fits decides."""
    let_through = True
    for rule in (ROOT / ".dockerignore").read_text().splitlines():
        if rule and not rule.startswith("#"):
            pattern = rule.lstrip("!").removeprefix("**/")
            if any(fnmatch.fnmatch(part, pattern) for part in (path, *path.split("/"))):
                let_through = rule.startswith("!")
    return let_through


def test_every_instruction_is_one_that_docker_knows() -> None:
    known = "ARG COPY CMD ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN STOPSIGNAL USER VOLUME WORKDIR"
    assert {word for word, _ in instructions()} <= set(known.split())
    for word in ("CMD", "ENTRYPOINT", "VOLUME"):
        assert all(isinstance(part, str) for part in json.loads(final()[word]))
    for pairs in (*of("ENV"), *of("LABEL")):
        assert all(re.fullmatch(r"[\w.]+=.+", pair) for pair in shlex.split(pairs))
    for command in of("RUN"):
        assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0


def test_the_image_runs_as_a_fixed_user_who_is_not_root_and_says_what_it_serves() -> None:
    image = final()
    user, _, group = image["USER"].partition(":")
    assert int(user) >= 1000
    assert int(group) >= 1000
    assert f"--uid {user}" in image["RUN"]
    assert f"--owner {user}" in image["RUN"]
    assert json.loads(image["VOLUME"]) == ["/data"]
    assert "MCP_MEMORY_DATA_DIR=/data" in image["ENV"].split()
    assert int(image["EXPOSE"]) == Settings.model_fields["http_port"].default
    assert image["STOPSIGNAL"] == "SIGTERM"
    labels = dict(pair.split("=", 1) for pair in shlex.split(image["LABEL"]))
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert not re.search(r"mcpm_|password|token|secret|api_key", (ROOT / "Dockerfile").read_text(), re.IGNORECASE)


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    copied = [path for rest in of("COPY") if "--from" not in rest for path in rest.split()[:-1]]
    assert sorted(copied) == sorted([*NEEDED, "mcp_memory"])
    assert all((ROOT / path).exists() and goes_into_the_context(path) for path in copied)
    assert goes_into_the_context("mcp_memory/rest/serve.py")
    for private in (".git", "tests", "docs", "memory.db", ".venv", ".env", "mcp_memory/__pycache__/app.pyc"):
        assert not goes_into_the_context(private), private


def test_the_command_of_the_image_exists_and_wants_a_key_first(tmp_path: Path) -> None:
    program, *words = json.loads(final()["ENTRYPOINT"]) + json.loads(final()["CMD"])
    assert program == "mcp-memory"
    assert terminal(*words, "--help", data_dir=tmp_path).returncode == 0
    refused = terminal(*words, data_dir=tmp_path)
    assert refused.returncode == 1
    assert "mcp-memory keys create" in refused.stderr


def test_the_health_check_tells_a_server_that_answers_from_one_that_does_not(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", ready=False) as server:
        port = server.url.rpartition(":")[2]
        nowhere = "http://127.0.0.1:9"
        around = {**os.environ, "MCP_MEMORY_HTTP_PORT": port, "http_proxy": nowhere, "HTTP_PROXY": nowhere}
        assert subprocess.run(health_check(), env=around, check=False, timeout=60).returncode == 0
        server.terminate()
        failed = subprocess.run(health_check(), env=around, check=False, timeout=60, capture_output=True)
        assert failed.returncode == 1


def test_the_wheel_that_goes_into_the_image_has_every_file_of_the_package(tmp_path: Path) -> None:
    context = tmp_path / "context"
    shutil.copytree(ROOT / "mcp_memory", context / "mcp_memory", ignore=shutil.ignore_patterns("__pycache__"))
    for name in NEEDED:
        shutil.copy(ROOT / name, context / name)
    [command] = [rest for rest in of("RUN") if rest.startswith("pip wheel")]
    built = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        cwd=context, capture_output=True, text=True, timeout=MINUTES, check=False,
    )  # fmt: skip
    if built.returncode and re.search(r"No module named pip|hatchling|[Cc]onnection|resolve", built.stderr):
        pytest.skip(f"no wheel can be built here: {built.stderr.strip().splitlines()[-1]}")
    assert built.returncode == 0, built.stderr
    [wheel] = (context / "dist").glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    here = {str(path.relative_to(context)) for path in (context / "mcp_memory").rglob("*") if path.is_file()}
    assert here <= inside
    assert any(name.endswith("entry_points.txt") for name in inside)


def docker_or_skip() -> str:
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("the image is not built: there is no docker here")
    told = subprocess.run([docker, "info"], capture_output=True, text=True, timeout=60, check=False)
    if told.returncode:
        pytest.skip(f"the image is not built: {(told.stderr or told.stdout).strip().splitlines()[-1]}")
    return docker


@pytest.fixture
def image() -> Iterator[tuple[str, str]]:
    docker, name = docker_or_skip(), f"mcp-memory-test:{secrets.token_hex(4)}"
    built = subprocess.run(
        [docker, "build", "--tag", name, str(ROOT)], capture_output=True, text=True, timeout=MINUTES, check=False
    )
    assert built.returncode == 0, built.stderr[-4000:]
    yield docker, name
    subprocess.run([docker, "rmi", "--force", name], capture_output=True, check=False)


def test_the_image_serves_from_a_volume_as_an_ordinary_user(image: tuple[str, str]) -> None:
    docker, name = image

    def run(*words: str) -> str:
        return subprocess.run([docker, *words], capture_output=True, text=True, timeout=120, check=True).stdout.strip()

    volume, container = run("volume", "create"), ""
    try:
        key = run("run", "--rm", "-v", f"{volume}:/data", name, "keys", "create", "test")
        container = run(
            "run", "-d", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL",
            "-v", f"{volume}:/data", "-p", "127.0.0.1:0:61001", name,
        )  # fmt: skip
        url = "http://" + run("port", container, "61001").splitlines()[0]

        def answers(path: str) -> bool:
            try:
                return httpx2.get(url + path, headers={"X-API-Key": key}).status_code == 200
            except httpx2.TransportError:
                return False

        eventually(lambda: answers("/health/ready"))
        assert answers("/v1/workspaces")
        assert httpx2.get(f"{url}/v1/workspaces").status_code == 401
        assert run("exec", container, "id", "-u") == "10001"
        began = time.monotonic()
        run("stop", "--time", "60", container)
        assert time.monotonic() - began < 60
        assert run("inspect", "--format", "{{.State.ExitCode}}", container) == "0"
    finally:
        if container:
            run("rm", "--force", container)
        run("volume", "rm", volume)


# ------------------------------------------------------------------------------------------------------ readiness


def test_a_server_that_migrates_lives_and_says_so_and_is_ready_afterwards(tmp_path: Path) -> None:
    memory, gate = build_memory(load_settings(data_dir=tmp_path), "_default"), threading.Event()
    open_ = memory.open

    async def open_when_let() -> None:
        await asyncio.to_thread(gate.wait)
        await open_()

    def build() -> Memory:
        memory.open = open_when_let  # type: ignore[method-assign]
        return memory

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        opening.begin()
        yield
        await opening.close()

    opening = Opening(build, lambda: True)
    app = build_app(opening.memory, endpoints=with_phase(ENDPOINTS, opening), lifespan=lifespan)
    with TestClient(app, raise_server_exceptions=False) as http, ExitStack() as stack:
        stack.callback(gate.set)
        rest = Rest(http)
        eventually(lambda: http.get("/health/ready").json()["phase"] == "migrating")
        waiting = rest.ask("GET", "/health/ready", status=503)
        assert waiting["status"] == "not_ready"
        assert waiting["services"]["database"] == "disconnected"
        assert rest.get("/health") == {"status": "healthy"}
        early = rest.send("GET", "/v1/workspaces")
        assert (early.status_code, early.headers["retry-after"]) == (503, "5")
        gate.set()
        eventually(lambda: http.get("/health/ready").status_code == 200)
        assert rest.get("/health/ready")["phase"] == "ready"
        assert rest.get("/v1/workspaces")["workspaces"] == []


# ----------------------------------------------------------------------------------------------------------- logs


def test_no_log_line_has_a_word_of_what_was_sent_asked_or_answered(tmp_path: Path) -> None:
    word = f"canary{secrets.token_hex(6)}"

    async def call_tools(url: str) -> None:
        async with Client(f"{url}/mcp") as client:
            await client.call_tool("memory_remember", {"content": f"The {word} sings."})
            await client.call_tool("memory_recall", {"query": word})
            await client.call_tool("memory_forget", {"memory_id": word})

    with ServerProcess(tmp_path / "data", log_level="INFO") as server:
        with httpx2.Client(base_url=server.url, headers={"X-Workspace-ID": word}) as http:
            made = http.post("/v1/memories", json={"content": f"{word} is yellow.", "tags": [word]}).json()
            http.get(f"/v1/memories/{made['id']}")
            http.post("/v1/memories/recall", json={"query": word})
            http.post("/v1/memories", content=f'{{"content": "{word}')
            http.get(f"/v1/{word}", params={"q": word})
            http.get("/v1/memories", headers={"Authorization": f"Bearer {word}", "Host": f"{word}.example"})
            http.request(word.upper(), "/v1/memories")
        asyncio.run(call_tools(server.url))
        assert server.terminate() == 0
        server.wait_for("POST /mcp")
        said = server.said
    assert said.count("mcp_memory.access") >= 8
    assert word not in said.lower()
    assert made["id"] not in said


def test_a_log_line_has_the_id_that_the_answer_has(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", ready=False) as server:
        given = httpx2.get(f"{server.url}/docs", headers={"X-Request-ID": "trace-7"})
        own = httpx2.get(f"{server.url}/openapi.json").headers["x-request-id"]
        assert given.headers["x-request-id"] == "trace-7"
        assert "GET /docs 200" in server.wait_for("[trace-7]")
        assert "GET /openapi.json 200" in server.wait_for(f"[{own}]")


def test_the_access_log_can_be_turned_off_whatever_the_level_of_the_rest(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", ready=False, log_level="INFO", http_access_log=False) as server:
        assert httpx2.get(f"{server.url}/docs").status_code == 200
        assert server.terminate() == 0
        assert "GET /docs" not in server.said


# -------------------------------------------------------------------------------------------------------- backups


class Writers:
    """Clients that remember things without a pause, and what was acknowledged to them."""

    def __init__(self, url: str, count: int = 3) -> None:
        self._url = url
        self._over = threading.Event()
        self._acknowledged: set[str] = set()
        self._lock = threading.Lock()
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._write) for _ in range(count)]

    def acknowledged(self) -> set[str]:
        with self._lock:
            return set(self._acknowledged)

    def _write(self) -> None:
        with httpx2.Client(base_url=self._url, timeout=60) as http:
            while not self._over.is_set():
                answer = http.post("/v1/memories", json={"content": secrets.token_hex(40)})
                with self._lock:
                    if answer.status_code == 201:
                        self._acknowledged.add(answer.json()["id"])
                    else:
                        self.failures.append(answer.text)

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)


async def held_in(file: Path) -> set[str]:
    """The ids of a database that is whole."""
    store = SqliteStore(file)
    try:
        assert await store.integrity() == []
        return {memory.id for memory in (await store.browse(Filter(workspaces=("_default",)), 100_000)).memories}
    finally:
        await store.close()


def test_a_backup_beside_a_busy_server_holds_all_that_was_acknowledged_before_it_began(tmp_path: Path) -> None:
    data, copies = tmp_path / "data", [tmp_path / f"copy{number}.db" for number in range(2)]
    with ServerProcess(data) as server, Writers(server.url) as writers:
        for copy in copies:
            known = len(writers.acknowledged())
            eventually(lambda known=known: len(writers.acknowledged()) >= known + 20)  # type: ignore[misc]
            before = writers.acknowledged()
            done = terminal("backup", str(copy), "--json", data_dir=data)
            assert done.returncode == 0, done.stderr
            held = asyncio.run(held_in(copy))
            assert before <= held
            assert json.loads(done.stdout)["memories"] == len(held)
        known = len(writers.acknowledged())
        eventually(lambda: len(writers.acknowledged()) > known)
        refused = terminal("restore-backup", str(copies[0]), "--force", data_dir=data)
        assert refused.returncode == 1
        assert "close every window and server" in refused.stderr
    assert writers.failures == []
    assert writers.acknowledged() <= asyncio.run(held_in(data / "memory.db"))


def test_a_backup_put_back_serves_what_it_held_and_keeps_the_rest_aside(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.db"

    with ServerProcess(data) as server:
        rest = Rest(httpx2.Client(base_url=server.url))
        rest.remember("Before the backup.")
        assert terminal("backup", str(copy), data_dir=data).returncode == 0
        rest.remember("Long afterwards, something else entirely.")
        rest.http.close()
        assert server.terminate() == 0
    assert terminal("restore-backup", str(copy), data_dir=data).returncode == 1
    done = json.loads(terminal("restore-backup", str(copy), "--force", "--json", data_dir=data).stdout)
    assert len(asyncio.run(held_in(Path(done["kept_aside"])))) == 2
    assert len(asyncio.run(held_in(data / "memory.db"))) == 1


@pytest.mark.anyio
async def test_the_key_of_environments_is_in_no_backup_and_without_it_they_come_back_from_json(
    tmp_path: Path,
) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    async with window(data) as first:
        await first.run("notes = [1, 2, 3]\ndef total():\n    return sum(notes)")
        await first.memory.backup(copy)
    assert (data / SEAL_KEY).read_bytes() not in copy.read_bytes()

    async def restored_in(folder: Path) -> Window:
        await restore_backup(load_settings(data_dir=folder), copy, replace=True)
        again = Window(folder)
        again.scope = first.scope
        return again

    beside_its_key = await restored_in(data)
    ran = await beside_its_key.run("total()")
    await beside_its_key.memory.close()
    assert (ran.result, ran.note) == ("6", None)

    elsewhere = await restored_in(tmp_path / "elsewhere")
    ran = await elsewhere.run("sum(notes)")
    await elsewhere.memory.close()
    assert ran.result == "6"
    assert ran.note is not None
    assert "total (function)" in ran.note
