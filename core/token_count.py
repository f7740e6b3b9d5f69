"""Guesses how many tokens a text is to a model, without asking for its tokenizer."""

from math import ceil

_CHARS_PER_TOKEN = 4


def wide(text: str) -> int:
    """Return how many signs are Chinese, Japanese or Korean, each about a token of its own."""
    return 0 if text.isascii() else sum(map(_is_wide, text))


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text is: one for each wide sign, one for four others."""
    found = wide(text)
    return found + ceil((len(text) - found) / _CHARS_PER_TOKEN)


def _is_wide(sign: str) -> bool:
    return (
        "\u2e80" <= sign <= "\u9fff"
        or "\uac00" <= sign <= "\ud7af"
        or "\uf900" <= sign <= "\ufaff"
        or sign >= "\U00020000"
    )
