import pytest
from testing import refuses

from tsm_tf.data.listing import Video, read_labels, read_videos


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
    assert read_labels(data) == ("left", "right")
    assert read_videos(data, "train") == [
        Video(data / "a.mp4", 3, 0),
        Video(data / "it's.mp4", -1, 1),
        Video(data / "手 1.mp4", 8, 1),
    ]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("a.mp4 3", "`path num_frames label` a line"),
        ("a.mp4 3 0 0", "`path num_frames label` a line"),
        ("a.mp4 three 0", "`path num_frames label` a line"),
        ("a.mp4 3 0.5", "`path num_frames label` a line"),
        ("it's.mp4 3 0", "quotes around a path"),
        ("a.mp4 3 2", "labels from 0 to 1"),
        ("a.mp4 3 -1", "labels from 0 to 1"),
        ("a.mp4 0 1", "num_frames of at least 1, or -1"),
        ("a.mp4 -2 1", "num_frames of at least 1, or -1"),
    ],
)
def test_bad_lines_are_named(data, line, rule):
    write(data, f"a.mp4 3 0\n\n{line}\n")
    with refuses("data", rule, f"{data / 'train.txt'}:3"):
        read_videos(data, "train")


def test_missing_videos_are_named_with_their_lines(data):
    write(data, "a.mp4 3 0\n" + "".join(f"gone{i}.mp4 3 0\n" for i in range(7)))
    with pytest.raises(FileNotFoundError, match=r"`data`.*gone0\.mp4 \(line 2\).* and 2 more"):
        read_videos(data, "train")


def test_lists_without_videos_or_classes(data):
    write(data, "\n\n")
    with refuses("data", "at least one video", "train.txt"):
        read_videos(data, "train")
    with pytest.raises(FileNotFoundError, match=r"`data` must be a folder with val\.txt"):
        read_videos(data, "val")
    (data / "train.txt").write_bytes("é.mp4 3 0".encode("latin-1"))
    with refuses("data", "UTF-8", "train.txt"):
        read_videos(data, "train")
    for text, received in (("", "[]"), ("a\nb\na\n", "['a']")):
        (data / "labels.txt").write_text(text)
        with refuses("data", "distinct class names, at least one", "labels.txt", received):
            read_labels(data)
