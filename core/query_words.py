"""Chooses which words of a question are looked up: those that tell documents apart."""

import re

from twintrack.core.tokens import stem, words

MAX_WORDS = 64
"""Longest query; a question pasted with a whole document still costs one bounded look-up."""
_MAX_CHARS = 20_000

_STOP_WORDS_LIST = (
    "a about above after again all also am an and any are as at be because been before being below between "
    "both but by can could did do does doing don down during each few for from further had has have having he "
    "her here hers him his how i if in into is it its itself just ll me more most my no nor not of off on once "
    "only or other our out over own please re s same shall she should so some such t tell than that the their "
    "theirs them then there these they this those through to too under until up us ve very was we were what "
    "when where which while who whom whose why will with would you your yours 的 了 吗 呢 吧 啊 是 在 和 与 及 或 也 都 就 而 "
    "着 什 么 什么 哪 谁 多 少 多少 几 怎 怎么 怎样 如何 为什 哪些 哪个 哪里 哪一 请 请问 告诉 我 你 您 它 他 她 这 那 有 被 把 对 于 由 以 其 之 个 些"
)
STOP_WORDS = frozenset(_STOP_WORDS_LIST.split())


def query_words(question: str) -> list[str]:
    """Return the distinct words to look up, without stop words unless there is nothing else."""
    return list(dict.fromkeys(_telling(question)))[:MAX_WORDS]


def asked_stems(question: str) -> list[str]:
    """Return the stems to look up, each as often as it is said: what a long text repeats is what it is about."""
    return [stem(word) for word in _telling(question)]


def _telling(question: str) -> list[str]:
    found = words(_readable(question))
    return [word for word in found if word not in STOP_WORDS] or found


def _readable(question: str) -> str:
    return re.sub(r"\s+", " ", question[:_MAX_CHARS])
