import hashlib

import pytest
from testing import refuses

from tsm_tf.data.listing import Listing
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.errors import MissingFile


@pytest.fixture
def data(tmp_path):
    (tmp_path / "labels.txt").write_text("left\nright\n")
    (tmp_path / "a.mp4").touch()
    return tmp_path


def write(folder, text, encoding="utf-8"):
    (folder / "train.txt").write_text(text, encoding=encoding)


def test_reads_windows_line_ends_byte_order_marks_absolute_paths_and_quotes(data):
    for name in ("it's.mp4", "手 1.mp4"):
        (data / name).touch()
    (data / "labels.txt").write_text("left\r\nright\r\n", encoding="utf-8-sig")
    write(data, f'a.mp4 3 0\r\n"it\'s.mp4" -1 1\r\n"{data}/手 1.mp4" 8 1\r\n', encoding="utf-8-sig")
    listing = Listing(data)
    assert listing.labels == ("left", "right")
    assert listing.videos("train") == (
        Video(f"{data}/a.mp4", "a.mp4", 3, 0),
        Video(f"{data}/it's.mp4", "it's.mp4", UNKNOWN_FRAMES, 1),
        Video(f"{data}/手 1.mp4", f"{data}/手 1.mp4", 8, 1),
    )


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("a.mp4 3", "`path num_frames label` per line"),
        ("a.mp4 3 0 0 0", "`path num_frames label` per line"),
        ("a.mp4 3 2 0", "segments from 0 s on that end after their start"),
        ("a.mp4 -1 2 0", "segments from 0 s on"),
        ("a.mp4 1 inf 0", "segments from 0 s on"),
        ("a.mp4 1 two 0", "or `path start end label` in seconds"),
        ("a.mp4 1 2 7", "labels from 0 to 1"),
        ("a.mp4 three 0", "`path num_frames label` per line"),
        ("a.mp4 3 0.5", "`path num_frames label` per line"),
        ("a.mp4 3 2", "labels from 0 to 1"),
        ("a.mp4 3 -2", "labels from 0 to 1, or -1 if not known"),
        ("a.mp4 0 1", "num_frames of at least 1, or -1 if unknown"),
        ("a.mp4 -2 1", "num_frames of at least 1, or -1"),
    ],
)
def test_bad_lines_are_named(data, line, rule):
    write(data, f"a.mp4 3 0\n\n{line}\n")
    with refuses("data", rule, f"{data / 'train.txt'}:3"):
        Listing(data).videos("train")


def test_missing_videos_are_named_with_their_lines(data):
    write(data, "a.mp4 3 0\n" + "".join(f"gone{i}.mp4 3 0\n" for i in range(7)))
    with pytest.raises(MissingFile, match=r"`data`.*gone0\.mp4 \(line 2\).* and 2 more"):
        Listing(data).videos("train")


def test_lists_without_videos_or_classes(data):
    write(data, "\n\n")
    with refuses("data", "at least one video", "train.txt"):
        Listing(data).videos("train")
    with pytest.raises(MissingFile, match=r"`data` must be a folder with val\.txt"):
        Listing(data).videos("val")
    (data / "train.txt").write_bytes("é.mp4 3 0".encode("latin-1"))
    with refuses("data", "UTF-8", "train.txt"):
        Listing(data).videos("train")
    for text, received in (("", "[]"), ("a\nb\na\n", "['a']")):
        (data / "labels.txt").write_text(text)
        with refuses("data", "distinct class names, at least one", "labels.txt", received):
            Listing(data)


def test_paths_are_absolute_and_names_are_those_of_the_list(data, monkeypatch):
    (data / "deep").mkdir()
    (data / "deep" / "b.mp4").touch()
    write(data, "a.mp4 3 0\ndeep/b.mp4 4 1\n")
    monkeypatch.chdir(data.parent)
    listing = Listing(data.name)
    assert listing.data == data.name
    assert [(video.path, video.name) for video in listing.videos("train")] == [
        (f"{data}/a.mp4", "a.mp4"),
        (f"{data}/deep/b.mp4", "deep/b.mp4"),
    ]


def test_uris_are_kept_as_they_are(data):
    write(data, "s3://bucket//x/a.mp4 3 0\n'gs://b/with space.mp4' -1 1\n")
    assert [video.path for video in Listing(data, allow_outside=True).videos("train")] == [
        "s3://bucket//x/a.mp4",
        "gs://b/with space.mp4",
    ]
    with refuses("data", "without --allow_outside", "s3://bucket//x/a.mp4 (line 1)", str(data)):
        Listing(data).videos("train")


def test_digest_of_the_lists(data):
    write(data, "a.mp4 3 0\n")
    (data / "val.txt").write_text("a.mp4 3 1\n")
    content = b"a.mp4 3 0\n\0a.mp4 3 1\n\0left\nright\n\0"
    assert Listing(data).digest == hashlib.sha256(content).hexdigest()
    (data / "background.txt").write_text("right\n")
    assert Listing(data).digest == hashlib.sha256(content + b"right\n\0").hexdigest()


def test_digest_of_a_folder_without_some_of_the_lists(data):
    """For example one that is only for evaluation; all of them have different digests."""
    lists = {"train": "a.mp4 3 0\n", "val": "a.mp4 3 0\n", "test": "a.mp4 3 0\n"}
    digests = {}
    for chosen in (("train", "val"), ("train",), ("val",), ("test",), ("val", "test")):
        for split in lists:
            (data / f"{split}.txt").unlink(missing_ok=True)
        for split in chosen:
            (data / f"{split}.txt").write_text(lists[split])
        digests[chosen] = Listing(data).digest
    assert len(set(digests.values())) == len(digests)

    for split, text in lists.items():
        (data / f"{split}.txt").write_text(text)
    assert Listing(data).digest == digests["train", "val"]  # those of earlier versions


def test_reads_segments_of_untrimmed_videos(data):
    write(data, "a.mp4 0.5 2 0\na.mp4 3 4.25 1\n")
    assert Listing(data).videos("train") == (
        Video(f"{data}/a.mp4", "a.mp4", UNKNOWN_FRAMES, 0, 0.5, 2.0),
        Video(f"{data}/a.mp4", "a.mp4", UNKNOWN_FRAMES, 1, 3.0, 4.25),
    )


def test_background_classes_are_named_in_a_file(data):
    assert Listing(data).background is None
    (data / "background.txt").write_text("right\n\n")
    assert Listing(data).background == ("right",)
    (data / "background.txt").write_text("")
    assert Listing(data).background == ()
    (data / "background.txt").write_text("nothing\n")
    with refuses("data", "names of labels.txt", "nothing"):
        _ = Listing(data).background
