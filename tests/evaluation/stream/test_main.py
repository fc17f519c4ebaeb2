"""`python -m tsm_tf.evaluation.stream`: `__main__.py`, `evaluate.py`, `logits.py`, `report.py`."""

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from testing import array, own_lines, refuses, run_main
from videos import encode
from weights import with_weights

from tsm_tf import ModelSpec, build_model, load_checkpoint, save_checkpoint
from tsm_tf.data.listing import Listing
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.timeline import timelines
from tsm_tf.evaluation import early
from tsm_tf.evaluation.events import Event
from tsm_tf.evaluation.stream import __main__ as command
from tsm_tf.evaluation.stream.evaluate import Model, Settings, evaluate_streams, summary
from tsm_tf.evaluation.stream.joined import Gesture, JoinedStream, Joiner
from tsm_tf.evaluation.stream.logits import stream_logits
from tsm_tf.evaluation.stream.report import plot_timeline
from tsm_tf.event_rules import EventRules
from tsm_tf.models.frame_step import keras_step

LABELS = ("red", "green", "No gesture")
SPEC = ModelSpec(num_classes=3, labels=LABELS, num_segments=2, input_size=32, width=0.35, fps=5.0)
SHORT = Settings(background_minutes=0.5, num_streams=2)
FIGURES = {
    *("frame_accuracy", "late_frame_accuracy", "event_precision", "event_recall", "event_f1"),
    *("levenshtein_accuracy", "false_alarms_per_hour", "background_minutes"),
    *("delay_median_s", "delay_p90_s", "delay_median_share"),
}


def colored(*classes):
    """Ten frames of each class, which is the brightest channel."""
    frames = np.full((10 * len(classes), 48, 64, 3), 40, np.uint8)
    for part, label in enumerate(classes):
        frames[10 * part : 10 * part + 10, ..., label] = 200
    return frames


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Lists of videos whose colour is their class, at 10 frames per second."""
    folder = tmp_path_factory.mktemp("data")
    folder.joinpath("labels.txt").write_text("\n".join(LABELS) + "\n")
    lines = []
    for number in range(12):
        encode(folder / f"{number}.mp4", colored(*[number % 3] * 2))
        lines.append(f"{number}.mp4 20 {number % 3}\n")
    for number in range(2):
        encode(folder / f"long{number}.mp4", colored(2, 0, 0, 2, 1, 2, 2))
    encode(folder / "slow.mp4", colored(0), rate=3)

    segments = "".join(f"long{n}.mp4 1 3 0\nlong{n}.mp4 4 5 1\n" for n in range(2))
    lists = {
        "val": "".join(lines),
        "untrimmed": segments,
        "no_pauses": "".join(line for line in lines if not line.endswith(" 2\n")),
        "overlapping": "long0.mp4 1 3 0\nlong0.mp4 2.5 4 1\n" + segments,
        "backwards": "long0.mp4 3 1 0\n",
        "outside": "long0.mp4 6 9 0\n",
        "slow": "0.mp4 20 0\nslow.mp4 10 0\n",
        "one": lines[0] + lines[2],
        "empty": "\n",
        "both": "long0.mp4 70 0\nlong0.mp4 1 3 0\n",
    }
    for name, text in lists.items():
        folder.joinpath(f"{name}.txt").write_text(text)
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(with_weights(build_model(SPEC)), folder)
    return folder


def seeing(spec=SPEC, fits_rules=True):
    """A model that sees the colour of a frame."""

    def make_step(num_streams):
        def step(frames):
            assert frames.shape == (num_streams, 32, 32, 3) and frames.dtype == np.uint8
            return 20.0 * np.eye(3, dtype=np.float32)[frames.mean(axis=(1, 2)).argmax(axis=1)]

        return step

    return Model(spec, make_step, side_by_side=2, fits_rules=fits_rules)


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_model_that_sees_all_has_perfect_figures(data, tmp_path):
    figures, rules = evaluate_streams(seeing(), data, tmp_path / "out", {"model": "eyes"}, SHORT)
    assert figures["frame_accuracy"] == figures["late_frame_accuracy"] == 1
    assert figures["event_f1"] == figures["levenshtein_accuracy"] == 1
    assert figures["false_alarms_per_hour"] == figures["delay_median_s"] == 0
    assert figures["background_minutes"] == pytest.approx(0.5, abs=0.02)
    assert isinstance(rules, EventRules) and rules.min_seconds == 0  # the shortest delay

    written = json.loads((tmp_path / "out" / "stream.json").read_text())
    assert set(written) >= FIGURES and {name: written[name] for name in FIGURES} == figures
    assert written["model"] == "eyes" and written["fps"] == 5 and written["split"] == "val"
    rows = rows_of(tmp_path / "out" / "events.csv")
    assert [row["outcome"] for row in rows] == ["correct"] * 4
    assert all(row["predicted"] == row["true"] and row["seconds"] == row["start"] for row in rows)
    assert (tmp_path / "out" / "timeline.png").read_bytes()[1:4] == b"PNG"
    assert "F1 100.0%" in summary(figures) and "0.00 s, 0% of the gesture" in summary(figures)


def test_untrimmed_videos_are_streams(data, tmp_path):
    figures, _ = evaluate_streams(
        seeing(), data, tmp_path, {}, Settings(split="untrimmed", background_minutes=1)
    )
    assert figures["event_f1"] == figures["frame_accuracy"] == 1
    assert figures["background_minutes"] == pytest.approx(4 / 60)  # one video, and no pauses
    starts = [(row["true"], row["start"], row["end"]) for row in rows_of(tmp_path / "events.csv")]
    assert starts == [("red", "1.000", "3.000"), ("green", "4.000", "5.000")]


def test_without_background_its_figures_are_null(data, tmp_path):
    settings = Settings(split="no_pauses", num_streams=1)
    figures, _ = evaluate_streams(seeing(), data, tmp_path, {}, settings)
    assert figures["false_alarms_per_hour"] is figures["background_minutes"] is None
    assert figures["event_recall"] > 0 and "false alarms" not in summary(figures)
    assert json.loads((tmp_path / "stream.json").read_text())["background_minutes"] is None


def test_rules_are_kept_unless_they_are_to_be_fitted(data, tmp_path):
    strict = EventRules(open_probability=0.9, min_seconds=1.0)
    model = seeing(SPEC.replace(events=strict), fits_rules=False)
    figures, rules = evaluate_streams(model, data, tmp_path, {}, SHORT)
    assert rules == strict and figures["delay_median_s"] >= 1


def test_another_seed_has_other_streams_and_the_same_one_the_same(data, tmp_path):
    events = []
    for number, seed in enumerate((1, 1, 2)):
        settings = Settings(seed=seed, background_minutes=0.5, num_streams=2)
        evaluate_streams(seeing(), data, tmp_path / str(number), {}, settings)
        events.append((tmp_path / str(number) / "events.csv").read_text())
    assert events[0] == events[1] != events[2]


def test_names_that_a_plot_cannot_show(tmp_path):
    """Neither characters that the font lacks, nor formulas, nor a wrong event stop the picture."""
    spec = SPEC.replace(labels=("\N{WAVING HAND SIGN}", "a $\\frac{", "_"), background=("_",))
    gestures = (Gesture(0.0, 1.0, 0), Gesture(1.5, 2.0, 1))
    stream = JoinedStream((), np.array([0, 0, 0, 0, 0, 2, 2, 2, 1, 1]), gestures, 5.0)
    events = [[Event("a", 1, 0.4, 0.9), Event("a", 1, 1.6, 0.9)]]
    plot_timeline(tmp_path / "timeline.png", [stream], events, spec)
    assert (tmp_path / "timeline.png").stat().st_size > 5000
    early.plot(tmp_path / "early.png", {"runs/$a$ \N{WAVING HAND SIGN}": [0.5] * 10})
    assert (tmp_path / "early.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("split", "parts"),
    [
        ("overlapping", ("overlapping segments", "1 to 3 s and 2.5 to 4 s")),
        ("backwards", ("end after their start", "backwards.txt:1", "3 1 0")),
        ("outside", ("within the video's 7.00 s", "6 to 9 s")),
        ("slow", ("at least the model's 5 frames per second", "3 in ", "slow.mp4")),
        ("one", ("two videos with gestures", "1")),
        ("empty", ("at least one video",)),
        ("both", ("either whole or in segments", "long0.mp4")),
    ],
)
def test_bad_lists_are_refused_before_work(data, tmp_path, split, parts):
    with refuses("data", *parts):
        evaluate_streams(seeing(), data, tmp_path / "out", {}, Settings(split=split))
    assert not (tmp_path / "out").exists()


def test_bad_settings_are_refused(data, tmp_path):
    for name in ("background_minutes", "false_alarms_per_hour", "num_streams"):
        with refuses(name, "at least", "-1"):
            Settings(**{name: -1})
    other = seeing(SPEC.replace(labels=("a", "b", "c")))
    with refuses("data", "the model's classes"):
        evaluate_streams(other, data, tmp_path / "out", {}, SHORT)
    (tmp_path / "mine.txt").touch()
    with refuses("output", "new or empty"):
        evaluate_streams(seeing(), data, tmp_path, {}, SHORT)


def test_streams_side_by_side_are_those_of_the_clip_model(data, checkpoint):
    """Each frame's logits are those of the clip model on the whole stream."""
    model = load_checkpoint(checkpoint)
    joiner = Joiner(timelines(Listing(data).videos("val")), SPEC, 5.0, VIDEO_FILES)
    streams = joiner.join(range(12), 3.0, 3, np.random.default_rng(0))
    assert len({len(stream.labels) for stream in streams}) > 1
    found = stream_logits(joiner, streams, lambda n: keras_step(model, n), 2)

    for stream, logits in zip(streams, found, strict=True):
        frames = np.stack(list(joiner.frames(stream)))
        assert logits.shape == (len(frames), 3)
        (expected,) = array(model.per_frame(len(frames))(frames[None], training=False))
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_the_command_saves_the_rules_and_a_file_uses_them(data, checkpoint, tmp_path, capsys):
    from export.tflite import export_model

    folder = tmp_path / "checkpoint"
    shutil.copytree(checkpoint, folder)
    before = json.loads((folder / "spec.json").read_text())
    options = [f"--data={data}", "--background_minutes=0.2"]
    run_main(command, f"--checkpoint={folder}", f"--output={tmp_path / 'keras'}", *options)
    text = capsys.readouterr().out
    assert "times real time" in text and f"the event rules are in {folder}" in text
    model = load_checkpoint(folder)
    written = json.loads((tmp_path / "keras" / "stream.json").read_text())
    assert isinstance(model.spec.events, EventRules)
    assert json.loads((folder / "spec.json").read_text()) == {**before, "events": written["rules"]}
    # again: the same folders, and the rules are fitted again
    run_main(command, f"--checkpoint={folder}", f"--output={tmp_path / 'keras'}", *options)

    (path,) = export_model(model, tmp_path / "files", online=True)
    run_main(command, f"--model={path}", f"--output={tmp_path / 'tflite'}", *options)
    found = json.loads((tmp_path / "tflite" / "stream.json").read_text())
    assert found["rules"] == written["rules"] and found["model"] == str(path)
    assert found["frame_accuracy"] == pytest.approx(written["frame_accuracy"], abs=0.02)


def test_arguments_that_do_not_fit(data, checkpoint, tmp_path):
    options = [f"--data={data}", f"--output={tmp_path / 'out'}"]
    with refuses("checkpoint", "or else model"):
        run_main(command, *options)
    with refuses("checkpoint", "one of the two"):
        run_main(command, f"--checkpoint={checkpoint}", "--model=m.tflite", *options)
    offline = tmp_path / "offline"
    save_checkpoint(build_model(SPEC.replace(shift_mode="bidirectional")), offline)
    with refuses("shift_mode", "to stream", "'bidirectional'"):
        run_main(command, f"--checkpoint={offline}", *options)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_bad_input_is_one_line(data, checkpoint, tmp_path):
    module = [sys.executable, "-m", "tsm_tf.evaluation.stream", f"--checkpoint={checkpoint}"]
    for split in ("overlapping", "outside", "empty"):
        flags = [f"--data={data}", f"--output={tmp_path / split}", f"--split={split}"]
        done = subprocess.run([*module, *flags], capture_output=True, text=True)
        (line,) = own_lines(done.stderr)
        assert done.returncode == 1 and line.startswith("error: `data` must"), done.stderr
