"""Lets another do the work of an agent that failed, once, and says so."""

import logging
from dataclasses import dataclass, replace

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp

from twintrack.core.errors import BudgetExceeded, NotAllowed, TwintrackError, Unavailable
from twintrack.nodes.state import Assignment
from twintrack.nodes.work import Agent, Finding

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoodIn:
    """An agent with a stand-in; what was refused, or would cost more than there is, nobody else tries."""

    agent: Agent
    name: str
    stand_in: Agent
    called: str
    """What the stand-in is called in the label."""

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Do the task, or have it done.

        Raises:
            Unavailable: the stand-in failed too; the message says why each did.
        """
        try:
            return await self.agent(assignment, config)
        except (BudgetExceeded, NotAllowed, GraphBubbleUp):
            raise
        except Exception as error:  # noqa: BLE001 - the boundary around code that is not ours: agents and their tools
            why = _said(error)
        log.warning("agent %s failed, %s stands in", self.name, self.called)
        try:
            found = await self.stand_in(assignment, config)
        except (BudgetExceeded, NotAllowed, GraphBubbleUp):
            raise
        except Exception as error:
            raise Unavailable(f"{why} {self.called} in its place: {_said(error)}") from error
        return replace(found, degraded=f"{self.name} was stood in for by {self.called}: {why}")


def _said(error: Exception) -> str:
    return error.problem if isinstance(error, TwintrackError) else f"It broke ({type(error).__name__})."
