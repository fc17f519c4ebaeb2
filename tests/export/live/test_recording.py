import pytest
from PIL import Image
from testing import video_frames

from export.live.recording import Recording


def test_gif_plays_at_the_frames_own_times(tmp_path):
    with Recording(tmp_path, 10.0, ("n",)) as recording:
        for number, seconds in enumerate((0.0, 0.1, 0.4)):
            recording.write(video_frames(64, 64, 3, seed=number), seconds, {"n": number})
    durations = []
    with Image.open(tmp_path / "stream.gif") as gif:
        for number in range(gif.n_frames):
            gif.seek(number)
            durations.append(gif.info["duration"])
    assert durations == [100, 300, 100]
    assert (tmp_path / "frames.csv").read_text() == "n\n0\n1\n2\n"


def test_without_a_frame_only_the_csv(tmp_path):
    with Recording(tmp_path, 10.0, ("n",)):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["frames.csv"]


def test_an_error_leaves_whole_files(tmp_path):
    with pytest.raises(RuntimeError), Recording(tmp_path, 10.0, ("n",)) as recording:
        recording.write(video_frames(64, 64, 3), 0.0, {"n": 0})
        raise RuntimeError
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "frames.csv",
        "stream.gif",
        "stream.mp4",
    ]
