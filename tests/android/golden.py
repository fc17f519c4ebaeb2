"""Writes the results of Python's runtime for the Java tests: `golden.py OUTPUT.zip`.

One folder per model: `model.tflite`; `frames` uint8 [60, S, S, 3]; `logits` float32 [60, classes];
`events` int32 [60], the class whose event begins with the frame, or -1; `caches`, all caches after
the last frame, sorted by name. Little-endian, C order. For some models also `mutants` and
`repacked`, see java_mutants.py. The folder `detector` has no logits, but `detections`, float32: for
each frame their number, and then class, score and box of each. The folder `rules` has `shapes` as
in java_shapes.py, and `specs` as in java_events.py.
"""

import functools
import os
import pathlib
import sys
import tempfile
import zipfile

import numpy as np

# Sizes and variants. The large model has Jester's labels.
_MODELS = {48: ("float32", "float16", "weight_only", "int8"), 224: ("float32",)}
_JESTER_SIZE = 224
# Rules with which the tests' weights give events.
_EVENTS = {48: (0.1, 0.5, 0.3, 0.1, 0.3), 224: (0.1, 0.35, 0.3, 0.1, 0.3)}
_BACKGROUND = {48: None, 224: ("Swiping Down",)}
_MUTATED = ("48_float32", "48_weight_only", "48_int8")
_FRAMES = 60
_RUNTIME = "tensorflow"  # the installed runtime that is nearest to the Java tests' one


def write_case(archive: zipfile.ZipFile, name: str, path: pathlib.Path, frames: np.ndarray) -> None:
    """Streams frames through a model, and adds its folder to the archive."""
    from export.format.reader import read_model
    from export.runtime import StreamRunner
    from tsm_tf.evaluation.events import EventDecoder

    runner = StreamRunner(path, runtime=_RUNTIME)
    logits = np.stack([runner.step(frame) for frame in frames])
    decoder = EventDecoder.of(runner.spec)
    found = [decoder.step(row, number / runner.spec.fps) for number, row in enumerate(logits)]
    begun = np.array([events[0].index if events else -1 for events in found], "<i4")
    if len(set(begun)) == 1:
        raise RuntimeError(f"{name} has no events; its rules must fit its weights")

    outputs = read_model(path).signature.outputs
    caches = [
        runner.engine.interpreter.get_tensor(outputs[key])
        for key in sorted(outputs)
        if key != "logits"
    ]

    contents = {
        "model.tflite": path.read_bytes(),
        "frames": frames.tobytes(),
        "events": begun.tobytes(),
        "logits": logits.astype("<f4").tobytes(),
        "caches": b"".join(cache.tobytes() for cache in caches),
    }
    if name in _MUTATED:
        contents |= mutations(contents["model.tflite"])
    write_folder(archive, name, contents)


def write_detector_case(archive: zipfile.ZipFile, path: pathlib.Path, frames: np.ndarray) -> None:
    """Streams frames through a detector, and adds its folder to the archive."""
    from export.runtime import StreamRunner

    runner = StreamRunner(path, runtime=_RUNTIME)
    detections = []
    for frame in frames:
        boxes, classes, scores = runner.step(frame)
        rows = np.concatenate([classes[:, None], scores[:, None], boxes], axis=1)
        detections += [len(rows), *rows.ravel()]
    contents = {
        "model.tflite": path.read_bytes(),
        "frames": frames.tobytes(),
        "detections": np.array(detections, "<f4").tobytes(),
    }
    write_folder(archive, "detector", contents | mutations(contents["model.tflite"]))


def mutations(content: bytes) -> dict[str, str | bytes]:
    from java_mutants import mutant_lines
    from mutants import repacked

    lines = "".join(f"{line}\n" for line in mutant_lines(content))
    return {"repacked": repacked(content), "mutants": lines}


def write_folder(archive: zipfile.ZipFile, name: str, contents: dict[str, str | bytes]) -> None:
    for part, content in contents.items():
        archive.writestr(zipfile.ZipInfo(f"{name}/{part}"), content)


def stream(size: int) -> np.ndarray:
    """Returns frames of rendered gestures, one gesture after the other."""
    from tsm_tf.data.crops import resize_crop
    from tsm_tf.data.synthetic.gestures import LABELS, gesture_frames

    frames = np.concatenate([gesture_frames(label, (label,))[0] for label in range(len(LABELS))])
    return resize_crop(frames[:: len(frames) // _FRAMES][:_FRAMES], size)


def main(output: str) -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
    from detector_files import write_detector
    from java_events import spec_lines
    from java_shapes import shape_lines
    from jester import LABELS as JESTER_LABELS
    from tensorflow.lite.python import interpreter
    from testing import video_frames
    from weights import with_weights

    from export.tflite import export_model
    from tsm_tf import ModelSpec, build_model
    from tsm_tf.data.synthetic.gestures import LABELS
    from tsm_tf.event_rules import EventRules

    # The Java tests' build of TFLite lacks XNNPACK, whose int8 kernels round differently.
    plain = interpreter.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    with_xnnpack = interpreter.Interpreter
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(output, "w") as archive:
        for part, lines in (("shapes", shape_lines()), ("specs", spec_lines())):
            text = "".join(f"{line}\n" for line in lines)
            archive.writestr(zipfile.ZipInfo(f"rules/{part}"), text)
        path = write_detector(pathlib.Path(folder, "detector.tflite"))
        interpreter.Interpreter = functools.partial(
            with_xnnpack, experimental_op_resolver_type=plain
        )
        write_detector_case(archive, path, video_frames(12, 64, 96, 3))
        interpreter.Interpreter = with_xnnpack
        for size, variants in _MODELS.items():
            labels = JESTER_LABELS if size == _JESTER_SIZE else LABELS
            spec = ModelSpec(
                num_classes=len(labels),
                labels=labels,
                input_size=size,
                width=0.35,
                fps=8.0,
                background=_BACKGROUND[size],
                events=EventRules(*_EVENTS[size]),
            )
            model = with_weights(build_model(spec))
            paths = export_model(
                model, f"{folder}/{size}", online=True, variants=variants, num_videos=9
            )
            interpreter.Interpreter = functools.partial(
                with_xnnpack, experimental_op_resolver_type=plain
            )
            for path in paths:
                write_case(
                    archive, f"{size}_{path.stem.partition('_online_')[2]}", path, stream(size)
                )
            interpreter.Interpreter = with_xnnpack


if __name__ == "__main__":
    main(sys.argv[1])
