"""What shape a guarded model is asked for is described once, however often it is asked."""

from typing import Any

from langchain_core.messages import AIMessage
from pydantic import BaseModel

from twintrack.app.testing import ScriptedChatModel
from twintrack.core.guarded_model import Guard, guarded
from twintrack.core.resilience import Limits


async def test_a_shape_that_is_asked_for_again_is_not_described_again() -> None:
    described: list[str] = []

    class City(BaseModel):
        name: str

        @classmethod
        def model_json_schema(cls, *given: Any, **options: Any) -> dict[str, Any]:
            described.append(cls.__name__)
            return super().model_json_schema(*given, **options)

    said = AIMessage("", tool_calls=[{"name": "City", "args": {"name": "Paris"}, "id": "1"}])
    model = guarded(ScriptedChatModel(script=[said] * 3), Guard("scripted:x", "TWINTRACK_MODELS__AGENT", Limits()))
    ask = model.with_structured_output(City).ainvoke

    assert await ask("which?") == City(name="Paris")
    once = len(described)
    for _ in range(2):
        assert await ask("which?") == City(name="Paris")
    assert described
    assert len(described) == once
