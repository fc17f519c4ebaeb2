"""Runs Coral's compiler, a closed-source program for x86-64 Linux, if it is installed."""

import pathlib
import shutil
import subprocess

from export.format.metadata import NAME, read_contents
from export.format.reader import read_model
from tsm_tf.errors import InputError
from tsm_tf.files import replacing

COMPILER = "edgetpu_compiler"


def compile_model(path: pathlib.Path, output: pathlib.Path) -> pathlib.Path | None:
    """Compiles a file and gives the result the metadata of the original, which the compiler drops.

    Returns:
        `output/<name>_edgetpu.tflite`, or None if the compiler is not on PATH.

    Raises:
        InputError: that file exists already, or the compiler refuses the model.
    """
    compiler = shutil.which(COMPILER)
    if not compiler:
        return None
    compiled = output / f"{path.stem}_edgetpu.tflite"
    if compiled.exists():
        rule = f"must be a folder without {compiled.name}, which would be lost"
        raise InputError("output", rule, str(output))

    output.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [compiler, "-s", "-o", str(output), str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout, end="", flush=True)
    if done.returncode or not compiled.is_file():
        rule = f"must be a model that {COMPILER} accepts; it exited with {done.returncode}"
        raise InputError("model", rule, str(path))

    if NAME in read_model(path).metadata:
        from export.tflite.draft import Draft  # needs TensorFlow, unlike the report

        contents = read_contents(path, unchecked=True)  # it is not run here
        draft = Draft(compiled.read_bytes())
        with replacing(compiled) as temporary:
            temporary.write_bytes(draft.seal(contents.spec, "edgetpu", contents.initial_caches))
    return compiled
