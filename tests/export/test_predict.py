"""Tests of `python -m tsm_tf.predict --model=FILE.tflite`, and of `load_runner`."""

import json
import subprocess
import sys

import numpy as np
import pytest
from testing import refuses, run_main
from videos import encode, moving_square

import tsm_tf.predict.__main__ as command
from export.runtime import ClipRunner, StreamRunner, load_runner
from tsm_tf import save_checkpoint


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for number, frames in enumerate((moving_square(), moving_square(14)[:, :, ::-1])):
        encode(folder / f"{number}.mp4", frames)
    return folder


def logits(folder, *arguments):
    """Runs the command on the videos; returns the logits by class, `[2, 4]`."""
    run_main(command, *arguments, f"--output={folder}", "--format=json", "--noannotate")
    videos = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))["videos"]
    rows = [{row["class"]: row["logit"] for row in video["classes"]} for video in videos]
    return np.array([[row[number] for number in range(4)] for row in rows])


def test_files_agree_with_their_checkpoint(model, online, clip, videos, tmp_path):
    """A clip file sees clips, as the checkpoint does; an online one streams, as with --stream."""
    save_checkpoint(model, tmp_path / "checkpoint")
    video, checkpoint = f"--video={videos}", f"--checkpoint={tmp_path / 'checkpoint'}"
    for name, file, flags in (("clip", clip, []), ("online", online, ["--stream"])):
        found = logits(tmp_path / f"{name}-file", f"--model={file}", video)
        expected = logits(tmp_path / name, checkpoint, video, *flags)
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert np.ptp(found, axis=0).min() > 1e-3  # the videos differ


def test_the_kind_of_a_file(online, clip, tmp_path):
    assert isinstance(load_runner(online), StreamRunner)
    assert isinstance(load_runner(clip), ClipRunner)
    with pytest.raises(FileNotFoundError):
        load_runner(tmp_path / "no.tflite")
    (tmp_path / "bad.tflite").write_bytes(b"not a model")
    with refuses("model", "TFLite"):
        load_runner(tmp_path / "bad.tflite")


def test_a_file_needs_neither_keras_nor_tensorflow(online, videos):
    arguments = ["predict", f"--model={online}", f"--video={videos}"]
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('keras', 'tensorflow')))\n"
        f"sys.argv = {arguments!r}\n"
        "from tsm_tf.predict.__main__ import run_command; run_command()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("%") == 8 and "2 of 2 videos done" in done.stdout


def test_protocols_that_a_file_cannot_follow(online, clip, videos):
    video = f"--video={videos}"
    for file, flag, argument, says in (
        (clip, "--protocol=kinetics_accurate", "full_resolution", "frames of 32 pixels"),
        (online, "--protocol=ten_crop", "protocol", "sees all frames"),
    ):
        with refuses(argument, says):
            run_main(command, f"--model={file}", video, flag)


def test_views_of_a_clip_file(clip, videos, tmp_path):
    """The mean over five crops is not that of the centre."""
    one = logits(tmp_path / "one", f"--model={clip}", f"--video={videos}")
    many = logits(tmp_path / "many", f"--model={clip}", f"--video={videos}", "--crops=5")
    assert one.shape == many.shape and np.abs(one - many).max() > 1e-3
