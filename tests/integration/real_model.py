"""What must hold of the whole graph with any model, however weak: labelled answers, counted calls, streamed words."""

from pathlib import Path
from typing import Any

from tests.contract.conftest import TEXTS, WHO
from tests.stubbed_models import COMPLEX, SIMPLE
from twintrack.app.assemble import open_app
from twintrack.core.settings import Settings

STATUSES = ("answered", "abstained", "refused")


async def runs_the_whole_graph(redis_url: str, folder: Path, models: dict[str, Any], **more: Any) -> None:
    """Ask both tracks, streamed and not."""
    async with open_app(Settings.model_validate({"redis": {"url": redis_url}, "models": models, **more})) as app:
        for name, text in TEXTS.items():
            (folder / name).write_text(text, encoding="utf-8")
        await app.corpus.ingest([folder], identity=WHO)
        simple = await app.ask(SIMPLE, user_id=WHO.user_id)
        assert simple.status in STATUSES
        assert simple.usage.model_calls > 0
        assert simple.usage.output_tokens > 0
        events = [event async for event in app.stream(COMPLEX, user_id=WHO.user_id)]
        team = events[-1].answer
        assert team is not None
        assert team.status in STATUSES
        assert team.usage.model_calls > 0
        assert {"step", "answer"} <= {event.kind for event in events}
