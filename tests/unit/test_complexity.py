"""The router's own judgement: shape decides, in both languages, quickly."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twintrack.evals.train_router import auroc, auroc_by_source, features, held_out_scores, labels, sources, train
from twintrack.nodes.complexity import Complexity
from twintrack.nodes.cues import CUES

SHIPPED = Complexity.shipped()
DATA = Path(os.environ.get("TWINTRACK_EVAL_DATA", "")) / "routing" / "simple_vs_complex.jsonl"


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "How do I reset my password?",
        "What is the refund policy?",
        "Is there an annual fee?",
        "Can I cancel my card online?",
        "How do checkpoints work?",
        "年假有多少天？",
        "怎么重置密码？",
        "是否可以退款？",
        "退款政策是什么？",
    ],
)
def test_a_single_look_up_is_simple(question: str) -> None:
    assert SHIPPED.score(question) < 0.4


@pytest.mark.parametrize(
    "question",
    [
        "what is 17*23?",
        "12% of 80",
        "3加5乘以2等于多少",
        "What is the fee for the gold card and how do I cancel it?",
        "First find the fee, then multiply it by 3",
        "Compare the gold card and the silver card",
        "Who is older, the director of Titanic or the director of Avatar?",
        "Which country was the composer of the opera that opened La Scala born in?",
        "What is the limit? How is it raised? Who decides?",
        "北京和上海的区别是什么？",
        "中国的首都是哪里，人口是多少？",
        "查找退款政策，然后说明如何申请",
    ],
)
def test_several_steps_are_complex(question: str) -> None:
    assert SHIPPED.score(question) > 0.6


@given(st.text(max_size=300))
def test_any_text_gets_a_probability_and_always_the_same(text: str) -> None:
    score = SHIPPED.score(text, np.zeros(512))
    assert 0 < score < 1
    assert score == SHIPPED.score(text)


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_judgement_moves_with_the_cues_only(one: str, other: str) -> None:
    lone = Complexity(tuple(0.0 for _ in CUES), 0.0)
    scores = {lone.score(one), lone.score(other)}
    assert scores <= {0.5, 0.99}


def test_a_judgement_takes_less_than_a_millisecond() -> None:
    question = "Which country was the composer of the opera that opened La Scala born in, and when did he move?"
    SHIPPED.score(question)
    started = time.process_time()
    for _ in range(50):
        SHIPPED.score(question)
    assert (time.process_time() - started) / 50 < 0.002, "0.4 ms on an idle core; twice the promise allows for load"


@pytest.mark.parametrize(
    "text", ["a " * 10_000, "和" * 20_000, "1+" * 10_000, "，" * 20_000, "A b, " * 5_000, "\n- x" * 5_000]
)
def test_a_hostile_text_does_not_hold_the_loop(text: str) -> None:
    started = time.process_time()
    SHIPPED.score(text)
    assert time.process_time() - started < 0.25


def test_auroc_counts_ordered_pairs_and_halves_ties() -> None:
    assert auroc(np.array([0, 0, 1, 1.0]), np.array([0.1, 0.4, 0.35, 0.8])) == 0.75
    assert auroc(np.array([0, 1.0]), np.array([0.5, 0.5])) == 0.5
    assert auroc(np.array([1, 1.0]), np.array([0.1, 0.2])) is None


def test_training_learns_what_separates_and_balances_sources() -> None:
    rows = [{"text": "Who is it?", "label": "simple", "source": "a"}] * 30
    rows += [{"text": "Who is it, and why did they and we go then?", "label": "complex", "source": "a"}] * 30
    rows += [{"text": "谁？", "label": "simple", "source": "b"}] * 3
    rows += [{"text": "谁和谁以及为什么？", "label": "complex", "source": "b"}] * 3
    trained = train(features(rows), labels(rows), sources(rows))
    assert trained.score("Where is he?") < 0.5 < trained.score("Where is he, and how did she and they come then?")


@pytest.mark.skipif(not DATA.is_file(), reason="TWINTRACK_EVAL_DATA names no folder with the routing data")
def test_sources_left_out_of_the_training_are_ordered_well() -> None:
    rows = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()][::3]
    found, is_complex, source = features(rows), labels(rows), sources(rows)
    judged = auroc_by_source(is_complex, held_out_scores(found, is_complex, source), source)
    assert min(judged.values()) > 0.78, judged
