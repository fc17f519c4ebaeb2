import pytest

from tsm_tf.data.listing import Listing
from tsm_tf.data.summary import summarize


@pytest.fixture
def data(tmp_path):
    (tmp_path / "a.mp4").touch()
    return tmp_path


def write(data, **lists):
    for split, labels in lists.items():
        text = "".join(f"a.mp4 9 {label}\n" for label in labels)
        (data / f"{split}.txt").write_text(text)


def test_few_classes(data):
    (data / "labels.txt").write_text("wave\n" + "long name " * 9 + "\n")
    write(data, train=[0] * 1234 + [1], val=[1, 1], test=[0, -1])
    assert summarize(Listing(data), ("train", "val", "test")) == (
        f"data: {data}\n"
        "  train.txt: video files, `path num_frames label`\n"
        "  val.txt: video files, `path num_frames label`\n"
        "  test.txt: video files, `path num_frames label`\n"
        "  class names: labels.txt\n"
        "  class                                     train  val  test\n"
        "  wave                                      1,234    0     1\n"
        "  long name long name long name long na...      1    2     0\n"
        "  (class not known)                             0    0     1\n"
        "  videos                                    1,235    2     2"
    )
    assert "val.txt" not in summarize(Listing(data), ("train",))


def test_many_classes_are_shortened(data):
    write(data, train=[*range(12), 399])
    lines = summarize(Listing(data), ("train",)).splitlines()
    assert lines[2] == "  class names: no labels.txt: numbers are used as class names"
    assert lines[3:5] == ["  class                 train", "  0                         1"]
    assert lines[-3:] == [
        "  9                         1",
        "  ... 390 more classes    0-1",
        "  videos                   13",
    ]
    write(data, train=[11])
    assert summarize(Listing(data), ("train",)).splitlines()[-2].split() == ["11", "1"]


def test_each_class_of_a_video_counts(data):
    (data / "labels.txt").write_text("a\nb\n")
    write(data, train=["0,1", "1"])
    lines = summarize(Listing(data), ("train",)).splitlines()
    assert lines[1] == "  train.txt: video files, `path num_frames label`, several labels"
    assert [line.split() for line in lines[-3:]] == [["a", "1"], ["b", "2"], ["videos", "2"]]
