"""Extractive answers quote the right sentence word for word, cite its place, and abstain where nothing fits."""

from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.embeddings import LocalEmbedder
from twintrack.core.passages import Passage
from twintrack.nodes.extract import best_sentence, evidence, extract


def passage(text: str, *, start: int = 0, title: str = "Notes", document: str = "d") -> Passage:
    return Passage(
        id=f"{document}-{start}", document_id=document, title=title, source="s", text=text, start=start, score=0.5
    )


RIVERS = passage("The Rhine rises in Switzerland. It flows into the North Sea. Many ships use it.", document="rhine")
FEES = passage("Accounts are free. The monthly fee of the Blue Account is $15. Ask us.", start=40, document="fees")
RAIL = passage("广茂铁路全长364.6公里。它由三茂铁路股份有限公司管理运营。票价另议。", document="rail")


async def test_the_sentence_that_answers_is_quoted_first_with_its_place() -> None:
    draft = await extract("How much is the monthly fee of the Blue Account?", [RIVERS, FEES])
    citation = draft["citations"][0]
    assert draft["status"] == "answered"
    assert citation["quote"] == "The monthly fee of the Blue Account is $15."
    assert citation["document_id"] == "fees"
    assert citation["start"] == 40 + FEES["text"].index("The monthly")
    assert f"{citation['quote']} [1]" in draft["text"]


async def test_a_chinese_question_is_answered_in_chinese() -> None:
    draft = await extract("广茂铁路由哪家公司管理运营？", [FEES, RAIL], embedder=LocalEmbedder())
    assert "三茂铁路股份有限公司" in draft["text"]


async def test_a_paraphrase_is_answered_by_meaning_where_words_tie() -> None:
    asked = passage("The card costs nothing. The card is blue. The card was lost by a customer.")
    draft = await extract("Is the card free of charge?", [asked], embedder=LocalEmbedder())
    assert "costs nothing" in draft["text"]


async def test_a_question_in_another_language_is_answered_by_meaning() -> None:
    rows = passage("Incoming wires are free. International wire transfers cost $25. Ask us about your account.")
    draft = await extract("国际电汇手续费是多少？", [rows], embedder=LocalEmbedder())
    assert "$25" in draft["text"]


async def test_words_shared_by_chance_are_not_quoted() -> None:
    draft = await extract("Which year did the first crusade begin?", [FEES, RIVERS], embedder=LocalEmbedder())
    assert draft["status"] == "abstained"


async def test_it_abstains_and_says_where_it_looked() -> None:
    draft = await extract("Who painted Guernica?", [FEES])
    assert draft["status"] == "abstained"
    assert draft["citations"] == []
    assert "Notes" in draft["reason"]
    empty = await extract("Who painted Guernica?", [])
    assert (empty["status"], empty["reason"]) == ("abstained", "no passage was found")


async def test_a_sentence_in_two_overlapping_passages_is_quoted_once() -> None:
    text = "One. The fee is five. Two."
    overlapping = [passage(text), passage(text[5:], start=5)]
    draft = await extract("What is the fee?", overlapping)
    assert len({citation["start"] for citation in draft["citations"]}) == len(draft["citations"])


def test_evidence_is_strong_for_what_the_passages_say_and_weak_for_the_rest() -> None:
    assert evidence("What is the monthly fee of the Blue Account?", [RIVERS, FEES]) > 0.9
    assert evidence("Where does the Amazon begin?", [RIVERS, FEES]) < 0.2
    assert evidence("广茂铁路全长多少公里？", [RAIL]) > 0.5
    assert evidence("anything", []) == 0


def test_the_sentence_that_says_most_of_a_claim_is_found() -> None:
    span = best_sentence("It ends in the North Sea", RIVERS)
    assert span.text == "It flows into the North Sea."
    assert RIVERS["text"][span.start : span.end] == span.text


@given(st.text(max_size=80), st.lists(st.text(max_size=120), max_size=4))
async def test_whatever_is_asked_every_quote_stands_where_it_says(question: str, texts: list[str]) -> None:
    passages = [passage(text, start=7, document=f"d{number}") for number, text in enumerate(texts)]
    draft = await extract(question, passages)
    assert 0 <= evidence(question, passages) <= 1
    for citation in draft["citations"]:
        text = texts[int(citation["document_id"][1:])]
        assert text[citation["start"] - 7 : citation["end"] - 7] == citation["quote"]
        assert citation["quote"] in draft["text"]


LIBRARY = passage("Books may be borrowed for three weeks. The library opens at nine.", document="library")
GARDEN = passage("茶园的主人是王小梅。茶园建于1901年。茶园每年生产八百公斤绿茶。", title="茶园", document="garden")


async def test_a_question_about_what_the_documents_do_not_hold_is_not_answered() -> None:
    for question in ("图书馆逾期罚款是多少？", "How is honey made?", "火车票怎么退？"):
        draft = await extract(question, [GARDEN, FEES], embedder=LocalEmbedder())
        assert draft["status"] == "abstained", question


async def test_a_second_sentence_that_adds_nothing_is_not_quoted() -> None:
    draft = await extract("茶园的主人是谁？", [GARDEN], embedder=LocalEmbedder())
    assert [citation["quote"] for citation in draft["citations"]] == ["茶园的主人是王小梅。"]


async def test_a_second_sentence_that_holds_another_word_of_the_question_is_quoted() -> None:
    asked = passage("The Rhine flows into the North Sea. Barges carry coal along it. Tides are weak.")
    draft = await extract("Into which sea does the Rhine flow, and what do barges carry?", [asked])
    assert len(draft["citations"]) == 2


async def test_a_sentence_of_another_document_is_quoted_too_only_where_it_is_nearly_as_good() -> None:
    question = "Which coal barges flow on the Rhine to the sea?"
    sea = passage("The Rhine flows into the North Sea.", document="sea")
    coal = passage("Barges carry coal along it.", document="coal")
    again = passage("Into the North Sea the Rhine flows.", document="again")
    one = await extract(question, [sea, coal])
    both = await extract(question, [sea, again])
    assert [citation["document_id"] for citation in one["citations"]] == ["sea"]
    assert [citation["document_id"] for citation in both["citations"]] == ["sea", "again"]


async def test_the_second_part_of_a_question_may_be_quoted_from_another_document() -> None:
    sea = passage("The Rhine flows into the North Sea.", document="sea")
    coal = passage("Barges carry coal along it.", document="coal")
    draft = await extract("Into which sea does the Rhine flow, and what do barges carry?", [sea, coal])
    assert [citation["document_id"] for citation in draft["citations"]] == ["sea", "coal"]


def test_evidence_falls_where_the_best_sentence_speaks_of_the_opposite() -> None:
    said = evidence("Which account has the highest fee?", [passage("The Gold Account has the highest fee.")])
    opposite = evidence("Which account has the lowest fee?", [passage("The Gold Account has the highest fee.")])
    assert opposite < said / 2
