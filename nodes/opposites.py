"""Knows words that mean the opposite of each other: a quote with the other one answers another question."""

from collections.abc import Set as AbstractSet

from twintrack.core.tokens import stem

_PAIRS = (
    "over under, above below, north south, northern southern, northeast southwest, northwest southeast, east west, "
    "eastern western, first last, largest smallest, biggest smallest, big small, large small, highest lowest, "
    "high low, higher lower, longest shortest, long short, most least, more less, more fewer, greatest least, "
    "greatest smallest, similar different, similar dissimilar, increase decrease, rise fall, gain lose, win lose, "
    "won lost, before after, earlier later, start end, began ended, begin end, open close, import export, male female, "
    "men women, man woman, king queen, father mother, son daughter, husband wife, brother sister, maximum minimum, "
    "positive negative, inside outside, internal external, public private, legal illegal, possible impossible, "
    "capable incapable, able unable, successful unsuccessful, common uncommon, common rare, easy difficult, hot cold, "
    "warm cool, old new, old young, older younger, oldest youngest, oldest newest, rich poor, strong weak, "
    "strongest weakest, fast slow, faster slower, fastest slowest, support oppose, allow prohibit, allow forbid, "
    "accept reject, agree disagree, true false, upper lower, top bottom, left right, light dark, best worst, "
    "better worse, always never, with without, many few, majority minority, major minor, primary secondary, "
    "ancient modern, natural artificial, dry wet, peace war, victory defeat, birth death, born died, "
    "liberal conservative, domestic foreign, rural urban, simple complex, input output, buy sell, expand contract, "
    "attack defend, create destroy, build destroy, add remove, include exclude, efficient inefficient, direct indirect, "
    "dependent independent, equal unequal, known unknown, stable unstable, visible invisible, formal informal, "
    "regular irregular, advantage disadvantage, benefit harm, deposit withdraw, "
    "最大 最小, 最高 最低, 最早 最晚, 最多 最少, 最长 最短, 增加 减少, 上升 下降, 以上 以下, 之前 之后, 第一 最后, "
    "出生 逝世, 出生 去世, 支持 反对, 父亲 母亲, 儿子 女儿, 成功 失败, 开始 结束, 进口 出口, 允许 禁止, 公立 私立, "
    "最强 最弱, 最好 最差"
)


def _both_ways() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for pair in _PAIRS.split(", "):
        one, other = map(stem, pair.split())
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found


_OPPOSITES = _both_ways()


def opposed(asked: AbstractSet[str], said: AbstractSet[str]) -> bool:
    """Tell whether an asked word is missing and its opposite, which was not asked for, stands there instead."""
    return any(
        _OPPOSITES[word] & said and not _OPPOSITES[word] & asked
        for word in asked
        if word in _OPPOSITES and word not in said
    )
