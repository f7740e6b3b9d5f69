"""`twintrack doctor`: what works on this machine, what does not, and how to mend it."""

import asyncio
import dataclasses
import json
import sys
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal

import click

from twintrack.app import stopping
from twintrack.core.errors import TwintrackError
from twintrack.core.settings import Settings, load_settings

if TYPE_CHECKING:
    from twintrack.core.models import Models, Role

Status = Literal["ok", "note", "broken"]
_COLOURS = {"ok": "green", "note": "yellow", "broken": "red"}
_PROBE = "Is anyone there? Say yes or no."
_PATIENCE_S = 20
"""Seconds a model may take to say so."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    status: Status
    found: str
    fix: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """Check Redis, models, keys and Langfuse, and say how to mend each; exit 1 where something is broken.

    Each model that the settings name is asked one short question.
    """
    findings = stopping.run(_examine())
    broken = any(finding.status == "broken" for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": not broken, "checks": [*map(dataclasses.asdict, findings)]}, ensure_ascii=False))
    else:
        _show(findings)
    sys.exit(int(broken))


async def _examine() -> list[Finding]:
    try:
        settings = load_settings()
    except TwintrackError as error:
        return [_broken("settings", error)]
    findings = [Finding("settings", "ok", "all settings can be used")]
    for check in (_redis(settings), _models(settings), _embedder(settings), _corpus(settings), _langfuse(settings)):
        findings += [finding async for finding in check]
    return findings


async def _redis(settings: Settings) -> AsyncIterator[Finding]:
    from twintrack.core.redis_check import check_server
    from twintrack.core.redis_client import RedisSource

    source = RedisSource(settings.redis)
    try:
        report = await check_server(source)
        yield Finding("redis", "ok", await source.describe())
    except TwintrackError as error:
        yield _broken("redis", error)
        return
    finally:
        await source.aclose()
    yield Finding("redis modules", "ok", ", ".join(f"{name} {version}" for name, version in report.modules.items()))
    yield Finding("redis persistence", "ok" if report.keeps_all else "note", report.persistence)
    yield Finding("redis memory policy", "note" if report.evicts else "ok", report.memory_policy)
    yield Finding("redis round trip", "ok", f"{report.latency_ms:.2f} ms")
    for warning in report.warnings:
        problem, _, fix = warning.partition(" Fix: ")
        yield Finding("redis safety", "note", problem, fix)


async def _models(settings: Settings) -> AsyncIterator[Finding]:
    from twintrack.core.models import EXTRACTIVE, Models

    models, asked = Models(settings.models), dict[str, Finding]()
    if models.extractive:
        fix = "set TWINTRACK_MODELS__ANSWERER=provider:model, and PLANNER, AGENT, ROUTER, JUDGE alike, for written answers"
        yield Finding("models", "note", "extractive mode: it quotes the documents and asks no model", fix)
        return
    for role, spec in models.describe().items():
        if spec == EXTRACTIVE:
            fix = f"set TWINTRACK_MODELS__{role.upper()}=provider:model"
            yield Finding(f"model: {role}", "note", "extractive: asks no model", fix)
            continue
        asked[spec] = asked.get(spec) or await _asked(models, role)
        yield dataclasses.replace(asked[spec], check=f"model: {role}")


async def _asked(models: "Models", role: "Role") -> Finding:
    """Have the role's model say something: whether its name and key are right, only its provider knows."""
    spec, start = models.describe()[role], time.perf_counter()
    try:
        model = await asyncio.to_thread(models.chat, role)
        async with asyncio.timeout(_PATIENCE_S):
            await model.ainvoke(_PROBE)  # type: ignore[union-attr] # the caller knows that it is not extractive
    except TimeoutError:
        return Finding(spec, "broken", f"{spec} did not answer in {_PATIENCE_S} s", "check the network, or try again")
    except TwintrackError as error:
        return _broken(spec, error)
    return Finding(spec, "ok", f"{spec}, answered in {time.perf_counter() - start:.1f} s")


async def _embedder(settings: Settings) -> AsyncIterator[Finding]:
    from twintrack.core.embeddings import open_embedder

    start = time.perf_counter()
    try:
        embedder = open_embedder(settings.models)
        vector = await embedder.embed_one(_PROBE)
    except TwintrackError as error:
        yield _broken("embedder", error)
        return
    took = time.perf_counter() - start
    yield Finding("embedder", "ok", f"{embedder.name}, {len(vector)} dimensions, first text in {took:.1f} s")


async def _corpus(settings: Settings) -> AsyncIterator[Finding]:
    from twintrack.app.open_corpus import open_corpus

    name = settings.retrieval.corpus
    try:
        async with open_corpus(settings) as corpus:
            index = (await corpus.layout()).name
            other = await corpus.mismatch()
    except TwintrackError as error:
        yield _broken("corpus", error)
        return
    if other:
        yield Finding("corpus", "note" if other.partly else "broken", other.problem, other.fix)
    else:
        yield Finding("corpus", "ok", f"{name}, searched under {index}")


async def _langfuse(settings: Settings) -> AsyncIterator[Finding]:
    from twintrack.core.langfuse_check import check_langfuse
    from twintrack.core.langfuse_variables import load_langfuse_variables

    local = f"the last {settings.tracing.keep_local} traces stay in Redis, see `twintrack traces`"
    both = "set LANGFUSE_PUBLIC_KEY, LANGFUSE_SECRET_KEY and LANGFUSE_BASE_URL"
    try:
        variables = load_langfuse_variables()
        if not variables.tracing_enabled:
            yield Finding("langfuse", "note", "LANGFUSE_TRACING_ENABLED is false: nothing is traced", "unset it")
        elif variables.has_keys:
            yield Finding("langfuse", "ok", await check_langfuse(variables))
        elif variables.public_key or variables.secret_key:
            yield Finding("langfuse", "broken", "one of the two keys is missing", both)
        else:
            yield Finding("langfuse", "note", f"no keys: {local}", f"{both} to see them there")
    except TwintrackError as error:
        yield _broken("langfuse", error)


def _broken(check: str, error: TwintrackError) -> Finding:
    return Finding(check, "broken", error.problem, error.fix)


def _show(findings: list[Finding]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from twintrack.app.screen import screen

    table = Table("", "check", box=None, show_header=False, pad_edge=False)
    table.add_column("found", overflow="fold")
    for finding in findings:
        colour = _COLOURS[finding.status]
        fix = f"\n[bold]Fix:[/bold] {escape(finding.fix)}" if finding.fix else ""
        table.add_row(f"[{colour}]{finding.status}[/{colour}]", finding.check, escape(finding.found) + fix)
    screen().print(table)
