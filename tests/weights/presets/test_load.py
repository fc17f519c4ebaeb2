"""Downloads whole networks with golden weights from a server on this machine.

The files have each source's names and wrappers, in both formats of PyTorch.
"""

import argparse
import collections
import dataclasses
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch_writer
from analysis.run_folders import write_result
from file_server import FileServer
from official import OfficialCase
from other_names import (
    mmaction_name,
    mmaction_resnext_name,
    mmaction_slowfast_name,
    pytorchvideo_i3d_name,
)
from testing import array, refuses, run_main, step
from videos import write_data

import tsm_tf.evaluation.stream.__main__ as stream_command
import tsm_tf.weights.__main__ as command
from tsm_tf import build_model, build_stream_model, load_official_weights, load_preset
from tsm_tf.analysis.runs import read_runs
from tsm_tf.weights.checkpoint import load_checkpoint, load_spec
from tsm_tf.weights.official import infer_spec
from tsm_tf.weights.presets import table
from tsm_tf.weights.presets.download import preset_folder
from tsm_tf.weights.presets.load import preset_checkpoint, resolve_checkpoint
from tsm_tf.weights.presets.table import File, find_preset
from tsm_tf.weights.pretrained import initial_weights

ROOT = pathlib.Path(__file__).parents[3]
ONLINE = "tsm_mobilenetv2_online_jester"


def as_tsm(weights):
    """As the original's training script saves: DataParallel's names, beside the optimizer."""
    momentum = {i: {"momentum_buffer": value} for i, value in enumerate(weights.values())}
    return {
        "epoch": 50,
        "arch": "resnet50",
        "state_dict": {f"module.{name}": value for name, value in weights.items()},
        "optimizer": {"state": momentum, "param_groups": [{"lr": 0.01}]},
        "best_prec1": np.float64(71.2),
    }


def as_mmaction(weights):
    """As published by OpenMMLab; the last convolution of non-local blocks has no bias."""
    names = {name: mmaction_name(name) for name in weights if not name.endswith("nl.W.0.bias")}
    state_dict = collections.OrderedDict((names[name], weights[name]) for name in names)
    for name in [name for name in state_dict if name.endswith("running_var")]:
        state_dict[name.replace("running_var", "num_batches_tracked")] = np.array(7)
    meta = {"config": "model = dict()", "classes": None, "hook": argparse.Namespace(x=1)}
    return {"meta": meta, "state_dict": state_dict}


def as_online(weights):
    return weights


def as_published(weights):
    """With the names of the golden case, which are MMAction2's."""
    return {"meta": {}, "state_dict": weights}


def as_pytorchvideo(weights):
    return {"model_state": weights, "epoch": 196}


def as_i3d_of_pytorchvideo(weights):
    return as_pytorchvideo({pytorchvideo_i3d_name(name): x for name, x in weights.items()})


def as_slowfast_of_mmaction(weights):
    names = {name: mmaction_slowfast_name(name) for name in weights}
    return as_published({names[name]: weights[name] for name in weights if names[name]})


def as_resnext(weights):
    return as_published({mmaction_resnext_name(name): x for name, x in weights.items()})


def as_early_trn(weights):
    """Batch norms in rows `[1, C]`, as in the files before version 0.4."""
    weights = {name: x[None] if "_bn." in name else x for name, x in weights.items()}
    return {"epoch": 1, "state_dict": {f"module.{name}": x for name, x in weights.items()}}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "keras"


def serve(server, monkeypatch, name, content, data_set=None):
    """Makes a preset's only file one that the server has; returns the preset."""
    path = "file.pth.tar" if name == ONLINE else "file.pth"
    server.files[f"/{path}"] = content
    preset = dataclasses.replace(find_preset(name), files=(File(server.url(path), ""),))
    preset = dataclasses.replace(preset, data_set=data_set or preset.data_set)
    monkeypatch.setattr(table, "presets", lambda: {name: preset})
    return preset


def written(path, content, is_old):
    torch_writer.save(content, path, is_old)
    return path.read_bytes()


@pytest.fixture(scope="module")
def online(golden_dir, tmp_path_factory):
    """The file of the online network, and the golden case."""
    case = OfficialCase(golden_dir, "E")
    path = tmp_path_factory.mktemp("online") / "a.pth"
    return written(path, as_online(case.state_dict()), is_old=True), case


def test_a_preset_from_the_server_to_the_command(home, online, monkeypatch, tmp_path, capsys):
    """The second call and each other use make no request and convert nothing."""
    content, case = online
    with FileServer() as server:
        preset = serve(server, monkeypatch, ONLINE, content)
        model = load_preset(ONLINE)
        assert len(server.requests) == 1 and "converting" in capsys.readouterr().out
        checkpoint = preset_checkpoint(ONLINE)

        output = tmp_path / "output"
        run_main(command, f"--preset={ONLINE}", f"--output={output}")
        assert resolve_checkpoint(f"preset:{ONLINE}") == checkpoint
        assert resolve_checkpoint(str(output)) == str(output)
        assert len(server.requests) == 1
    said = capsys.readouterr().out
    assert "converting" not in said and "licence" not in said and f"written to {output}" in said

    assert model.spec == preset.spec() == load_spec(output)
    assert model.spec.shift_mode == "unidirectional" and model.spec.background_labels
    assert model.spec.labels[16] == "Swiping Left"
    weights = case.state_dict()
    for found in (model, load_checkpoint(output)):
        kernel = array(found.get_layer("head").kernel)
        np.testing.assert_array_equal(kernel, weights["classifier.weight"].T)
        kernel = array(found.get_layer("features_3_conv_0").kernel)
        expected = weights["features.3.conv.0.weight"]
        np.testing.assert_array_equal(kernel, expected.transpose(2, 3, 1, 0))

    spec = preset.spec().replace(num_classes=3, labels=("a", "b", "c"), input_size=64)
    assert initial_weights(build_model(spec), f"preset:{ONLINE}") == ["head/kernel", "head/bias"]


def test_the_file_of_another_network_is_refused(home, online, monkeypatch):
    content, _ = online
    with FileServer() as server:
        serve(server, monkeypatch, "tsm_r50_8f_sthv1", content)
        wrong = "backbone is mobilenet_v2 and not resnet50, num_classes is 27 and not 174"
        with refuses("preset", wrong, "shift_mode is none and not bidirectional"):
            load_preset("tsm_r50_8f_sthv1")


def test_flags(tmp_path, capsys):
    run_main(command, "--list")
    assert "| tsm_r50_8f_kinetics400 " in capsys.readouterr().out
    name = "--preset=tsm_r50_8f_kinetics400"
    for flags, argument, says in (
        ([], "input", "--preset or --list"),
        (["--preset=tsm_r50"], "preset", "--list"),
        ([name], "output", "checkpoint folder to write"),
        ([name, "--output=x", "--num_segments=16"], "preset", "omit --num_segments"),
        (["--input=a.npz", "--output=x", "--sha256=00"], "sha256", "--preset"),
        ([name, f"--output={tmp_path / 'x'}", "--input=a.pth"], "input", "existing file"),
    ):
        with refuses(argument, says):
            run_main(command, *flags)


@pytest.mark.slow
def test_weights_that_are_missing_are_named(home, online, monkeypatch, tmp_path):
    weights = online[1].state_dict()
    del weights["features.5.conv.3.weight"]
    with FileServer() as server:
        content = written(tmp_path / "a.pth", as_online(weights), is_old=False)
        serve(server, monkeypatch, ONLINE, content)
        with refuses("preset", "its weights", "missing features.5.conv.3.weight"):
            load_preset(ONLINE)


CASES = [
    # golden case, preset, content of the file, format, data set with the case's classes, tolerance
    ("A", "tsm_r50_8f_sthv1", as_tsm, True, "sthv1", 1e-5),
    ("A", "tsm_r50_8f_sthv2_mm", as_mmaction, False, "sthv2", 1e-5),
    ("B", "tsm_r101_8f_sthv2", as_tsm, False, "kinetics", 1e-5),
    ("B", "tsm_r101_8f_sthv2_mm", as_mmaction, True, "kinetics", 1e-5),
    ("C", "tsm_r50_nl_8f_dense_kinetics400", as_tsm, True, "kinetics", 1e-5),
    ("D", "tsm_mobilenetv2_8f_dense_kinetics400", as_tsm, True, "kinetics", 1e-4),
    ("D", "tsm_mobilenetv2_8f_dense_kinetics400", as_mmaction, False, "kinetics", 1e-4),
    ("F", "tsn_r50_8f_kinetics400", as_tsm, False, "kinetics", 1e-5),
    ("F", "tsn_r50_8f_kinetics400_mm", as_mmaction, True, "kinetics", 1e-5),
    ("I", "tsm_r50_flow_8f_kinetics400", as_tsm, True, "ucf101", 1e-5),
    ("I3D311", "i3d_r50_32x2_kinetics400_mm", as_published, False, "kinetics", 1e-5),
    ("IRCSN", "ircsn_r50_ig65m_kinetics400_mm", as_published, False, "kinetics", 1e-5),
    ("SLOWFAST", "slowfast_r50_8x8_kinetics400_ptv", as_pytorchvideo, False, "kinetics", 1e-5),
    ("X3DM", "x3d_m_16x5_kinetics400_ptv", as_pytorchvideo, False, "kinetics", 1e-5),
    ("X3DM", "x3d_s_13x6_kinetics400_ptv", as_pytorchvideo, False, "kinetics", 1e-5),
]


def case_of(golden_dir, key):
    return OfficialCase(golden_dir, key, "official" if len(key) == 1 else "networks")


@pytest.mark.slow
@pytest.mark.parametrize(("key", "name", "wrap", "is_old", "data_set", "tolerance"), CASES)
def test_golden_logits(
    golden_dir, home, monkeypatch, tmp_path, key, name, wrap, is_old, data_set, tolerance
):
    case = case_of(golden_dir, key)
    content = written(tmp_path / "a.pth", wrap(case.state_dict()), is_old)
    with FileServer() as server:
        serve(server, monkeypatch, name, content, data_set)
        model = load_preset(name, preprocess=False)
        assert load_preset(name).spec == model.spec and len(server.requests) == 1

    sizes = {"input_size": case.settings["size"], "num_segments": case.settings["num_segments"]}
    spec = model.spec.replace(**sizes)
    if spec != model.spec:  # the golden clips are smaller
        weights = model.get_weights()
        model = build_model(spec, preprocess=False)
        model.set_weights(weights)
    logits = array(model(np.moveaxis(case.input, 2, -1), training=False))
    np.testing.assert_allclose(logits, case.expected["logits"], rtol=0, atol=tolerance)


@pytest.mark.slow
def test_golden_logits_of_the_stream(home, online, monkeypatch):
    content, case = online
    with FileServer() as server:
        serve(server, monkeypatch, ONLINE, content)
        stream = build_stream_model(load_preset(ONLINE, preprocess=False))
    caches = stream.initial_state()
    for frame, expected in zip(case.input, case.expected["logits"], strict=True):
        logits, caches = step(stream, np.moveaxis(frame, 1, -1), caches)
        np.testing.assert_allclose(logits, expected.reshape(logits.shape), rtol=0, atol=1e-4)


@pytest.mark.slow
def test_non_local_blocks_of_mmaction(golden_dir, home, monkeypatch, tmp_path):
    """The same weights as in the original's file, whose bias is 0 where MMAction2 has none."""
    weights = OfficialCase(golden_dir, "C").state_dict()
    zeros = {name: value * (not name.endswith("nl.W.0.bias")) for name, value in weights.items()}
    name = "tsm_r50_nl_8f_kinetics400_mm"
    with FileServer() as server:
        content = written(tmp_path / "a.pth", as_mmaction(weights), False)
        preset = serve(server, monkeypatch, name, content)
        model = load_preset(name)
    assert infer_spec(as_mmaction(weights)["state_dict"]).non_local
    expected = build_model(preset.spec())
    load_official_weights(expected, zeros)
    for ours, theirs in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


SLOWFAST_OF_MMACTION = (
    *(-0.09905288, 0.18785127, 0.12473142, -0.21607637),
    *(0.14865781, 0.06601359, -0.10432574, 0.03583273),
)
RENAMED = [
    # golden case, preset, content of the file, data set with the case's classes
    ("RX101", "tsn_rx101_3f_kinetics400_mm", as_resnext, "kinetics"),
    ("TRNM_R50", "trn_r50_8f_sthv1_mm", as_mmaction, "sthv1"),
    ("TRNM_BN", "trn_bninception_8f_sthv2_trn", as_early_trn, "sthv2"),
    ("I3D311", "i3d_r50_8x8_kinetics400_ptv", as_i3d_of_pytorchvideo, "kinetics"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("key", "name", "wrap", "data_set"), RENAMED)
def test_weights_under_other_names(
    golden_dir, home, monkeypatch, tmp_path, key, name, wrap, data_set
):
    """Presets of networks that differ from the golden cases in shift, relations or strides."""
    weights = case_of(golden_dir, key).state_dict()
    with FileServer() as server:
        content = written(tmp_path / "a.pth", wrap(weights), False)
        preset = serve(server, monkeypatch, name, content, data_set)
        model = load_preset(name)
    expected = build_model(preset.spec())
    load_official_weights(expected, weights)
    for ours, theirs in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_slowfast_of_mmaction(golden_dir, home, monkeypatch, tmp_path):
    """The logits are those of a network that was written in PyTorch from MMAction2's code: the
    golden weights without the norms between the pathways, and the golden clip."""
    case = case_of(golden_dir, "SLOWFAST")
    name = "slowfast_r50_8x8_kinetics400_mm"
    with FileServer() as server:
        content = written(tmp_path / "a.pth", as_slowfast_of_mmaction(case.state_dict()), False)
        serve(server, monkeypatch, name, content)
        model = load_preset(name, preprocess=False)
    weights = model.get_weights()
    model = build_model(model.spec.replace(input_size=96, num_segments=16), preprocess=False)
    model.set_weights(weights)
    logits = array(model(np.moveaxis(case.input, 2, -1), training=False))
    np.testing.assert_allclose(logits[0, :8], SLOWFAST_OF_MMACTION, rtol=0, atol=1e-5)


@pytest.fixture
def kept(home, online, monkeypatch, tmp_path):
    """A preset that was downloaded, for commands in other processes, which need no server."""
    content, _ = online
    with FileServer() as server:
        preset = serve(server, monkeypatch, ONLINE, content)
        load_preset(ONLINE)
    monkeypatch.undo()
    folder = tmp_path / "keras" / "presets" / ONLINE
    shutil.move(folder / "file.pth.tar", folder / "mobilenetv2_jester_online.pth.tar")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return preset


SOURCES = [
    path
    for part in ("tsm_tf", "export")
    for path in (ROOT / part).rglob("*.py")
    if "weights" not in path.relative_to(ROOT).parts
    and re.search(r"load_(checkpoint|spec)\(", path.read_text())
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_preset_can_be_given_wherever_a_checkpoint_is_loaded(path):
    """`evaluation.stream` writes into the checkpoint, and reports that it needs a folder."""
    command = path.with_name("__main__.py")  # may resolve it for the modules beside it
    texts = [source.read_text() for source in (path, command) if source.is_file()]
    assert re.search(r"resolve_checkpoint\(|startswith\(PREFIX\)", "".join(texts))


def test_streams_are_evaluated_with_folders_only(tmp_path):
    data = write_data(tmp_path / "data", {"val": 1})
    with refuses("checkpoint", "must be a folder", f"preset:{ONLINE}"):
        run_main(
            stream_command,
            f"--checkpoint=preset:{ONLINE}",
            f"--data={data}",
            f"--output={tmp_path / 'streams'}",
        )


def test_a_preset_that_was_evaluated_is_a_run(kept, tmp_path):
    write_result(tmp_path / "results" / "one", f"preset:{ONLINE}", top1=0.5)
    write_result(tmp_path / "results" / "two", "preset:another", top1=0.25)
    (run,) = read_runs([f"preset:{ONLINE}"], [tmp_path / "results"], need_top1=True)
    assert [evaluation["top1"] for evaluation in run.with_top1] == [0.5]
    assert (run.name, run.spec.num_classes) == (f"preset:{ONLINE}", 27)


@pytest.mark.slow
def test_commands_take_a_preset(kept, tmp_path):
    data = write_data(tmp_path / "data", {"val": 3, "train": 3}, labels=kept.labels)
    module = [sys.executable, "-m"]
    evaluate = [*module, "tsm_tf.evaluation", f"--preset={ONLINE}", f"--data={data}"]
    done = subprocess.run(evaluate, capture_output=True, text=True)
    assert done.returncode == 1 and "error: `output` must be a folder" in done.stderr
    evaluate += [f"--output={tmp_path / 'evaluation'}"]
    done = subprocess.run(evaluate, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"top-1 .* on 3 videos", done.stdout)

    export = ["export.tflite", "--online", f"--preset={ONLINE}", f"--output={tmp_path / 'export'}"]
    done = subprocess.run([*module, *export], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "export").glob("*.tflite"))

    (file,) = (tmp_path / "export").glob("*float32*.tflite")
    parity = ["export.parity", f"--model={file}", f"--data={data}", "--num_videos=2"]
    done = subprocess.run(
        [*module, *parity, f"--checkpoint=preset:{ONLINE}"], capture_output=True, text=True
    )
    assert done.returncode == 0 and "differs from Keras by at most" in done.stdout, done.stderr

    train = ["tsm_tf.training", "--recipe=gestures", f"--init=preset:{ONLINE}", "--epochs=1"]
    train += [f"--data={data}", f"--output={tmp_path / 'run'}", "--batch_size=3", "--width=1"]
    done = subprocess.run([*module, *train], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"initial weights from preset:{ONLINE}; new: none" in done.stdout


@pytest.mark.slow
def test_killed_and_simultaneous_downloads(home, online, tmp_path):
    """A process that is killed half-way leaves nothing that is taken for the file."""
    content, _ = online
    half, release = threading.Event(), threading.Event()

    def stall(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2])
        half.set()
        release.wait(60)

    with FileServer(**{"a.pth.tar": stall}) as server:
        code = (
            "import dataclasses, tsm_tf; from tsm_tf.weights.presets import table\n"
            f"preset = table.find_preset({ONLINE!r})\n"
            f"files = (table.File({server.url('a.pth.tar')!r}, ''),)\n"
            "preset = dataclasses.replace(preset, files=files)\n"
            f"table.presets = lambda: {{{ONLINE!r}: preset}}\n"
            f"print(tsm_tf.load_preset({ONLINE!r}).count_params())"
        )
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
        assert half.wait(60)
        process.send_signal(signal.SIGKILL)
        process.wait()
        release.set()
        folder = preset_folder(find_preset(ONLINE))
        assert [path.name for path in folder.iterdir() if not path.name.startswith(".")] == []

        server.files["/a.pth.tar"] = content
        both = [
            subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = [process.communicate()[0].splitlines()[-1] for process in both]
        assert [process.returncode for process in both] == [0, 0] and said[0] == said[1]
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    assert names[0] == "a.pth.tar" and names[2] == "source.json"
    assert re.fullmatch(r"checkpoint-\w{16}", names[1]) and len(names) == 3
