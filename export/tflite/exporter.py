"""Keras models to TFLite files that were checked: `python -m export.tflite --online --checkpoint=DIR --output=DIR`.

An online file maps `image` (`[1, S, S, 3]`, RGB 0..255) and the caches `shift_00`, ... to `logits` and the new caches
under the same names (section 4.2); a clip file maps `image` `[1, T, S, S, 3]` to `logits`. The spec with labels and
preprocessing travels inside. A model card beside the files says how each was proven.
"""

import dataclasses
import os
import pathlib

from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

VARIANTS = ("float32", "float16", "dynamic", "int8", "edgetpu")
"""As trained; weights in half precision; weights in 8 bits; weights and activations in 8 bits, calibrated; the same
throughout, input and output too, without operators that an Edge TPU may leave to the CPU."""

CALIBRATED = ("int8", "edgetpu")
IMAGE_TYPES = ("uint8", "int8")
LOGITS_TYPES = ("float32", "int8")


@dataclasses.dataclass(frozen=True)
class Export:
    """How files are made of a model.

    Args:
        online: one frame and its caches, or whole clips.
        num_streams: side by side in an online file.
        image_type, logits_type: of int8 files; Edge TPU files have int8 for both.
        gpu_friendly: refuses a file that phones' GPU delegates may get wrong.
        data: folder of videos to calibrate on (`train.txt`) and to prove on (`val.txt`); None: rendered gestures for
            the calibration, drawn patterns for the proof.
        num_videos: of each of the two.

    Raises:
        InputError: several streams of clips, or no positive number of streams.
    """

    online: bool
    num_streams: int = 1
    image_type: str = "uint8"
    logits_type: str = "float32"
    gpu_friendly: bool = False
    data: str | None = None
    num_videos: int = 64

    def __post_init__(self):
        for name in ("num_streams", "num_videos"):
            if getattr(self, name) < 1:
                raise InputError(name, "must be at least 1", getattr(self, name))
        if self.num_streams > 1 and not self.online:
            raise InputError(
                "num_streams",
                "must be 1 for a clip model; several are for --online",
                self.num_streams,
            )
        for name, known in (("image_type", IMAGE_TYPES), ("logits_type", LOGITS_TYPES)):
            if getattr(self, name) not in known:
                raise InputError(name, f"must be one of {', '.join(known)}", getattr(self, name))


def export_model(
    model,
    output: str | os.PathLike,
    online: bool,
    variants: tuple[str, ...] = ("float32",),
    **choices,
) -> list[pathlib.Path]:
    """Converts a clip model, checks the files against Keras, and writes them.

    Args:
        model: a model of `build_model` or `load_checkpoint`.
        output: folder for `<backbone>_online_<variant>.tflite` or `<backbone>_clip_<variant>.tflite`.
        online: one frame and its caches, or whole clips.
        variants: of `VARIANTS`.
        choices: the other arguments of `Export`.

    Returns:
        The files' paths, in the order of `variants`.

    Raises:
        InputError: the model cannot stream, a file exists already, a float32 file's logits differ by more than 1e-4, a
            calibrated one's caches cannot be fed back exactly, an operator is none of tflite-runtime 2.14.0, or Keras
            runs on another backend than TensorFlow.
    """
    entries = _export(model, output, variants, Export(online, **choices))
    return [
        entry.path for entry in sorted(entries, key=lambda entry: variants.index(entry.variant))
    ]


def _export(model, output, variants, export):
    """Returns the card's entries of the files; float32 last, to which the ratios of latency are."""
    import keras

    if keras.backend.backend() != "tensorflow":
        rule = "must be tensorflow to export; save a checkpoint, and use python -m export.tflite, which sees to it"
        raise InputError("KERAS_BACKEND", rule, keras.backend.backend())
    paths = output_paths(model.spec, output, variants, export.online)
    from export import sample_clips as streams
    from export.parity import keras_logits

    spec, calibration = model.spec, None
    tests = [streams.patterns(spec) if export.online else _pattern_clips(spec)]
    if export.data:
        tests.append(streams.from_videos(spec, export.data, "val", export.num_videos))
    if set(CALIBRATED) & set(variants):
        if export.data:
            calibration = streams.from_videos(spec, export.data, "train", export.num_videos)
        else:
            print(
                "no --data: calibrating on rendered gestures, which your videos may not look like",
                flush=True,
            )
            calibration = streams.from_gestures(spec, export.num_videos)
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    print("what Keras says ...", flush=True)
    tests = [(test, keras_logits(model, test, export.online)) for test in tests]
    order = sorted(zip(variants, paths, strict=True), key=lambda pair: pair[0] == "float32")
    return [
        _export_variant(model, variant, path, export, calibration, tests) for variant, path in order
    ]


def _export_variant(model, variant, path, export, calibration, tests):
    from export.parity import AGREEMENT, TOLERANCE, prove
    from export.tflite.card import Entry

    spec = model.spec
    print(f"converting {spec.backbone}, shift_mode {spec.shift_mode}, to {variant} ...", flush=True)
    calibration = calibration if variant in CALIBRATED else None
    content = _content(model, variant, export, calibration)
    unchecked = path.with_name(f".unchecked.{path.name}")
    try:
        unchecked.write_bytes(content)
        for streams, expected in tests:
            proof = prove(unchecked, streams, expected)
            if variant == "float32" and not proof.difference <= TOLERANCE:
                rule = f"must differ from Keras by at most {TOLERANCE}; nothing was written"
                raise InputError("export", rule, proof.difference)
        os.replace(unchecked, path)
    finally:
        unchecked.unlink(missing_ok=True)
    print(f"written to {path}, {path.stat().st_size / 2**20:.2f} MiB: {proof}")
    if export.data and proof.agreement < AGREEMENT:
        print(f"*** {variant} AGREES WITH KERAS ON LESS THAN {AGREEMENT:.0%} OF THE STREAMS ***")
    source = calibration and calibration.source
    return Entry(**dataclasses.asdict(proof), path=path, variant=variant, calibration=source)


def _content(model, variant, export, calibration):
    """Returns the bytes of the file, with what it carries."""
    from export.format.metadata import add_spec
    from export.format.operators import check_versions
    from export.format.reader import parse_model
    from export.tflite import gpu_limits as gpu
    from export.tflite.convert import convert
    from export.tflite.io_types import set_border, start_values

    content = convert(model, export.online, variant, calibration, export.num_streams)
    start = start_values(content)
    if variant == "int8":
        content = set_border(content, export.image_type, export.logits_type)
    parsed = parse_model(content)
    check_versions(parsed.graphs[0].operators)
    if export.gpu_friendly and (found := gpu.problems(parsed)):
        raise InputError("gpu_friendly", "must be left out for this model", "; ".join(found))
    return add_spec(content, model.spec, variant, start)


def _pattern_clips(spec):
    from export.sample_clips import patterns

    return patterns(spec, -(-32 // spec.num_segments), spec.num_segments)


def output_paths(
    spec: ModelSpec, output: str | os.PathLike, variants: tuple[str, ...], online: bool
) -> list[pathlib.Path]:
    """Returns where the files go.

    Raises:
        InputError: an unknown variant, the model cannot stream, the folder is none, or has one of the files or the
            card of another model already.
    """
    from export.tflite.card import check_folder

    unknown = [variant for variant in variants if variant not in VARIANTS]
    if unknown or not variants or len(set(variants)) < len(variants):
        raise InputError(
            "variants", f"must be of {', '.join(VARIANTS)}, each once", ",".join(variants)
        )
    if online:
        spec.check_streamable()
    if spec.modality != "rgb" and set(CALIBRATED) & set(variants):
        raise InputError(
            "variants", f"must not be calibrated ones for {spec.modality}", ",".join(variants)
        )
    folder = pathlib.Path(output)
    if folder.is_file():
        raise InputError("output", "must be a folder", str(folder))
    backbone = spec.backbone.rpartition(":")[2]
    names = [
        f"{backbone}_{'online' if online else 'clip'}_{variant}.tflite" for variant in variants
    ]
    for name in names:
        if (folder / name).exists():
            raise InputError(
                "output", f"must be a folder without {name}, which would be lost", str(folder)
            )
    check_folder(folder, spec)
    return [folder / name for name in names]
