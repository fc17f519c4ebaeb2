import json

import numpy as np
import pytest
from testing import refuses, video_frames

from export.format import metadata
from export.format.metadata import read_contents, read_spec, seal
from export.format.smoothing_rules import SmoothingRules
from export.runtime import StreamRunner
from export.tflite.draft import Draft


@pytest.fixture
def with_stream(online, tmp_path, monkeypatch, model):
    """Writes the online file with another `TSM_STREAM`; returns its path."""

    def write(text):
        monkeypatch.setattr(metadata, "stream_json", lambda *_: text)
        path = tmp_path / "changed.tflite"
        path.write_bytes(Draft(online.read_bytes()).seal(model.spec))
        return path

    return write


def test_contents_of_each_kind(model, online, clip, int8):
    caches = [f"shift_{i:02d}" for i in range(10)]
    for path, variant, is_online in (
        (online, "float32", True),
        (clip, "float32", False),
        (int8, "edgetpu", True),
    ):
        contents = read_contents(path)
        assert (contents.spec, contents.variant, contents.is_online) == (
            model.spec,
            variant,
            is_online,
        )
        assert sorted(contents.initial_caches) == (caches if is_online else [])
        assert contents.smoothing == SmoothingRules(averaged_steps=4)  # 12 at 15 frames per second
        assert read_spec(path) == read_spec(str(path)) == model.spec


def test_the_first_version_had_fewer_entries(with_stream):
    contents = read_contents(with_stream("{}"))
    assert contents.variant == "float32" and contents.initial_caches == {}
    assert contents.smoothing == SmoothingRules()


def test_smoothing_travels_in_the_file(with_stream):
    rules = SmoothingRules(4, 2, ("a",), {"b": "ü"})
    text = json.dumps({"smoothing": rules.to_json_object()})
    path = with_stream(text)
    assert read_contents(path).smoothing == StreamRunner(path).smoothing == rules


@pytest.mark.parametrize(
    "text, reason",
    [
        ("{", "must hold JSON in TSM_STREAM"),
        ("[" * 100_000, "must hold JSON in TSM_STREAM"),
        ("[]", "must hold a JSON object in TSM_STREAM"),
        ('{"start": []}', "integers from -128 to 127"),
        ('{"start": {"shift_00": 128}}', "integers from -128 to 127"),
        ('{"start": {"shift_00": 1.5}}', "integers from -128 to 127"),
        ('{"smoothing": {"averaged_steps": 0}}', "valid smoothing rules"),
        ('{"smoothing": 3}', "valid smoothing rules"),
    ],
)
def test_refuses_wrong_stream_metadata(with_stream, text, reason):
    path = with_stream(text)
    with refuses("model", reason, str(path)):
        read_contents(path)


def test_seal_renews_the_checksum(online, tmp_path):
    content = online.read_bytes()
    assert seal(content) == content
    changed = content.replace(b'"width": 0.35', b'"width": 0.45')
    path = tmp_path / "changed.tflite"
    path.write_bytes(changed)
    with refuses("model", "its checksum differs", str(path)):
        read_spec(path)
    path.write_bytes(seal(changed))
    assert read_spec(path).width == 0.45
    frame = video_frames(32, 32, 3)
    np.testing.assert_array_equal(StreamRunner(path).step(frame), StreamRunner(online).step(frame))
