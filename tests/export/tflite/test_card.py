import dataclasses
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from testing import refuses

from export.format.reader import read_model
from export.parity import Proof
from export.runtime import StreamRunner
from export.tflite.card import Entry, arena_bytes, write_card
from export.tflite.export_settings import read_card_files


@pytest.fixture
def folder(online, clip, tmp_path):
    for path in (online, clip):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


PROOF = {"agreement": 1.0, "frame_agreement": 1.0, "num_streams": 1, "num_frames": 32}


def entry(path, **changes):
    names = {field.name for field in dataclasses.fields(Proof)}
    facts = {"difference": 2e-6, **PROOF, **{key: changes[key] for key in names & changes.keys()}}
    others = {key: value for key, value in changes.items() if key not in names}
    return Entry(**{"proof": Proof(**facts), "path": path, "variant": "float32", **others})


def test_card_says_what_the_file_is(model, online, folder):
    path = folder / online.name
    proof = entry(
        path, variant="int8", agreement=31 / 32, accuracy=0.5, calibration="on <8> streams"
    )
    card = write_card(folder, model.spec, [proof], runtimes=["tensorflow"], threads=(1, 2))
    assert json.loads((folder / "model_card.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(card)
    )
    (file,) = card["files"]
    assert (file["file"], file["variant"], file["bytes"]) == (
        online.name,
        "int8",
        path.stat().st_size,
    )
    assert (file["difference"], file["agreement"], file["accuracy"], file["num_frames"]) == (
        2e-6,
        31 / 32,
        0.5,
        32,
    )
    assert file["operators"]["CONCATENATION"] == 10 and file["operators"]["FULLY_CONNECTED"] == 1
    assert file["inputs"]["image"] == {"shape": (1, 32, 32, 3), "dtype": "float32"}
    runner = StreamRunner(path)
    caches = sum(
        runner.engine.interpreter.get_tensor(index).nbytes
        for name, index in read_model(path).signature.inputs.items()
        if name != "image"
    )
    assert file["memory"]["cache_bytes"] == caches > 0
    assert file["receptive_field"] == runner.receptive_field == 11
    assert [(row["runtime"].split()[0], row["threads"]) for row in file["latency"]] == [
        ("tensorflow", 1),
        ("tensorflow", 2),
    ]
    assert all(row["p50_ms"] > 0 for row in file["latency"])
    assert (
        card["versions"]["tensorflow"]
        and card["device"]
        and card["spec"]["labels"] == ("a", "b", "c", "ü")
    )
    page = (folder / "model_card.html").read_text(encoding="utf-8")
    assert (
        "on &lt;8&gt; streams" in page
        and "96.9%" in page
        and "<li>ü</li>" in page
        and "10 CONCATENATION" in page
        and "Receptive field: 11 frames" in page
    )
    assert not list(folder.glob(".writing*"))


def test_arena_holds_every_activation_alive_at_once(online, int8):
    """It holds the tensors of the largest operator at least, and all activations at most."""
    assert (
        0.2 < arena_bytes(int8, read_model(int8)) / arena_bytes(online, read_model(online)) < 0.35
    )  # a byte for four
    model = read_model(online)
    graph = model.graphs[0]
    size = [0 if model.constant(t).size else int(np.prod(t.shape)) * 4 for t in graph.tensors]
    costliest = max(
        sum(size[i] for i in {*op.inputs, *op.outputs} if i >= 0) for op in graph.operators
    )
    assert costliest <= arena_bytes(online, model) < sum(size)


def test_arena_leaves_out_float16_weights(tmp_path):
    """Without a delegate they are converted to float32 once, into separate memory."""
    inputs = keras.Input((16, 16, 3), 1)
    network = keras.Model(inputs, keras.layers.Conv2D(4, 3)(keras.layers.Conv2D(64, 1)(inputs)))
    function = tf.function(
        lambda x: {"y": network(x)}, input_signature=[tf.TensorSpec((1, 16, 16, 3), name="x")]
    )
    module = tf.Module()
    module.variables_of_model = [variable.value for variable in network.variables]
    tf.saved_model.save(
        module, tmp_path, signatures={"serving_default": function.get_concrete_function()}
    )
    arenas = {}
    for dtype in (tf.float32, tf.float16):
        converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
        converter.optimizations, converter.target_spec.supported_types = (
            [tf.lite.Optimize.DEFAULT],
            [dtype],
        )
        if dtype == tf.float32:
            converter.optimizations = []
        path = tmp_path / f"{dtype.name}.tflite"
        path.write_bytes(converter.convert())
        arenas[dtype.name] = arena_bytes(path, read_model(path))
    assert "DEQUANTIZE" in {operator.name for operator in read_model(path).graphs[0].operators}
    assert arenas["float16"] == arenas["float32"] > 16 * 16 * 64 * 4


def test_second_export_into_the_folder_keeps_the_first(model, online, clip, folder):
    write_card(folder, model.spec, [entry(folder / online.name)], runtimes=["tensorflow"])
    card = write_card(
        folder, model.spec, [entry(folder / clip.name, difference=0.5)], runtimes=["tensorflow"]
    )
    assert [file["file"] for file in card["files"]] == [online.name, clip.name]
    again = write_card(
        folder, model.spec, [entry(folder / clip.name, difference=0.25)], runtimes=["tensorflow"]
    )
    assert [file["difference"] for file in again["files"]] == [2e-6, 0.25]
    (folder / online.name).unlink()
    assert [file["file"] for file in read_card_files(folder, model.spec)] == [clip.name]


def test_refuses_the_card_of_another_model(model, online, folder):
    write_card(folder, model.spec, [entry(folder / online.name)], runtimes=["tensorflow"])
    before = (folder / "model_card.json").read_bytes()
    with refuses("output", "model_card.json has the same spec"):
        write_card(
            folder,
            model.spec.replace(labels=None),
            [entry(folder / online.name)],
            runtimes=["tensorflow"],
        )
    assert (folder / "model_card.json").read_bytes() == before
    (folder / "model_card.json").write_text('{"files": []}')
    with refuses("output", "readable", "spec"):
        read_card_files(folder, model.spec)


def test_every_field_of_an_entry_is_on_the_page(model, online, folder):
    values = {
        "difference": 0.0123,
        "agreement": 0.871,
        "frame_agreement": 0.568,
        "num_streams": 357,
        "gpu_difference": 0.00029,
    }
    values |= {"accuracy": 0.652, "keras_accuracy": 0.743}
    write_card(
        folder,
        model.spec,
        [
            entry(
                folder / online.name,
                **values,
                num_frames=4711,
                calibration="xyzzy",
                keep_float="h<a>d",
            )
        ],
        ["tensorflow"],
    )
    page = (folder / "model_card.html").read_text(encoding="utf-8")
    for text in (
        "0.012",
        "87.1%",
        "56.8%",
        "357",
        "65.2%",
        "74.3%",
        "4711",
        "xyzzy",
        "0.00029",
        "h&lt;a",
    ):
        assert re.search(rf"\b{re.escape(text)}", page), text
    assert len(dataclasses.fields(Entry)) == 6 and len(dataclasses.fields(Proof)) == 7


def test_dynamic_variant_is_said_to_be_slow(model, online, folder):
    write_card(folder, model.spec, [entry(folder / online.name, variant="dynamic")], ["tensorflow"])
    page = (folder / "model_card.html").read_text(encoding="utf-8")
    assert "Slower than float32 on x86" in page and "weight_only is as small" in page


def test_edge_tpu_variant_has_its_report(model, online, folder):
    card = write_card(
        folder, model.spec, [entry(folder / online.name, variant="edgetpu")], ["tensorflow"]
    )
    assert card["files"][0]["edgetpu"]["mapped"] == 0 and card["files"][0]["edgetpu"]["problems"]
    assert "float32 tensors; it computes with int8" in (folder / "model_card.html").read_text(
        encoding="utf-8"
    )
