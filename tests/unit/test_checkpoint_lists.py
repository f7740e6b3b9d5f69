from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from twintrack.memory.checkpoint_lists import BLOCK_MOST, ITEM_NAME, TOP, Known, Listed, cut, in_pieces
from twintrack.memory.checkpoint_serializer import CheckpointSerializer

SERDE = CheckpointSerializer()
BLOCKS = 12
"""Large pieces that one change moves, at most."""


def _listed(values: list[Any], serde: CheckpointSerializer = SERDE) -> Listed:
    return in_pieces(serde.split(values), serde.list_kind, serde.digest, serde.seal)


def _walk(listed: Listed) -> list[bytes]:
    """Return the names of the pieces, found as the script finds them."""
    _, _, top = listed.manifest.split(b"\n", 2)
    names = cut(top)
    for _ in range(listed.levels):
        names = [name for node in names for name in cut(listed.nodes[node])]
    return names


@given(st.lists(st.text(max_size=400) | st.integers(-5, 5) | st.none(), max_size=60), st.integers(1, 40))
def test_a_list_comes_back_from_its_pieces(values: list[Any], times: int) -> None:
    values *= times
    listed = _listed(values)
    pieces = [listed.pieces[name] for name in _walk(listed)]

    assert SERDE.join("runs", pieces) == values
    assert len(listed.top) <= TOP


@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 5), st.integers(0, 5))
def test_a_change_costs_what_is_new_and_a_few_names(length: int, at: int, removed: int, added: int) -> None:
    before = [f"{n}:".ljust(300, "x") for n in range(length)]
    after = [*before[: at % (length + 1)], *["new".ljust(300, str(n)) for n in range(added)]]
    after += before[at % (length + 1) + removed :]
    old, new = _listed(before), _listed(after)

    sent, relied = new.beyond(old.names)
    names = sum(len(body) for name, body in sent if name in new.nodes)
    assert sum(len(body) for name, body in sent if name in new.pieces) <= 300 * added + BLOCKS * BLOCK_MOST
    assert names + len(new.manifest) < ITEM_NAME * 600
    assert relied <= old.names
    assert new.names == {name for name, _ in sent} | (new.names & old.names)


def test_equal_values_are_kept_once() -> None:
    listed = _listed(["x" * 300] * 20_000)

    assert sum(map(len, listed.pieces.values())) < 3 * BLOCK_MOST
    assert sum(map(len, listed.nodes.values())) < 20_000


def test_a_read_takes_few_pieces_and_a_turn_sends_its_message_twice_at_most() -> None:
    talk = [f"{n}:".ljust(1000, "x") for n in range(1100)]
    sent, known = 0, _listed(talk[:1000]).names
    for end in range(1001, 1101):
        listed = _listed(talk[:end])
        sent += sum(len(body) for name, body in listed.beyond(known)[0] if name in listed.pieces)
        known = listed.names

    assert len(_walk(listed)) < 250
    assert sent < 2 * 100 * 1003 + BLOCK_MOST


def test_a_key_changes_every_name_and_hides_every_piece() -> None:
    plain, locked = _listed(["secret" * 300] * 3), _listed(["secret" * 300] * 3, CheckpointSerializer(b"k" * 16))

    assert not plain.names & locked.names
    assert all(b"secret" not in body for _, body in locked.beyond(frozenset())[0])


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    known = Known(limit=10)
    for n in range(4):
        known.learn(f"t{n}", b"messages", {b"%d-%d" % (n, at) for at in range(4)})
        known.learn(f"t{n}", b"messages", {b"%d-%d" % (n, at) for at in range(3)})

    assert [len(known.of(f"t{n}", b"messages")) for n in range(4)] == [0, 3, 3, 3]
    known.learn("t9", b"messages", {b"%d" % at for at in range(11)})
    assert [len(known.of(f"t{n}", b"messages")) for n in (1, 2, 3, 9)] == [0, 0, 0, 0]


def test_packing_again_sees_a_message_that_was_changed_in_place() -> None:
    messages = [HumanMessage("x" * 500, id=str(n)) for n in range(5)]
    before = _listed(messages)
    messages[2].content = "y" * 500

    sent, _ = _listed(messages).beyond(before.names)
    assert len(sent) == 1
