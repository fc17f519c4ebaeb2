"""Hostile `spec.json` files: `SPECS` maps the name of each case to a function of its folder.

A function gets the path of the file, with a harmless spec in it, and its parsed content.
"""

import functools
import json
import os


def _fields(path, spec, **fields):
    path.write_text(json.dumps({**spec, **fields}))


def _content(path, spec, content):
    path.write_bytes(content)


def _sparse(path, spec):
    path.unlink()
    with path.open("wb") as file:
        file.truncate(6 << 30)


def _device(path, spec):
    path.unlink()
    path.symlink_to("/dev/zero")


def _fifo(path, spec):
    path.unlink()
    os.mkfifo(path)


def _directory(path, spec):
    path.unlink()
    path.mkdir()


def _missing(path, spec):
    path.unlink()


def _loop(path, spec):
    path.unlink()
    path.symlink_to(path.name)


def _big(path, spec):
    path.write_text(json.dumps({**spec, "keras_json": "x" * (33 << 20)}))


FIELDS = {
    "num_classes": [0, 10**9, 2**70, 1.5, "3", None, True, [3]],
    "num_segments": [0, 10**9, -1],
    "input_size": [10**9, 31, 4096],
    "shift_div": [0, 10**9],
    "width": [0, 1e308, 1e-300, float("nan"), float("inf"), 10**400],
    "dropout": [1, -1, float("nan")],
    "fps": [0, 1e300, "8"],
    "crop_pct": [0, 1e-300, 2],
    "mean": [[1e300] * 3, [10**400] * 3, [[]] * 3, "abc", [0] * 1_000_000],
    "std": [[0, 0, 0], [5e-324] * 3, [float("nan")] * 3],
    "labels": [
        ["a"] * 3,
        ["a", "b\x1b[2J", "c"],
        ["\ud800", "b", "c"],
        "abc",
        [1, 2, 3],
        [[], 1, 2],
    ],
    "backbone": [
        *("keras:__class__", "keras:ResNet", "keras:../../etc", "keras:ResNet50\n", "keras:"),
        *("os", [], {}, None, "x" * 1_000_000, "\ud800"),
    ],
    "shift_mode": ["both", [], None],
    "shift_layers": [["nowhere"], [[]], "abc", [1]],
    "channel_order": ["xyz", []],
    "modality": ["audio", "flow", None],
    "keras_json": [None, 5, [], "", "null", "[1]", "[" * 100_000, '{"a":' * 100_000, "NaN"],
    "evil": ["os.system"],
}

WHOLE = {
    "empty": b"",
    "zeros": bytes(1000),
    "binary": bytes(range(256)) * 4,
    "utf16": '{"backbone": "keras"}'.encode("utf-16"),
    "utf8_mark": b'\xef\xbb\xbf{"backbone": "resnet18"}',
    "latin1": b'{"labels": ["\xe9"]}',
    "array": b"[]",
    "null": b"null",
    "number": b"1" * 100_000,
    "deep": b"[" * 1_000_000,
    "deep_object": b'{"a":' * 1_000_000,
    "truncated": b'{"backbone": "ke',
    "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "html": b"<!DOCTYPE html><html></html>",
    "pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    "yaml": b"!!python/object/apply:os.system ['true']",
    "nul_in_name": b'{"back\\u0000bone": 1}',
    "resnet152": b'{"backbone": "resnet152", "num_classes": 100000}',
    "vgg": b'{"backbone": "keras:VGG19"}',
    "small_inception": b'{"backbone": "keras:InceptionV3", "input_size": 32}',
    "non_local": b'{"backbone": "resnet50", "non_local": true, "num_segments": 60000}',
    "wide": b'{"width": 16, "input_size": 4096}',
    "large_frames": b'{"input_size": 4096, "num_classes": 3}',
}


def _specs():
    yield "harmless", lambda path, spec: None
    for name, values in FIELDS.items():
        for i, value in enumerate(values):
            yield f"{name}_{i}", functools.partial(_fields, **{name: value})
    for name, content in WHOLE.items():
        yield name, functools.partial(_content, content=content)
    for function in (_sparse, _device, _fifo, _directory, _missing, _loop, _big):
        yield function.__name__.strip("_"), function


SPECS = dict(_specs())
