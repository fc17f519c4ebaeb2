import ctypes.util
import importlib.util
import os
import shutil
import subprocess
import sys
import warnings

import pytest
from runtimes import require
from testing import refuses, video_frames

from export.runtime import StreamRunner, interpreter
from export.runtime.interpreter import INTERPRETERS, load_interpreter

_DELEGATE = """
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
struct TfLiteDelegate {  /* TFLite's C interface, tensorflow/lite/core/c/common.h */
  void *data, *prepare, *copy_from, *copy_to, *free_handle;
  int64_t flags;
  void *builder;
};
static int prepare(void *context, struct TfLiteDelegate *delegate) {
  fputs("prepared", stderr);
  return STATUS;
}
void *tflite_plugin_create_delegate(
    char **keys, char **values, size_t size, void (*report_error)(const char *)) {
  struct TfLiteDelegate *delegate = calloc(1, sizeof *delegate);
  delegate->prepare = prepare;
  return delegate;
}
void tflite_plugin_destroy_delegate(void *delegate) { free(delegate); }
"""


@pytest.fixture(scope="module", params=[0, 1], ids=["takes nothing", "fails"])
def delegate(request, tmp_path_factory):
    """The library of a new delegate, and the status that its `prepare` returns."""
    if not shutil.which("cc"):
        pytest.skip("needs a C compiler")
    folder = tmp_path_factory.mktemp("delegate")
    (folder / "delegate.c").write_text(_DELEGATE.replace("STATUS", str(request.param)))
    command = ["cc", "-shared", "-fPIC", "-o", folder / "delegate.so", folder / "delegate.c"]
    subprocess.run(command, check=True)
    return folder / "delegate.so", request.param


@pytest.mark.parametrize("runtime", INTERPRETERS)
def test_delegate(online, delegate, runtime, capfd, monkeypatch):
    require(runtime)
    library, status = delegate
    monkeypatch.setitem(interpreter.DELEGATES, "gpu", ("libgone.so", str(library)))
    for name in (str(library), "gpu"):
        if status:
            with refuses("model", f"{runtime} with the delegate {name} can run", str(online)):
                load_interpreter(online, runtime=runtime, delegate=name)
        else:
            frame = video_frames(32, 32, 3)
            logits = StreamRunner(online, runtime=runtime, delegate=name).step(frame)
            assert (logits == StreamRunner(online, runtime=runtime).step(frame)).all()
        assert "prepared" in capfd.readouterr().err


@pytest.mark.parametrize("runtime", INTERPRETERS)
@pytest.mark.parametrize("name", interpreter.DELEGATES)
@pytest.mark.filterwarnings(
    "error::pytest.PytestUnraisableExceptionWarning"
)  # the runtimes' loader prints one
def test_delegate_that_is_not_installed(online, runtime, name, monkeypatch):
    require(runtime)
    libraries = tuple(f"gone_{library}" for library in interpreter.DELEGATES[name])
    monkeypatch.setitem(interpreter.DELEGATES, name, libraries)
    with refuses("delegate", *libraries, name):
        StreamRunner(online, runtime=runtime, delegate=name)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_refuses_wrong_delegates(online, tmp_path, monkeypatch):
    with refuses("delegate", "none, gpu, edgetpu, or the path", "npu"):
        load_interpreter(online, delegate="npu")
    text = tmp_path / "text.so"
    text.write_text("no library")
    for library in (str(text), ctypes.util.find_library("m")):
        monkeypatch.setitem(interpreter.DELEGATES, "gpu", (library,))
        with refuses("delegate", "can be loaded", "gpu"):
            load_interpreter(online, delegate="gpu")


def test_order_of_the_runtimes(online, monkeypatch):
    installed = [name for name in INTERPRETERS if importlib.util.find_spec(name)]
    assert list(INTERPRETERS) == ["ai_edge_litert", "tflite_runtime", "tensorflow"] and installed
    for name in installed:
        assert load_interpreter(online)[1] == name == StreamRunner(online).runtime
        monkeypatch.setitem(sys.modules, INTERPRETERS[name], None)
        with refuses("runtime", "must be installed", name):
            StreamRunner(online, runtime=name)
    with pytest.raises(ModuleNotFoundError, match="ai_edge_litert or tflite_runtime or tensorflow"):
        StreamRunner(online)


def test_refuses_wrong_arguments(online):
    with refuses("runtime", "auto", "onnx"):
        load_interpreter(online, runtime="onnx")
    for number in (0, -1, 1_000_000):
        with refuses("num_threads", f"from 1 to {os.cpu_count()}", str(number)):
            load_interpreter(online, num_threads=number)


def test_int8_on_x86_warns_of_the_slow_runtime(online, int8, monkeypatch):
    pytest.importorskip(
        "tflite_runtime", reason="not in the newest releases' environment: it needs numpy 1"
    )
    monkeypatch.setattr(interpreter.platform, "machine", lambda: "x86_64")
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: find_spec(name) if name != "ai_edge_litert" else None,
    )
    with pytest.warns(RuntimeWarning, match="no fast int8 kernels on x86"):
        load_interpreter(int8, runtime="tflite_runtime")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_interpreter(online, runtime="tflite_runtime")
        load_interpreter(int8, runtime="tensorflow")
        monkeypatch.setattr(interpreter.platform, "machine", lambda: "aarch64")
        load_interpreter(int8, runtime="tflite_runtime")
        monkeypatch.setattr(interpreter.platform, "machine", lambda: "x86_64")
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "ai_edge_litert")
        load_interpreter(int8, runtime="tflite_runtime")  # who has LiteRT needs no hint
