"""An OpenAI-compatible API as people see it: its address, the settings it came from, and what a failure of it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import shorten
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI, OpenAI

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_HOST = "api.openai.com"
LONGEST_QUOTE = 300
"""Characters of what an endpoint said that are passed on: some answer an error with a web page."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an API is and who asks. What it says of itself holds no key, user, password or query."""

    role: str
    """What it is to us: `embedding endpoint`."""
    prefix: str
    """How its settings begin, for example `MCP_MEMORY_EMBEDDER_`."""
    url: str = field(default=OPENAI_URL, repr=False)
    api_key: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        """Its address as it may be shown."""
        try:
            url = urlsplit(self.url)
            port = f":{url.port}" if url.port else ""
        except ValueError:
            return "(unreadable address)"
        if url.scheme not in ("http", "https") or not url.hostname:
            return "(unreadable address)"
        host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
        return f"{url.scheme}://{host}{port}{url.path}"

    @property
    def is_openai(self) -> bool:
        """It is OpenAI's own, which takes no request without a key."""
        host = urlsplit(self.place).hostname or ""
        return host == OPENAI_HOST or host.endswith(f".{OPENAI_HOST}")

    @property
    def subject(self) -> str:
        """How a sentence about it begins."""
        return f"The {self.role} {self.place}"

    def obstacle(self) -> str | None:
        """A sentence on why it cannot even be asked; None where it can."""
        if "://" not in self.place:
            return f"{self.prefix}BASE_URL is no address; write it like http://localhost:11434/v1."
        if not (self.api_key.isascii() and self.api_key.isprintable()):
            return f"{self.prefix}API_KEY holds characters that no key can have; set it again."
        if self.is_openai and not self.api_key:
            return f"{self.subject} needs an API key; set {self.prefix}API_KEY."
        return None

    def explain(self, error: Exception, *, model: str, timeout: float) -> str:
        """A sentence on an error of the client: what happened and what to check.

        Args:
            error: what the client raised.
            model: the name that was asked for.
            timeout: seconds that were allowed.
        """
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        match error:
            case APITimeoutError():
                return self.too_slow(timeout)
            case APIConnectionError():
                reason = self.quote(str(error.__cause__ or error))
                return f"{self.subject} cannot be reached ({reason}); check its address ({self.prefix}BASE_URL)."
            case APIStatusError():
                return self._refusal(error, model)
            case _:
                return f"{self.subject} failed: {self.quote(str(error))}"

    def too_slow(self, timeout: float) -> str:
        """The sentence for an answer that did not come within `timeout` seconds."""
        return (
            f"{self.subject} did not answer within {timeout:g} seconds; a slow one needs a higher {self.prefix}TIMEOUT."
        )

    def quote(self, text: str) -> str:
        """Words of the endpoint or the network, short, on one line and without secrets."""
        return shorten(self._without_secrets(text), LONGEST_QUOTE, placeholder=" ...").rstrip(".")

    def _refusal(self, error: APIStatusError, model: str) -> str:
        said = self.quote(_message(error))
        match error.status_code:
            case 401 | 403 as status if not self.api_key:
                return f"{self.subject} wants an API key (status {status}); set {self.prefix}API_KEY."
            case 401 | 403 as status:
                return f"{self.subject} refused the API key (status {status}); check {self.prefix}API_KEY."
            case 404:
                return (
                    f"{self.subject} has no model {model} (status 404); check its address ({self.prefix}BASE_URL) "
                    f"and the model's name ({self.prefix}MODEL)."
                )
            case 429:
                return (
                    f"{self.subject} allows no more requests now (status 429): {said}; "
                    f"wait a while, or check the plan behind {self.prefix}API_KEY."
                )
            case status:
                return (
                    f"{self.subject} answered with status {status}: {said}; "
                    f"if that stays, check {self.prefix}BASE_URL and {self.prefix}MODEL."
                )

    def _without_secrets(self, text: str) -> str:
        text = text.replace(self.api_key, "[key]") if self.api_key else text
        url = urlsplit(self.url)
        for secret in (url.password, url.username, url.query):
            text = text.replace(secret, "[hidden]").replace(unquote(secret), "[hidden]") if secret else text
        return text


def _message(error: APIStatusError) -> str:
    """What the endpoint said, without the wrapping of the client where the error has OpenAI's form."""
    match error.body:
        case {"message": str(said)} | str(said) if said:
            return said
        case _:
            return error.message


def keep_to_itself(client: OpenAI | AsyncOpenAI) -> None:
    """Let nothing of this process's environment (`OPENAI_ORG_ID` and its like) go along with requests."""
    client.organization = None
    client.project = None
    client._custom_headers = {}
