import pytest
from analysis.run_folders import write_result, write_run
from testing import refuses

from tsm_tf import ModelSpec
from tsm_tf.analysis.runs import find_files, read_runs

SPEC = ModelSpec(num_classes=2)


@pytest.fixture
def runs(tmp_path):
    return [write_run(tmp_path / name, SPEC) for name in ("a", "b")]


def test_results_belong_to_the_run_that_holds_or_names_them(tmp_path, runs):
    a, b = runs
    write_result(a / "evaluation" / "val", "moved/from/elsewhere", top1=0.1)
    write_result(tmp_path / "results" / "one", a / "best", top1=0.2)
    write_result(tmp_path / "results" / "two", b, top1=0.3)
    write_result(tmp_path / "results" / "other", tmp_path / "c", top1=0.4)
    streams = {"data": "gestures", "event_f1": 0.9}
    write_result(tmp_path / "results" / "s", b, "stream.json", streams)

    found = read_runs(runs, [tmp_path / "results"])
    assert [[e["top1"] for e in run.evaluations] for run in found] == [[0.1, 0.2], [0.3]]
    assert [[s["event_f1"] for s in run.streams] for run in found] == [[], [0.9]]
    assert found[0].evaluations[1]["folder"] == tmp_path / "results" / "one"
    assert found[0].spec == SPEC and found[0].log is None


def test_results_from_before_protocols_had_names(runs):
    metrics = {"data": "gestures", "top1": 0.5, "per_class": []}
    write_result(runs[0], runs[0], values=metrics)
    ((evaluation,), ()) = (run.evaluations for run in read_runs(runs))
    assert evaluation["protocol"] == "efficient"


def test_videos_with_several_classes_have_a_mean_average_precision(runs):
    metrics = {"data": "gestures", "mAP": 0.5, "per_class": []}
    write_result(runs[0], runs[0], values=metrics)
    run, _ = read_runs(runs)
    assert run.evaluations[0]["mAP"] == 0.5 and run.with_top1 == []
    with refuses("runs", "must have a top-1"):
        read_runs(runs, need_top1=True)


def test_states_and_logs_are_not_searched(runs):
    write_result(runs[0] / "states" / "x", runs[0])
    write_result(runs[0] / "z", runs[0])
    write_result(runs[0] / "a" / "b", runs[0])
    folders = [path.parent.name for path in find_files(runs[0], "metrics.json")]
    assert folders == ["b", "z"]


def test_errors(tmp_path, runs):
    with refuses("runs", "at least one"):
        read_runs([])
    with refuses("runs", "each once"):
        read_runs([runs[0], runs[0].parent / "b" / ".." / "a"])
    with refuses("results", "existing folders", "none"):
        read_runs(runs, [tmp_path / "none"])
    with refuses("checkpoint", "must be a folder"):
        read_runs([tmp_path])
    with refuses("runs", "must have a top-1", "tsm_tf.evaluation", "a"):
        read_runs(runs, need_top1=True)
    write_result(runs[0], runs[0], values={"top1": 1.0})
    with refuses("results", "valid data, per_class", "metrics.json"):
        read_runs(runs)
    for changes in (
        {"top1": "high"},
        {"top1": 75},
        {"top1": None},
        {"mAP": "x"},
        {"top5": []},
        {"data": 3},
        {"per_class": [{"class": "a", "recall": "x"}]},
        {"per_class": [["a", 1.0]]},
    ):
        write_result(runs[0], runs[0], **changes)
        with refuses("results", f"valid {next(iter(changes))}", "metrics.json"):
            read_runs(runs)
    (runs[0] / "metrics.json").write_text("[")
    with refuses("results", "readable"):
        read_runs(runs)
    (runs[0] / "metrics.json").unlink()
    write_result(runs[0], runs[0], "stream.json", {"data": "a", "event_f1": "good"})
    with refuses("results", "valid event_f1", "stream.json"):
        read_runs(runs)


def test_models_for_several_classes_have_no_top_1(tmp_path):
    run = write_run(tmp_path / "several", SPEC.replace(multi_label=True))
    with refuses("runs", "one class each", "several"):
        read_runs([run], need_top1=True)
    assert read_runs([run])[0].spec.multi_label
