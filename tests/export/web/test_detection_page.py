"""The page of a detector in a real Chromium: the same boxes as `export.live`.

One detector finds a bright square, and so gives nearly the same boxes for nearly the same pixels.
Another one is a whole network, and sees exactly the same pixels.
"""

import base64
import json

import cv2
import numpy as np
import pytest
from browser import SOFTWARE_GPU, Browser
from detector_files import SPEC, write_detector
from testing import video_frames
from videos import encode, moving_square
from web_page import (
    IS_READY,
    MESSAGE,
    SLOW_IN_CHROMIUM,
    click,
    errors_of,
    fake_camera,
    listen,
    served,
)

from export.live.detection_session import DetectionSession
from export.runtime import StreamRunner
from export.web.write_page import write_page

FRAMES = moving_square(20).repeat(5, axis=1).repeat(5, axis=2)
FPS = int(SPEC.fps)
COLUMNS = ("score", "x1", "y1", "x2", "y2")

pytestmark = SLOW_IN_CHROMIUM


@pytest.fixture(scope="module")
def address(archives, detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    sample = encode(folder / "sample.mp4", FRAMES, rate=FPS, options={"crf": "10"})
    write_page(detector, folder / "web", archives, sample)
    with served(folder / "web") as url:
        yield url


def lived(path, frames, threshold):
    """What `export.live` finds: for each frame the labels, and rows of scores and boxes."""
    session = DetectionSession(StreamRunner(path), None, threshold)
    found = []
    for number, frame in enumerate(frames):
        session.step(number, number / FPS, frame)
        rows = session.box_rows
        found.append(
            (
                [row["label"] for row in rows],
                np.array([[row[name] for name in COLUMNS] for row in rows]).reshape(-1, 5),
            )
        )
    return found


def check_boxes(results, expected, tolerance):
    """Compares the detections of the page, frame by frame; `tolerance` is in pixels."""
    for detections, (labels, rows) in zip(results, expected, strict=True):
        assert [found["label"] for found in detections] == labels
        actual = np.array([[found["score"], *found["box"]] for found in detections])
        np.testing.assert_allclose(actual.reshape(-1, 5)[:, 0], rows[:, 0], rtol=0, atol=1e-3)
        np.testing.assert_allclose(
            actual.reshape(-1, 5)[:, 1:], rows[:, 1:], rtol=0, atol=tolerance
        )


def run_frames(page, frames):
    """Runs the page's modules on frames; returns the detections."""
    pixels = [
        base64.b64encode(cv2.cvtColor(frame, cv2.COLOR_RGB2RGBA)).decode() for frame in frames
    ]
    page.evaluate(f"window.pixels = {json.dumps(pixels)}; 0")
    height, width = frames.shape[1:3]
    return page.evaluate(
        f"""(async () => {{
          const {{ fetchModel }} = await import("./js/model_info.js");
          const {{ Detector }} = await import("./js/detector.js");
          const {{ StreamRunner }} = await import("./js/stream_runner.js");
          const {{ info, bytes }} = await fetchModel(new URL("model/", location));
          const detector = new Detector(info, await StreamRunner.create(bytes, "wasm"));
          const results = [];
          for (const [i, text] of pixels.entries()) {{
            const data = Uint8ClampedArray.from(atob(text), (c) => c.charCodeAt(0));
            if (i === 2) {{ // the second start must not see the first one
              detector.reset();
              results.length = 0;
            }}
            detector.wants(i / {FPS});
            const {{ detections }} = await detector.process(new ImageData(data, {width}, {height}));
            results.push(detections);
          }}
          return results;
        }})()""",
        timeout=300,
    )


@pytest.fixture(scope="module")
def network(archives, tmp_path_factory):
    """The file of a whole network, and the address of its page."""
    folder = tmp_path_factory.mktemp("network")
    path = write_detector(folder / "detector.tflite")
    write_page(path, folder / "web", archives)
    with served(folder / "web") as url:
        yield path, url


def test_a_whole_network_finds_what_it_finds_in_python(network):
    """On frames of the model's own size, so that nothing is rounded."""
    path, url = network
    frames = video_frames(8, *StreamRunner(path).shape)
    with Browser() as page:
        page.open(url)
        page.wait_for(IS_READY)
        results = run_frames(page, np.concatenate([frames[:2], frames]))
        assert not errors_of(page)
    expected = lived(path, frames, threshold=0)
    check_boxes(results, expected, tolerance=0.02)
    scores = [rows[:, 0] for _, rows in expected]
    assert sum(map(len, scores)) >= 40 and np.ptp(np.concatenate(scores)) > 0.5
    assert len({str(rows) for _, rows in expected}) == len(frames)


def test_a_gpu_that_cannot_select_boxes(network):
    """The page says so, and stays on the CPU."""
    with Browser(*SOFTWARE_GPU) as page:
        page.open(network[1])
        page.wait_for(IS_READY)
        page.evaluate("document.querySelector('[value=webgpu]').click()")
        message = page.wait_for(
            f"document.querySelector('[value=wasm]:checked:enabled') && {MESSAGE}"
        )
        assert message == "WebGPU cannot run all of this model, so the CPU is used."


def test_sees_a_camera_as_live_does(address, detector, tmp_path):
    """Boxes lie over the mirrored picture."""
    with Browser(*fake_camera(tmp_path, FRAMES, FPS)) as page:
        page.open(address)
        page.wait_for(IS_READY)
        page.evaluate(
            "window.results = [];"
            "document.addEventListener('tsm:frame', ({ detail }) => results.push(detail)); 0"
        )
        click(page, "camera")
        results = page.wait_for("results.length >= 12 && results.slice(0, 12)")
        # A busy machine may miss a frame; the model then never sees it.
        numbers = [round(FPS * result["seconds"]) for result in results]
        assert numbers[0] == 0 and max(numbers) < len(FRAMES)
        expected = lived(detector, FRAMES[numbers], threshold=0)
        check_boxes([result["detections"] for result in results], expected, tolerance=3)

        page.wait_for("document.querySelectorAll('#boxes .box').length === 2")
        assert page.evaluate("document.getElementById('counts').textContent") == "1 ring, 1 cross"
        drawn, box = page.evaluate(
            "(() => { const box = Array.from(document.querySelectorAll('#boxes .box')).at(-1);"
            " const read = (name) => Number(box.getAttribute(name));"
            " return [['x', 'y', 'width', 'height'].map(read), results.at(-1).detections[0].box];"
            " })()"
        )
        left, top, right, bottom = box
        np.testing.assert_allclose(
            drawn,
            [FRAMES.shape[2] - right, top, right - left, bottom - top],
            atol=0.01,
        )
        click(page, "stop")
        assert page.evaluate("document.getElementById('stage').matches(':not(.is-on)')")
        assert not errors_of(page)


def test_plays_a_video_as_live_does(address, detector):
    """The slider decides which boxes are drawn, also when the video has ended."""
    with Browser() as page:
        page.open(address)
        page.wait_for(IS_READY)
        listen(page)
        page.evaluate(
            "window.results = [];"
            "document.addEventListener('tsm:frame', ({ detail }) => results.push(detail)); 0"
        )
        click(page, "sample")
        page.wait_for(f"{MESSAGE} === 'The video has ended.'")
        results = page.evaluate("results")
        numbers = [round(FPS * result["seconds"]) for result in results]
        assert len(numbers) >= 0.8 * len(FRAMES)
        expected = lived(detector, FRAMES[numbers], threshold=0)
        check_boxes([result["detections"] for result in results], expected, tolerance=3)

        names = "[...document.querySelectorAll('#boxes text')].map((t) => t.textContent)"
        assert page.evaluate(names) == ["cross 60%", "ring 90%"]  # the best one is in front
        move = (
            "{ const slider = document.getElementById('threshold'); slider.value = '%s';"
            "slider.dispatchEvent(new Event('input')); }"
        )
        page.evaluate(move % 0.15)
        assert page.evaluate(names) == ["ü 20%", "cross 60%", "ring 90%"]
        page.evaluate(move % 0.95)
        assert page.evaluate(names) == []
        assert page.evaluate("document.getElementById('counts').textContent") == "nothing"
        assert page.evaluate("document.getElementById('recognition').hidden")
        assert all(url.startswith(address) for url in page.requests)
        assert not errors_of(page)
