"""As few runs as the order of partitions allows, each under a run key of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.orchestration.requests import (
    partition_tags,
    renewed,
    run_requests,
    stretches,
)
from import_assets.sources.ask import Ask
from import_assets.sources.delivery import Delivery
from import_assets_tests.builders import examples
from import_assets_tests.orchestration.site import RUN_KEY, Site, partitions_of


def ask(key: str, attempt: int = 1, fingerprint: str = "f") -> Ask:
    return Ask(Delivery(key, fingerprint, 1, datetime(2026, 1, 1, tzinfo=UTC)), attempt)


@pytest.mark.parametrize(
    ("known", "keys", "expected"),
    [
        ("", "", []),
        ("abc", "abc", ["abc"]),
        ("abc", "b", ["b"]),
        ("abcde", "abde", ["ab", "de"]),
        ("abc", "cba", ["c", "b", "a"]),
        ("abcd", "cdab", ["cd", "ab"]),
    ],
)
def test_keys_that_follow_each_other_share_a_run(
    known: str, keys: str, expected: list[str]
) -> None:
    assert ["".join(stretch) for stretch in stretches(known, list(keys))] == expected


@examples(200)
@given(st.permutations("abcdefgh"), st.integers(0, 8), st.data())
def test_stretches_keep_the_order_and_cannot_be_joined(
    known: list[str], size: int, data: st.DataObject
) -> None:
    keys = data.draw(st.permutations(known))[:size]
    found = stretches(known, keys)
    assert [key for stretch in found for key in stretch] == keys
    place = {key: index for index, key in enumerate(known)}
    for stretch in found:
        first = place[stretch[0]]
        assert known[first : first + len(stretch)] == stretch
    for one, following in pairwise(found):
        assert place[following[0]] != place[one[-1]] + 1


def test_tags_name_one_partition_or_the_ends_of_a_range() -> None:
    assert partition_tags(["a"]) == {"dagster/partition": "a"}
    assert partition_tags(["a", "b", "c"]) == {
        "dagster/asset_partition_range_start": "a",
        "dagster/asset_partition_range_end": "c",
    }


def test_new_keys_come_after_known_ones(site: Site) -> None:
    site.define("crm")
    site.instance.add_dynamic_partitions("crm_files", ["a", "b"])
    asks = [ask("b"), ask("x"), ask("y"), ask("a")]
    requests, additions = run_requests(site.instance, site.definition(), asks)
    assert [partitions_of(request) for request in requests] == [("b", "y"), ("a",)]
    (addition,) = additions
    assert addition.partitions_def_name == "crm_files"
    assert addition.partition_keys == ["x", "y"]
    assert requests[0].asset_selection == [
        dg.AssetKey(["imports", "crm"]),
        dg.AssetKey("customers"),
    ]


def test_nothing_asked_is_nothing_requested(site: Site) -> None:
    site.define("crm")
    assert run_requests(site.instance, site.definition(), []) == ([], [])


def run_key(site: Site, *asks: Ask) -> str:
    (request,), _ = run_requests(site.instance, site.definition(), asks)
    return str(request.run_key)


def test_run_keys_differ_by_what_is_asked_for_and_by_nothing_else(site: Site) -> None:
    site.define("crm")
    site.define("other")
    asks = [
        (ask("a"),),
        (ask("a", attempt=2),),
        (ask("a", fingerprint="g"),),
        (ask("b"),),
        (ask("a"), ask("b")),
        (ask("a"), ask("b", attempt=2)),
        (ask("a"), ask("b"), ask("c")),
        (ask("b"), ask("a")),
    ]
    keys = [run_key(site, *some) for some in asks]
    assert len(set(keys)) == len(keys)
    assert [run_key(site, *some) for some in asks] == keys
    site.instance.add_dynamic_partitions("crm_files", ["a", "b", "c"])
    assert [run_key(site, *some) for some in asks[:7]] == keys[:7]
    (request,), _ = run_requests(site.instance, site.definition("other"), asks[0])
    assert request.run_key not in keys


@pytest.mark.parametrize(
    ("status", "renews"),
    [
        ("NOT_STARTED", False),
        ("STARTED", False),
        ("CANCELING", False),
        ("SUCCESS", True),
        ("FAILURE", True),
        ("CANCELED", True),
    ],
)
def test_a_run_key_is_renewed_when_its_run_has_ended(site: Site, status: str, renews: bool) -> None:
    """Dagster starts no second run for it, and one that is under way is not to be doubled."""
    site.define("crm")
    (request,), _ = run_requests(site.instance, site.definition(), [ask("a")])
    assert renewed(site.instance, request) == request
    site.instance.add_dynamic_partitions("crm_files", ["a"])
    site.pretend(request, dg.DagsterRunStatus(status))
    second = renewed(site.instance, request)
    assert (second != request) is renews
    assert (second.tags, second.asset_selection) == (request.tags, request.asset_selection)
    if renews:
        site.pretend(second, dg.DagsterRunStatus.FAILURE)
        keys = {request.run_key, second.run_key, renewed(site.instance, request).run_key}
        assert len(keys) == 3
        assert not site.instance.get_runs(
            dg.RunsFilter(tags={RUN_KEY: str(request.run_key) + "~3"})
        )
