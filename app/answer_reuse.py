"""Chooses what an answer must share with the one that is given again: models, prompts and every setting that shapes it."""

import json
from hashlib import blake2b
from importlib.metadata import version

from twintrack.core.answer_cache import AnswerCache
from twintrack.core.flights import Flights
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import Settings
from twintrack.core.task_results import TaskResults
from twintrack.core.tuning import used_tuning
from twintrack.graphs.resources import Resources
from twintrack.nodes.prompts import prompts_version
from twintrack.nodes.reuse import Reuse

_SHAPING = ("retrieval", "router", "rails", "memory")
"""Sections whose values change what is answered."""


def answer_reuse(settings: Settings, source: RedisSource, resources: Resources) -> Reuse | None:
    """Return what gives kept answers again, or None where the settings switch it off."""
    if not settings.cache.enabled:
        return None
    models = resources.models
    return Reuse(
        cache=AnswerCache(source, resources.embedder, settings.cache),
        flights=Flights(source),
        corpus=resources.corpus,
        embedder=resources.embedder,
        prompt=_made_with(settings, *_SHAPING),
        model=_digest(json.dumps(models.describe(), sort_keys=True)),
        writes=models.chat("answerer") is not None,
    )


def task_results(settings: Settings, source: RedisSource, resources: Resources) -> TaskResults:
    """Return what keeps the results of agents whose rows say so."""
    models = json.dumps(resources.models.describe(), sort_keys=True)
    made_with = (_made_with(settings, *_SHAPING, "team"), _digest(models, resources.embedder.name))
    return TaskResults(source, made_with=made_with, wait_s=settings.cache.wait_s)


def _made_with(settings: Settings, *shaping_sections: str) -> str:
    """Return a digest of what makes an answer beside its question, corpus and models."""
    shaping = settings.model_dump_json(include=set(shaping_sections))
    tuning = used_tuning(settings.tuning.file).model_dump_json(include={"withhold", "routing"})
    parts = (version("twintrack"), prompts_version(), shaping, tuning)
    return _digest(*parts)


def _digest(*parts: str) -> str:
    return blake2b("\x00".join(parts).encode(), digest_size=12).hexdigest()
