import atexit
import importlib
import types

import pytest
from absl import flags
from testing import refuses, run_main

from tsm_tf.data import data_flags

COMMANDS = (
    *("tsm_tf.training.__main__", "tsm_tf.evaluation.__main__", "tsm_tf.evaluation.early"),
    *("tsm_tf.evaluation.online", "tsm_tf.evaluation.stream.__main__", "export.parity"),
    *("export.tflite.__main__", "export.demo.__main__", "export.demo.unseen"),
    *("tsm_tf.analysis.cam", "benchmarks.training_input"),
)


def command(main):
    return types.SimpleNamespace(define_flags=data_flags.define, main=main)


@pytest.fixture
def data(tmp_path):
    for name in "ab":
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(5):
            (tmp_path / "data" / name / f"{number}.mp4").touch()
    return tmp_path / "data"


def test_opens_the_data_and_prints_what_it_found_once(data, capsys):
    listings, given = [], []

    def main():
        listings.append(data_flags.read("train", "val"))
        given.append(data_flags.given())

    run_main(command(lambda: data_flags.read()), f"--data={data}", "--val_share=0.4")
    everything = capsys.readouterr().out
    run_main(command(main), f"--data={data}", "--val_share=0.4", "--allow_outside")
    (listing,) = listings
    assert [len(listing.videos(split)) for split in ("train", "val")] == [6, 4]
    assert listing.allow_outside and listing.labels == ("a", "b")
    assert given == [[f"--data={data}", "--val_share=0.4", "--allow_outside"]]

    lines = capsys.readouterr().out.splitlines()
    assert lines == everything.splitlines()
    assert lines[:2] == [
        f"data: {data}",
        "  train: video files in a folder per class, 0.4 of each for validation",
    ]
    assert [line.split() for line in lines[-3:]] == [
        ["a", "3", "2"],
        ["b", "3", "2"],
        ["videos", "6", "4"],
    ]


def test_damaged_pictures_are_counted_at_the_end(data, capsys, monkeypatch):
    """When the command has ended, whatever it was doing."""
    ends, listings = [], []
    monkeypatch.setattr(atexit, "register", ends.append)

    def main():
        listings.append(data_flags.read("train"))
        assert data_flags.given()[-1] == "--keep_damaged"

    run_main(command(main), f"--data={data}", "--val_share=0.4", "--keep_damaged")
    (end,), (listing,) = ends, listings
    assert listing.keep_damaged
    capsys.readouterr()
    end()
    assert capsys.readouterr().out == "no damaged pictures were used\n"
    listing.source.damaged.update({"a.mp4": 2, "b.mp4": 1})
    end()
    assert capsys.readouterr().out == "3 damaged pictures in 2 videos were used\n"


def test_errors_come_before_anything_is_printed(data, capsys):
    with refuses("val_share", "must be given for a folder per class"):
        run_main(command(lambda: data_flags.read("train")), f"--data={data}")
    assert capsys.readouterr().out == ""


def test_given_flags_are_those_of_the_command(data):
    given = []
    run_main(command(lambda: given.append(data_flags.given())), f"--data={data}")
    assert given == [[f"--data={data}"]]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_with_videos_has_the_flags(name):
    others = set(flags.FLAGS)
    importlib.import_module(name).define_flags()
    new = set(flags.FLAGS) - others
    for flag in new:
        delattr(flags.FLAGS, flag)
    assert {"data", "val_share", "allow_outside", "keep_damaged"} <= new
