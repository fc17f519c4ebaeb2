"""Tests of `python -m tsm_tf.predict`; those with `.tflite` files are in tests/export."""

import csv
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch_writer
from file_server import FileServer
from official import OfficialCase
from testing import refuses, run_main
from videos import encode, moving_square
from weights import with_weights

import tsm_tf.predict.__main__ as command
from tsm_tf import ModelSpec, build_model, load_preset
from tsm_tf.data.loader import center_clip
from tsm_tf.data.sources.video_file import VIDEO_FILES, probe
from tsm_tf.data.video import Video
from tsm_tf.data.view_loader import load_views
from tsm_tf.evaluation.metrics import softmax
from tsm_tf.evaluation.protocols import EFFICIENT, PROTOCOLS
from tsm_tf.predict.predictors import ClipPredictor, StreamPredictor
from tsm_tf.predict.run import Run
from tsm_tf.weights.presets import table
from tsm_tf.weights.presets.table import File, find_preset

LABELS = ("Swiping Left", "Ärger", "drum & bass")
SPEC = ModelSpec(num_classes=3, labels=LABELS, num_segments=2, input_size=32, width=0.35, fps=5.0)


@pytest.fixture(scope="module")
def model():
    return with_weights(build_model(SPEC))


@pytest.fixture
def loaded(model, monkeypatch):
    """The command gets a model that is loaded already, which takes less time."""
    predictor = ClipPredictor(SPEC, model.predict_on_batch, EFFICIENT)
    use(monkeypatch, predictor)
    return predictor


def use(monkeypatch, predictor):
    def load(_, inputs, *__):
        return predictor, inputs.source(predictor.spec.modality), "digest"

    monkeypatch.setattr(command, "_load_checkpoint", load)


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    (folder / "more").mkdir(parents=True)
    frames = moving_square()
    encode(folder / "a.mp4", frames)
    encode(folder / "b.avi", frames[:, :, ::-1], codec="mpeg4")
    encode(folder / "more" / "c.mkv", frames[:, ::-1])
    return folder


NAMES = ("a.mp4", "b.avi", "more/c.mkv")


def logits_of(model, path):
    clip = center_clip(Video(str(path), "", -1, -1), model.spec, VIDEO_FILES)
    return model.predict_on_batch(clip[None])[0]


def test_prints_and_writes_the_classes_of_a_folder(model, checkpoint, videos, tmp_path, capsys):
    output = tmp_path / "new" / "predictions"
    arguments = [f"--checkpoint={checkpoint}", f"--video={videos}", f"--output={output}"]
    run_main(command, *arguments, "--format=json", "--topk=2")
    said = capsys.readouterr().out

    content = json.loads((output / "predictions.json").read_text(encoding="utf-8"))
    assert content["model"] == str(checkpoint) and len(content["digest"]) == 64
    assert [video["video"] for video in content["videos"]] == [str(videos / n) for n in NAMES]
    for video in content["videos"]:
        logits = logits_of(model, video["video"])
        best = np.argsort(-logits)[:2]
        assert [row["class"] for row in video["classes"]] == best.tolist()
        assert [row["name"] for row in video["classes"]] == [LABELS[i] for i in best]
        shares = [row["probability"] for row in video["classes"]]
        np.testing.assert_allclose(shares, softmax(logits)[best], atol=1e-5)
        lines = [f"  {share:6.1%}  {LABELS[i]}" for share, i in zip(shares, best, strict=True)]
        assert "\n".join([video["video"], *lines]) in said
    assert "3 of 3 videos done" in said
    assert f"written to {output}: predictions.json and an MP4 per video" in said

    for name in ("a.mp4", "b.avi.mp4", "more/c.mkv.mp4"):
        assert probe(output / name).num_frames == 12


def test_a_rerun_uses_what_is_there(loaded, videos, tmp_path, capsys, monkeypatch):
    arguments = ["--checkpoint=runs/mine", f"--video={videos}", f"--output={tmp_path / 'o'}"]
    run_main(command, *arguments, "--noannotate")
    first = capsys.readouterr().out
    assert not list((tmp_path / "o").glob("**/*.mp4"))

    monkeypatch.setattr(Run, "_one", None)  # nothing is predicted again
    run_main(command, *arguments, "--noannotate")
    shown = [line for line in first.splitlines() if "%" in line]
    assert shown == [line for line in capsys.readouterr().out.splitlines() if "%" in line]
    with (tmp_path / "o" / "predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == 3 * ["1", "2", "3"]

    monkeypatch.undo()
    use(monkeypatch, loaded)
    run_main(command, *arguments)  # annotated videos are missing
    assert len(list((tmp_path / "o").glob("**/*.mp4"))) == 3


def test_one_bad_video_does_not_stop_the_others(loaded, videos, tmp_path, capsys):
    (videos / "b.avi").write_bytes(b"not a video")
    output = tmp_path / "o"
    arguments = ["--checkpoint=runs/mine", f"--video={videos}", f"--output={output}"]
    with refuses("video", "1 of 3 cannot", "b.avi"):
        run_main(command, *arguments)
    said = capsys.readouterr().out
    assert f"{videos / 'b.avi'}\n  error: `video` must be a video that can be decoded" in said
    with (output / "predictions.csv").open(encoding="utf-8") as file:
        rows = {row["video"]: row["error"] for row in csv.DictReader(file)}
    assert [name for name in rows if rows[name]] == [str(videos / "b.avi")]
    assert "that can be decoded" in rows[str(videos / "b.avi")]
    assert sorted(path.name for path in output.glob("**/*.mp4")) == ["a.mp4", "c.mkv.mp4"]

    encode(videos / "b.avi", moving_square(), codec="mpeg4")
    run_main(command, *arguments)
    with (output / "predictions.csv").open(encoding="utf-8") as file:
        assert not any(row["error"] for row in csv.DictReader(file))


def test_a_single_bad_video_is_the_error(loaded, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"not a video")
    arguments = ["--checkpoint=runs/mine", f"--video={tmp_path / 'a.mp4'}"]
    with refuses("video", "that can be decoded", "a.mp4"):
        run_main(command, *arguments, f"--output={tmp_path / 'o'}")
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["predict.json"]


def test_bad_input_before_a_model_is_loaded(checkpoint, videos, tmp_path, monkeypatch):
    monkeypatch.setattr("tsm_tf.predict.keras_models.load_predictor", None)
    model, video = f"--checkpoint={checkpoint}", f"--video={videos}"
    flow = tmp_path / "flow"
    flow.mkdir()
    for axis in "xy":
        (flow / f"flow_{axis}_00001.jpg").write_bytes(b"x")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    for arguments, argument, says in (
        ([video], "checkpoint", "--preset or --model"),
        ([model, "--model=a.tflite", video], "checkpoint", "only one of them"),
        (["--preset=tsm_r50", video], "preset", "--list"),
        ([model, f"--video={tmp_path / 'no'}"], "video", "existing video"),
        ([model, f"--video={flow}"], "video", "not optical flow"),
        ([model, video, "--format=csv"], "format", "--output"),
        ([model, video, "--noannotate"], "annotate", "--output"),
        ([model, video, f"--output={tmp_path / 'taken'}"], "output", "new or empty"),
        (["--model=a.tflite", video, "--stream"], "stream", "for a checkpoint"),
        ([model, video, "--stream", "--crops=3"], "protocol", "must not be given with --stream"),
        ([model, video, "--sampling=dense", "--clips=1"], "clips", "2 to 64 with dense"),
        ([model, video, "--protocol=ten_crop", "--crops=3"], "protocol", "--crops"),
        ([f"--checkpoint={tmp_path}", video], "checkpoint", "spec.json"),
    ):
        with refuses(argument, says):
            run_main(command, *arguments)


def test_a_stream(videos, tmp_path, monkeypatch, capsys):
    """The mean of the logits of every second frame; the model has 5 frames per second."""
    logits = np.random.default_rng(0).normal(0, 3, (6, 3)).astype(np.float32)

    def start():
        rows = iter(logits)
        return lambda frame: next(rows)

    use(monkeypatch, StreamPredictor(SPEC, start))
    output = tmp_path / "o"
    arguments = ["--checkpoint=runs/mine", f"--video={videos / 'a.mp4'}", "--stream"]
    run_main(command, *arguments, f"--output={output}")
    best = int(logits.mean(0).argmax())
    share = softmax(logits.mean(0))[best]
    assert (
        f"1 video\n{videos / 'a.mp4'}\n  {share:6.1%}  {LABELS[best]}\n" in capsys.readouterr().out
    )
    assert probe(output / "a.mp4").num_frames == 12
    with refuses("output", "protocol", "'stream'", "'efficient'"):
        run_main(command, *arguments[:2], f"--output={output}")


def test_any_protocol(model, videos, tmp_path, monkeypatch, capsys):
    """The mean over the views, with the warning of evaluation about mirrored classes."""
    protocol = PROTOCOLS["ten_crop"]
    use(monkeypatch, ClipPredictor(SPEC, model.predict_on_batch, protocol))
    arguments = ["--checkpoint=runs/mine", f"--video={videos / 'a.mp4'}", "--protocol=ten_crop"]
    run_main(command, *arguments, f"--output={tmp_path / 'o'}", "--noannotate")
    views = load_views(Video(str(videos / "a.mp4"), "", -1, -1), SPEC, VIDEO_FILES, protocol.views)
    logits = model.predict_on_batch(views).mean(axis=0)
    with (tmp_path / "o" / "predictions.csv").open(encoding="utf-8") as file:
        found = {int(row["class"]): float(row["logit"]) for row in csv.DictReader(file)}
    np.testing.assert_allclose([found[i] for i in range(3)], logits, atol=2e-5)
    assert "a mirrored 'Swiping Left' shows another class" in capsys.readouterr().err


def test_models_without_names_with_several_classes_and_of_flow(videos, monkeypatch, capsys):
    unnamed = SPEC.replace(labels=None)
    flow = unnamed.replace(modality="flow", mean=(), std=())
    several = unnamed.replace(multi_label=True, thresholds=(0.0, 1.0, 0.0))
    arguments = ["--checkpoint=runs/mine", f"--video={videos / 'a.mp4'}"]
    said = []
    for spec in (unnamed, flow, several):

        def run(clips, channels=spec.channels):
            assert clips.shape == (1, 2, 32, 32, channels) and np.ptp(clips) > 10
            return np.array([[1, 3, 2]], np.float32)

        use(monkeypatch, ClipPredictor(spec, run, EFFICIENT))
        run_main(command, *arguments)
        before, _, after = capsys.readouterr().out.partition(f"{videos / 'a.mp4'}\n")
        assert ("computing optical flow" in before) == (spec.modality == "flow")
        said.append([line.split() for line in after.splitlines()])
    assert said[0] == said[1] == [["66.5%", "1"], ["24.5%", "2"], ["9.0%", "0"]]
    assert said[2] == [["88.1%", "2"], ["73.1%", "0"]]
    with refuses("topk", "several classes per video"):
        run_main(command, *arguments, "--topk=2")


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_predicted(checkpoint, tmp_path):
    """In a process of its own, which the same command resumes."""
    (tmp_path / "videos").mkdir()
    for number in range(200):
        encode(tmp_path / "videos" / f"{number:03}.mp4", moving_square(4))
    output = tmp_path / "o"
    command = [sys.executable, "-m", "tsm_tf.predict", f"--checkpoint={checkpoint}"]
    command += [f"--video={tmp_path / 'videos'}", f"--output={output}"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        state = output / ".predictions.jsonl"
        while process.poll() is None and not (state.is_file() and state.read_bytes()):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.communicate()[1].endswith(b"stopped by Ctrl-C\n")
    assert process.returncode == 130
    with (output / "predictions.csv").open(encoding="utf-8") as file:
        kept = [row["video"] for row in csv.DictReader(file)]
    assert 0 < len(set(kept)) < 200

    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with (output / "predictions.csv").open(encoding="utf-8") as file:
        assert len({row["video"] for row in csv.DictReader(file)}) == 200
    assert len(list(output.glob("*.mp4"))) == 200
    assert not [path for path in os.listdir(output) if path.startswith(".writing")]


@pytest.mark.slow
def test_a_preset_from_its_server(golden_dir, tmp_path, monkeypatch, capsys):
    """The first command of a newcomer, with the golden weights on this machine."""
    name = "tsm_r50_8f_kinetics400"
    case = OfficialCase(golden_dir, "A")
    torch_writer.save({"state_dict": case.state_dict()}, tmp_path / "a.pth", True)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    encode(tmp_path / "my.mp4", moving_square(height=240, width=320))
    arguments = [f"--preset={name}", f"--video={tmp_path / 'my.mp4'}"]

    with FileServer(**{"a.pth": (tmp_path / "a.pth").read_bytes()}) as server:
        preset = find_preset(name)
        files = (File(server.url("a.pth"), ""),)
        preset = dataclasses.replace(preset, files=files, data_set="sthv1")  # the case's classes
        monkeypatch.setattr(table, "presets", lambda: {name: preset})
        run_main(command, *arguments)
        first = capsys.readouterr().out
        run_main(command, *arguments, "--topk=1")
        assert len(server.requests) == 1

    assert "licence: MIT" in first and "licence" not in capsys.readouterr().out
    shown = re.findall(r"^ +([\d.]+)%  (.+)$", first, re.MULTILINE)
    model = load_preset(name)
    logits = logits_of(model, tmp_path / "my.mp4")
    best = np.argsort(-logits)[:5]
    assert [label for _, label in shown] == [preset.labels[i] for i in best]
    shares = [float(share) for share, _ in shown]
    np.testing.assert_allclose(shares, 100 * softmax(logits)[best], atol=0.06)
