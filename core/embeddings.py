"""Turns text into vectors: the shipped offline encoder, or any provider's through LangChain."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from twintrack.core.errors import ModelUnavailable, SettingsError
from twintrack.core.local_encoder import DIMS, LocalEncoder
from twintrack.core.model_errors import translate
from twintrack.core.settings import ModelSettings

LOCAL = "local:use-multilingual-v3"
MAX_CHARS = 4000
"""A longer text is embedded by its beginning: one vector says little about more, and cost grows with length."""
_REMEMBERED = 512
_SETTING = "TWINTRACK_MODELS__EMBEDDER"

Vector = NDArray[np.float32]


class Embeds(Protocol):
    """Gives each text its vector."""

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row per text."""
        ...


class Embedder(Embeds, Protocol):
    """Gives each text a normalised float32 vector that depends on nothing but the text, up to the last bits of a number."""

    @property
    def name(self) -> str:
        """Name as in the settings, `provider:model`."""
        ...

    @property
    def dims(self) -> int:
        """Length of a vector; 0 where it is not known before the first use."""
        ...

    async def embed_one(self, text: str) -> NDArray[np.float32]:
        """Return the vector of one text; the latest ones are remembered."""
        ...


def open_embedder(settings: ModelSettings) -> Embedder:
    """Return the embedder the settings name; nothing is loaded or called before its first use.

    Raises:
        SettingsError: the name cannot be an embedder's.
    """
    name = settings.embedder
    provider, _, model = name.partition(":")
    if not provider or not model:
        raise _bad_name(name, "is not of the form provider:model")
    if provider == "local":
        if name != LOCAL:
            raise _bad_name(name, "is not shipped")
        return LocalEmbedder()
    return HostedEmbedder(settings)


async def try_out(embedder: Embedder) -> None:
    """Ask a provider for one vector, so that a wrong name or key is found before a question; the shipped one has neither.

    Raises:
        SettingsError: the provider or its model is not known.
        ModelUnavailable: the provider did not answer with vectors.
    """
    if isinstance(embedder, HostedEmbedder):
        await embedder.embed_one("?")


class _Remembering:
    """Keeps the vectors of the latest single texts."""

    def __init__(self) -> None:
        self._latest: OrderedDict[str, Vector] = OrderedDict()

    async def embed(self, texts: Sequence[str]) -> Vector:
        """Return one row per text."""
        raise NotImplementedError

    async def embed_one(self, text: str) -> Vector:
        """Return the vector of one text."""
        if text in self._latest:
            self._latest.move_to_end(text)
            return self._latest[text]
        vector: Vector = (await self.embed([text]))[0]
        vector.flags.writeable = False
        self._latest[text] = vector
        if len(self._latest) > _REMEMBERED:
            self._latest.popitem(last=False)
        return vector


class LocalEmbedder(_Remembering):
    """The shipped multilingual encoder: no key, no network, loaded once per process."""

    name = LOCAL
    dims = DIMS

    async def embed(self, texts: Sequence[str]) -> Vector:
        """Return one row per text, computed in a worker thread; it gives them normalised."""
        if not texts:
            return np.zeros((0, DIMS), np.float32)
        return await _encoder().encode([clean(text) for text in texts])


class HostedEmbedder(_Remembering):
    """Any provider that LangChain's `init_embeddings` knows."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.name = settings.embedder
        self.dims = 0
        self._settings = settings
        self._model: Any = None

    async def embed(self, texts: Sequence[str]) -> Vector:
        """Return one row per text.

        Raises:
            ModelUnavailable: the provider did not answer with vectors.
        """
        if not texts:
            return np.zeros((0, self.dims), np.float32)
        if self._model is None:
            self._model = await asyncio.to_thread(_hosted, self._settings)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                rows = await self._model.aembed_documents([clean(text) or " " for text in texts])
            vectors = _normalised(np.asarray(rows, np.float32))
        except Exception as error:
            raise translate(error, spec=self.name, setting=_SETTING) from error
        self.dims = vectors.shape[1]
        return vectors


def clean(text: str) -> str:
    """Return what of `text` is embedded: its beginning, without code points no encoder reads."""
    return text[:MAX_CHARS].encode("utf-8", "replace").decode()


def _normalised(vectors: Vector) -> Vector:
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ValueError("the reply holds no vectors")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


@cache
def _encoder() -> LocalEncoder:
    """Return the process's one copy of the shipped weights (180 MB), read at its first use."""
    return LocalEncoder()


def _hosted(settings: ModelSettings) -> Any:
    from langchain.embeddings import init_embeddings

    options: dict[str, Any] = {}
    if settings.base_url:
        options["base_url"] = settings.base_url
    if settings.api_key:
        options["api_key"] = settings.api_key.get_secret_value()
    if settings.embedder.startswith("openai:"):
        # Its client would fetch a tokenizer from the network and send numbers, which only OpenAI itself understands;
        # texts are cut short enough already.
        options["check_embedding_ctx_length"] = False
    try:
        return init_embeddings(settings.embedder, **options)
    except ImportError as error:
        raise _bad_name(settings.embedder, f"needs a package that is not installed ({error})") from error
    except ValueError as error:
        raise _bad_name(settings.embedder, f"is not known ({str(error)[:200]})") from error
    except Exception as error:  # a vendor's own: it looks for its key before it is asked anything
        raise ModelUnavailable(
            f"The embedder {settings.embedder} cannot be set up ({type(error).__name__}).",
            fix=f"set its provider's key or TWINTRACK_MODELS__API_KEY, or {_SETTING}={LOCAL}",
        ) from error


def _bad_name(name: str, why: str) -> SettingsError:
    return SettingsError(
        f"{_SETTING}: {name!r} {why}.",
        fix=f"set it to {LOCAL}, or to provider:model as in openai:text-embedding-3-small",
    )
