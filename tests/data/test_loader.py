import subprocess
import sys

import numpy as np
import pytest
from testing import refuses
from videos import moving_square, write_data

from tsm_tf import ModelSpec
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.crops import center_crop
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import ClipLoader, center_clip
from tsm_tf.data.pipeline import clip_dataset
from tsm_tf.data.sampling import center_indices
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.video_file import VIDEO_FILES, read_frames
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.errors import MissingFile

SPEC = ModelSpec(num_classes=2, num_segments=4, input_size=32)


class Drawn:
    """A source without files: ten frames per video."""

    modality = "rgb"

    def __init__(self):
        self.calls = []

    def num_frames(self, path):
        self.calls.append(("num_frames", path))
        return 10

    def read(self, path, indices, short_side, interpolation):
        self.calls.append(("read", path, [int(i) for i in indices], short_side, interpolation))
        return moving_square(10, short_side, short_side + 8)[np.asarray(indices)]


def test_evaluation_takes_the_segments_centres_from_a_source():
    source = Drawn()
    videos = [Video("s3://b/x.mp4", "x.mp4", UNKNOWN_FRAMES, 1)]
    clip, label = ClipLoader(videos, SPEC, source).load(7, 0)
    expected = moving_square(10, 36, 44)[[1, 3, 6, 8]][:, 2:34, 6:38]
    np.testing.assert_array_equal(clip, expected)
    assert label == 1 and clip.shape == ClipLoader(videos, SPEC, source).clip_shape
    assert source.calls == [
        ("num_frames", "s3://b/x.mp4"),
        ("read", "s3://b/x.mp4", [1, 3, 6, 8], 36, "bilinear"),
    ]


def test_known_lengths_are_not_counted():
    source = Drawn()
    center_clip(Video("/x.mp4", "x.mp4", 8, 0), SPEC, source)
    assert [call[0] for call in source.calls] == ["read"] and source.calls[0][2] == [1, 3, 5, 7]


def test_training_clips_follow_from_seed_epoch_and_index():
    videos = [Video("/x.mp4", "x.mp4", 10, 0)] * 2

    def load(seed, epoch, index):
        loader = ClipLoader(videos, SPEC, Drawn(), Augmentation(), seed)
        return loader.load(epoch, index)[0].tobytes()

    assert load(0, 1, 1) == load(0, 1, 1)
    assert len({load(0, 1, 1), load(1, 1, 1), load(0, 2, 1), load(0, 1, 0)}) == 4


def test_a_training_clip_is_one_read():
    source = Drawn()
    ClipLoader([Video("/x.mp4", "x.mp4", 10, 0)], SPEC, source, Augmentation()).load(0, 0)
    assert [call[0] for call in source.calls] == ["read"]


def test_reads_files_by_default(tmp_path):
    (video,) = Listing(write_data(tmp_path, {"val": 1})).videos("val")
    expected = center_crop(read_frames(video.path, [1, 3, 6, 8], SPEC.short_side), 32)
    np.testing.assert_array_equal(center_clip(video, SPEC, VIDEO_FILES), expected)


def test_a_video_that_is_gone_is_a_bad_video(tmp_path):
    video = Video(f"{tmp_path}/gone.mp4", "gone.mp4", 5, 0)
    for augmentation in (None, Augmentation()):
        with pytest.raises(BadVideoError, match=r"gone\.mp4") as caught:
            ClipLoader([video], SPEC, VIDEO_FILES, augmentation).load(0, 0)
        assert caught.value.reason == "the file is gone"
    with pytest.raises(MissingFile, match=r"gone\.mp4"):
        center_clip(video, SPEC, VIDEO_FILES)


def test_loading_needs_no_framework():
    code = "import sys; sys.modules.update(keras=None, tensorflow=None); import tsm_tf.data.loader"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_source_of_scaled_frames_is_refused():
    class Scaled(Drawn):
        def read(self, *arguments):
            return super().read(*arguments).astype("float32") / 255

    with refuses("source", "frames of uint8, from 0 to 255", "'float32'"):
        center_clip(Video("/x.mp4", "x.mp4", 8, 0), SPEC, Scaled())


def test_a_number_that_is_too_large_names_the_list_the_line_and_the_remedy(tmp_path):
    data = write_data(tmp_path, {"train": 3})
    lines = (data / "train.txt").read_text().splitlines()
    lines[1] = lines[1].replace(" 11 ", " 40 ")
    (data / "train.txt").write_text("\n" + "\n".join(lines))
    dataset = clip_dataset(data, SPEC, "train", 1, augmentation=None, skip_bad_videos=False)
    with pytest.raises(Exception, match="says 40 frames") as caught:
        list(dataset)
    for part in ("train.txt:3 says", "of which 11 can be decoded", "write -1"):
        assert part in str(caught.value)


def test_a_number_that_is_too_small_is_used(tmp_path):
    """A list may name the first frames of a video."""
    data = write_data(tmp_path, {"train": 1})
    (data / "train.txt").write_text('"train 0.mp4" 4 0')
    (video,) = Listing(data).videos("train")
    clip = center_clip(video, SPEC.replace(crop_pct=1.0), VIDEO_FILES)
    expected = read_frames(data / "train 0.mp4", [0, 1, 2, 3], 32)[:, :, 5:37]
    np.testing.assert_array_equal(clip, expected)


class DrawnFlow:
    """Seven flow frames: x is the number of the frame, y that plus 100."""

    modality = "flow"

    def __init__(self, count=7):
        self.count = count

    def num_frames(self, path):
        return self.count

    def read(self, path, indices, short_side, interpolation):
        assert min(indices) >= 0 and max(indices) < self.count
        flow = np.zeros((len(indices), short_side, short_side, 2), np.uint8)
        flow += np.asarray(indices, np.uint8)[:, None, None, None]
        flow[..., 1] += 100
        return flow


FLOW = SPEC.replace(modality="flow", mean=None, std=None)


def test_a_flow_clip_has_five_frames_per_segment_and_repeats_the_last():
    video = Video("/x", "x", UNKNOWN_FRAMES, 1)
    clip = center_clip(video, FLOW, DrawnFlow(7))
    assert clip.shape == (4, 32, 32, 10)
    starts = center_indices(7, 4, 5)
    assert starts.tolist() == [0, 1, 1, 2]
    assert clip[3, 5, 5].tolist() == [2, 102, 3, 103, 4, 104, 5, 105, 6, 106]
    short = center_clip(video, FLOW, DrawnFlow(3))
    assert short[0, 0, 0].tolist() == [0, 100, 1, 101, 2, 102, 2, 102, 2, 102]
    one = center_clip(video, FLOW, DrawnFlow(1))
    assert one[3, 0, 0].tolist() == [0, 100] * 5


def test_lists_may_count_more_frames_than_there_is_flow():
    """RGB frames, or x and y; fewer frames are a part of the video."""
    whole = center_clip(Video("/x", "x", 7, 1), FLOW, DrawnFlow(7))
    for count in (UNKNOWN_FRAMES, 8, 14):
        clip = center_clip(Video("/x", "x", count, 1), FLOW, DrawnFlow(7))
        np.testing.assert_array_equal(clip, whole)
    part = center_clip(Video("/x", "x", 5, 1), FLOW, DrawnFlow(7))
    assert part[3, 0, 0].tolist() == [0, 100, 1, 101, 2, 102, 3, 103, 4, 104]


def test_training_flow_clips_are_consecutive():
    loader = ClipLoader([Video("/x", "x", 30, 0)], FLOW, DrawnFlow(30), Augmentation(), 3)
    seen = set()
    for epoch in range(20):
        clip, _ = loader.load(epoch, 0)
        assert clip.shape == loader.clip_shape == (4, 32, 32, 10)
        starts = clip[:, 0, 0, 0]
        for segment, start in zip(clip[:, 0, 0], starts, strict=True):
            assert segment[::2].tolist() == [start + i for i in range(5)]
            assert segment[1::2].tolist() == [start + 100 + i for i in range(5)]
        assert (np.diff(starts.astype(int)) > 0).all() and starts.max() <= 25
        seen.add(tuple(starts))
    assert len(seen) > 10


def test_rgb_and_flow_are_not_confused():
    video = Video("/x", "x", 10, 0)
    with refuses("modality", "must be rgb, as the data are", "flow"):
        center_clip(video, FLOW, Drawn())
    with refuses("modality", "must be flow, as the data are", "rgb"):
        center_clip(video, SPEC, DrawnFlow())
