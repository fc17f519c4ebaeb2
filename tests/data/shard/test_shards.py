"""Shards on a local disk: plan, records, manifest, index, and the source that reads them."""

import dataclasses
import hashlib
import json
import pathlib
import shutil

import cv2
import numpy as np
import pytest
import tensorflow as tf
from testing import refuses
from videos import encode, moving_square, write_data
from writing import SETTINGS, replaced, write_shards

from tsm_tf import ModelSpec
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.epoch_order import Order, Share
from tsm_tf.data.listing import Listing
from tsm_tf.data.pipeline import clip_dataset
from tsm_tf.data.resize import resize_short_side
from tsm_tf.data.shard.manifest import read_manifest
from tsm_tf.data.shard.plan import UNFINISHED, is_complete, load_plan, make_plan
from tsm_tf.data.shard.records import TABLE_ROW, part_ranges
from tsm_tf.data.shard.settings import Settings
from tsm_tf.data.shard.write import publish, write_shard
from tsm_tf.data.sources import read_for_crop
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.jpeg_clip import JpegClip
from tsm_tf.data.sources.memory import MemoryCache
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.errors import InputError, MissingFile

SPEC = ModelSpec(
    num_classes=2, labels=("Swiping Left", "Swiping Right"), num_segments=4, input_size=32
)
assert SPEC.short_side == SETTINGS.short_side


def video_of(listing, name):
    return next(v for split in listing.splits for v in listing.videos(split) if v.name == name)


def jpeg_round_trip(frames, quality=85):
    """Encodes and decodes frames as JPEG, by OpenCV alone."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, quality]
    jpegs = [cv2.imencode(".jpg", frame[..., ::-1], quality)[1] for frame in frames]
    return np.stack([cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1] for jpeg in jpegs])


def test_the_lists_are_those_of_the_videos(videos, shards):
    ours, theirs = Listing(shards), Listing(videos)
    assert ours.labels == theirs.labels and ours.background is None
    assert ours.splits == theirs.splits == ("train", "val")
    for split in ours.splits:
        for one, other in zip(ours.videos(split), theirs.videos(split), strict=True):
            assert dataclasses.replace(one, path="") == dataclasses.replace(other, path="")
            assert ours.source.num_frames(one.path) == theirs.source.num_frames(other.path)
            assert ours.source.fps(one.path) == pytest.approx(theirs.source.fps(other.path))
            assert ours.source.times(one.path) == pytest.approx(theirs.source.times(other.path))
    assert (
        ours.digest == hashlib.sha256(pathlib.Path(shards, "shards.json").read_bytes()).hexdigest()
    )
    with pytest.raises(MissingFile, match=r"split test; shards\.json has: train, val"):
        ours.videos("test")


def test_frames_are_those_of_the_videos_after_jpeg(videos, shards):
    ours, theirs = Listing(shards), Listing(videos)
    for split in ours.splits:
        for one, other in zip(ours.videos(split), theirs.videos(split), strict=True):
            indices = [7, 2, 2, 0, 9]
            expected = jpeg_round_trip(theirs.source.read(other.path, indices, 36))
            found = ours.source.read(one.path, indices, 36)
            np.testing.assert_array_equal(found, expected)


def test_every_crop_equals_decoding_and_then_cropping(shards):
    listing, rng = Listing(shards), np.random.default_rng(0)
    path = listing.videos("train")[3].path
    clip = listing.source.read_for_crop(path, [1, 4, 4, 0], 36)
    assert isinstance(clip, JpegClip) and clip.shape == (4, 36, 48, 3) and len(clip) == 4
    whole = listing.source.read(path, [1, 4, 4, 0], 36)
    for _ in range(100):
        y, x = rng.integers(35), rng.integers(47)
        h, w = rng.integers(1, 37 - y), rng.integers(1, 49 - x)
        np.testing.assert_array_equal(clip[:, y : y + h, x : x + w], whole[:, y : y + h, x : x + w])
    np.testing.assert_array_equal(clip[..., 3:30, 5:40, :], whole[..., 3:30, 5:40, :])
    for key in (0, -1, slice(2), (slice(None), 3), (slice(1), slice(4), slice(4)), Ellipsis):
        np.testing.assert_array_equal(clip[key], whole[key])
    np.testing.assert_array_equal(clip[:, ::2, 9:3], whole[:, ::2, 9:3])


def test_crops_of_large_noisy_frames_are_exact_too():
    rng = np.random.default_rng(1)
    for height, width in ((256, 340), (241, 427)):
        noise = cv2.resize(
            rng.integers(0, 256, (height // 3, width // 3, 3), dtype=np.uint8), (width, height)
        )
        jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
        clip = JpegClip("video", [jpeg], np.zeros(1, int), width, height)
        whole = clip.decode()
        for _ in range(60):
            y, x = rng.integers(height - 100), rng.integers(width - 100)
            h, w = rng.integers(90, height - y), rng.integers(90, width - x)
            np.testing.assert_array_equal(
                clip[:, y : y + h, x : x + w], whole[:, y : y + h, x : x + w]
            )


def test_another_size_is_resized_from_the_stored_one(shards):
    source = Listing(shards).source
    path = Listing(shards).videos("val")[0].path
    whole = source.read(path, [2, 5], 36)
    smaller = read_for_crop(source, path, [2, 5], 24)
    np.testing.assert_array_equal(smaller, [resize_short_side(frame, 24) for frame in whole])


def test_the_memory_cache_passes_undecoded_frames_on(shards):
    listing = Listing(shards)
    path = listing.videos("val")[0].path
    assert isinstance(read_for_crop(MemoryCache(listing.source, 0), path, [1], 36), JpegClip)
    cached = read_for_crop(MemoryCache(listing.source, 1 << 30), path, [1], 36)
    np.testing.assert_array_equal(cached, listing.source.read(path, [1], 36))


def clips_of(data, split="train", batch_size=4, **order):
    augmentation = Augmentation(flip_targets=(1, 0)) if split == "train" else None
    dataset = clip_dataset(
        data, SPEC, split, batch_size, augmentation=augmentation, order=Order(seed=5, **order)
    )
    return [(clips.numpy(), labels.numpy()) for clips, labels in dataset]


def test_training_sees_the_same_clips_as_from_videos(videos, shards):
    for split in ("train", "val"):
        for one, other in zip(clips_of(shards, split), clips_of(videos, split), strict=True):
            np.testing.assert_array_equal(one[1], other[1])
            difference = np.abs(one[0].astype(int) - other[0].astype(int))
            assert difference.mean() < 4  # JPEG


def test_workers_share_the_clips_and_a_resumed_epoch_has_the_rest(shards):
    whole = clips_of(shards, drop_last=True)
    parts = [clips_of(shards, drop_last=True, share=Share(index, 2)) for index in range(2)]
    for step, (clips, labels) in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([part[step][0] for part in parts]), clips)
        np.testing.assert_array_equal(np.concatenate([part[step][1] for part in parts]), labels)
    resumed = clips_of(shards, drop_last=True, first_batch=2)
    assert len(whole) == 3 and len(resumed) == 1
    np.testing.assert_array_equal(resumed[0][0], whole[2][0])
    assert len({clip.tobytes() for clips, _ in whole for clip in clips}) == 12


def test_records_are_shuffled_examples_that_tensorflow_reads(videos, shards):
    manifest, _ = read_manifest(shards)
    listing, names = Listing(shards), []
    for shard in manifest.shards:
        records = list(tf.data.TFRecordDataset(str(pathlib.Path(shards, shard.name))))
        assert len(records) == shard.records
        for record in records:
            feature = tf.train.Example.FromString(record.numpy()).features.feature
            name = feature["name"].bytes_list.value[0].decode()
            names.append(name)
            video = video_of(listing, name)
            jpegs = list(feature["frames"].bytes_list.value)
            assert len(jpegs) == feature["num_frames"].int64_list.value[0] == video.num_frames
            decoded = np.stack(
                [
                    tf.image.decode_jpeg(jpeg, dct_method="INTEGER_ACCURATE").numpy()
                    for jpeg in jpegs
                ]
            )
            found = listing.source.read(video.path, range(video.num_frames), 36)
            np.testing.assert_array_equal(found, decoded)
    in_lists = [v.name for split in ("train", "val") for v in Listing(videos).videos(split)]
    assert sorted(names) == sorted(in_lists) and names != in_lists
    assert [shard.records for shard in manifest.shards] == [5, 5, 4, 3, 2]


def test_fewer_frames_keep_their_moments(videos, tmp_path):
    output = write_shards(videos, tmp_path / "few", replaced(frames=5))
    ours, theirs = Listing(output), Listing(videos)
    video, original = ours.videos("train")[2], theirs.videos("train")[2]
    assert (original.num_frames, video.num_frames) == (12, 5)
    assert ours.source.num_frames(video.path) == 5
    assert ours.source.fps(video.path) == pytest.approx(10 * 5 / 12)
    kept = [0, 2, 4, 7, 9]  # 12 * i // 5
    expected = jpeg_round_trip(theirs.source.read(original.path, kept, 36))
    found = ours.source.read(video.path, range(5), 36)
    np.testing.assert_array_equal(found, expected)
    assert ours.source.times(video.path) == pytest.approx(np.array(kept) / 10)


def test_original_files_are_decoded_as_they_are(videos, tmp_path):
    output = write_shards(videos, tmp_path / "original", replaced(encode="original"))
    ours, theirs = Listing(output), Listing(videos)
    for one, other in zip(ours.videos("train"), theirs.videos("train"), strict=True):
        np.testing.assert_array_equal(
            ours.source.read(one.path, [8, 1], 30), theirs.source.read(other.path, [8, 1], 30)
        )
        assert ours.source.num_frames(one.path) == other.num_frames
        np.testing.assert_array_equal(ours.source.times(one.path), theirs.source.times(other.path))
    with pytest.raises(BadVideoError, match="frame 12 is requested, the last is 11"):
        ours.source.read(ours.videos("train")[2].path, [12], 30)


def test_folders_of_images_with_several_classes_per_video(tmp_path):
    data = tmp_path / "data"
    for number, name in enumerate(("first", "second one")):
        (data / name).mkdir(parents=True)
        for index, frame in enumerate(moving_square(7 + number)):
            cv2.imwrite(str(data / name / f"img_{index + 1:05d}.jpg"), frame[..., ::-1])
    for split in ("train", "val"):
        (data / f"{split}.txt").write_text('first 7 0,2\n"second one" 8 1\n')
    (data / "labels.txt").write_text("a\nb\nc\n")

    ours, theirs = Listing(write_shards(data, tmp_path / "new")), Listing(data)
    assert ours.is_multi_label and [v.classes for v in ours.videos("train")] == [(0, 2), (1,)]
    for one, other in zip(ours.videos("val"), theirs.videos("val"), strict=True):
        expected = jpeg_round_trip(theirs.source.read(other.path, [6, 1], 36))
        np.testing.assert_array_equal(ours.source.read(one.path, [6, 1], 36), expected)
        assert ours.source.fps(one.path) == theirs.source.fps(other.path)
    with refuses("encode", "must be jpeg"):
        write_shards(data, tmp_path / "original", replaced(encode="original"))


def test_segments_and_a_video_in_both_splits_share_one_record(tmp_path):
    data = write_data(tmp_path / "data", {"train": 1, "val": 1})
    (data / "train.txt").write_text('"train 0.mp4" 0 0.5 1\n"train 0.mp4" 0.5 1 0\n')
    (data / "val.txt").write_text('"val 0.mp4" 10 0\n"train 0.mp4" -1 1\n')
    (data / "background.txt").write_text("Swiping Right\n")
    ours = Listing(write_shards(data, tmp_path / "new"))
    assert [shard.records for shard in read_manifest(ours.data)[0].shards] == [1, 1]
    assert ours.background == ("Swiping Right",)
    first, second = ours.videos("train")
    assert (first.start, first.end, first.label) == (0, 0.5, 1) and first.path == second.path
    assert ours.videos("val")[1].path == first.path and ours.videos("val")[1].num_frames == -1
    fields = [dataclasses.replace(video, path="") for video in ours.videos("train")]
    assert fields == [dataclasses.replace(v, path="") for v in Listing(data).videos("train")]


def test_long_videos_are_read_and_stored_in_pieces(tmp_path):
    data = write_data(tmp_path / "data", {"val": 1}, size=(16, 16))
    frames = moving_square(600, 16, 16)
    encode(data / "train long.mp4", frames, rate=25)
    (data / "train.txt").write_text('"train long.mp4" 600 1\n')
    ours = Listing(write_shards(data, tmp_path / "new", replaced(short_side=16)))
    path = ours.videos("train")[0].path
    # Lengths of one, two and three bytes before a frame, and any number of frames.
    expected = VIDEO_FILES.read(str(data / "train long.mp4"), [0, 299, 599], 16)
    found = ours.source.read(path, [0, 299, 599], 16)
    assert np.abs(found.astype(int) - expected.astype(int)).mean() < 6
    assert len(ours.source.times(path)) == 600


def test_places_of_parts_of_every_length():
    lengths = [0, 1, 127, 128, 2**14 - 1, 2**14, 2**21 - 1, 2**21]
    message = tf.train.BytesList(value=[bytes([i]) * n for i, n in enumerate(lengths)])
    content = message.SerializeToString()
    table = np.zeros(len(lengths), TABLE_ROW)
    table["length"] = lengths
    for i, (start, length) in enumerate(zip(*part_ranges(table), strict=True)):
        assert content[start : start + length] == bytes([i]) * lengths[i]


def damaged(shards, tmp_path, change):
    """Returns a copy of shards in which `change(path)` has changed the first shard."""
    folder = shutil.copytree(shards, tmp_path / "copy")
    shard = pathlib.Path(folder, read_manifest(shards)[0].shards[0].name)
    change(shard)
    return str(folder), shard


def test_a_flipped_bit_anywhere_in_a_record_is_found(shards, tmp_path):
    folder, shard = damaged(shards, tmp_path, lambda path: None)
    listing, content = Listing(folder), shard.read_bytes()
    entry = listing.layout.index.entries[0]
    path = next(v.path for v in listing.videos("train") if v.name == entry.name)
    sound = listing.source.read(path, range(entry.num_frames), 36)

    rng, refused = np.random.default_rng(0), 0
    for _ in range(60):
        position = int(rng.integers(entry.offset, entry.offset + entry.length))
        flipped = bytearray(content)
        flipped[position] ^= 1 << rng.integers(8)
        shard.write_bytes(flipped)
        try:  # what is not a frame or its digest is not read
            found = listing.source.read(path, range(entry.num_frames), 36)
            np.testing.assert_array_equal(found, sound)
        except BadVideoError as error:
            refused += 1
            assert "was changed: a digest differs" in str(error) and shard.name in str(error)
    assert refused > 50


def test_a_shard_that_is_cut_is_named_when_it_is_opened_and_when_it_is_read(shards, tmp_path):
    def cut(path):
        """Cuts at the end of a record: TFRecord readers see fewer records, and no error."""
        path.write_bytes(path.read_bytes()[: listing.layout.index.entries[1].offset - 12])

    listing = Listing(shards)
    folder, shard = damaged(shards, tmp_path, lambda path: None)
    opened = Listing(folder)
    cut(shard)
    assert len(list(tf.data.TFRecordDataset(str(shard)))) == 1
    with refuses("data", "complete and unchanged", shard.name, f"{shard.stat().st_size:,} bytes"):
        Listing(folder)
    name = listing.layout.index.entries[1].name
    with pytest.raises(BadVideoError, match=f"{shard.name} was cut to"):
        opened.source.read(video_of(opened, name).path, [0], 36)
    shard.unlink()
    with pytest.raises(BadVideoError, match=f"{shard.name} is missing"):
        opened.source.read(video_of(opened, name).path, [0], 36)
    with pytest.raises(MissingFile, match=f"missing: {shard.name}"):
        Listing(folder)


def rewritten(folder, **changes):
    """Changes the manifest of a folder."""
    path = pathlib.Path(folder, "shards.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_bad_manifests_are_one_error(shards, tmp_path):
    manifest = json.loads(pathlib.Path(shards, "shards.json").read_text())
    first = manifest["shards"][0]
    cases = [
        {"format": "something else"},
        {"shards": [{**first, "name": "../../secret.tfrecord"}]},
        {"shards": [{**first, "name": "/etc/passwd"}]},
        {"shards": [first, first]},
        {"shards": [{**first, "bytes": -1}]},
        {"shards": [{**first, "records": "5"}]},
        {"shards": [{**first, "sha256": "0"}]},
        {"shards": [7]},
        {"shards": None},
        {"index": {**manifest["index"], "name": "../index.json"}},
        {"settings": {**manifest["settings"], "quality": 101}},
        {"settings": {"other": 1}},
        {"labels": "ab"},
        {"labels": [1, 2]},
        {"left_out": 3},
    ]
    for number, changes in enumerate(cases):
        folder = shutil.copytree(shards, tmp_path / str(number))
        rewritten(folder, **changes)
        with refuses("data", "shards.json", str(folder)):
            Listing(folder)
    folder = pathlib.Path(tmp_path, "0")
    for content in (b"[" * 100_000, b"", b"\xff", b"3", b'{"format": 1}'):
        (folder / "shards.json").write_bytes(content)
        with refuses("data", "shards.json"):
            Listing(folder)


def test_an_index_is_checked_even_if_its_digest_is_right(shards, tmp_path):
    folder = pathlib.Path(shutil.copytree(shards, tmp_path / "copy"))
    manifest = json.loads((folder / "shards.json").read_text())
    sound = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(sound) + " ")
    with refuses("data", "the index that its manifest names"):
        Listing(folder)

    def with_column(name, value, part="videos"):
        changed = json.loads(json.dumps(sound))
        table = changed["videos"] if part == "videos" else changed["splits"]["train"]
        table[name][0] = value
        return changed

    cases = [
        *(with_column("shard", shard) for shard in (-1, 1, 4, 2.0, None)),
        *(with_column("offset", place) for place in (0, -5, 2**60, "7")),
        *(with_column(name, 10**9) for name in ("length", "table_at", "parts_at", "parts")),
        *(with_column("width", width) for width in (0, 2**30, True)),
        *(with_column("fps", fps) for fps in (0.0, -1.0, float("nan"), float("inf"), 5)),
        *(with_column("digest", digest) for digest in ("", "x" * 32, None)),
        *(with_column("name", name) for name in (None, sound["videos"]["name"][1])),
        with_column("num_frames", 0),
        *(with_column("label", label, "train") for label in (2, -2, "0", 1.0)),
        *(with_column("video", video, "train") for video in (19, -1, None)),
        *(with_column("start", start, "train") for start in (-1.0, float("nan"), None)),
        *(with_column("classes", classes, "train") for classes in ([5], "ab", 3)),
        {"videos": {**sound["videos"], "fps": [1.0]}, "splits": {}},
        {"videos": sound["videos"]},
        [],
    ]
    for changed in cases:
        content = json.dumps(changed).encode()
        (folder / "index.json").write_bytes(content)
        manifest["index"]["sha256"] = hashlib.sha256(content).hexdigest()
        (folder / "shards.json").write_text(json.dumps(manifest))
        with refuses("data", "an index that", str(folder)):
            Listing(folder)


def test_a_frame_of_another_size_is_never_decoded():
    jpeg = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    for content in (jpeg, b"no picture", jpeg[:30]):
        clip = JpegClip("a.mp4", [content], np.zeros(1, int), 16, 8)
        with pytest.raises(BadVideoError, match=r"a\.mp4"):
            clip[:, :4, :4]


def test_a_run_that_was_killed_is_continued(videos, tmp_path):
    listing, output = Listing(videos), str(tmp_path / "new")
    plan = make_plan(listing, SETTINGS, None, lambda _: (1 << 28) // 5)
    plan.save(output)
    names, encoded = list(plan.shards), []
    assert len(names) == 4

    write_shard(names[0], plan, listing.source, output, False)
    with pytest.raises(InputError, match="must have all shards of its plan"):
        publish(plan, output, False)
    assert not is_complete(output, listing, SETTINGS)
    unfinished = pathlib.Path(output, UNFINISHED, "tsm_tf.killed")
    unfinished.mkdir()
    (unfinished / names[1]).write_text("half")
    first = pathlib.Path(output, names[0]).stat()

    old = load_plan(output)
    assert make_plan(listing, SETTINGS, old, lambda _: 10**12) == plan == old
    for name in names:
        write_shard(name, plan, listing.source, output, False, lambda: encoded.append(1))
    publish(plan, output, False)
    assert len(encoded) == 14 and pathlib.Path(output, names[0]).stat() == first
    assert is_complete(output, listing, SETTINGS) and not pathlib.Path(output, UNFINISHED).exists()
    assert {path.name for path in pathlib.Path(output).iterdir()} == {
        *names,
        "index.json",
        "shards.json",
    }


def test_a_shard_that_vanished_or_was_cut_is_written_again(videos, tmp_path):
    listing, output = Listing(videos), str(tmp_path / "new")
    plan = make_plan(listing, SETTINGS, None, lambda _: 1)
    plan.save(output)
    (name, *_), path = plan.shards, pathlib.Path(output)
    write_shard(name, plan, listing.source, output, False)
    sound = (path / name).read_bytes()
    (path / name).write_bytes(sound[:-1])
    write_shard(name, plan, listing.source, output, False)
    assert (path / name).read_bytes() == sound


def test_other_content_is_never_touched(videos, shards, tmp_path):
    listing = Listing(videos)
    with refuses("output", "another quality", "has 85", "90"):
        is_complete(shards, listing, replaced(quality=90))
    other = Listing(write_data(tmp_path / "other", {"train": 3, "val": 1}))
    with refuses("output", "other data", str(tmp_path / "other")):
        is_complete(shards, other, SETTINGS)
    (tmp_path / "thesis.txt").write_text("years of work")
    with refuses("output", "new or empty folder"):
        is_complete(str(tmp_path), listing, SETTINGS)
    plan = make_plan(listing, SETTINGS, None, lambda _: 1)
    plan.save(str(tmp_path / "begun"))
    with refuses("output", "another frames", "has 0"):
        is_complete(str(tmp_path / "begun"), listing, replaced(frames=4))
    pathlib.Path(tmp_path, "begun", UNFINISHED, "plan.json").write_text("{")
    with refuses("output", "undamaged plan"):
        is_complete(str(tmp_path / "begun"), listing, SETTINGS)


def test_bad_videos_are_named_or_left_out_and_listed(tmp_path):
    data = write_data(tmp_path / "data", {"train": 4, "val": 1})
    (data / "train 2.mp4").write_text("broken")
    with refuses("data", "mend these", "train 2.mp4 (", "1 bad of 5 videos"):
        write_shards(data, tmp_path / "stops")
    assert not (tmp_path / "stops" / "shards.json").exists()

    ours = Listing(write_shards(data, tmp_path / "skips", skip_bad_videos=True))
    assert [video.name for video in ours.videos("train")] == [
        "train 0.mp4",
        "train 1.mp4",
        "train 3.mp4",
    ]
    for video in ours.videos("train"):
        assert ours.source.read(video.path, [0], 36).shape == (1, 36, 48, 3)
    manifest, _ = read_manifest(ours.data)
    assert list(manifest.left_out) == ["train 2.mp4"]

    encode(data / "train 2.mp4", moving_square(10))  # mended, so that the same run continues
    listing = Listing(write_shards(data, tmp_path / "stops"))
    assert len(listing.videos("train")) == 4


def test_settings_out_of_range():
    for name, value in (
        ("quality", 0),
        ("quality", 101),
        ("short_side", 4),
        ("shard_mib", 0),
        ("frames", -1),
        ("frames", True),
        ("encode", "png"),
    ):
        with refuses(name, "must be", repr(value)):
            Settings(**{name: value})
    with refuses("frames", "stored whole", "8"):
        Settings(encode="original", frames=8)


def test_unknown_videos_and_frames(shards):
    listing = Listing(shards)
    path = listing.videos("train")[0].path
    with pytest.raises(MissingFile, match="must be in the shards"):
        listing.source.read("/other.mp4", [0], 36)
    for indices in ([], [-1]):
        with refuses("indices", "from 0"):
            listing.source.read(path, indices, 36)
    with pytest.raises(BadVideoError, match="frame 99 is requested, the last is 9"):
        listing.source.read(path, [0, 99], 36)
