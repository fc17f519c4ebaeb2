"""Covers `list_lines`, `list_rows`, `list_reader`, `list_videos` and `list_json`.

Each list is in a form that a project publishes, or with names and line ends that people have.
"""

import json

import pytest
from testing import refuses

from tsm_tf.data.listing import Listing
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.errors import MissingFile


@pytest.fixture
def data(tmp_path):
    """A folder with two videos, three folders of images, and 30 classes."""
    (tmp_path / "labels.txt").write_text("".join(f"class {i}\n" for i in range(30)))
    (tmp_path / "sub").mkdir()
    for name in ("a.mp4", "sub/b.mp4"):
        (tmp_path / name).touch()
    for name in ("f", "17", "take 5"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "img_00001.jpg").touch()
    return tmp_path


def read(data, text, file="train.txt"):
    (data / file).write_text(text, encoding="utf-8", newline="")
    try:
        return [video_of(video) for video in Listing(data).videos("train")]
    finally:
        (data / file).unlink()


def video_of(video):
    """Returns what a test compares: name, frames and label or labels."""
    return (video.name, video.num_frames, video.classes or video.label)


N = UNKNOWN_FRAMES
FORMS = {
    "TSN": ("a.mp4 30 2\nsub/b.mp4 40 29", [("a.mp4", 30, 2), ("sub/b.mp4", 40, 29)]),
    "TSN, folders": ("f 37 2\n17 12 0\n", [("f", 37, 2), ("17", 12, 0)]),
    "MMAction2, videos": ("a.mp4 2\nsub/b.mp4 29\n", [("a.mp4", N, 2), ("sub/b.mp4", N, 29)]),
    "folders without frames": ("f 2\n17 5\n", [("f", N, 2), ("17", N, 5)]),
    "SlowFast": ("a.mp4 0\nsub/b.mp4 1\n", [("a.mp4", N, 0), ("sub/b.mp4", N, 1)]),
    "no classes": ("a.mp4\nsub/b.mp4\n", [("a.mp4", N, -1), ("sub/b.mp4", N, -1)]),
    "no classes, -1": ("a.mp4 9 -1\nsub/b.mp4 8 -1\n", [("a.mp4", 9, -1), ("sub/b.mp4", 8, -1)]),
    "VideoMAE, unlabelled": ("a.mp4 0 -1\n", [("a.mp4", N, -1)]),
    "commas": ("a.mp4,2\nsub/b.mp4,29\n", [("a.mp4", N, 2), ("sub/b.mp4", N, 29)]),
    "commas, frames": ("a.mp4,30,2\n", [("a.mp4", 30, 2)]),
    "commas and spaces": ("a.mp4, 30, 2\n", [("a.mp4", 30, 2)]),
    "commas, header": ("path,label\na.mp4,2\n", [("a.mp4", N, 2)]),
    "header": ("path label\na.mp4 2\n", [("a.mp4", N, 2)]),
    "tabs": ("a.mp4\t30\t2\nsub/b.mp4 \t 40  29\n", [("a.mp4", 30, 2), ("sub/b.mp4", 40, 29)]),
    "several labels": ("a.mp4 30 3,17\na.mp4 9 2\n", [("a.mp4", 30, (3, 17)), ("a.mp4", 9, (2,))]),
    "several labels, no frames": ("f 3,17\nf -1\n", [("f", N, (3, 17)), ("f", N, -1)]),
    "MMAction2, several labels": (
        "a.mp4 3 17\na.mp4 1 2 3 4\na.mp4 5\n",
        [("a.mp4", N, (3, 17)), ("a.mp4", N, (1, 2, 3, 4)), ("a.mp4", N, (5,))],
    ),
    "MMAction2, several labels of folders": (
        "f 90 3 17\nf 80 1 2 3 4\n17 70 5\n",
        [("f", 90, (3, 17)), ("f", 80, (1, 2, 3, 4)), ("17", 70, (5,))],
    ),
    "a name that ends with a number": (
        "take 5 30 2\n17 12 0\n",
        [("take 5", 30, 2), ("17", 12, 0)],
    ),
    "the same, after others": ("17 12 0\ntake 5 30 2\n", [("17", 12, 0), ("take 5", 30, 2)]),
    "backslashes": ("sub\\b.mp4 40 29\r\na.mp4 3 2\r\n", [("sub/b.mp4", 40, 29), ("a.mp4", 3, 2)]),
    "backslashes and quotes": ('"sub\\b.mp4" 40 29\n', [("sub/b.mp4", 40, 29)]),
    "byte order mark": ("\ufeffa.mp4 30 2\r\n\r\n", [("a.mp4", 30, 2)]),
    "twice": ("a.mp4 30 2\na.mp4 30 3\n", [("a.mp4", 30, 2), ("a.mp4", 30, 3)]),
    "dots": ("./a.mp4 30 2\nsub/../a.mp4 9 1\n", [("./a.mp4", 30, 2), ("sub/../a.mp4", 9, 1)]),
}


@pytest.mark.parametrize("name", FORMS)
def test_published_forms(data, name):
    text, expected = FORMS[name]
    assert read(data, text) == expected


def test_names_of_published_lists(data):
    for file in (
        "train.csv",
        "train_videofolder.txt",
        "training.txt",
        "ucf101_rgb_train_split_1.txt",
        "kinetics400_train_list_videos.txt",
        "train_split_1_rawframes.txt",
        "my-set_train.csv",
    ):
        assert read(data, "a.mp4 30 2\n", file) == [("a.mp4", 30, 2)], file

    (data / "train_videofolder.txt").write_text("f 30 2\n")
    (data / "train_videofolder_flow.txt").write_text("gone 30 2\n")
    assert len(Listing(data).videos("train")) == 1
    (data / "train_list_videos.txt").write_text("a.mp4 2\n")
    with refuses("data", "one list of the split train; rename", "train_list_videos.txt"):
        Listing(data).videos("train")
    (data / "train.txt").write_text("a.mp4 2\na.mp4 2\n")
    assert len(Listing(data).videos("train")) == 2
    (data / "validation.txt").write_text("a.mp4 4\n")
    assert [video.label for video in Listing(data).videos("val")] == [4]


def test_numbers_without_the_zeros_of_the_names(data):
    """TSM's lists of Something-Something V1's flow, whose folders are 000012, 000345, ..."""
    flow = data / "flow"
    for name in ("000012", "000345", "7", "0000007", "x", "00100", "000100"):
        (flow / name).mkdir(parents=True)
    assert read(flow, "12 74 0\n345 60 1\n", "train_videofolder_flow.txt") == [
        ("12", 74, 0),
        ("345", 60, 1),
    ]
    (flow / "train.txt").write_text("12 74 0\n7 9 1\n000345 60 1\n'12'\t74 1\n")
    paths = [video.path for video in Listing(flow).videos("train")]
    assert paths == [f"{flow}/{name}" for name in ("000012", "7", "000345", "000012")]

    (data / "train.json").write_text(
        json.dumps([{"frame_dir": "flow/12", "total_frames": 37, "label": 3}])
    )
    assert Listing(data).videos("train")[0].path == f"{flow}/000012"
    (data / "train.json").unlink()

    for name in ("13", "12x", "-12", "100", "1.2", "٣"):  # 00100 or 000100
        with pytest.raises(MissingFile, match="every video that"):
            read(flow, f"12 74 0\n{name} 3 1\n")
    (flow / "000013").symlink_to(data.parent, target_is_directory=True)
    with refuses("data", "without --allow_outside", "13 (line 2)"):
        read(flow, "12 74 0\n13 3 1\n")


def test_folders_that_the_paths_leave_out(data):
    (data / "videos_train").mkdir()
    (data / "videos_train" / "c.mp4").touch()
    (data / "train_list_videos.txt").write_text("c.mp4 2\n")
    listing = Listing(data)
    (video,) = listing.videos("train")
    assert (video.path, video.name) == (f"{data}/videos_train/c.mp4", "c.mp4")
    assert listing.layout.describe("train") == (
        "train_list_videos.txt: video files, `path label`, below videos_train"
    )


def test_offsets_are_segments_of_folders(data):
    (data / "rate.txt").write_text("12\n")
    (data / "train.txt").write_text("f 0 24 2\nf 24 36 3\n")
    listing = Listing(data)
    assert listing.videos("train") == (
        Video(f"{data}/f", "f", UNKNOWN_FRAMES, 2, 0.0, 2.0),
        Video(f"{data}/f", "f", UNKNOWN_FRAMES, 3, 2.0, 5.0),
    )
    form = "train.txt: folders of images (12 fps), `path first_frame num_frames label`"
    assert listing.layout.describe("train") == form


def test_bad_rates(data):
    (data / "train.txt").write_text("f 24 2\n")
    for text in ("", "0", "-1", "nan", "inf", "1e9", "12 fps"):
        (data / "rate.txt").write_text(text)
        with refuses("data", "one number above 0", "rate.txt", repr(text)):
            Listing(data)


def test_json_lists_of_mmaction2(data):
    videos = [{"filename": "a.mp4", "label": [3]}, {"filename": "sub/b.mp4", "label": [3, 17]}]
    assert read(data, json.dumps(videos), "train.json") == [
        ("a.mp4", N, (3,)),
        ("sub/b.mp4", N, (3, 17)),
    ]
    folders = [{"frame_dir": "take 5", "total_frames": 37, "label": 4}]
    assert read(data, json.dumps(folders), "train.json") == [("take 5", 37, 4)]

    for text in (
        "{}",
        "[1]",
        '[{"filename": "a.mp4"}]',
        '[{"label": 2}]',
        "[",
        "[" * 10**5,
        "",
        '[{"filename": "a.mp4", "label": []}]',
        '[{"filename": 1, "label": 1}]',
        '[{"filename": "a.mp4", "label": 1.5}]',
        f'[{{"filename": "a.mp4", "label": {"9" * 400}}}]',
        '[{"filename": "a.mp4", "label": 30}]',
        '[{"filename": "a.mp4", "label": [2, 2]}]',
    ):
        with refuses("data", "train.json"):
            read(data, text, "train.json")
    with pytest.raises(MissingFile, match=r"missing.*gone\.mp4 \(line 1\)"):
        read(data, '[{"filename": "gone.mp4", "label": 1}]', "train.json")


NAMES = (
    *("#1.mp4", "what?.mp4", "50%.mp4", "%d.mp4", "[1].mp4", "(in game).mp4", "a;b$c&d.mp4"),
    *("it's.mp4", 'say "hi".mp4', "'quoted'.mp4", "手 1.mp4", "é.mp4", "e\u0301.mp4", "a  b.mp4"),
    *("line\u2028end\x0bform\x0cfeed\x85.mp4", "no-break\u00a0space.mp4", "comma, here.mp4"),
    *("a=b.mp4", "-dash.mp4", "~.mp4", "{x}.mp4", "c:d.mp4", "end .mp4", "👍🏽.mp4", "*.mp4"),
)


def test_names_with_signs(data):
    for name in NAMES:
        (data / name).touch()
    for end in ("\n", "\r\n"):
        text = end.join(f"{name} {number + 1} {number}" for number, name in enumerate(NAMES))
        expected = [(name, number + 1, number) for number, name in enumerate(NAMES)]
        assert read(data, text) == expected
        for separator in ("\t", " "):
            text = end.join(f"{name}{separator}{number}" for number, name in enumerate(NAMES))
            assert read(data, text) == [(name, N, number) for name, _, number in expected]

    # Alone, a name that could be read in several ways is the one that exists.
    for name in NAMES:
        assert read(data, f"{name} 30 2\n") == [(name, 30, 2)]


def test_quotes(data):
    for name in ("two words.mp4", "it's.mp4", 'say "hi".mp4', "back\\slash.mp4"):
        (data / name).touch()
    for line, name in (
        ('"two words.mp4" 3 1', "two words.mp4"),
        ("'two words.mp4' 3 1", "two words.mp4"),
        ("two\\ words.mp4 3 1", "two words.mp4"),
        ('"it\'s.mp4" 3 1', "it's.mp4"),
        ("'it'\"'\"'s.mp4' 3 1", "it's.mp4"),
        ('"say \\"hi\\".mp4" 3 1', 'say "hi".mp4'),
        ('"say ""hi"".mp4",3,1', 'say "hi".mp4'),
        ('"two words.mp4",3,1', "two words.mp4"),
        ("back\\slash.mp4 3 1", "back\\slash.mp4"),
    ):
        assert read(data, line) == [(name, 3, 1)], line


def test_mixed_and_ambiguous_lists(data):
    (data / "clip").mkdir()
    (data / "clip 3").mkdir()
    (data / "x, y.mp4").touch()
    for text, parts in (
        ("a.mp4 30 2\nf 30 2\n", ("files or folders of images; the first lines name files", ":2")),
        ("f 30 2\na.mp4 30 2\n", ("the first lines name folders", ":2")),
        ("a.mp4 30 2\na.mp4 2\n", ("one form in all lines", ":2")),
        ("f 30 2\nf 0 30 2\n", ("one form in all lines", ":2")),
        ("a.mp4 2\n\nsub/b.mp4\n", ("one form in all lines", ":3")),
        ("a.mp4,2\nsub/b.mp4 29\n", ("spaces or commas in all lines", "train.txt", "sub/b.mp4 29")),
        ("clip 3,5\n", ("with spaces and another with commas", "clip 3,5")),
        ("a.mp4 3,3\n", ("must not repeat a class", ":1", "(3, 3)")),
        ("a.mp4 3,30\n", ("labels from 0 to 29", ":1", "30")),
        ("a.mp4 3,-1\n", ("missing",)),
    ):
        with refuses("data", *parts):
            read(data, text)


def test_annotations_are_not_lists(data):
    for line in ("label,youtube_id,time_start,time_end,split", "video_id,label,frames,label_id"):
        with refuses("data", "one video per line", "tsm_tf.data.prepare", "train.csv"):
            read(data, f"{line}\nabseiling,abc,1,2,train\n", "train.csv")


def test_segments_and_whole_videos_may_be_mixed(data):
    text = "a.mp4 0.5 2 3\nsub/b.mp4 -1 4\n"
    (data / "train.txt").write_text(text)
    assert Listing(data).videos("train") == (
        Video(f"{data}/a.mp4", "a.mp4", UNKNOWN_FRAMES, 3, 0.5, 2.0),
        Video(f"{data}/sub/b.mp4", "sub/b.mp4", UNKNOWN_FRAMES, 4),
    )
    assert read(data, "".join(reversed(text.splitlines(keepends=True)))) == [
        ("sub/b.mp4", N, 4),
        ("a.mp4", N, 3),
    ]


def test_lists_without_class_names(data):
    (data / "labels.txt").unlink()
    (data / "train.txt").write_text("a.mp4 3\n")
    (data / "val.txt").write_text("a.mp4 5\n")
    listing = Listing(data)
    assert listing.labels == ("0", "1", "2", "3", "4", "5")
    assert listing.layout.names_from == "no labels.txt: numbers are used as class names"
    (data / "val.txt").write_text("a.mp4 99999\n")
    assert len(Listing(data).labels) == 100_000
    (data / "val.txt").write_text("a.mp4 100000\n")
    with refuses("data", "labels from 0 to 99999", "val.txt:1"):
        Listing(data)
    for split in ("train", "val"):
        (data / f"{split}.txt").write_text("a.mp4 -1\n")
    with refuses("data", "labels.txt, or lists with classes"):
        Listing(data)


def test_class_names_of_other_projects(data):
    (data / "labels.txt").unlink()
    (data / "train.txt").write_text("a.mp4 1\n")
    (data / "category.txt").write_text("wave\npoint\n")
    listing = Listing(data)
    assert listing.labels == ("wave", "point") and listing.layout.names_from == "category.txt"
    (data / "category.txt").unlink()
    (data / "classInd.txt").write_text("1 ApplyEyeMakeup\r\n2 Tai Chi\r\n")
    assert Listing(data).labels == ("ApplyEyeMakeup", "Tai Chi")
    (data / "classInd.txt").write_text("1 ApplyEyeMakeup\n3 Archery\n")
    with refuses("data", "numbers from 1 in order", "classInd.txt", "3 Archery"):
        Listing(data)


def test_class_names_keep_their_signs(data):
    names = ["a\u2028b", "c\x85d", "e#f", "'g'", "手"]
    (data / "labels.txt").write_text("\r\n".join(names), encoding="utf-8", newline="")
    assert list(Listing(data).labels) == names
