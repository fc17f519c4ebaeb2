"""Maps of a model that was trained on classes alone show where the hand is."""

import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest

from tsm_tf.analysis.activation_maps import Mapper, attention, resize_maps
from tsm_tf.data.crops import center_crop
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import center_clip
from tsm_tf.data.sampling import center_indices
from tsm_tf.data.synthetic.gestures import LABELS, gesture_scene
from tsm_tf.weights.checkpoint import load_checkpoint

NUM_VIDEOS = 90  # in the measurement


def hand_boxes(index, spec):
    """Returns the bounding boxes of the hand in a centre clip, `bool [T, S, S]`."""
    scene, poses, _ = gesture_scene(index % len(LABELS), (0, zlib.crc32(b"val"), index))
    boxes = np.zeros((spec.num_segments, spec.input_size, spec.input_size), bool)

    for box, t in zip(boxes, center_indices(len(poses), spec.num_segments), strict=True):
        without_hand = scene.draw(t, 0, 0, 0, 0)
        is_hand = (scene.draw(t, *poses[t]) != without_hand).any(axis=-1)
        height, width = is_hand.shape
        size = (width * spec.short_side // height, spec.short_side)
        small = cv2.resize(np.uint8(255) * is_hand, size, interpolation=cv2.INTER_AREA)
        hand = center_crop(small[None, ..., None], spec.input_size)[0, ..., 0] > 64
        rows, columns = np.nonzero(hand)
        if len(rows):
            box[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
    return boxes


def test_boxes_hold_the_hand_and_little_else():
    """An upright hand of half the frame's height, in a frame of which the crop shows 89%."""
    spec = load_spec_of_gestures()
    boxes = np.stack([hand_boxes(index, spec) for index in range(8)])
    assert boxes.any(axis=(2, 3)).all()
    assert 0.25 < boxes.mean() < 0.45
    swipe = boxes[0].any(axis=1)  # to the left
    assert np.nonzero(swipe[0])[0].mean() > np.nonzero(swipe[-1])[0].mean() + 10


def load_spec_of_gestures():
    from tsm_tf.training.recipes.registry import get_recipe

    return get_recipe("gestures").model


@pytest.mark.slow
def test_most_of_the_attention_is_on_the_hand(tmp_path):
    """At least 60% of it; the boxes cover 35% of the pixels. Training takes about three minutes."""
    data, run = tmp_path / "data", tmp_path / "run"
    commands = (
        ("tsm_tf.data.synthetic", f"--output={data}"),
        ("tsm_tf.training", "--recipe=gestures", f"--data={data}", f"--output={run}"),
    )
    for module, *arguments in commands:
        subprocess.run([sys.executable, "-m", module, *arguments], check=True)

    mapper, listing = Mapper(load_checkpoint(run)), Listing(data)
    shares = []
    for index, video in enumerate(listing.videos("val")[:NUM_VIDEOS]):
        if LABELS[video.label] == "No gesture":  # which may show no hand
            continue
        clip = center_clip(video, mapper.spec, listing.source)
        boxes = hand_boxes(index, mapper.spec)
        assert boxes.mean() < 0.6
        shares.append(attention(resize_maps(mapper(clip).maps, boxes.shape[1]))[boxes].sum())
    assert np.mean(shares) >= 0.6
