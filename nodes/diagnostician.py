"""The log diagnostician: says from log files what broke first and what followed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from twintrack.core.tokens import is_chinese
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.nodes.anomalies import Anomaly, anomalies
from twintrack.nodes.logs import Diagnosis, Event, diagnose, read_logs
from twintrack.nodes.metrics import read_metrics
from twintrack.nodes.state import Assignment
from twintrack.nodes.work import Finding

_WORDS = {
    "none": ("The logs report no error.", "日志中没有错误。"),
    "first": ("First error: {0}.", "最早的错误：{0}。"),
    "then": ("Then: {0}.", "随后：{0}。"),
    "before": ("Warnings before it: {0}.", "此前的警告：{0}。"),
    "worst": (
        "{0} errors in all; most at {1:%Y-%m-%d %H:%M}: {2} in a minute.",
        "共{0}个错误；最多的是{1:%Y-%m-%d %H:%M}，一分钟{2}个。",
    ),
    "changed": (
        "Metric {0} changed at {1:%Y-%m-%d %H:%M:%S} from about {2} to about {3}",
        "指标 {0} 在{1:%Y-%m-%d %H:%M:%S}从约{2}变为约{3}",
    ),
    "reached": (
        "Metric {0} left its usual {2} at {1:%Y-%m-%d %H:%M:%S} and reached {3}",
        "指标 {0} 通常约为{2}，从{1:%Y-%m-%d %H:%M:%S}起异常，达到{3}",
    ),
    "ahead": (", {0} s before the first error", "，早于首个错误{0}秒"),
    "behind": (", {0} s after the first error", "，晚于首个错误{0}秒"),
    "with": (", with the first error", "，与首个错误同时"),
    "kinds": ("Most often: {0}.", "最常见：{0}。"),
}


class LogArguments(BaseModel):
    """What `diagnose_logs` takes."""

    model_config = ConfigDict(extra="forbid")
    contains: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = Field(
        default="", description="Only lines with these words, or of the component so called; all without it."
    )
    chinese: bool = Field(default=False, description="Whether to answer in Chinese.")


def diagnose_logs(files: Sequence[Path]) -> BaseTool:
    """Return the tool that reads the files anew and says what went wrong."""

    async def run(contains: str = "", chinese: bool = False) -> str:
        events, series = await asyncio.to_thread(lambda: (read_logs(files), read_metrics(files)))
        words = contains.casefold()
        found = diagnose([one for one in events if words in f"{one.component} {one.text}".casefold()])
        strange = anomalies(one for one in series if words in one.name.casefold())
        return "\n".join([report(found, chinese), *measured(strange, found, chinese)])

    return StructuredTool.from_function(
        coroutine=run,
        name="diagnose_logs",
        description=(
            "Find what broke first in the logs, what followed, when it was worst and what was said most often, and which "
            "metrics left their usual values, and when."
        ),
        args_schema=LogArguments,
    )


def report(found: Diagnosis | None, chinese: bool) -> str:
    """Put a diagnosis into words."""

    def say(name: str, *parts: object) -> str:
        return _WORDS[name][chinese].format(*parts)

    if found is None:
        return say("none")
    lines = [say("first", _told(found.first))]
    if later := [_told(event) for event in found.timeline[1:5]]:
        lines.append(say("then", "; ".join(later)))
    if found.before:
        lines.append(say("before", "; ".join(map(_told, found.before))))
    lines.append(say("worst", found.errors, *found.worst))
    lines.append(say("kinds", "; ".join(f"{kind} ({count}x)" for kind, count in found.kinds[:3])))
    return "\n".join(lines)


def measured(strange: Sequence[Anomaly], found: Diagnosis | None, chinese: bool) -> list[str]:
    """Say which metrics left the usual, and how that lies to the first error."""
    lines = []
    for one in strange:
        kind = "changed" if one.lasting else "reached"
        said = _WORDS[kind][chinese].format(one.name, one.at, _short(one.usual), _short(one.value))
        if found is not None:
            seconds = round((found.first.at - one.at).total_seconds())
            where = "with" if seconds == 0 else "ahead" if seconds > 0 else "behind"
            said += _WORDS[where][chinese].format(abs(seconds))
        lines.append(f"{said}{'。' if chinese else '.'}")
    return lines


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


@dataclass(frozen=True, slots=True)
class Diagnostician:
    """Reads the logs and reports, without a model."""

    read: GatedTool

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Return the report in the task's language."""
        arguments = {"chinese": is_chinese(assignment["step"]["task"])}
        return Finding((await self.read(arguments, config)).text)


def _told(event: Event) -> str:
    return f"{event.at:%Y-%m-%d %H:%M:%S} {event.component}: {event.text[:160]}"
