"""The ready configurations, and that the documents of the server say what is so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from mcp_memory import __version__
from mcp_memory.cli import COMMANDS
from mcp_memory.settings import Settings
from tests.support.server import ROOT, ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFESTS = ROOT / "manifests"
DOCUMENTS = [
    ROOT / path
    for path in ("docs/remote.md", "docs/operations.md", "docs/security-http.md", "manifests/README.md", "Dockerfile")
]
VARIABLES = {f"MCP_MEMORY_{name.upper()}" for name in Settings.model_fields}
OF_EXAMPLES = {"MCP_MEMORY_URL", "MCP_MEMORY_KEY"}
"""Variables of the examples' own."""


def loaded(name: str) -> Any:
    return json.loads((MANIFESTS / name).read_text())


# -------------------------------------------------------------------------------------------------------- clients


def test_claude_desktop_starts_the_program_that_the_package_installs() -> None:
    entry = loaded("claude_desktop_config.json")["mcpServers"]["memory"]
    assert entry == {"command": "uvx", "args": ["mcp-memory"]}
    assert 'mcp-memory = "mcp_memory.cli:main"' in (ROOT / "pyproject.toml").read_text()


def test_claude_code_takes_address_key_and_workspace_from_its_environment() -> None:
    entry = loaded("claude_code.mcp.json")["mcpServers"]["memory"]
    expanded = json.loads(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", json.dumps(entry)))
    port = Settings.model_fields["http_port"].default
    assert expanded == {
        "type": "http",
        "url": f"http://127.0.0.1:{port}/mcp",
        "headers": {"Authorization": "Bearer ", "X-Workspace-ID": "_default"},
    }


TEXT = {"type": "string", "minLength": 1}
INPUT = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": TEXT,
        "description": TEXT,
        "default": {"type": "string"},
        "placeholder": TEXT,
        "format": {"enum": ["string", "number", "boolean", "filepath"]},
        "isRequired": {"type": "boolean"},
        "isSecret": {"type": "boolean"},
    },
}
POSITIONAL = {
    "type": "object",
    "required": ["type", "value"],
    "additionalProperties": False,
    "properties": {"type": {"const": "positional"}, "value": TEXT},
}
NAMED = {**INPUT, "required": ["type", "name"], "properties": {**INPUT["properties"], "type": {"const": "named"}}}  # type: ignore[dict-item]
STDIO = {"type": "object", "additionalProperties": False, "properties": {"type": {"const": "stdio"}}}
STREAMABLE = {
    "type": "object",
    "required": ["type", "url"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "streamable-http"},
        "url": {"type": "string", "pattern": r"^(https?://[^\s]+|\{[a-zA-Z_][a-zA-Z0-9_]*\}[^\s]*)$"},
        "headers": {"type": "array", "items": INPUT},
    },
}
PACKAGE = {
    "type": "object",
    "required": ["registryType", "identifier", "version", "transport"],
    "additionalProperties": False,
    "properties": {
        "registryType": {"const": "pypi"},
        "registryBaseUrl": {"const": "https://pypi.org"},
        "identifier": TEXT,
        "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
        "runtimeHint": {"const": "uvx"},
        "packageArguments": {"type": "array", "items": {"anyOf": [POSITIONAL, NAMED]}},
        "environmentVariables": {"type": "array", "items": INPUT},
        "transport": {"oneOf": [{**STDIO, "required": ["type"]}, STREAMABLE]},
    },
}
SERVER = {
    "type": "object",
    "required": ["$schema", "name", "description", "version", "packages"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"},
        "name": {"type": "string", "minLength": 3, "maxLength": 200, "pattern": r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$"},
        "title": {"type": "string", "minLength": 1, "maxLength": 100},
        "description": {"type": "string", "minLength": 1, "maxLength": 100},
        "version": {"type": "string", "maxLength": 255},
        "packages": {"type": "array", "items": PACKAGE, "minItems": 1},
    },
}
"""What the registry demands of the fields that are used here, and that no others are."""


def test_the_registry_entry_has_the_form_that_the_registry_demands() -> None:
    errors = [error.message for error in Draft202012Validator(SERVER).iter_errors(loaded("server.json"))]
    assert errors == []


def test_the_registry_entry_names_this_version_and_what_can_be_set() -> None:
    entry = loaded("server.json")
    assert {entry["version"], *(package["version"] for package in entry["packages"])} == {__version__}
    for package in entry["packages"]:
        for variable in package["environmentVariables"]:
            assert variable["name"] in VARIABLES
            assert variable.get("isSecret", False) == variable["name"].endswith("_KEY")


def test_the_registry_entry_starts_the_server_where_it_says_that_it_serves() -> None:
    [package] = [one for one in loaded("server.json")["packages"] if one["transport"]["type"] == "streamable-http"]
    words = [one["value"] for one in package["packageArguments"] if one["type"] == "positional"]
    options = {one["name"]: one["default"] for one in package["packageArguments"] if one["type"] == "named"}
    assert words == ["serve"]
    assert set(re.findall(r"\{([^}]+)\}", package["transport"]["url"])) <= set(options)
    told = subprocess.run(
        [sys.executable, "-m", "mcp_memory", *words, "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert all(option in told for option in options)
    assert int(options["--port"]) == Settings.model_fields["http_port"].default


# ------------------------------------------------------------------------------------------------ the machine around


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (MANIFESTS / "mcp-memory.service").read_text().splitlines():
        name, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_the_unit_starts_a_command_that_exists_with_settings_that_exist() -> None:
    found = unit()
    program, *words = found["ExecStart"][0].split()
    assert Path(program).name == "mcp-memory"
    assert words[0] in COMMANDS
    settings = dict(pair.split("=") for pair in found["Environment"][0].split())
    assert set(settings) <= VARIABLES
    assert settings["MCP_MEMORY_DATA_DIR"] == f"/var/lib/{found['StateDirectory'][0]}"
    grace = Settings.model_fields["http_grace"].default
    assert int(found["TimeoutStopSec"][0]) > 2 * grace


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("the unit is not verified: there is no systemd-analyze here")
    here = tmp_path / "mcp-memory.service"
    text = (MANIFESTS / "mcp-memory.service").read_text()
    here.write_text(re.sub(r"ExecStart=\S+", f"ExecStart={shutil.which('true')}", text))
    done = subprocess.run([analyze, "verify", str(here)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_caddy_takes_its_file(tmp_path: Path) -> None:
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("the Caddyfile is not validated: there is no caddy here")
    done = subprocess.run(
        [caddy, "validate", "--config", str(MANIFESTS / "Caddyfile"), "--adapter", "caddyfile"],
        env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    nginx, openssl = shutil.which("nginx"), shutil.which("openssl")
    if nginx is None or openssl is None:
        pytest.skip("nginx.conf is not validated: there is no nginx or no openssl here")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate),
         "-days", "1", "-subj", "/CN=memory.example.org"],
        capture_output=True, check=True,
    )  # fmt: skip
    site = (MANIFESTS / "nginx.conf").read_text()
    site = re.sub(r"(ssl_certificate_key +)\S+;", rf"\g<1>{key};", site)
    site = re.sub(r"(ssl_certificate +)\S+;", rf"\g<1>{certificate};", site)
    (tmp_path / "site.conf").write_text(site)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    inside = ["access_log off;", *(f"{kind}_temp_path {tmp_path / kind};" for kind in kinds)]
    inside.append(f"include {tmp_path / 'site.conf'};")
    outside = f"pid {tmp_path / 'pid'}; error_log stderr; events {{}}"
    (tmp_path / "nginx.conf").write_text(f"{outside} http {{ {' '.join(inside)} }}")
    done = subprocess.run(
        [nginx, "-t", "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_proxies_lead_to_the_port_that_is_served_and_keep_the_figures_inside() -> None:
    port = Settings.model_fields["http_port"].default
    for name in ("Caddyfile", "nginx.conf"):
        text = (MANIFESTS / name).read_text()
        assert f"127.0.0.1:{port}" in text
        assert re.search(r"/metrics\b[^}]*404", text)


# ------------------------------------------------------------------------------------------------------ documents


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_only_commands_settings_and_files_that_exist(document: Path) -> None:
    text = document.read_text()
    calls = re.findall(r"(?:^    |`|\$ |/|MCP_MEMORY_\w+=\S+ )mcp-memory ([a-z][a-z-]*)", text, re.MULTILINE)
    assert set(calls) <= set(COMMANDS)
    assert set(re.findall(r"MCP_MEMORY_[A-Z_]*[A-Z]", text)) <= VARIABLES | OF_EXAMPLES
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (document.parent / target).exists(), target


def test_the_table_of_limits_has_the_defaults_of_the_settings() -> None:
    section = (ROOT / "docs/operations.md").read_text().partition("## Limits")[2]
    rows = re.findall(r"^\| `MCP_MEMORY_(\w+)` \| (\S+) \|", section, re.MULTILINE)
    assert {name.lower(): float(default) for name, default in rows} == {
        name.lower(): float(Settings.model_fields[name.lower()].default) for name, _ in rows
    }
    limits = {"body_mb", "rate_per_minute", "auth_failures_per_minute", "timeout", "concurrency", "keep_alive", "grace"}
    assert {f"http_{limit}" for limit in limits} <= {name.lower() for name, _ in rows}


def block(language: str, holding: str) -> str:
    text = (ROOT / "docs/remote.md").read_text()
    [found] = [one for one in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL) if holding in one]
    return str(found)


@pytest.fixture(scope="module")
def reachable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the examples: a server that wants a key."""
    data = tmp_path_factory.mktemp("documents") / "data"
    key = subprocess.run(
        [sys.executable, "-m", "mcp_memory", "--data-dir", str(data), "keys", "create", "ana"],
        capture_output=True, text=True, check=True, cwd=ROOT, timeout=120,
    ).stdout.strip()  # fmt: skip
    with ServerProcess(data) as server:
        yield {**os.environ, "MCP_MEMORY_URL": server.url, "MCP_MEMORY_KEY": key}


def test_the_examples_with_curl_work_as_they_are_printed(reachable: dict[str, str], tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None or shutil.which("curl") is None:
        pytest.skip("the examples with curl are not run: there is no bash or no curl here")
    script = "set -euo pipefail\n" + block("sh", "/v1/memories").replace("curl ", "curl -w '\\n' ")
    done = subprocess.run(
        [bash, "-c", script], env=reachable, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line]
    assert answers[1]["memories"][0]["content"] == "The staging database is called heron."
    assert answers[-1]["imported"] == 1


def test_the_example_in_python_works_as_it_is_printed(reachable: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block("python", "streamable_http_client")],
        env=reachable, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "Ana deploys on Thursdays.\n"), done.stderr
