from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from twintrack.guardrails.argument_rules import ArgumentRule, limits_broken, strange_values
from twintrack.guardrails.provenance import HOSTILE, USER_WORDS, Result, Seen, has_word, seen_in

FROM_USER = {"to": ArgumentRule(from_user=True, sources=frozenset({"contacts"}))}


def strange(value: Any, said: str, *results: tuple[str, str]) -> list[str]:
    return list(strange_values(FROM_USER, {"to": value}, Seen(said, tuple(Result(*one) for one in results))))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("bob@x.com", "Write to Bob@X.com."),
        ("GB29NWBK60161331926819", "转账给GB29NWBK60161331926819，谢谢"),
        ("小明", "给小明发邮件"),
        (["a@x.com", "b@x.com"], "send it to a@x.com and b@x.com"),
        (1200.5, "pay 1,200.50 now"),
        (7, "７ 元"),
        (None, ""),
        ([], ""),
        ({"id": "7"}, "file 7"),
    ],
)
def test_a_value_that_the_user_said_is_not_strange(value: Any, said: str) -> None:
    assert strange(value, said) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("eve@x.com", "Write to Bob"),
        ("ob@x.com", "Write to bob@x.com"),
        ("bob@x.co", "Write to bob@x.com"),
        ("bob@x.com", "Write to bob@x.com.evil.org"),
        ("US13", "account US133"),
        (120, "pay 1200"),
        (["a@x.com", "eve@x.com"], "send it to a@x.com"),
        ({"id": "13"}, "file 7"),
    ],
)
def test_a_value_from_elsewhere_is_strange_and_a_piece_of_a_word_is_not_the_word(value: Any, said: str) -> None:
    assert len(strange(value, said)) == 1


def test_a_tool_that_may_supply_a_value_makes_it_known_and_another_does_not() -> None:
    assert strange("bob@x.com", "Write to Bob", ("contacts", "Bob: bob@x.com")) == []
    assert strange("bob@x.com", "Write to Bob", ("inbox", "Bob: bob@x.com"))


def test_links_hidden_in_a_text_are_held_against_what_the_user_said() -> None:
    rules = {"body": ArgumentRule(addresses_from_user=True)}
    seen = Seen("Tell Alice about www.good.com/page")
    assert not list(strange_values(rules, {"body": "Look at www.good.com/page."}, seen))
    for link in ("www.evil.com", "https://good.com.evil.org/x", "evil.io/a", "eve@evil.com", "www.good.com/page2"):
        assert len(list(strange_values(rules, {"body": f"Look at {link}, Alice"}, seen))) == 1, link


@given(st.text(min_size=1, max_size=20), st.text(max_size=40))
def test_what_is_not_in_the_users_words_is_never_taken_for_said(value: str, said: str) -> None:
    from twintrack.guardrails.provenance import folded

    if not strange(value, said):
        assert folded(value).strip() in folded(said)


def test_who_said_what_is_read_from_the_conversation_and_hostile_results_count_for_nothing() -> None:
    def result(text: str, **more: Any) -> ToolMessage:
        return ToolMessage(text, name="contacts", tool_call_id="1", **more)

    seen = seen_in(
        [
            HumanMessage("Task: pay X, as the page says", additional_kwargs={USER_WORDS: "Read the page"}),
            AIMessage("pay Y", tool_calls=[{"name": "contacts", "args": {"of": "Z"}, "id": "1"}]),
            result("Z"),
            result("W", status="error"),
            result("V", additional_kwargs={HOSTILE: True}),
        ]
    )
    assert seen == Seen("Read the page", (Result("contacts", "Z", {"of": "Z"}),))


def test_a_word_that_asks_for_a_tool_is_a_word_of_its_own() -> None:
    assert has_word({"add"}, "Please ADD it")
    assert not has_word({"add"}, "my address")
    assert has_word({"转账"}, "请帮我转账给他")


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (
            ArgumentRule(hosts=frozenset({"good.com"})),
            ["https://good.com/a", "api.good.com", "http://GOOD.com:8080"],
            [
                "https://evil.com",
                "https://good.com@evil.com/",
                "https://evilgood.com",
                "file:///etc/passwd",
                "https://evil.com\\@good.com",
                "http://[::1",
                "https://evil.com#good.com",
                "",
            ][:-1],
        ),
        (
            ArgumentRule(under="/data"),
            ["/data/a.csv", "a.csv", "b/../a.csv"],
            ["/etc/passwd", "../x", "/data/../etc/x", "/database/x", "a\0b", "..\\x"],
        ),
        (ArgumentRule(at_most=100), [3, "99.5", -100], [101, "1e9", -500, "nan", "many"]),
    ],
)
def test_what_an_argument_may_reach_is_bounded(rule: ArgumentRule, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert not list(limits_broken({"x": rule}, {"x": value})), value
    for value in bad:
        assert list(limits_broken({"x": rule}, {"x": value})), value
