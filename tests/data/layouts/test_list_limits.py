"""How long large and hostile lists take, and what they say.

Times are processor seconds, which other processes on the machine change little.
"""

import subprocess
import sys
import time

import pytest

from tsm_tf.data.layouts.folder_tree import FolderTree
from tsm_tf.data.layouts.list_reader import ListReader
from tsm_tf.data.listing import Listing
from tsm_tf.errors import InputError, MissingFile

MILLION = 1_000_000


@pytest.fixture
def data(tmp_path):
    (tmp_path / "labels.txt").write_text("left\nright\n")
    (tmp_path / "a.mp4").touch()
    return tmp_path


def refusal(data, text, file="train.txt"):
    """Returns the error that a list makes; fails if it took more than 2 s, or is no line."""
    (data / file).write_text(text, encoding="utf-8")
    start = time.process_time()
    with pytest.raises(InputError) as caught:
        Listing(data).videos("train")
    seconds = time.process_time() - start
    assert seconds < 2, f"{seconds:.1f} s: {caught.value}"
    assert str(caught.value).isprintable() and len(str(caught.value)) < 5000
    return str(caught.value)


READ = """
import re, sys, time
from tsm_tf.data.listing import Listing
start = time.process_time()
videos = Listing(sys.argv[1]).videos("train")
seconds = time.process_time() - start
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
print(len(videos), seconds, int(peak[1]) >> 10)  # ru_maxrss would include this test's process
"""


@pytest.mark.parametrize("num_lines", [100_000, pytest.param(MILLION, marks=pytest.mark.slow)])
def test_a_million_lines(data, num_lines):
    """In 5 s and 1 GiB, with up to 20,000 files, each of which is listed 50 times."""
    count = num_lines // 1000
    names = [f"class {c:02}/video_{i:06}.mp4" for c in range(20) for i in range(count)]
    for c in range(20):
        (data / f"class {c:02}").mkdir()
    for name in names:
        (data / name).touch()
    lines = "".join(f"{name} {i % 300 + 3} {i % 2}\n" for i, name in enumerate(names))
    (data / "train.txt").write_text(lines * (num_lines // len(names)))

    done = subprocess.run(
        [sys.executable, "-c", READ, str(data)], capture_output=True, text=True, check=True
    )
    count, seconds, mib = done.stdout.split()
    print(f"{int(count):,} lines in {float(seconds):.1f} s and {mib} MiB")
    assert int(count) == num_lines and float(seconds) < 5 and int(mib) < 1024


def test_sixty_thousand_labels(data):
    names = [f"class {i}" for i in range(60_000)]
    (data / "labels.txt").write_text("\n".join(names))
    (data / "background.txt").write_text("\n".join(names))
    (data / "train.txt").write_text("".join(f"a.mp4 3 {i}\n" for i in range(60_000)))
    start = time.process_time()
    listing = Listing(data)
    assert len(listing.videos("train")) == len(listing.background) == 60_000
    assert time.process_time() - start < 2


HOSTILE = {
    "a line of 1 MB": ("x" * 10**6, "lines of at most 65,536 characters"),
    "a line of 1 MB of spaces": ("x" + " " * 10**6 + "3", "lines of at most 65,536 characters"),
    "32,000 numbers": ("1 " * 32_000, "paths of at most 4,096 characters"),
    "65,000 spaces": ("x" + " " * 65_000 + "3", "one `path num_frames label` per line"),
    "65,000 quotes": ("'" * 65_000, "one `path num_frames label` per line"),
    "65,000 backslashes": ("\\" * 65_000, "one `path num_frames label` per line"),
    "65,000 commas": ("," * 65_000, "one `path num_frames label` per line"),
    "a line of labels": ("a.mp4 3 " + ",".join(map(str, range(10_000))), "labels from 0 to 1"),
    "a path of 4,097 characters": ("x" * 4097 + " 3 0", "paths of at most 4,096 characters"),
    "a name of 300 characters": ("x" * 300 + " 3 0", "missing"),
    "400 digits": ("a.mp4 " + "9" * 400 + " 0", "one `path num_frames label` per line"),
    "a label of 400 digits": ("a.mp4 3 " + "9" * 400, "one `path num_frames label` per line"),
    "an end of 400 digits": ("a.mp4 1 " + "9" * 400 + " 0", "or `path start end label`"),
    "10,000 digits": ("a.mp4 3 " + "9" * 10_000, "one `path num_frames label` per line"),
    "1e308": ("a.mp4 1 1e308 0\na.mp4 1e309 1e310 0", "segments from 0 s on"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_lines(data, name):
    text, rule = HOSTILE[name]
    assert rule in refusal(data, f"a.mp4 3 0\n{text}\n"), name
    refusal(data, text)  # as the first line


def test_many_bad_lines(data):
    for line in ("gone.mp4 3 0", "gone/gone.mp4 3 0", "/etc/passwd 3 0", "'quoted gone.mp4' 3 0"):
        assert "and at least 995 more" in refusal(data, f"{line}\n" * 20_000)


def test_a_million_empty_lines(data):
    assert "at least one video" in refusal(data, "\n" * MILLION)


def test_long_class_names(data):
    (data / "train.txt").write_text("a.mp4 3 0\n")
    for text in ("x" * 10**6, "x" * 1001, "\n".join(["x"] * 60_000)):
        assert "labels.txt" in refusal(data, text, "labels.txt")


def test_a_list_with_windows_paths_and_quotes_is_fast(data):
    (data / "two words").mkdir()
    (data / "two words" / "b.mp4").touch()
    tree = FolderTree(str(data))
    for line in ("two words\\b.mp4 3 0", '"two words/b.mp4" 3 0', '"two words\\b.mp4" 3 0'):
        start = time.process_time()
        content = ListReader("list", tree, 2, ("",), 25).read([line] * 5000)
        assert len(content.videos) == 5000 and content.videos[0].name == "two words/b.mp4"
        assert time.process_time() - start < 2


def test_missing_videos_of_a_list_are_an_error_of_one_line(data):
    (data / "train.txt").write_text("".join(f"{i}.mp4 3 0\n" for i in range(999)))
    with pytest.raises(MissingFile, match=r"0\.mp4 \(line 1\).*4\.mp4 \(line 5\) and 994 more"):
        Listing(data).videos("train")
