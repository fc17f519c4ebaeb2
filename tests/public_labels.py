"""Class names of public data sets."""

import pathlib


def _read(name):
    path = pathlib.Path(__file__).parent / "class_names" / f"{name}.txt"
    return tuple(path.read_text(encoding="utf-8").splitlines())


KINETICS400 = _read("kinetics400")
UCF101 = _read("ucf101")
HMDB51 = _read("hmdb51")
