"""ImageNet weights of torchvision, from which the authors of TSM start (section 5.1.1)."""

import hashlib
import pathlib

import keras

from tsm_tf.errors import InputError

_SERVER = "https://download.pytorch.org/models"
FILES = {
    # the backbone in ImageNet's form: its file, whose name ends with the beginning of its SHA-256
    "mobilenet_v2": "mobilenet_v2-b0353104.pth",
    "resnet18": "resnet18-f37072fd.pth",
    "resnet34": "resnet34-b627a593.pth",
    "resnet50": "resnet50-0676ba61.pth",
    "resnet101": "resnet101-63fe2227.pth",
    "resnet152": "resnet152-394f9c45.pth",
    "resnext50_32x4d": "resnext50_32x4d-7cdf4587.pth",
}


def download_imagenet(backbone: str) -> pathlib.Path:
    """Returns the file with a backbone's ImageNet weights, downloaded on first use.

    It lies in `models` in Keras' folder (`KERAS_HOME`, or `~/.keras`).

    Args:
        backbone: a key of `FILES`.

    Raises:
        InputError: the file is not the published one; it is removed.
        Exception: from Keras, if it cannot be downloaded.
    """
    name = FILES[backbone]
    path = pathlib.Path(
        keras.utils.get_file(name, f"{_SERVER}/{name}", cache_subdir="models"),
    )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    expected = path.stem.rpartition("-")[2]
    if not digest.startswith(expected):
        path.unlink()
        rule = f"must have a SHA-256 that begins with {expected}; {digest} was removed"
        raise InputError("weights", rule, str(path))
    return path
