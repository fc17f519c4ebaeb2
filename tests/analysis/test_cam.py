"""`tsm_tf/analysis/cam.py` and `cam_models.py`: maps of videos and of splits."""

import csv

import cv2
import numpy as np
import pytest
from analysis.maps import COLORS, KERNEL, MIXED, linear_clip_model, small_maps
from PIL import Image
from testing import refuses, run_main
from videos import encode

import tsm_tf
from tsm_tf.analysis import cam
from tsm_tf.analysis.activation_maps import attention
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import center_clip

LABELS = ("red", "green", "blue")


def square(label, num_frames):
    """A square that enters half-way, in the colour of its class."""
    frames = np.full((num_frames, 48, 48, 3), 30, np.uint8)
    frames[num_frames // 2 :, 8:32, 8 + 8 * label : 24 + 8 * label, label] = 250
    return frames


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    folder.joinpath("labels.txt").write_text("\n".join(LABELS) + "\n")
    lines = []
    for number, label in enumerate((0, 1, 0)):
        encode(folder / f"{number}.mp4", square(label, 9 + number))
        lines.append(f"{number}.mp4 {9 + number} {label}\n")
    folder.joinpath("val.txt").write_text("".join(lines))
    folder.joinpath("several.txt").write_text("0.mp4 9 0,2\n1.mp4 10 2\n")
    return folder


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, mode in (("tsn", "none"), ("online", "unidirectional"), ("offline", "bidirectional")):
        tsm_tf.save_checkpoint(linear_clip_model(mode), folder / name / "best")
    tsm_tf.save_checkpoint(linear_clip_model(num_segments=4), folder / "long")
    tsm_tf.save_checkpoint(linear_clip_model(pooled=False), folder / "flat")
    return folder


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(output, *arguments):
    run_main(cam, f"--output={output}", *arguments)


def test_models_side_by_side(data, checkpoints, tmp_path, capsys):
    names = [checkpoints / "tsn", checkpoints / "online" / "best", checkpoints / "offline"]
    models = f"--checkpoints={','.join(map(str, names))}"
    run(tmp_path / "out", models, f"--video={data / '1.mp4'}")
    printed = capsys.readouterr().out
    assert "TSN (tsn): cam at mix" in printed and "the paper's own" in printed

    with Image.open(tmp_path / "out" / "cam.png") as picture:
        assert picture.size == (232 + 3 * 144, 4 * 144)
    with Image.open(tmp_path / "out" / "cam.gif") as film:
        assert film.n_frames == 3 and film.size[0] == 4 * 232
    assert (tmp_path / "out" / "cam.mp4").stat().st_size > 1000

    rows = rows_of(tmp_path / "out" / "cam.csv")
    models = ["TSN (tsn)", "online TSM (online)", "offline TSM (offline)"]
    assert [row["model"] for row in rows] == [name for name in models for _ in range(3)]
    listing = Listing(data)
    clip = center_clip(listing.videos("val")[1], linear_clip_model().spec, listing.source)
    maps = small_maps(clip) @ COLORS @ MIXED @ KERNEL
    maps = maps[..., maps.mean(axis=(0, 1, 2)).argmax()]
    shares = attention(maps).sum(axis=(1, 2))
    assert [float(row["attention"]) for row in rows[:3]] == pytest.approx(shares, abs=1e-4)


def test_classes_of_a_split(data, checkpoints, tmp_path):
    arguments = f"--checkpoint={checkpoints / 'tsn'}", f"--data={data}", f"--video={data / '0.mp4'}"
    run(tmp_path / "out", *arguments)

    listing = Listing(data)
    spec = linear_clip_model().spec
    clips = [center_clip(video, spec, listing.source) for video in listing.videos("val")]
    red = np.mean([small_maps(clips[i]) for i in (0, 2)], axis=0) @ COLORS @ MIXED @ KERNEL[:, 0]
    rows = rows_of(tmp_path / "out" / "classes.csv")
    assert [(row["class"], row["videos"]) for row in rows] == [("class 0", "2")] * 3 + [
        ("class 1", "1")
    ] * 3
    shares = attention(red).sum(axis=(1, 2))
    assert [float(row["attention"]) for row in rows[:3]] == pytest.approx(shares, abs=1e-4)

    with Image.open(tmp_path / "out" / "classes-1.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (2 * 144, 232 + 3 * 144, 3)
    mean = np.mean([clips[0][2], clips[2][2]], axis=0).round().astype(np.uint8)
    large = cv2.resize(mean, (144, 144), interpolation=cv2.INTER_AREA)
    shown = pixels[:144, -144:]
    is_bright = (shown == large).all(axis=-1)
    assert 0.02 < is_bright.mean() < 0.9 and shown[~is_bright].mean() < large.mean()


def test_one_class(data, checkpoints, tmp_path):
    arguments = f"--checkpoint={checkpoints / 'tsn'}", "--class=1"
    run(tmp_path / "out", *arguments, f"--data={data}", f"--video={data / '0.mp4'}")
    assert {row["class"] for row in rows_of(tmp_path / "out" / "classes.csv")} == {"class 1"}
    assert {row["class"] for row in rows_of(tmp_path / "out" / "cam.csv")} == {"class 1"}
    with refuses("class", "videos in val", "class 2"):
        run(tmp_path / "none", f"--checkpoint={checkpoints / 'tsn'}", "--class=2", f"--data={data}")


def test_videos_with_several_classes(data, checkpoints, tmp_path):
    arguments = f"--checkpoint={checkpoints / 'tsn'}", f"--data={data}", "--split=several"
    for name, flags, expected in (
        ("all", [], [("class 0", "1"), ("class 2", "2")]),
        ("one", ["--class=2"], [("class 2", "2")]),
    ):
        run(tmp_path / name, *arguments, *flags)
        rows = rows_of(tmp_path / name / "classes.csv")
        assert [(row["class"], row["videos"]) for row in rows[::3]] == expected


def test_errors(data, checkpoints, tmp_path):
    one, video = f"--checkpoint={checkpoints / 'tsn'}", f"--video={data / '0.mp4'}"
    out = tmp_path / "out"
    with refuses("checkpoint", "not both"):
        run(out, video)
    with refuses("checkpoint", "not both"):
        run(out, one, f"--checkpoints={checkpoints / 'online'}", video)
    with refuses("video", "must be given"):
        run(out, one)
    with refuses("checkpoints", "num_segments of the first, 3", "4 in"):
        run(out, f"--checkpoints={checkpoints / 'tsn'},{checkpoints / 'long'}", video)
    with refuses("class", "below 3", "purple"):
        run(out, one, video, "--class=purple")
    with refuses("class", "below 3", "3"):
        run(out, one, video, "--class=3")
    with refuses("method", "average-pooled"):
        run(out, f"--checkpoint={checkpoints / 'flat'}", video, "--method=cam")
    with refuses("layer", "one of", "head"):
        run(out, one, video, "--layer=head")
    with refuses("checkpoint", "must be a folder"):
        run(out, f"--checkpoint={tmp_path}", video)
    assert not out.exists()

    run(out, one, video)
    with refuses("output", "another class"):
        run(out, one, video, "--class=1")
    with refuses("video", "must be an existing file"):
        run(tmp_path / "new", one, f"--video={tmp_path / 'missing.mp4'}")
    assert not (tmp_path / "new").exists()
