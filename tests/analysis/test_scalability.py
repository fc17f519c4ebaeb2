import csv
import subprocess
import sys

import pytest

from tsm_tf.analysis.cluster import MODELS, Cluster
from tsm_tf.analysis.scalability import ONE_NODE_SECONDS, speeds, table_10, table_12

CLUSTER = Cluster(clips_per_second=240_000 * 100 / ONE_NODE_SECONDS)


def test_compute_per_io_is_table_10s():
    assert [row["compute_per_io_k"] for row in table_10()] == pytest.approx(
        [16.6, 6.85, 27.4], abs=0.05
    )


def test_times_are_table_12s_within_a_fifth():
    rows = [row for row in table_12(CLUSTER) if row["paper_seconds"]]
    assert [row["nodes"] for row in rows] == [1, 8, 16, 32, 64, 128, 256, 384]
    for row in rows:
        assert 0.8 < row["ratio"] < 1.2, row
    assert rows[0]["ratio"] == 1


def test_order_of_figure_12():
    last = {row["model"]: row for row in speeds(CLUSTER) if row["nodes"] == 256}
    names = [
        model.name
        for model in sorted(MODELS, key=lambda m: last[m.name]["clips_per_second"], reverse=True)
    ]
    assert names == ["TSM", "I3D 3x3x3", "I3D 3x1x1"]
    assert last["TSM"]["efficiency"] > 0.8 and last["TSM"]["devices"] == 1536
    assert last["I3D 3x3x3"]["efficiency"] < last["TSM"]["efficiency"]


def test_command(tmp_path):
    command = [
        sys.executable,
        "-m",
        "tsm_tf.analysis.scalability",
        f"--output={tmp_path}",
        "--clips_per_second=1",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "table_12.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["seconds"]) == 240_000 * 100 / 6
    assert (tmp_path / "scalability.png").stat().st_size > 20_000
