"""Holds a run on a server to a place where it can begin: a version that is there, a question that waits for this answer."""

from collections.abc import Mapping
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from twintrack.app.decisions import read_decisions
from twintrack.app.open_questions import questions_in
from twintrack.core.errors import Conflict, InputError, UnknownVersion
from twintrack.core.redis_errors import translated
from twintrack.guardrails import Masker

_ASK = 'send {"messages": [{"role": "user", "content": "your question"}]} as input'
_FIX = 'send {"decisions": [...]}, or, where several questions wait, {interrupt id: {"decisions": [...]}}'


async def check_start(saver: BaseCheckpointSaver[Any], run: Mapping[str, Any], masker: Masker) -> None:
    """Look at what a caller wants to run, before the server takes it on.

    The graph looks for the version again when the run begins: runs wait for each other, and versions are let go.

    Raises:
        UnknownVersion: it is to go on from a version that the thread does not have.
        Conflict: it answers a question, and none waits there.
        InputError: what it answers cannot be used, and the question goes on waiting; or it says nothing, on a thread
            that has nothing to go on with.
    """
    asked = run.get("kwargs") or {}
    version = ((asked.get("config") or {}).get("configurable") or {}).get("checkpoint_id")
    answer = (asked.get("command") or {}).get("resume")
    thread = run.get("thread_id")
    silent = asked.get("input") is None and not asked.get("command")
    if thread is None or not (version or silent or answer is not None):
        return
    found = await _version(saver, str(thread), version)
    if version and found is None:
        raise UnknownVersion.of(thread, version, fix="use an id that its history shows")
    if silent and found is None:
        raise InputError("There is no input, and nothing on this thread to go on with.", fix=_ASK)
    if answer is not None:
        _check_answer(answer, questions_in(found), masker)


async def _version(saver: BaseCheckpointSaver[Any], thread: str, version: Any) -> CheckpointTuple | None:
    where = {"thread_id": thread, "checkpoint_ns": ""} | ({"checkpoint_id": str(version)} if version else {})
    async with translated():
        return await saver.aget_tuple({"configurable": where})


def _check_answer(answer: Any, questions: Mapping[str, Any], masker: Masker) -> None:
    if not questions:
        raise Conflict(
            "Nothing on this thread waits for an answer.",
            fix="send a question as input; GET /twintrack/approvals lists what waits",
        )
    if not (isinstance(answer, dict) and answer and answer.keys() <= questions.keys()):
        if len(questions) > 1:
            raise InputError("Several questions wait, and the answer names none of them.", fix=_FIX)
        answer = dict.fromkeys(questions, answer)
    for name, given in answer.items():
        question = questions[name]
        if isinstance(question, dict) and "action_requests" in question:
            if not isinstance(given, dict):
                raise InputError("The answer holds no decisions.", fix=_FIX)
            read_decisions(given.get("decisions"), question["action_requests"], masker)
