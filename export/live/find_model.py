"""Finds the file to run for `--model`, which may also be the folder of a training."""

import pathlib
import subprocess
import sys

from tsm_tf.errors import InputError, MissingFile

_EXPORT = "export"  # folder in that of the training, as the training suggests
_FILES = "*_online_float32.tflite"
_SPEC, _WEIGHTS = "spec.json", "model.weights.h5"  # as in tsm_tf.weights.checkpoint


def find_model(model: str) -> str:
    """Returns the path of a `.tflite` file.

    For the folder of a training, or of a checkpoint, this is `export/` in it. The file is exported
    first, in a process of its own, if it does not exist or is older than the checkpoint. That
    needs the extra `train`.

    Args:
        model: a file, or a folder.

    Raises:
        MissingFile: a folder without a checkpoint.
        InputError: the checkpoint cannot be exported; the process has printed why.
    """
    folder = pathlib.Path(model)
    if not folder.is_dir():
        return model

    checkpoint = next((path for path in (folder, folder / "best") if _has_checkpoint(path)), None)
    if checkpoint is None:
        rule = "must be a .tflite file, or the folder of a training or a checkpoint"
        raise MissingFile("model", rule, model)

    output = folder / _EXPORT
    exported = _newest(output, checkpoint)
    if exported is None:
        print(f"exporting {checkpoint} to {output}", flush=True)
        command = [sys.executable, "-m", "export.tflite", "--online"]
        command += [f"--checkpoint={checkpoint}", f"--output={output}"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL)
        exported = _newest(output, checkpoint)
        if done.returncode or exported is None:
            rule = "must be a .tflite file, or the folder of a model that can be exported"
            raise InputError("model", rule, model)
    return str(exported)


def _has_checkpoint(folder):
    return (folder / _SPEC).is_file() and (folder / _WEIGHTS).is_file()


def _newest(output, checkpoint):
    """Returns the newest exported file, unless the checkpoint is newer."""
    files = sorted(output.glob(_FILES), key=lambda path: path.stat().st_mtime)
    written = max((checkpoint / name).stat().st_mtime for name in (_SPEC, _WEIGHTS))
    return files[-1] if files and files[-1].stat().st_mtime >= written else None
