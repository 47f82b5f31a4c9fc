"""Settings: read once, refused by name, secrets never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_memory.errors import SettingsError
from mcp_memory.settings import PREFIX, SECRET_MASK, Settings, describe, load_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


def rows(settings: Settings) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in describe(settings)}


def test_without_any_variable_every_setting_is_its_default() -> None:
    assert {row["source"] for row in describe(load_settings())} == {"default"}


def test_every_setting_says_what_it_is_for() -> None:
    assert all(row["help"].endswith(".") for row in describe(load_settings()))


def test_a_variable_is_read_and_said_to_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_MEMORY_DURABILITY", "normal")
    settings = load_settings()
    assert settings.durability == "normal"
    assert rows(settings)["MCP_MEMORY_DURABILITY"]["source"] == "environment"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DURABILITY", "sometimes"),
        ("LOG_LEVEL", "LOUD"),
        ("EMBEDDER", "word2vec"),
        ("MAX_CONTENT_CHARS", "many"),
        ("MAX_CONTENT_CHARS", "0"),
        ("RECALL_PATIENCE", "-1"),
        ("BUSY_TIMEOUT", "nan"),
        ("EMBEDDER_TIMEOUT", "inf"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"MCP_MEMORY_{name}", value)
    with pytest.raises(SettingsError, match=f"MCP_MEMORY_{name}='{value}' will not do"):
        load_settings()


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_MEMORY_DURABILITY", "sometimes")
    monkeypatch.setenv("MCP_MEMORY_LOG_LEVEL", "LOUD")
    with pytest.raises(SettingsError, match=r"(?s)MCP_MEMORY_DURABILITY.*MCP_MEMORY_LOG_LEVEL"):
        load_settings()


def test_a_secret_is_masked_wherever_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_MEMORY_EMBEDDER_API_KEY", "sk-very-secret")
    settings = load_settings()
    assert rows(settings)["MCP_MEMORY_EMBEDDER_API_KEY"]["value"] == SECRET_MASK
    assert "sk-very-secret" not in repr(settings)
    assert settings.embedder_api_key.get_secret_value() == "sk-very-secret"


def test_the_home_folder_in_a_path_is_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_MEMORY_DATA_DIR", "~/notes")
    assert load_settings().data_dir == Path.home() / "notes"


def test_options_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_MEMORY_WORKSPACE", "environment")
    assert load_settings(workspace="option").workspace == "option"


def test_the_database_is_one_file_in_the_data_folder(tmp_path: Path) -> None:
    assert load_settings(data_dir=tmp_path).database == tmp_path / "memory.db"
