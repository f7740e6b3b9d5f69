"""Each known fault of LangGraph's Redis saver and store, and the tests that hold the saver to it and ours against it.

A test named here fails on the stock one, strictly, and passes on ours.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
FAULTS, GRAPHS, COSTS = (
    "contract/test_stock_faults",
    "contract/test_stock_faults_graphs",
    "contract/test_stock_faults_servers",
)
VALUES, STORE, SERVER = (
    "contract/test_stock_faults_values",
    "contract/test_stock_faults_store",
    "integration/test_stock_faults_server",
)

ROWS: dict[str, list[str]] = {
    "a listing before a version is not cut": [
        f"{FAULTS}::test_listing_before_a_version_gives_the_older_ones",
        f"{SERVER}::test_history_before_a_version_is_older_than_it",
    ],
    "the server's bare `before` is an error": [
        f"{SERVER}::test_history_before_a_checkpoint_as_the_client_has_it",
    ],
    "time travel restores a subgraph's wrong state": [
        f"{GRAPHS}::test_time_travel_finds_a_subgraph_as_it_was",
        f"{SERVER}::test_going_on_from_an_old_version_finds_a_subgraph_as_it_was",
    ],
    "the root namespace lists every namespace": [f"{FAULTS}::test_the_root_namespace_is_not_every_namespace"],
    "an unknown metadata filter is an error": [
        f"{FAULTS}::test_a_filter_on_metadata_of_ones_own_finds_it",
        f"{SERVER}::test_history_is_found_by_the_servers_own_metadata",
    ],
    "metadata of the config is not stored": [f"{FAULTS}::test_metadata_of_the_config_is_kept"],
    "thread ids of different case are one when listed": [
        f"{FAULTS}::test_a_listing_never_gives_the_versions_of_a_thread_named_in_other_case"
    ],
    "thread ids of different case are one when pruned": [
        f"{FAULTS}::test_pruning_a_thread_leaves_a_thread_named_in_other_case_and_its_own_newest"
    ],
    "pruning no thread is an error": [f"{FAULTS}::test_pruning_no_thread_is_no_error"],
    "a put is not atomic": [f"{FAULTS}::test_a_version_is_stored_whole_or_not_at_all"],
    "the newest is what was written last": [f"{FAULTS}::test_the_largest_id_is_the_newest_whenever_it_arrives"],
    "a listing ends at 10 000": [f"{FAULTS}::test_a_listing_goes_past_ten_thousand_versions"],
    "a deletion ends at 10 000": [f"{FAULTS}::test_a_deletion_goes_past_ten_thousand_versions"],
    "writes without their version are a version": [f"{FAULTS}::test_writes_without_their_version_are_no_version"],
    "writes without their version never expire": [
        f"{FAULTS}::test_every_key_expires_also_where_writes_come_without_their_version"
    ],
    "writes without their version outlive the thread": [f"{FAULTS}::test_deleting_a_thread_leaves_no_key"],
    "a version expires while its thread is in use": [f"{FAULTS}::test_a_thread_in_use_keeps_its_older_versions"],
    "parallel writes to a delta channel change places": [
        f"{GRAPHS}::test_what_parallel_nodes_wrote_is_replayed_in_their_order",
        f"{FAULTS}::test_writes_come_in_the_order_of_their_tasks_paths",
    ],
    "a delta channel is read ancestor by ancestor": [f"{COSTS}::test_a_rebuilt_channel_is_read_in_a_few_round_trips"],
    "pruning cuts a delta channel off": [f"{COSTS}::test_pruning_leaves_what_a_channel_is_rebuilt_from"],
    "a write that is there is replaced": [f"{FAULTS}::test_a_write_that_is_there_stays"],
    "a task's path is lost from another thread": [
        f"{COSTS}::test_writes_from_another_thread_keep_the_order_of_their_tasks_paths"
    ],
    "an encrypting serializer encrypts nothing": [
        f"{FAULTS}::test_an_encrypting_serializer_leaves_no_plain_word_in_redis"
    ],
    "data of a user is imported or built": [f"{VALUES}::test_what_a_user_puts_into_a_state_stays_data"],
    "data of a user within a message is built": [f"{VALUES}::test_what_a_user_puts_into_a_message_stays_data"],
    "dates, decimals, spans, sets, keys, bytes, models and questions are spoilt": [
        f"{VALUES}::test_a_value_comes_back_as_it_was"
    ],
    "not a number becomes nothing": [f"{VALUES}::test_not_a_number_comes_back"],
    "an array becomes a dictionary": [f"{VALUES}::test_an_array_comes_back"],
    "sixty-four runs want too many connections": [f"{GRAPHS}::test_sixty_four_threads_run_at_once"],
    "a new index shows part of what is there": [
        f"{COSTS}::test_a_listing_right_after_the_index_is_made_anew_misses_nothing"
    ],
    "a cluster cannot be used": [f"{COSTS}::test_a_cluster_will_do"],
    "a Redis without modules cannot be used": [f"{COSTS}::test_a_redis_without_modules_will_do"],
    "a thread cannot be copied": [f"{FAULTS}::test_a_thread_can_be_copied"],
    "what a run made cannot be deleted": [
        f"{FAULTS}::test_what_a_run_stored_can_be_deleted",
        f"{SERVER}::test_a_run_that_rolls_another_back_takes_its_place",
    ],
    "one of two runs at once is lost": [f"{GRAPHS}::test_no_run_that_reports_success_is_lost_to_another_one"],
    "a long conversation grows with its square": [f"{COSTS}::test_a_turn_costs_no_more_when_the_conversation_is_long"],
    "a value that did not change is stored again": [f"{COSTS}::test_a_value_that_did_not_change_is_stored_once"],
    "a put and a read take seven round trips": [
        f"{COSTS}::test_a_version_is_stored_with_one_command_and_read_with_one"
    ],
    "the store cannot be constructed": [
        f"{FAULTS}::test_the_stock_store_can_be_opened",
        f"{SERVER}::test_the_server_starts_with_a_store",
    ],
    "namespaces of different case are one": [f"{STORE}::test_namespaces_that_differ_in_case_are_two"],
    "an item is not found under its namespace": [f"{STORE}::test_what_was_put_is_found_under_any_namespace"],
    "two puts of one key leave two items": [f"{STORE}::test_two_that_put_one_key_at_once_leave_one_item"],
}


@cache
def _tests_of_faults(file: str) -> set[str]:
    """Return the tests of a file that have to fail on the stock saver."""
    tree = ast.parse((TESTS / f"{file}.py").read_text("utf-8"))
    tests = [node for node in tree.body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)]
    return {test.name for test in tests if _fails_on_stock(test)}


def _fails_on_stock(test: ast.AsyncFunctionDef | ast.FunctionDef) -> bool:
    marks = " ".join(map(ast.unparse, test.decorator_list))
    return any(mark in marks for mark in ("both(", "fails(", "OLD_ENGINE"))


@pytest.mark.parametrize("row", ROWS)
def test_each_fault_has_a_test_that_fails_on_the_stock_saver(row: str) -> None:
    for name in ROWS[row]:
        file, _, test = name.partition("::")
        assert test in _tests_of_faults(file)


def test_each_such_test_stands_for_a_fault() -> None:
    listed = {name for names in ROWS.values() for name in names}
    held = {
        f"{file}::{test}" for file in (FAULTS, GRAPHS, COSTS, VALUES, STORE, SERVER) for test in _tests_of_faults(file)
    }
    assert held == listed
