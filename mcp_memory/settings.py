"""Every setting once: name, type, default and one line of help. The environment prefix is `MCP_MEMORY_`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mcp_memory.errors import SettingsError

PREFIX = "MCP_MEMORY_"
SECRET_MASK = "********"  # noqa: S105 - what is shown instead of one


def default_data_dir() -> Path:
    """The platform's user data folder: one for all clients, so that all windows share one memory."""
    from platformdirs import user_data_path

    return user_data_path("mcp-memory", appauthor=False)


class Settings(BaseSettings):
    """Read from the environment when the process starts."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    data_dir: Path = Field(default_factory=default_data_dir, description="Folder of the database.")
    workspace: str = Field(
        "", max_length=200, description="Workspace; empty: the git origin's name, the git root's or working folder's."
    )
    durability: Literal["full", "normal"] = Field(
        "full", description="full: an acknowledged write survives a power cut; normal: only the end of the process."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("WARNING", description="Logs go to stderr.")
    embedder: Literal["minilm", "sentence-transformers", "openai"] = Field(
        "minilm", description="minilm: bundled, offline; sentence-transformers: extra `local`; openai: any endpoint."
    )
    embedder_model: str = Field("", description="Model name or path; empty: the embedder's own default.")
    embedder_base_url: str = Field("", description="OpenAI-compatible endpoint; empty: OpenAI's own.")
    embedder_api_key: SecretStr = Field(SecretStr(""), description="Key of that endpoint.")
    embedder_dimensions: int = Field(0, ge=0, le=16_384, description="Dimensions to ask of the endpoint; 0: its own.")
    embedder_batch: int = Field(64, ge=1, le=2048, description="Texts per request to the endpoint.")
    embedder_timeout: float = Field(30.0, gt=0, le=600, description="Seconds a request to the endpoint may take.")
    embedder_retries: int = Field(2, ge=0, le=10, description="Retries of a failed request to the endpoint.")
    embedder_idle: float = Field(600.0, ge=1, description="Seconds without use after which the model is unloaded.")
    auto_session: bool = Field(True, description="Start a session by itself at the first call of a stdio process.")
    session: str = Field("", max_length=200, description="Continue the session with this id.")
    session_ttl: int = Field(3600, ge=60, le=86_400, description="Seconds a session lasts after it was last used.")
    session_auto_commit: bool = Field(True, description="Commit a session by itself when it expires.")
    max_working_entries: int = Field(500, ge=1, le=10_000, description="Most keys one session may hold.")
    max_working_chars: int = Field(100_000, ge=100, le=1_000_000, description="Longest value of one key, as JSON.")
    recall_patience: float = Field(
        2.0, ge=0, le=60, description="Seconds a recall waits for the embedder before it goes on by keywords."
    )
    max_content_chars: int = Field(100_000, ge=100, le=1_000_000, description="Longest content of one memory.")
    busy_timeout: float = Field(10.0, ge=0, le=600, description="Seconds a write waits for another process.")
    vector_cache_mb: int = Field(
        256, ge=0, le=65_536, description="Memory for vectors held ready to search, in MiB; 0: search on disk only."
    )

    # The HTTP door

    http_host: str = Field(
        "127.0.0.1", min_length=1, max_length=253, description="Address to serve on; beyond this machine needs a key."
    )
    http_port: int = Field(61_001, ge=0, le=65_535, description="Port to serve on; 0: any that is free.")
    http_allowed_hosts: str = Field(
        "", max_length=4000, description="Names, besides loopback's, that requests may give as Host; commas between."
    )
    http_allowed_origins: str = Field(
        "", max_length=4000, description="Origins of web pages that may call, e.g. https://a.example; commas between."
    )
    http_trusted_proxies: str = Field(
        "", max_length=4000, description="Addresses of reverse proxies whose X-Forwarded-For counts; commas between."
    )
    http_require_key: bool = Field(False, description="Want an API key even of local callers, and before one is made.")
    http_body_mb: int = Field(2, ge=1, le=1024, description="Largest body of a request, in MiB.")
    http_rate_per_minute: int = Field(
        240, ge=0, le=1_000_000, description="Requests a minute of one key, or one address without keys; 0: any number."
    )
    http_auth_failures_per_minute: int = Field(
        12, ge=1, le=10_000, description="Requests a minute of one address that are told their key will not do."
    )
    http_timeout: float = Field(60.0, gt=0, le=3600, description="Seconds a request may take; streams of events more.")

    # How it serves

    http_mcp: bool = Field(True, description="Serve MCP over streamable HTTP at /mcp.")
    http_sse: bool = Field(True, description="Serve MCP over SSE at /sse, for older clients.")
    http_metrics: bool = Field(False, description="Serve figures for Prometheus at /metrics.")
    http_access_log: bool = Field(True, description="One line to stderr for each request, without what was sent.")
    http_concurrency: int = Field(
        256, ge=1, le=100_000, description="Requests served at a time, open streams included; more are told to wait."
    )
    http_keep_alive: int = Field(15, ge=1, le=3600, description="Seconds an idle connection is kept.")
    http_grace: int = Field(
        8, ge=1, le=600, description="Seconds that running requests may take when the server is told to end."
    )
    llm_model: str = Field("", description="Language model's name at its endpoint; empty: work without one.")
    llm_base_url: str = Field("", description="OpenAI-compatible endpoint of it; empty: OpenAI's own.")
    llm_api_key: SecretStr = Field(SecretStr(""), description="Key of that endpoint; local ones need none.")
    llm_timeout: float = Field(60.0, gt=0, le=600, description="Seconds one answer of the language model may take.")
    llm_retries: int = Field(2, ge=0, le=10, description="Retries of a failed request to it.")
    llm_max_calls: int = Field(40, ge=1, le=1000, description="Most calls of it for one tool call.")
    llm_max_tokens: int = Field(
        300_000, ge=1000, le=100_000_000, description="Most tokens, read and written, for one tool call."
    )
    sandbox_seconds: float = Field(5.0, gt=0, le=30, description="Seconds that code in the sandbox may compute.")
    sandbox_wall_seconds: float = Field(
        60.0, gt=0, le=600, description="Seconds one piece of code may take, calls of recall and models included."
    )
    sandbox_memory_mb: int = Field(128, ge=16, le=512, description="Heap of the sandbox, in MiB.")
    sandbox_workers: int = Field(4, ge=1, le=64, description="Sandbox processes at a time.")
    environment_mb: int = Field(32, ge=1, le=256, description="Size of one session's environment, in MiB.")
    environment_variables: int = Field(200, ge=1, le=10_000, description="Most variables of one environment.")
    environments: int = Field(50, ge=1, le=10_000, description="Most environments of one workspace.")

    @field_validator("data_dir")
    @classmethod
    def _expanded(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @model_validator(mode="after")
    def _model_is_named(self) -> Settings:
        if self.llm_base_url and not self.llm_model:
            raise ValueError("names an endpoint but no model; set MCP_MEMORY_LLM_MODEL too")
        return self

    @property
    def database(self) -> Path:
        """The one file."""
        return self.data_dir / "memory.db"


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment, `overrides` first.

    Raises:
        SettingsError: names every variable with a wrong value, and what it may be.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(" ".join(_complaint(finding) for finding in error.errors(include_url=False))) from None


def _complaint(finding: Any) -> str:
    if not finding["loc"]:
        return f"{PREFIX}LLM_BASE_URL {finding['ctx']['error']}."
    name = str(finding["loc"][0])
    shown = SECRET_MASK if "key" in name else repr(finding["input"])
    return f"{PREFIX}{name.upper()}={shown} will not do: {finding['msg']}."


def describe(settings: Settings) -> list[dict[str, str]]:
    """Each setting with its value (secrets masked), where it came from, and its help."""
    return [
        {
            "name": f"{PREFIX}{name.upper()}",
            "value": _shown(getattr(settings, name)),
            "source": "environment" if f"{PREFIX}{name.upper()}" in _environment_names() else "default",
            "help": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    ]


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return SECRET_MASK if value.get_secret_value() else ""
    return str(value)


def _environment_names() -> set[str]:
    return {name.upper() for name in os.environ}
