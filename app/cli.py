"""The command line: one lazy group, so that `--help` does not load what it does not run."""
# ruff: noqa: ARG002 - the signatures are the base class's

import contextlib
import gc
import json
import logging
import os
import signal
import sys
from importlib import import_module
from typing import NoReturn

import click

from twintrack.core.errors import TwintrackError

COMMANDS = {
    "approvals": ("twintrack.app.approvals", "Show what waits for a person, and end what has waited too long."),
    "ask": ("twintrack.app.ask", "Answer one question, with citations."),
    "audit": ("twintrack.app.audit", "Show what was decided about tool calls, and by whom."),
    "bench": ("twintrack.bench.command", "Measure speed, side by side with peers."),
    "cache": ("twintrack.app.cache", "Show what the answer cache holds and has saved, or empty it."),
    "chat": ("twintrack.app.chat", "Talk, with the steps shown live; /help lists what else can be done."),
    "demo": ("twintrack.app.demo", "Show the whole product on a folder of documents."),
    "dev": ("twintrack.app.dev", "Serve the graphs with langgraph dev."),
    "doctor": ("twintrack.app.doctor", "Check Redis, models, keys and Langfuse, and say how to mend each."),
    "eval": ("twintrack.evals.command", "Measure quality on data files."),
    "ingest": ("twintrack.app.ingest", "Read files and folders into the corpus."),
    "memory": ("twintrack.app.memory", "List, recall, export and erase what is remembered of a user."),
    "settings": (
        "twintrack.app.show_settings",
        "Print the effective settings and where each was read, secrets hidden.",
    ),
    "traces": ("twintrack.app.traces", "Print the trace of a turn as a tree."),
    "versions": (
        "twintrack.app.show_versions",
        "List, show, save, compare, roll back, fork and prune a thread's versions.",
    ),
}


class LazyGroup(click.Group):
    """Loads a command's module only when the command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in COMMANDS:
            return None
        _log_quietly()
        command = import_module(COMMANDS[cmd_name][0]).command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="twintrack")
def cli() -> None:
    """Answer questions over your documents by a cited direct track or a supervised team.

    Without a model key it runs in extractive mode: it quotes, it does not write.
    """


def main() -> None:
    """Run the command line; an error is one line and a non-zero exit."""
    # Loading makes a million objects that stay: looking through them for garbage again and again is a tenth of the start.
    gc.set_threshold(100_000, 20, 20)
    try:
        cli(standalone_mode=False)
    except TwintrackError as error:
        stop(str(error), 1)
    except (click.Abort, KeyboardInterrupt) as end:
        stop("Stopped. What was finished is kept.", 128 + _signal_of(end))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        stop(_usage(error), error.exit_code)
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _log_quietly() -> None:
    from twintrack.core.resilience import log_retries_with_logging  # only what runs pays for it, `--help` does not

    log_retries_with_logging()
    # What it warns of stands in the error that follows, or did no harm.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def stop(line: str, code: int) -> NoReturn:
    """End with one line on standard error, and with --json one object on standard output."""
    line = " ".join(line.split())
    with contextlib.suppress(OSError):  # nobody reads a terminal that is closed
        if "--json" in sys.argv:
            click.echo(json.dumps({"error": line}, ensure_ascii=False))
        click.echo(f"twintrack: {line}", err=True)
    sys.exit(code)


def _signal_of(end: BaseException) -> signal.Signals:
    from twintrack.app.stopping import Terminated  # whoever can be told to end has loaded it

    told = (one.number for one in (end, end.__cause__) if isinstance(one, Terminated))
    return next(told, signal.SIGINT)


def _usage(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "twintrack"
    return f"{error.format_message().rstrip('.')}. Fix: see `{path} --help`"
