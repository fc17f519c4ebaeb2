import csv
import pathlib

import pytest
from analysis.maps import linear_clip_model
from analysis.run_folders import write_result
from testing import refuses, run_main

from benchmarks import gesture_networks
from benchmarks.gesture_networks import NETWORKS, compare, plan, run_folder
from tsm_tf import save_checkpoint
from tsm_tf.training.recipes import get_recipe

WORK = pathlib.Path("/w")


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_every_network_gets_the_same_training():
    steps = plan(WORK, ["--data=/d"], ["--output=/d"], ["--seed=3"])
    assert steps[0].command == "python -m tsm_tf.data.synthetic --output=/d"
    trainings, evaluations = steps[1::2], steps[2::2]
    assert len(trainings) == len(evaluations) == len(NETWORKS)
    assert trainings[0].command == (
        "python -m tsm_tf.training --recipe=gestures --data=/d --output=/w/tsn --shift_mode=none "
        "--seed=3"
    )
    last = run_folder(WORK, "ECO-Lite small") / "last"
    assert evaluations[2].arguments == (
        *("tsm_tf.evaluation", f"--checkpoint={last}", "--data=/d"),
    )
    assert len({step.log for step in steps}) == len(steps)
    assert len(plan(WORK, ["--data=/d"], [], [])) == len(steps) - 1


def test_networks_are_valid_and_differ():
    specs = set()
    for network in NETWORKS.values():
        fields = dict(flag.removeprefix("--").split("=") for flag in network)
        for name, kind in (("width", float), ("num_segments", int), ("shift_div", int)):
            if name in fields:
                fields[name] = kind(fields[name])
        specs.add(get_recipe("gestures", **fields).model)
    assert len(specs) == len(NETWORKS)


def test_rows_have_the_names_of_the_networks(monkeypatch, tmp_path):
    monkeypatch.setattr(gesture_networks, "NETWORKS", {"TSN": (), "TSM": ()})
    for name, mode, top1 in (("TSN", "none", 0.25), ("TSM", "bidirectional", 0.75)):
        folder = run_folder(tmp_path, name) / "last"
        save_checkpoint(linear_clip_model(mode), folder)
        write_result(folder / "evaluation", folder, top1=top1)

    tsn, tsm = compare(tmp_path, rounds=3)
    assert (tsn["model"], tsn["family"], tsn["top1"]) == ("TSN", "TSN", 25.0)
    assert (tsm["model"], tsm["family"], tsm["top1"]) == ("TSM", "TSM", 75.0)
    assert tsn["frames"] == 3
    assert tsm["ratio_to_tsm"] == 1 and tsn["median_ms"] > 0


def test_missing_videos_are_reported_first(tmp_path):
    work = tmp_path / "work"
    with refuses("data"):
        run_main(gesture_networks, f"--data={tmp_path / 'none'}", f"--work={work}")
    assert not work.exists()


@pytest.mark.slow
def test_the_whole_comparison_and_its_resumption(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(gesture_networks, "NETWORKS", {"TSM": NETWORKS["TSM"]})
    counts = "--num_train=18", "--num_val=9", "--epochs=1", "--rounds=2"
    folders = f"--work={tmp_path / 'work'}", f"--output={tmp_path / 'results'}"
    run_main(gesture_networks, *counts, *folders)

    table, picture = sorted((tmp_path / "results").iterdir())
    assert picture.name == table.with_suffix(".png").name and picture.stat().st_size > 20_000
    rows = rows_of(table)
    assert [(row["model"], row["steps"]) for row in rows] == [("TSM", "2")]
    assert "loss" in capfd.readouterr().out

    run_main(gesture_networks, *counts, *folders)
    printed = capfd.readouterr().out
    assert printed.count("done before") == 3 and "loss" not in printed
