import io
import json
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from runtimes import ON_CPU, require
from testing import refuses, video_frames

from export.format.flatbuffer import Table
from export.format.metadata import read_spec
from export.format.reader import parse_model, read_model
from export.runtime import StreamRunner
from export.tflite.draft import Draft
from export.tflite.standard_metadata import append_label_file, describe

LABELS = "a\nb\nc\nü\n"


def test_metadata_names_every_tensor_in_the_graphs_order(online, clip, model):
    for path in (online, clip):
        file = read_model(path)
        data = file.metadata["TFLITE_METADATA"].tobytes()
        assert data[4:8] == b"M001"
        root = Table.root(memoryview(data))
        assert (root.text(0), root.text(7)) == (
            "TSM mobilenet_v2",
            "1.0.0",
        ) and "a, b, c, ü" in root.text(1)
        (subgraph,) = root.tables(3)
        for field, indices, names in (
            (2, file.graphs[0].inputs, file.signatures[0].inputs),
            (3, file.graphs[0].outputs, file.signatures[0].outputs),
        ):
            assert [names[tensor.text(0)] for tensor in subgraph.tables(field)] == list(indices)
        image = next(t for t in subgraph.tables(2) if t.text(0) == "image")
        content, (unit,) = image.table(3), image.tables(4)
        assert (content.number(0, "B"), content.table(1).number(0, "b")) == (
            2,
            1,
        )  # an image, in RGB
        assert [content.table(1).table(1).number(field, "I") for field in (0, 1)] == [32, 32]
        assert unit.number(0, "B") == 1
        assert [unit.table(1).array(field, "<f4").tolist() for field in (0, 1)] == [[0], [1]]
        assert [image.table(5).array(field, "<f4").tolist() for field in (0, 1)] == [[255], [0]]
        logits = next(t for t in subgraph.tables(3) if t.text(0) == "logits")
        (labels,) = logits.tables(6)
        assert (labels.text(0), labels.number(2, "b")) == ("labels.txt", 2)


def test_label_file_is_in_a_zip_behind_the_model(online, tmp_path):
    with zipfile.ZipFile(online) as archive:
        assert archive.namelist() == ["labels.txt"] and archive.testzip() is None
        assert archive.read("labels.txt").decode() == LABELS
    unpackers = [[sys.executable, "-m", "zipfile", "-e", online, tmp_path / "zipfile"]]
    if shutil.which("unzip"):
        unpackers.append(["unzip", "-q", online, "labels.txt", "-d", tmp_path / "unzip"])
    for command in unpackers:
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == ""
        assert (command[-1] / "labels.txt").read_text(encoding="utf-8") == LABELS


@pytest.mark.parametrize("runtime", ON_CPU)
def test_every_runtime_loads_a_file_with_the_zip(online, runtime):
    require(runtime)
    assert zipfile.is_zipfile(online)
    assert np.isfinite(StreamRunner(online, runtime=runtime).step(video_frames(32, 32, 3))).all()


def test_adding_twice_replaces(model, online):
    once = Draft(online.read_bytes()).seal(model.spec)
    assert once == Draft(once).seal(model.spec)
    with zipfile.ZipFile(io.BytesIO(once)) as archive:
        assert archive.namelist() == ["labels.txt"]
    renamed = Draft(once).seal(model.spec.replace(labels=("w", "x", "y", "z")))
    with zipfile.ZipFile(io.BytesIO(renamed)) as archive:
        assert archive.read("labels.txt") == b"w\nx\ny\nz\n"


def test_without_labels_there_is_no_zip(model, online, tmp_path):
    path = tmp_path / "nameless.tflite"
    path.write_bytes(Draft(online.read_bytes()).seal(model.spec.replace(labels=None)))
    assert not zipfile.is_zipfile(path) and read_spec(path).labels is None
    (subgraph,) = Table.root(
        memoryview(parse_model(path.read_bytes()).metadata["TFLITE_METADATA"])
    ).tables(3)
    assert all(tensor.tables(6) == [] for tensor in subgraph.tables(3))


def test_refuses_labels_of_several_lines(model):
    """A spec refuses control characters, but Unicode has more line breaks."""
    with refuses("labels", "one line", "x\\u2028y"):
        append_label_file(b"", model.spec.replace(labels=("x\u2028y", "b", "c", "d")))


OFFICIAL = """
import json, sys
from tensorflow_lite_support.metadata.python import metadata
from tensorflow_lite_support.metadata.cc.python import _pywrap_metadata_version as version
displayer = metadata.MetadataDisplayer.with_model_file(sys.argv[1])
print(json.dumps({
    "metadata": json.loads(displayer.get_metadata_json()),
    "files": displayer.get_packed_associated_file_list(),
    "labels": displayer.get_associated_file_buffer("labels.txt").decode(),
    "version": version.GetMinimumMetadataParserVersion(bytes(displayer.get_metadata_buffer())),
}))
"""


@pytest.mark.slow
def test_official_reader(online, tmp_path):
    """tflite-support needs an older protobuf than TensorFlow, hence its own environment."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "tflite-support==0.4.4"], check=True)
    done = subprocess.run([python, "-c", OFFICIAL, online], capture_output=True, text=True)
    if "libusb" in done.stderr:
        pytest.skip("tflite-support needs libusb-1.0-0 (apt-get install libusb-1.0-0)")
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert (
        read["files"] == ["labels.txt"] and read["labels"] == LABELS and read["version"] == "1.0.0"
    )
    (subgraph,) = read["metadata"]["subgraph_metadata"]
    inputs, outputs = (
        {t["name"]: t for t in subgraph[f"{kind}_tensor_metadata"]} for kind in ("input", "output")
    )
    assert len(inputs) == len(outputs) == 11 and set(inputs) - {"image"} == set(outputs) - {
        "logits"
    }
    assert inputs["image"]["content"] == {
        "content_properties_type": "ImageProperties",
        "content_properties": {"color_space": "RGB", "default_size": {"width": 32, "height": 32}},
    }
    assert inputs["image"]["process_units"] == [
        {"options_type": "NormalizationOptions", "options": {"mean": [0.0], "std": [1.0]}}
    ]
    assert inputs["image"]["stats"] == {"max": [255.0], "min": [0.0]}
    assert outputs["logits"]["associated_files"][0]["type"] == "TENSOR_AXIS_LABELS"


def test_one_tensor_under_two_names(online):
    """As in NASNet, where two branches start at the same tensor."""
    model = parse_model(online.read_bytes())
    graph, (signature,) = model.graphs[0], model.signatures
    first, second = (signature.outputs[f"shift_0{i}"] for i in (1, 2))
    outputs = tuple(first if index == second else index for index in graph.outputs)
    twice = signature._replace(outputs={**signature.outputs, "shift_02": first})
    description = describe(graph._replace(outputs=outputs), twice, read_spec(online))
    (subgraph,) = Table.root(memoryview(description)).tables(3)
    assert sorted(tensor.text(0) for tensor in subgraph.tables(3)) == sorted(signature.outputs)
