import threading
import time

import numpy as np
import pytest
from servers import CameraServer
from testing import refuses
from videos import encode_damaged

from export.live.sources import open_source
from tsm_tf.camera.capture import Camera
from tsm_tf.data.sources.bad_video import BadVideoError


@pytest.fixture
def stop():
    return threading.Event()


@pytest.mark.parametrize("path", ["mjpeg", "ts"])
def test_frames_of_a_network_camera(path, stop):
    with CameraServer() as server:
        frames, fps, is_live = open_source(server.url(path), None, show=False, stop=stop)
        assert is_live and fps > 0
        seen = []
        for seconds, frame in frames:
            seen.append((seconds, frame, time.monotonic()))
            if len(seen) == 15:
                stop.set()
        frames.close()
    assert seen[0][1].shape == (48, 64, 3)
    for _, frame, _ in seen[3:]:  # each is one of the camera's, in its colours
        assert min(np.abs(frame.astype(int) - sent).mean() for sent in server.frames) < 6
    times = [seconds for seconds, _, _ in seen]
    assert times == sorted(times)
    moments = [moment for _, _, moment in seen]  # it is their arrival that counts
    np.testing.assert_allclose(
        np.subtract(times, times[0]), np.subtract(moments, moments[0]), atol=0.2
    )


def test_sources_that_cannot_be_opened(stop):
    with CameraServer() as server, refuses("video", "404", server.url("gone")):
        open_source(server.url("gone"), None, False, stop)
    with pytest.raises(BadVideoError, match="refused") as raised:
        open_source(f"http://user:secret@127.0.0.1:{server.port}/ts", None, False, stop)
    assert "secret" not in str(raised.value)
    with refuses("camera", "number or path", "/dev/video77"):
        Camera("/dev/video77")


def test_damaged_pictures_of_a_file_are_kept_on_request(tmp_path, stop, capsys):
    path = tmp_path / "damaged.avi"
    whole = encode_damaged(path)
    seen = []
    with pytest.raises(BadVideoError, match="picture 7 is damaged"):
        seen.extend(open_source(str(path), None, False, stop).frames)
    assert len(seen) == 7

    source = open_source(str(path), None, False, stop, keep_damaged=True)
    frames = np.stack([frame for _, frame in source.frames])
    same = (frames == whole).all((1, 2, 3))
    assert source.fps == 10 and same.tolist() == [number != 7 for number in range(20)]
    assert f"1 damaged picture was kept in {path}" in capsys.readouterr().err

    for video, camera, named in (
        (None, "0", "camera 0"),
        ("-", None, "-"),
        ("rtsp://127.0.0.1/x", None, "rtsp://127.0.0.1/x"),
    ):
        with refuses("keep_damaged", "only for a video file", named):
            open_source(video, camera, False, stop, keep_damaged=True)
