"""Which chat model plays which role, or none: then the role works extractively."""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from langchain_core.language_models import BaseChatModel

from twintrack.core import local_model
from twintrack.core.breaker import Breaker, LocalBreaker
from twintrack.core.chained_model import ChainedChatModel
from twintrack.core.errors import ModelUnavailable, SettingsError, TwintrackError
from twintrack.core.guarded_model import Guard, guarded
from twintrack.core.resilience import Limits
from twintrack.core.settings import ModelSettings

Role = Literal["router", "answerer", "planner", "agent", "judge"]
ROLES: tuple[Role, ...] = get_args(Role)
EXTRACTIVE = "extractive"

KEY_VARIABLES = {
    "anthropic": "ANTHROPIC_API_KEY",
    "cohere": "COHERE_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "fireworks": "FIREWORKS_API_KEY",
    "google_genai": "GOOGLE_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistralai": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "perplexity": "PPLX_API_KEY",
    "together": "TOGETHER_API_KEY",
    "xai": "XAI_API_KEY",
}
"""Providers that cannot work without a key, and where each looks for it."""


Breakers = Callable[[str], Breaker]
"""Makes the breaker of a model, named `provider:model`, that all its roles share."""


class Models:
    """The chat models of one application; each is built once, when it is first asked for, or given ready made."""

    def __init__(
        self,
        settings: ModelSettings,
        given: Mapping[Role, BaseChatModel] | None = None,
        breakers: Breakers | None = None,
    ) -> None:
        self._settings = settings
        self._make_breaker = breakers or self._local_breaker
        self._given = dict(given or {})
        self._breakers: dict[str, Breaker] = {}
        self._refusals: dict[str, TwintrackError] = {}
        self._built = {role: self._guard(model, _name(model), role) for role, model in self._given.items()}

    def chat(self, role: Role) -> BaseChatModel | None:
        """Return the role's model; None where the role is extractive.

        The first call imports the vendor's package: await `warm` before, where an event loop runs.

        Raises:
            SettingsError: the setting names no known provider, or its package is not installed.
            ModelUnavailable: the provider needs a key and has none.
        """
        spec: str = getattr(self._settings, role)
        if role not in self._built:
            if not spec:
                return None
            self._built[role] = self._build(spec, role)
        return self._built[role]

    def _build(self, spec: str, role: Role) -> BaseChatModel:
        chain = [one.strip() for one in spec.split(",")]
        members = [(one, self._guard(_unguarded(one, role, self._settings), one, role)) for one in chain]
        return members[0][1] if len(members) == 1 else ChainedChatModel(members=members)

    def _guard(self, model: BaseChatModel, spec: str, role: Role) -> BaseChatModel:
        settings = self._settings
        limits = Limits(
            settings.max_attempts, settings.timeout_s, settings.total_s, settings.wait_first_s, settings.wait_most_s
        )
        shared = self._breakers.get(spec) or self._breakers.setdefault(spec, self._make_breaker(spec))
        return guarded(model, Guard(spec, f"TWINTRACK_MODELS__{role.upper()}", limits, shared, self._refusals))

    def _local_breaker(self, spec: str) -> Breaker:
        del spec
        return LocalBreaker(self._settings.breaker_failures, self._settings.breaker_rest_s)

    async def warm(self) -> None:
        """Build every configured model off the event loop; raises what `chat` raises."""
        for role in ROLES:
            await asyncio.to_thread(self.chat, role)

    def describe(self) -> dict[Role, str]:
        """Return what plays each role."""
        given = {role: _name(model) for role, model in self._given.items()}
        return {role: given.get(role) or getattr(self._settings, role) or EXTRACTIVE for role in ROLES}

    @property
    def refusals(self) -> tuple[TwintrackError, ...]:
        """Return why providers turn models away for good: a wrong name, a refused key."""
        return tuple(self._refusals.values())

    @property
    def extractive(self) -> bool:
        """Tell whether no role has a chat model."""
        return set(self.describe().values()) == {EXTRACTIVE}


def _unguarded(spec: str, role: Role, settings: ModelSettings) -> BaseChatModel:
    setting = f"TWINTRACK_MODELS__{role.upper()}"
    provider, _, name = spec.partition(":")
    if not (provider and name):
        raise SettingsError(f"{setting}={spec} is not `provider:model`.", fix="Write for example openai:gpt-4.1-mini.")
    if provider == local_model.PROVIDER:
        return _vendor_model(name, "openai", setting, _local_options(name, settings))
    return _vendor_model(name, provider, setting, _options(provider, spec, settings))


def _local_options(name: str, settings: ModelSettings) -> dict[str, Any]:
    served = local_model.serve(name, settings.local_threads)
    # On loopback a connection costs nothing, and one that is kept would outlive the event loop it belongs to.
    fresh = {"default_headers": {"Connection": "close"}}
    return {"max_retries": 0, "stream_usage": True, "base_url": served.base_url, "api_key": served.key, **fresh}


def _name(model: BaseChatModel) -> str:
    return str(getattr(model, "model_name", None) or type(model).__name__)


def _vendor_model(name: str, provider: str, setting: str, options: dict[str, Any]) -> BaseChatModel:
    from langchain.chat_models import init_chat_model  # imports langgraph: only where a model is wanted

    try:
        model: BaseChatModel = init_chat_model(name, model_provider=provider, **options)
    except ImportError as error:
        package = (error.name or f"langchain-{provider}").replace("_", "-")
        raise SettingsError(f"{setting}: {provider} needs a package.", fix=f"pip install {package}") from error
    except (ValueError, TypeError) as error:
        raise SettingsError(
            f"{setting}={provider}:{name} cannot be used: {_first_line(error)}", fix=f"Correct {setting}."
        ) from error
    return model


def _options(provider: str, spec: str, settings: ModelSettings) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if provider != "ollama":
        options["max_retries"] = 0  # attempts are counted in resilience.py alone; two layers would multiply
    if provider == "openai":
        options["stream_usage"] = True  # off by default with a base_url, and budgets count streamed tokens too
        if settings.base_url:
            options["base_url"] = settings.base_url
    key = _key(provider, spec, settings)
    return {**options, "api_key": key} if key else options


def _key(provider: str, spec: str, settings: ModelSettings) -> str:
    if settings.api_key:
        return settings.api_key.get_secret_value()
    variable = KEY_VARIABLES.get(provider, "")
    if not variable or os.environ.get(variable):
        return ""
    if provider == "openai" and settings.base_url:
        return "none"  # local servers ask for no key, the client insists on one
    raise ModelUnavailable(f"{spec} has no key.", fix=f"Set {variable} or TWINTRACK_MODELS__API_KEY.")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
