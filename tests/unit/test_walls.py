"""The walls between the users of a server."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twintrack.app.thread_owners import not_yours
from twintrack.app.walls import Walls, namespace_of, owner_label
from twintrack.core.context import Identity
from twintrack.core.errors import NotAllowed

ANN, BOB = Identity("acme", "ann"), Identity("acme", "bob")
THREAD = "5f3a7c1e-0000-4000-8000-000000000001"


class Owners:
    """Owners of threads, held in memory."""

    def __init__(self, owners: dict[str, Identity]) -> None:
        self.owners = owners

    async def claim(self, thread_id: str, identity: Identity) -> None:
        if self.owners.setdefault(thread_id, identity) != identity:
            raise not_yours()

    async def check(self, thread_id: str, identity: Identity) -> None:
        if self.owners.get(thread_id, identity) != identity:
            raise not_yours()


@pytest.fixture
def walls() -> Walls:
    return Walls(Owners({THREAD: ANN}))


@pytest.mark.parametrize("action", ["create", "read", "update", "delete", "search", "create_run"])
async def test_anothers_thread_is_refused_whatever_is_asked_of_it(walls: Walls, action: str) -> None:
    with pytest.raises(NotAllowed):
        await walls.threads(BOB, action, {"thread_id": THREAD})


async def test_anothers_thread_among_several_is_refused(walls: Walls) -> None:
    with pytest.raises(NotAllowed):
        await walls.threads(BOB, "delete", {"thread_ids": ["other", THREAD]})


async def test_a_new_thread_is_its_makers_from_then_on(walls: Walls) -> None:
    await walls.threads(BOB, "create", {"thread_id": "new"})
    with pytest.raises(NotAllowed):
        await walls.threads(ANN, "read", {"thread_id": "new"})


async def test_a_run_that_may_make_its_thread_claims_it(walls: Walls) -> None:
    await walls.threads(BOB, "create_run", {"thread_id": "new", "if_not_exists": "create"})
    with pytest.raises(NotAllowed):
        await walls.threads(ANN, "read", {"thread_id": "new"})


async def test_the_owner_is_written_into_what_is_stored(walls: Walls) -> None:
    value: dict[str, Any] = {"thread_id": "new", "metadata": {"graph_id": "twintrack"}}
    assert await walls.threads(ANN, "create", value) == {"owner": "acme/ann"}
    assert value["metadata"] == {"graph_id": "twintrack", "owner": "acme/ann"}


@pytest.mark.parametrize("action", ["create", "update", "search", "create_run"])
async def test_naming_another_as_owner_is_refused(walls: Walls, action: str) -> None:
    with pytest.raises(NotAllowed):
        await walls.threads(ANN, action, {"metadata": {"owner": owner_label(BOB)}})


async def test_the_servers_assistants_are_read_by_everyone_and_changed_by_nobody(walls: Walls) -> None:
    assert await walls.assistants(ANN, "read", {}) == {"$or": [{"owner": "acme/ann"}, {"created_by": "system"}]}
    assert await walls.assistants(ANN, "update", {"metadata": None}) == {"owner": "acme/ann"}
    with pytest.raises(NotAllowed):
        await walls.assistants(ANN, "create", {"metadata": {"created_by": "system"}})


async def test_a_schedule_that_would_lose_its_tenant_is_refused(walls: Walls) -> None:
    with pytest.raises(NotAllowed):
        await walls.crons(ANN, "create", {})
    assert await walls.crons(Identity(), "create", {}) == {"owner": "default/local"}


async def test_a_schedule_on_anothers_thread_is_refused(walls: Walls) -> None:
    with pytest.raises(NotAllowed):
        await walls.crons(Identity(), "create", {"thread_id": THREAD})


@pytest.mark.parametrize("asked", [("acme", "bob"), ("acme",), ("acme", "an"), ("x", "acme", "ann")])
async def test_a_namespace_that_is_not_below_the_users_own_is_refused(walls: Walls, asked: tuple[str, ...]) -> None:
    with pytest.raises(NotAllowed):
        await walls.store(ANN, {"namespace": asked})


async def test_no_namespace_means_the_users_own(walls: Walls) -> None:
    value: dict[str, Any] = {"namespace": None}
    await walls.store(ANN, value)
    assert value["namespace"] == ("acme", "ann")


identities = st.builds(Identity, st.text(min_size=1), st.text(min_size=1))


@given(identities, identities)
def test_no_two_users_share_a_label_or_a_namespace(one: Identity, other: Identity) -> None:
    assert (owner_label(one) == owner_label(other)) == (one == other)
    assert (namespace_of(one) == namespace_of(other)) == (one == other)


@given(identities)
def test_a_namespaces_labels_are_what_the_store_takes(identity: Identity) -> None:
    assert all(label and "." not in label for label in namespace_of(identity))
