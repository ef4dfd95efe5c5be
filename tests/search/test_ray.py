"""A search on a Ray cluster of two nodes, one of which is lost: the table of one process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from archbuilder import search
from archbuilder.pipeline import check
from archbuilder.search.course import Course, Progress
from tests.search.kill import TEXT

SETTINGS: dict[str, Any] = {"trials": 5, "generation": 5, "rungs": (3, 9)}


def searched(folder: Path, means: search.Means, watch: Any = lambda seen: None) -> Course:
    folder.mkdir()
    file = folder / "killed.yaml"
    file.write_text(TEXT)
    return search.start(check(file), means, out=folder / "searches", watch=watch, **SETTINGS)


@pytest.mark.needs("ray")
def test_a_lost_node_costs_no_more_than_its_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # addresses are 127.0.0.1, as there
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    )
    import ray
    from ray.cluster_utils import Cluster

    alone = searched(tmp_path / "alone", search.Means("here"))
    common = {"num_cpus": 1, "include_dashboard": False, "node_ip_address": "127.0.0.1"}
    cluster = Cluster(initialize_head=True, head_node_args=common)
    try:
        other = cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False)
        lost: list[int] = []

        def watch(seen: Progress) -> None:
            if seen.done == 1 and not lost:  # others are being trained, on both nodes
                lost.append(seen.steps)
                cluster.remove_node(other, allow_graceful=False)

        together = searched(tmp_path / "together", search.Means("ray"), watch)
        assert lost and len([node for node in ray.nodes() if node["Alive"]]) == 1
    finally:
        ray.shutdown()
        cluster.shutdown()
    table = "table.csv"
    assert (together.folder.path / table).read_text() == (alone.folder.path / table).read_text()
