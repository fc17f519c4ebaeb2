"""The page in a real Chromium: the same classes and events as `export.live`, and bad input.

The model and the video are those of the documentation's page: a trained TSM, and gestures that it
has never seen.
"""

import base64
import functools
import hashlib
import json
import pathlib
import re
import shutil

import cv2
import numpy as np
import pytest
from browser import SOFTWARE_GPU, Browser
from int8 import convert_int8
from testing import video_frames
from web_page import (
    FAKE_DEVICE,
    IS_READY,
    MESSAGE,
    SLOW_IN_CHROMIUM,
    click,
    errors_of,
    fake_camera,
    listen,
    served,
)

from export.live.events import EventDecoder
from export.live.frame_clock import AtRate
from export.runtime import StreamRunner
from export.tflite.draft import Draft
from export.web.write_page import PAGE, write_page
from tsm_tf.data.crops import eval_frame
from tsm_tf.data.sources.video_file import iterate_frames

DEMO = pathlib.Path(__file__).parents[3] / "docs" / "web"
MODEL = DEMO / "mobilenet_v2_online_float16.tflite"
SAMPLE = DEMO / "sample.mp4"
SECONDS = 9  # of the sample in quick tests
pytestmark = SLOW_IN_CHROMIUM


@pytest.fixture(scope="module")
def folder(archives, tmp_path_factory):
    output = tmp_path_factory.mktemp("page") / "web"
    write_page(MODEL, output, archives, SAMPLE, note="It knows <rendered> hands only.")
    return output


@pytest.fixture(scope="module")
def address(folder):
    with served(folder) as url:
        yield url


@pytest.fixture(scope="module")
def page(address):
    """The page in a browser without a GPU, ready to start."""
    with Browser() as opened:
        opened.open(address)
        opened.wait_for(IS_READY)
        yield opened


@functools.cache
def lived():
    """What `export.live` makes of the sample: frames, logits and events."""
    runner = StreamRunner(MODEL)
    decoder = EventDecoder.of(runner.spec)
    rows, events = [], []
    for _, seconds, frame in AtRate(iterate_frames(SAMPLE), runner.spec.fps):
        logits = runner.step(eval_frame(frame, runner.spec))
        rows.append((seconds, frame, logits))
        events += [(e.seconds, e.label, e.probability) for e in decoder.step(logits, seconds)]
    return rows, events


def run_frames(page, accelerator):
    """Runs the page's modules on the sample's frames as Python decodes them."""
    rows = [row for row in lived()[0] if row[0] < SECONDS]
    height, width = rows[0][1].shape[:2]
    pixels = [
        base64.b64encode(cv2.cvtColor(frame, cv2.COLOR_RGB2RGBA)).decode() for _, frame, _ in rows
    ]
    page.evaluate(f"window.pixels = {json.dumps(pixels)}; 0")
    return rows, page.evaluate(
        f"""(async () => {{
          const {{ fetchModel }} = await import("./js/model_info.js");
          const {{ Recogniser }} = await import("./js/recogniser.js");
          const {{ StreamRunner }} = await import("./js/stream_runner.js");
          const {{ info, bytes }} = await fetchModel(new URL("model/", location));
          const runner = await StreamRunner.create(bytes, "{accelerator}");
          const recogniser = new Recogniser(info, runner);
          const results = [];
          const run = async (seconds, i) => {{
            const data = Uint8ClampedArray.from(atob(pixels[i]), (c) => c.charCodeAt(0));
            recogniser.wants(seconds);
            const frame = new ImageData(data, {width}, {height});
            const {{ logits, events }} = await recogniser.process(frame);
            results.push([Array.from(logits), events]);
          }};
          for (const [i, seconds] of {json.dumps([row[0] for row in rows])}.entries()) {{
            if (i === 5) {{ // the second start must not see the first one
              recogniser.reset();
              results.length = 0;
              for (let j = 0; j < 5; j++) await run(j / 8, j);
            }}
            await run(seconds, i);
          }}
          return results;
        }})()""",
        timeout=300,
    )


def check_frames(page, accelerator, tolerance):
    rows, results = run_frames(page, accelerator)
    expected = [(second, label) for second, label, _ in lived()[1] if second < SECONDS]
    found = [(event["seconds"], event["label"]) for _, events in results for event in events]
    assert found == expected and len(found) >= 4

    logits = np.array([values for values, _ in results])
    difference = np.abs(logits - [row[2] for row in rows]).max()
    assert 0 < difference <= tolerance * np.ptp(logits)
    return difference


def test_logits_and_events_are_those_of_python(page):
    """On the same pixels. What differs is the rounding of the resized image."""
    check_frames(page, "wasm", 0.02)
    assert not errors_of(page)


def test_int8_with_float_borders(model, archives, tmp_path):
    """LiteRT.js runs it with the same integers."""
    draft = Draft(convert_int8(model))
    draft.set_float_borders()
    path = tmp_path / "int8.tflite"
    path.write_bytes(draft.seal(model.spec, "int8"))
    write_page(path, tmp_path / "web", archives)

    runner, frames = StreamRunner(path), video_frames(8, 32, 32, 3)
    expected = [runner.step(frame) for frame in frames]
    with served(tmp_path / "web") as address, Browser() as page:
        page.open(address)
        page.wait_for(IS_READY)
        found = page.evaluate(
            f"""(async () => {{
              const {{ fetchModel }} = await import("./js/model_info.js");
              const {{ StreamRunner }} = await import("./js/stream_runner.js");
              const {{ bytes }} = await fetchModel(new URL("model/", location));
              const runner = await StreamRunner.create(bytes, "wasm");
              const results = [];
              for (const frame of {json.dumps(frames.reshape(8, -1).tolist())}) {{
                results.push(Array.from((await runner.step(Float32Array.from(frame))).logits));
              }}
              return results;
            }})()"""
        )
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.02 * np.ptp(expected))
    assert np.ptp(expected, axis=0).min() > 0.1 * np.ptp(expected)  # the frames differ


def test_webgpu_gives_the_same(address):
    with Browser(*SOFTWARE_GPU) as page:
        page.open(address)
        page.wait_for(IS_READY)
        check_frames(page, "webgpu", 0.02)
        page.evaluate("document.querySelector('[value=webgpu]').click()")
        page.wait_for(f"document.querySelector('[value=webgpu]:checked:enabled') && !{MESSAGE}")
        listen(page)
        click(page, "sample")
        page.wait_for("frames_seen.length >= 3")
        assert not errors_of(page)


def test_plays_a_video_as_live_does(address):
    """In real time, in a browser that decodes the file itself: the chroma differs a little."""
    with Browser() as page:
        page.open(address)
        page.wait_for(IS_READY)
        listen(page)
        click(page, "sample")
        page.wait_for(f"{MESSAGE} === 'The video has ended.'")
        check_events(page.evaluate("events_seen"), lived()[1], seconds=0.25)
        seen = page.evaluate("frames_seen")
        assert seen[:3] == [0, 0.125, 0.25] and len(seen) >= 0.9 * len(lived()[0])

        first = page.evaluate("performance.getEntriesByName('tsm:first-prediction')[0].startTime")
        print(f"first prediction after {first:.0f} ms")
        assert first < 3000
        assert all(url.startswith(address) for url in page.requests)
        assert not errors_of(page)


def test_sees_a_camera_as_live_does(address, tmp_path):
    """Chromium plays the sample as the camera."""
    rows, expected = lived()
    with Browser(*fake_camera(tmp_path, [frame for _, frame, _ in rows], fps=8)) as page:
        page.open(address)
        page.wait_for(IS_READY)
        listen(page)
        click(page, "camera")
        page.wait_for(f"frames_seen.at(-1) > {rows[-1][0]}")
        check_events(page.evaluate("events_seen")[: len(expected)], expected, seconds=0.5)
        assert page.evaluate("document.getElementById('stage').classList.contains('is-mirrored')")

        click(page, "stop")
        assert page.evaluate("document.getElementById('video').srcObject") is None
        assert not errors_of(page)


def check_events(found, expected, seconds):
    """The same classes in the same order, at about the same times."""
    assert [label for _, label, _ in found] == [label for _, label, _ in expected]
    times = [[event[0] for event in events] for events in (found, expected)]
    np.testing.assert_allclose(*times, rtol=0, atol=seconds)


def test_shows_what_the_model_is(page):
    text = page.evaluate("document.body.innerText")
    assert "It knows <rendered> hands only." in text
    assert "mobilenet_v2 · float16 · 0.8 MiB · 9 classes · 8 frames per second" in text
    assert page.evaluate("document.getElementById('card').href").endswith("/model/model_card.html")


def drop(page, add):
    page.evaluate(
        f"{{ const data = new DataTransfer(); {add}; document.dispatchEvent("
        "new DragEvent('drop', { dataTransfer: data, cancelable: true })); }"
    )


def test_a_file_that_is_not_a_video(page, tmp_path):
    """Chosen or dropped; the message disappears with the next video."""
    path = tmp_path / "no <video>.txt"
    path.write_text("text")
    page.choose_file("#file", path)
    expected = f"{path.name} is not a video that this browser can play."
    page.wait_for(f"{MESSAGE} === {json.dumps(expected)}")

    drop(page, "data.items.add(new File(['x'], 'b.mp4'))")
    page.wait_for(f"{MESSAGE} === 'b.mp4 is not a video that this browser can play.'")
    drop(page, "data.setData('text/plain', 'x')")
    page.wait_for(f"{MESSAGE} === 'Drop a video file.'")

    listen(page)
    page.choose_file("#file", SAMPLE)
    page.wait_for(f"frames_seen.length >= 3 && !{MESSAGE}")
    click(page, "stop")


def test_a_second_video_replaces_the_first_one_that_fails(page, tmp_path):
    """The message about the first one, which comes late, does not end the second one."""
    path = tmp_path / "broken.mp4"
    path.write_bytes(SAMPLE.read_bytes()[:5000])
    listen(page)
    page.choose_file("#file", path)
    click(page, "sample")
    page.wait_for("frames_seen.at(-1) > 0.5")
    assert page.evaluate(MESSAGE) == "" and page.evaluate("frames_seen[0]") == 0
    click(page, "stop")


def test_a_refused_camera(page, address):
    page.call("Browser.setPermission", permission={"name": "camera"}, setting="denied")
    click(page, "camera")
    message = page.wait_for(MESSAGE)
    assert message.startswith("There is no camera.") or "may not use the camera" in message


def test_the_camera_is_refused_although_there_is_one(address):
    with Browser(FAKE_DEVICE) as page:
        page.open(address)
        page.wait_for(IS_READY)
        setting = {"permission": {"name": "camera"}, "setting": "denied"}
        page.call("Browser.setPermission", origin=address.rstrip("/"), **setting)
        click(page, "camera")
        assert page.wait_for(MESSAGE).startswith("This page may not use the camera. Allow it")
        assert not errors_of(page)


def test_without_webgpu_it_stays_on_the_cpu(page):
    page.evaluate("document.querySelector('[value=webgpu]').click()")
    message = page.wait_for(f"document.querySelector('[value=wasm]:checked:enabled') && {MESSAGE}")
    assert message == "This browser offers no WebGPU to this page, so the CPU is used."
    listen(page)
    click(page, "sample")
    page.wait_for("frames_seen.length >= 3")
    click(page, "stop")


def test_a_folder_with_faults(folder, tmp_path):
    """A model of another size, or none, no LiteRT.js: each has a message."""
    damaged = tmp_path / "damaged"
    shutil.copytree(folder, damaged)
    model = damaged / "model" / MODEL.name
    content = model.read_bytes()
    with served(damaged) as address, Browser() as page:
        page.call("Network.setCacheDisabled", cacheDisabled=True)

        def message():
            page.open("about:blank")
            page.open(address)
            return page.wait_for(f"!{MESSAGE}.startsWith('Loading') && {MESSAGE}")

        model.write_bytes(content[:-4])
        assert message().startswith(f"{MODEL.name} on the server is damaged or another file")
        model.write_bytes(bytes(len(content)))
        assert message().startswith("LiteRT.js cannot run this model: ")
        model.unlink()
        assert message().endswith(f"/{MODEL.name} cannot be loaded: the server answers 404.")
        model.write_bytes(content)
        shutil.rmtree(damaged / "litert" / "core" / "wasm")
        assert message().startswith("LiteRT.js cannot be loaded from /litert/core/wasm/")
        shutil.rmtree(damaged / "litert")
        assert message().startswith("LiteRT.js is missing")


def test_the_policy_allows_the_import_map():
    """The Content-Security-Policy names the only script that is part of the HTML."""
    html = (PAGE / "index.html").read_text()
    (script,) = re.findall(r'<script type="importmap">(.*?)</script>', html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in html
