import keras
import numpy as np
import pytest
from detectors import small_spec
from testing import array, refuses, run_main
from videos import write_data

from tsm_tf.data.boxes import boxes_for
from tsm_tf.data.listing import Listing
from tsm_tf.detection import proposals
from tsm_tf.detection.checkpoint import save_detector
from tsm_tf.detection.data.fit_frame import fit_frame
from tsm_tf.detection.detect import propose_video
from tsm_tf.detection.proposals import middle_frames, video_boxes
from tsm_tf.detection.rfcn import build_detector
from tsm_tf.spec import ModelSpec

SPEC = small_spec(
    num_classes=2,
    labels=None,
    num_segments=2,
    input_width=48,
    shift_mode="none",
    num_proposals=6,
    bins=3,
    max_detections=5,
)


def test_middle_frames():
    np.testing.assert_array_equal(middle_frames(8, 4), [1, 3, 5, 7])
    np.testing.assert_array_equal(middle_frames(9, 3), [1, 4, 7])
    np.testing.assert_array_equal(middle_frames(2, 4), [0, 0, 1, 1])


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return build_detector(SPEC)


@pytest.fixture(scope="module")
def checkpoint(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("detector")
    save_detector(model, folder)
    return folder


@pytest.fixture
def data(tmp_path):
    write_data(tmp_path / "data", {"train": 2, "val": 1})
    return tmp_path / "data"


def test_the_boxes_are_the_best_proposals_of_the_middle_frames(model, data):
    listing = Listing(data)
    path = listing.videos("val")[0].path
    found = video_boxes(model, listing.source, path, times=3, count=4)
    numbers = middle_frames(listing.source.num_frames(path), 3)
    frames = listing.source.read(path, numbers, None)
    assert frames.shape[1:3] == (48, 64)

    images = np.stack([fit_frame(frame, (48, 48))[0] for frame in frames]).astype("float32")
    rois = array(model.raw()(images[:, None].repeat(2, axis=1))["rois"])[::2, :4]
    expected = (rois / 48 * [1, 64 / 48, 1, 64 / 48]).clip(0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.std(found, axis=(0, 1)).min() > 0.01


def test_a_shifted_detector_sees_the_whole_video(data):
    keras.utils.set_random_seed(3)
    shifted = build_detector(SPEC.replace(shift_mode="unidirectional"))
    listing = Listing(data)
    path = listing.videos("val")[0].path
    count = listing.source.num_frames(path)
    frames = listing.source.read(path, range(count), None)
    everything = np.stack(list(propose_video(shifted, frames)))
    expected = (everything[middle_frames(count, 2)] / [64, 48, 64, 48]).clip(0, 1)
    found = video_boxes(shifted, listing.source, path, times=2, count=6)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_region_graph_network_reads_the_file_and_a_longer_list_extends_it(
    checkpoint, data, capsys, monkeypatch
):
    arguments = [f"--checkpoint={checkpoint}", f"--data={data}", f"--output={data}/boxes.npz"]
    arguments += ["--times=4", "--boxes=5"]
    run_main(proposals, *arguments, "--splits=val")
    assert "at 4 times of 1 videos" in capsys.readouterr().out
    with np.load(data / "boxes.npz") as file:
        first = file["boxes"]
    monkeypatch.setattr(proposals, "video_boxes", lambda *_: np.full((4, 5, 4), 0.5, np.float32))
    run_main(proposals, *arguments)
    assert "at 4 times of 3 videos" in capsys.readouterr().out

    listing = Listing(data)
    videos = listing.videos("train") + listing.videos("val")
    spec = ModelSpec(backbone="i3d_r50_gcn", num_classes=2, num_segments=32, shift_mode="none")
    assert boxes_for(spec, str(data), videos).count == 5
    with np.load(data / "boxes.npz") as file:
        assert file["names"][0] == listing.videos("val")[0].name
        np.testing.assert_array_equal(file["boxes"], [first[0], *np.full((2, 4, 5, 4), 0.5)])


def test_a_stopped_run_keeps_what_is_finished(checkpoint, data, monkeypatch):
    arguments = [f"--checkpoint={checkpoint}", f"--data={data}", f"--output={data}/boxes.npz"]
    done = []

    def stop_at_the_second(*args, **kwargs):
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(args[2])
        return np.zeros((16, 6, 4), np.float32)

    monkeypatch.setattr(proposals, "video_boxes", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        run_main(proposals, *arguments, "--boxes=6")
    with np.load(data / "boxes.npz") as file:
        assert len(file["names"]) == 1


def test_bad_flags(checkpoint, data, tmp_path):
    arguments = [f"--checkpoint={checkpoint}", f"--data={data}"]
    with refuses("output", "ends with .npz", "boxes.txt"):
        run_main(proposals, *arguments, f"--output={tmp_path}/boxes.txt")
    with refuses("boxes", "6 proposals", "7"):
        run_main(proposals, *arguments, f"--output={tmp_path}/boxes.npz", "--boxes=7")


def test_fgfa_has_no_proposals_per_frame():
    spec = SPEC.replace(method="fgfa", num_segments=3, flow_channels=2)
    with refuses("method", "must be rfcn", "fgfa"):
        next(propose_video(build_detector(spec), []))
