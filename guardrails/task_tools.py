"""Which tools one run, and one task of it, may use: a list can only take away from what an agent has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TASK_TOOLS = "task_tools"
"""Key of a run's `configurable` that holds the list of the task at hand."""


@dataclass(frozen=True, slots=True)
class TaskTools:
    """The bounds of one task."""

    lists: tuple[frozenset[str], ...] = ()
    """A tool must be in each of them."""
    forbidden: frozenset[str] = frozenset()

    def allows(self, tool: str) -> bool:
        """Tell whether the task may use the tool."""
        return tool not in self.forbidden and all(tool in one for one in self.lists)


def task_tools(context: Any, config: Mapping[str, Any]) -> TaskTools:
    """Read the bounds out of a run's context and the step's configuration."""
    told = context if isinstance(context, dict) else {name: getattr(context, name, None) for name in _FIELDS}
    lists = (told.get("tools"), (config.get("configurable") or {}).get(TASK_TOOLS))
    return TaskTools(
        tuple(frozenset(map(str, one)) for one in lists if isinstance(one, _LISTS)),
        frozenset(map(str, told.get("forbidden_tools") or ())),
    )


def narrowed(config: Mapping[str, Any], tools: Iterable[str]) -> dict[str, Any]:
    """Return the configuration for a task that may use these tools alone, of those that the task around it may use."""
    where = config.get("configurable") or {}
    around = where.get(TASK_TOOLS)
    kept = [tool for tool in tools if not isinstance(around, _LISTS) or tool in around]
    return {**config, "configurable": {**where, TASK_TOOLS: kept}}


_FIELDS = ("tools", "forbidden_tools")
_LISTS = (list, tuple, set, frozenset)
