"""Converts a model to files, and writes each file only if it agrees with the Keras model."""

import os
import pathlib
from typing import Any

import keras
import numpy as np

from export import detection_clips, sample_clips
from export.detection_parity import DetectionProof, keras_detections, prove_detector
from export.format.metadata import DETECTIONS
from export.format.operators import check_versions
from export.parity import AGREEMENT, TOLERANCE, Proof, keras_logits, prove
from export.sample_clips import SampleClips
from export.tflite import gpu_limits
from export.tflite.card import Entry
from export.tflite.convert import convert
from export.tflite.draft import Draft
from export.tflite.export_settings import (
    CALIBRATED,
    QUANTISED,
    ExportSettings,
    check_detector_settings,
    output_paths,
)
from export.tflite.float32 import float32_policy, to_float32
from export.tflite.gpu_proof import check_driver, prove_on_gpu
from export.tflite.keep_float import find_layers
from tsm_tf.any_spec import AnySpec
from tsm_tf.detection.data.listing import open_detection_data
from tsm_tf.detection.rfcn import DetectorModel
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.errors import InputError
from tsm_tf.files import replacing

_NUM_PATTERN_FRAMES = 32


def export_files(
    model: keras.Model,
    output: str | os.PathLike,
    variants: tuple[str, ...],
    settings: ExportSettings,
) -> tuple[list[Entry], list[InputError]]:
    """Converts a model to each variant, compares the files with Keras, and writes them.

    Each file is written when it is done. A variant that is refused does not affect the others.

    Returns:
        The card's entries of the files, and the errors of the variants that were refused. float32
        is the last entry, because latency ratios refer to the last.

    Raises:
        InputError: see `export.tflite.export_model`; before any file is written.
    """
    if isinstance(model, DetectorModel):
        check_detector_settings(variants, settings)
    paths = output_paths(model.spec, output, variants, settings.online)
    if settings.keep_float is not None:
        _check_keep_float(model, variants, settings.keep_float)
    with float32_policy():
        return _export(to_float32(model), variants, paths, settings)


def _check_keep_float(model: keras.Model, variants: tuple[str, ...], pattern: str) -> None:
    find_layers(model, pattern)
    if not set(QUANTISED) & set(variants):
        rule = f"must be omitted unless variants include one of {', '.join(QUANTISED)}"
        raise InputError("keep_float", rule, pattern)


def _export(
    model: keras.Model,
    variants: tuple[str, ...],
    paths: list[pathlib.Path],
    settings: ExportSettings,
) -> tuple[list[Entry], list[InputError]]:
    if settings.gpu_friendly:
        check_driver()
    proof_clips = _proof_clips(model.spec, settings)
    calibration = None
    if set(CALIBRATED) & set(variants):
        calibration = _calibration_clips(model.spec, settings)

    paths[0].parent.mkdir(parents=True, exist_ok=True)
    print("computing the results of the Keras model ...", flush=True)
    expected = [(clips, _keras_results(model, clips, settings.online)) for clips in proof_clips]

    entries, refusals = [], []
    jobs = sorted(zip(variants, paths, strict=True), key=lambda job: job[0] in CALIBRATED)

    for variant, path in jobs:
        try:
            entries.append(_export_variant(model, variant, path, settings, calibration, expected))
        except InputError as error:
            print(f"*** {variant} IS NOT WRITTEN: {error} ***", flush=True)
            refusals.append(error)
    return sorted(entries, key=lambda entry: entry.variant == "float32"), refusals


def _keras_results(model, clips, online):
    if isinstance(model, DetectorModel):
        return keras_detections(model, clips)
    return keras_logits(model, clips, online)


def _proof_clips(spec: AnySpec, settings: ExportSettings) -> list[SampleClips]:
    if settings.online:
        clips = [sample_clips.drawn_patterns(spec, 1, _NUM_PATTERN_FRAMES)]
    else:
        num_clips = -(-_NUM_PATTERN_FRAMES // spec.num_segments)
        clips = [sample_clips.drawn_patterns(spec, num_clips, spec.num_segments)]

    if settings.data:
        clips.append(_video_clips(spec, settings, "val"))
    return clips


def _calibration_clips(spec: AnySpec, settings: ExportSettings) -> SampleClips:
    if settings.data:
        return _video_clips(spec, settings, "train")
    if isinstance(spec, DetectorSpec):
        clips = detection_clips.from_shapes(spec, settings.num_videos)
    else:
        clips = sample_clips.from_gestures(spec, settings.num_videos)
    line = f"no --data: calibrating on {clips.source}, which may not resemble your videos"
    print(line, flush=True)
    return clips


def _video_clips(spec, settings, split):
    if isinstance(spec, DetectorSpec):
        listing = open_detection_data(settings.data)
        return detection_clips.from_annotated(spec, listing, split, settings.num_videos)
    return sample_clips.from_videos(spec, settings.data, split, settings.num_videos)


def _export_variant(
    model: keras.Model,
    variant: str,
    path: pathlib.Path,
    settings: ExportSettings,
    calibration: SampleClips | None,
    expected: list[tuple[SampleClips, Any]],
) -> Entry:
    spec = model.spec
    print(f"converting {spec.backbone}, shift_mode {spec.shift_mode}, to {variant} ...", flush=True)
    if variant not in CALIBRATED:
        calibration = None
    content = _convert_and_seal(model, variant, settings, calibration)

    with replacing(path) as draft:
        draft.write_bytes(content)
        proof = _prove(draft, variant, expected, settings.unchecked)
        gpu_difference = None
        if settings.gpu_friendly:
            clips, _ = expected[0]
            gpu_difference = prove_on_gpu(draft, variant, clips, settings.unchecked)

    print(f"written to {path}, {path.stat().st_size / 2**20:.2f} MiB: {proof}")
    if gpu_difference is not None:
        print(f"fully accelerated on a GPU: logits differ by {gpu_difference:.2g} of the largest")
    if settings.data and proof.agreement is not None and proof.agreement < AGREEMENT:
        what = "DETECTIONS" if isinstance(proof, DetectionProof) else "STREAMS"
        print(f"*** {variant} AGREES WITH KERAS ON LESS THAN {AGREEMENT:.0%} OF THE {what} ***")
    return Entry(
        proof=proof,
        path=path,
        variant=variant,
        calibration=None if calibration is None else calibration.source,
        keep_float=settings.keep_float if variant in QUANTISED else None,
        gpu_difference=gpu_difference,
    )


def _convert_and_seal(
    model: keras.Model,
    variant: str,
    settings: ExportSettings,
    calibration: SampleClips | None,
) -> bytes:
    """Returns the bytes of the finished file."""
    keep_float = find_layers(model, settings.keep_float) if settings.keep_float is not None else ()
    content = convert(
        model,
        settings.online,
        variant,
        calibration,
        settings.num_streams,
        settings.frames_per_step,
        settings.batch_axis,
        keep_float,
    )
    draft = Draft(content)
    if variant == "int8" and settings.float_borders:
        draft.set_float_borders()
    elif variant == "int8":
        draft.set_io_types(settings.image_type, settings.logits_type)

    check_versions(draft.graph.operators)
    if isinstance(model, DetectorModel):
        draft.order_outputs(DETECTIONS)
    if settings.gpu_friendly and (problems := gpu_limits.find_problems(draft.graph)):
        raise InputError("gpu_friendly", "must be omitted for this model", "; ".join(problems))
    return draft.seal(model.spec, variant)


def _prove(
    path: pathlib.Path,
    variant: str,
    expected: list[tuple[SampleClips, Any]],
    unchecked: bool,
) -> Proof | DetectionProof:
    """Compares a file with Keras on all clips; returns the proof of the last ones."""
    proofs = []
    for clips, results in expected:
        if isinstance(results, np.ndarray):
            proof = prove(path, clips, results, unchecked=unchecked)
        else:
            proof = prove_detector(path, clips, results, unchecked=unchecked)
        # Written so that a NaN fails as well.
        if variant == "float32" and not proof.difference <= TOLERANCE:
            rule = f"must differ from Keras by at most {TOLERANCE}; nothing was written"
            raise InputError("export", rule, proof.difference)
        proofs.append(proof)
    return proofs[-1]
