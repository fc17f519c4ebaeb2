"""`tsm_tf/analysis/paper_tables.py`, against sentences in the paper."""

import pytest

from tsm_tf.analysis.paper_tables import read_paper


def row(table, **values):
    (found,) = [
        row for row in read_paper(table) if all(row[name] == v for name, v in values.items())
    ]
    return found


def test_computation_of_tsm_and_eco():
    """Section 5.3.1: 4.2% higher accuracy than ECO with 1.9x less computation (8f against 16f)."""
    tsm, eco = (row("accuracy_cost", model=name) for name in ("TSM 8f", "ECO 16f"))
    assert tsm["top1"] - eco["top1"] == pytest.approx(4.2)
    assert eco["multiply_adds_G"] / tsm["multiply_adds_G"] == pytest.approx(1.9, abs=0.05)

    ensembles = [row("accuracy_cost", model=name) for name in ("TSM En", "ECO En Lite")]
    ratio = ensembles[1]["multiply_adds_G"] / ensembles[0]["multiply_adds_G"]
    assert ratio == pytest.approx(2.7, abs=0.05)
    ratio = ensembles[1]["parameters_M"] / ensembles[0]["parameters_M"]
    assert ratio == pytest.approx(3.1, abs=0.05)


def test_computation_of_non_local_i3d():
    """Section 5.3.1: TSM (8f) has 1.2% better accuracy with 10x fewer FLOPs."""
    tsm, i3d = (row("accuracy_cost", model=name) for name in ("TSM 8f", "Non-local I3D"))
    assert tsm["top1"] - i3d["top1"] == pytest.approx(1.2)
    assert i3d["multiply_adds_G"] / tsm["multiply_adds_G"] == pytest.approx(10, abs=0.5)


def test_latencies():
    """Section 5.3.5: 1.3x, 1.8x and 3.4x; section 5.4: 1.75x lower latency, 1.7x the throughput."""
    times = {row["model"]: row["latency_ms"] for row in read_paper("latency")}
    for slow, fast, ratio in (
        ("SlowFast R-50", "TSM NL R-50", 1.3),
        ("X3D-M", "TSM RX-101", 1.8),
        ("ir-CSN-152", "TSM RX-101", 3.4),
        ("ECO 16f", "TSM 8f", 1.75),
    ):
        assert times[slow] / times[fast] == pytest.approx(ratio, abs=0.05)

    rates = {row["model"]: row["videos_per_s"] for row in read_paper("latency")}
    assert rates["TSM 8f"] / rates["ECO 16f"] == pytest.approx(1.7, abs=0.05)
    assert rates["I3D (Wang et al.)"] / rates["TSM 8f"] == pytest.approx(0.55, abs=0.005)
    assert rates["X3D-M"] is None


def test_devices():
    """The abstract: 74 fps on Jetson Nano and 29 fps on Galaxy Note8."""
    assert row("devices", device="Jetson Nano", processor="GPU")["fps"] == 74.6
    assert row("devices", device="Galaxy Note8")["fps"] == 29
    assert len(read_paper("devices")) == 7


def test_shift_proportion():
    """Section 3.2: 13.7% and 12.4% more latency, and 2.6% less accuracy than TSN, if all shift."""
    naive = [row for row in read_paper("shift_proportion") if row["proportion"] == 1]
    assert sorted(row["overhead_percent"] for row in naive) == [12.4, 13.7]
    tsn = row("shift_proportion", proportion=0)["kinetics_top1"]
    assert {round(tsn - row["kinetics_top1"], 6) for row in naive} == {2.6}
