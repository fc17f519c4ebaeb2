import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from published_sets import FRAMES, LAYOUTS, build, hmdb51, kinetics_cvdf, ucf101, write_text
from testing import refuses, run_main

from tsm_tf.data import prepare as command
from tsm_tf.data.datasets.catalogue import DATA_SETS, MMACTION2
from tsm_tf.data.datasets.readers import READERS
from tsm_tf.data.listing import Listing
from tsm_tf.data.prepare import prepare
from tsm_tf.errors import MissingFile
from tsm_tf.training.recipes.registry import get_recipe

SPLITS = ("train", "val", "test")
PROBLEMS = ("missing", "extra", "duplicates", "unreadable", "replaced", "respelled")


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The trees of all layouts, by data set and layout."""
    root = tmp_path_factory.mktemp("published")
    return {
        (name, layout.__name__): build(root / layout.__name__, layout)
        for name, layouts in LAYOUTS.items()
        for layout in layouts
    }


def run(name, source, output, *arguments):
    run_main(command, f"--dataset={name}", f"--source={source}", f"--output={output}", *arguments)
    return json.loads((output / "report.json").read_text())


def lists(output, source):
    """The lists, with paths below the source."""
    return {
        split: (output / f"{split}.txt").read_text().replace(f"{source}/", "").splitlines()
        for split in SPLITS
        if (output / f"{split}.txt").exists()
    }


def problems(report):
    return {name: report[name] for name in PROBLEMS if report[name]}


def test_the_table_of_data_sets():
    assert set(READERS) == set(DATA_SETS) == set(LAYOUTS)
    for data_set in DATA_SETS.values():
        assert get_recipe(data_set.recipe).epochs in (25, 50)


def test_every_layout(sources, tmp_path, capsys):
    """Layouts of a data set give the same lists, but for the paths."""
    for (name, layout), source in sources.items():
        if layout == "kinetics_cvdf":  # damaged; see below
            continue
        report = run(name, source, tmp_path / layout)
        out = capsys.readouterr().out
        assert f"--recipe={DATA_SETS[name].recipe} --data={tmp_path / layout}" in out
        assert DATA_SETS[name].title in out and "in the order of the original TSM" in out

        found = lists(tmp_path / layout, source)
        counts = {split: len(lines) for split, lines in found.items()}
        assert counts == {split: n for split, n in report["listed"].items() if n}, layout
        assert report["listed"] == report["annotated"] or layout in (
            *("jester_kaggle", "kinetics_frames"),
        )
        labels = (tmp_path / layout / "labels.txt").read_text().splitlines()
        everything = [label for label in DATA_SETS[name].labels() if label in labels]
        assert labels == everything and len(labels) == 3, layout
        fps = DATA_SETS[name].fps
        assert Listing(tmp_path / layout).layout.fps == (fps or 25), layout

        for lines in found.values():
            for line in lines:
                assert line.split()[-2] == str(FRAMES), line
        known = {"kinetics_frames", "something_v2_frames", "jester_kaggle", "ucf101"}
        assert not problems(report) or layout in {*known, "ucf101_frames"}, (layout, report)


def test_kinetics(sources, tmp_path):
    """CVDF's copy: what is damaged, replaced, missing, and lying about."""
    source = sources["kinetics", "kinetics_cvdf"]
    report = run("kinetics", source, tmp_path)
    assert lists(tmp_path, source) == {
        "train": [
            "replacement/replacement_for_corrupted_k400/-0abc_EFGHI_000003_000013.mp4 9 0",
            "train/a3bcdEFGHIJ_000033_000043.mp4 9 0",
            "train/a4bcdEFGHIJ_000043_000053.mp4 9 1",
            "train/a5bcdEFGHIJ_000053_000063.mp4 9 2",
        ],
        "val": [
            "val/--5_cdEFGHI_000003_000013.mp4 9 0",
            "val/b6bcdEFGHIJ_000013_000023.mp4 9 1",
            "val/b7bcdEFGHIJ_000023_000033.mp4 9 2",
        ],
        "test": ["test/c8bcdEFGHIJ_000003_000013.mp4 9 0"],
    }
    assert problems(report) == {
        "missing": ["a2_bc_EFGHI_000023_000033"],
        "extra": ["train/zzzzzzzzzzz_000001_000011.mp4"],
        "unreadable": ["train/_1abc-EFGH__000013_000023.mp4"],
        "replaced": ["train/-0abc_EFGHI_000003_000013.mp4"],
    }
    assert report["ignored"] == [
        ".DS_Store",
        "train/._a3bcdEFGHIJ_000033_000043.mp4",
        "train/a2_bc_EFGHI_000023_000033.mp4.part",
    ]
    assert report["reasons"] == {"train/_1abc-EFGH__000013_000023.mp4": "an empty file"}
    assert report["annotated"] == {"train": 6, "val": 3, "test": 1}
    assert report["listed"] == {"train": 4, "val": 3, "test": 1}


def test_kinetics_of_other_publishers(sources, tmp_path):
    """No class is published for the crawler's test clips. The original TSM has folders."""
    source = sources["kinetics", "kinetics_crawler"]
    run("kinetics", source, tmp_path / "crawler")
    found = lists(tmp_path / "crawler", source)
    assert found["test"] == ["test/abseiling/c8bcdEFGHIJ_000003_000013.mp4 9 -1"]
    name = "train/massaging person's head/_1abc-EFGH__000013_000023.mp4"
    assert found["train"][1] == f'"{name}" 9 1'

    source = sources["kinetics", "kinetics_frames"]
    report = run("kinetics", source, tmp_path / "frames")
    found = lists(tmp_path / "frames", source)
    assert found["train"][2] == "images256/passing_American_football_in_game/a2_bc_EFGHI_23 9 2"
    assert "test" not in found and problems(report) == {"missing": ["c8bcdEFGHIJ_000003_000013"]}


def test_something_and_jester(sources, tmp_path):
    def test_list(name, layout):
        run(name, sources[name, layout], tmp_path / layout)
        return lists(tmp_path / layout, sources[name, layout])["test"]

    assert test_list("sthv1", "something_v1") == ["20bn-something-something-v1/70001 9 -1"]
    assert test_list("sthv2", "something_v2") == ["20bn-something-something-v2/70001.webm 9 -1"]
    with_answers = test_list("sthv2", "something_v2_qualcomm")
    assert with_answers == ["20bn-something-something-v2/70001.webm 9 1"]
    assert test_list("jester", "jester") == ["20bn-jester-v1/70001 9 -1"]
    assert test_list("jester", "jester_qualcomm") == ["20bn-jester-v1/70001 9 1"]
    assert test_list("jester", "jester_kaggle") == ["Test/70001 9 -1"]

    report = json.loads((tmp_path / "jester_kaggle/report.json").read_text())
    assert problems(report) == {"unreadable": ["Train/20"]}
    assert report["reasons"] == {"Train/20": "00004.jpg is missing"}
    found = lists(tmp_path / "jester_kaggle", sources["jester", "jester_kaggle"])
    assert found["train"] == ["Train/1 9 1", "Train/300 9 0", "Train/2 9 1", "Train/31 9 2"]

    run("sthv2", sources["sthv2", "something_v2_frames"], tmp_path / "frames")
    report = json.loads((tmp_path / "frames/report.json").read_text())
    assert len(report["extra"]) == 9 and "20bn-something-something-v2-flow/1" in report["extra"]


def test_class_order(sources, tmp_path):
    for name, layout, labels in (
        ("jester", "jester", ["Swiping Left", "Thumb Up", "Doing other things"]),
        ("hmdb51", "hmdb51", ["kick", "kick_ball", "sword"]),
        ("ucf101", "ucf101", ["Hammering", "HammerThrow", "HandstandPushups"]),
    ):
        source = sources[name, layout]
        report = run(name, source, tmp_path / name, f"--class_order={MMACTION2}")
        assert (tmp_path / name / "labels.txt").read_text().splitlines() == labels
        assert report["class_order"] == MMACTION2
    found = lists(tmp_path / "jester", sources["jester", "jester"])
    assert found["train"][:2] == ["20bn-jester-v1/1 9 0", "20bn-jester-v1/20 9 1"]


def test_splits(sources, tmp_path):
    source = sources["ucf101", "ucf101"]
    report = run("ucf101", source, tmp_path / "ucf101")
    found = lists(tmp_path / "ucf101", source)
    assert found["val"] == [
        "UCF-101/Hammering/v_Hammering_g01_c01.avi 9 0",
        "UCF-101/HammerThrow/v_HammerThrow_g01_c01.avi 9 1",
        "UCF-101/HandstandPushups/v_HandStandPushups_g01_c01.avi 9 2",
    ]
    folder = "UCF-101/HandstandPushups/v_HandStandPushups"
    respelled = [f"{folder}_g{group:02d}_c01.avi" for group in (1, 2, 8)]
    assert problems(report) == {"respelled": respelled} and set(found) == {"train", "val"}
    assert report["ignored"] == [
        f"ucfTrainTestlist/{kind}list{split:02d}.txt"
        for kind in ("test", "train")
        for split in (2, 3)
    ]

    run("ucf101", source, tmp_path / "ucf101_3", "--split=3")
    other = lists(tmp_path / "ucf101_3", source)
    assert (other["train"], other["val"]) == (found["val"], found["train"])

    source = sources["hmdb51", "hmdb51"]
    report = run("hmdb51", source, tmp_path / "hmdb51")
    found = lists(tmp_path / "hmdb51", source)
    assert found["train"] == [
        "hmdb51_org/kick_ball/a#1_[x]_kick_ball_f_cm_np1_ba_bad_0.avi 9 0",
        "hmdb51_org/kick/(c)&d_kick_f_cm_np1_ba_bad_0.avi 9 1",
        "hmdb51_org/kick/another_kick_f_cm_np1_ba_bad_1.avi 9 1",
        "hmdb51_org/sword/g+h~@_sword_f_cm_np1_ba_bad_0.avi 9 2",
    ]
    assert problems(report) == {} and "hmdb51_org/kick.rar" in report["ignored"]
    run("hmdb51", source, tmp_path / "hmdb51_2", "--split=2")
    other = lists(tmp_path / "hmdb51_2", source)
    assert other["val"] == [found["train"][i] for i in (0, 1, 3)]


def test_the_report_says_where_it_was_written(sources, tmp_path, monkeypatch):
    monkeypatch.chdir(sources["hmdb51", "hmdb51"].parent)
    report = run("hmdb51", "hmdb51", tmp_path / "out")
    status = os.stat(tmp_path / "out")
    assert (report["st_dev"], report["st_ino"]) == (status.st_dev, status.st_ino)
    assert report["source"] == str(sources["hmdb51", "hmdb51"])
    assert report["dataset"] == "hmdb51" and report["split"] == 1
    line = (tmp_path / "out/train.txt").read_text().splitlines()[0]
    assert line.startswith(str(sources["hmdb51", "hmdb51"] / "hmdb51_org"))


def test_prepared_again_after_a_change(tmp_path, capsys):
    source = build(tmp_path / "source", ucf101)
    first = run("ucf101", source, tmp_path / "out")
    capsys.readouterr()
    lost = source / "UCF-101/Hammering/v_Hammering_g02_c01.avi"
    lost.rename(tmp_path / "lost.avi")
    for label in ("Hammering", "HammerThrow", "HandstandPushups"):
        for path in (source / "UCF-101" / label).glob("*_g01_*"):
            path.unlink()
    report = run("ucf101", source, tmp_path / "out")
    assert report["missing"][0] == "HammerThrow/v_HammerThrow_g01_c01.avi"
    assert len(report["missing"]) == 4 and len(lists(tmp_path / "out", source)["train"]) == 5
    assert not (tmp_path / "out/val.txt").exists()
    out = capsys.readouterr().out
    assert "5 videos were checked before" in out and "val.txt: not written" in out

    build(source, ucf101)
    assert run("ucf101", source, tmp_path / "out") == first


def test_bad_arguments(sources, tmp_path):
    source = sources["ucf101", "ucf101"]
    for name, number, rule in (("ucf101", 4, "1 to 3 for UCF101"), ("jester", 2, "1 to 1")):
        with refuses("split", rule, str(number)):
            prepare(name, source, tmp_path / "out", split=number)
    with pytest.raises(MissingFile, match="`source` must be an existing folder"):
        prepare("ucf101", tmp_path / "none", tmp_path / "out")
    with refuses("source", "classInd.txt, trainlist0N.txt", "nothing"):
        (tmp_path / "nothing").mkdir()
        prepare("ucf101", tmp_path / "nothing", tmp_path / "out")
    with refuses("source", "jester-v1-train.csv", "--dataset=ucf101"):
        prepare("jester", source, tmp_path / "out")
    assert not (tmp_path / "out").exists()

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/train.txt").touch()
    with refuses("output", "new or empty"):
        prepare("ucf101", source, tmp_path / "mine")
    prepare("ucf101", source, tmp_path / "out")
    before = (tmp_path / "out/train.txt").read_text()
    with refuses("output", "another split", "has 1"):
        prepare("ucf101", source, tmp_path / "out", split=2)
    with refuses("output", "another class_order"):
        prepare("ucf101", source, tmp_path / "out", class_order=MMACTION2)
    assert (tmp_path / "out/train.txt").read_text() == before


def test_annotations_of_another_version(tmp_path):
    """Kinetics-700 has the files of Kinetics-400."""
    source = build(tmp_path / "source", kinetics_cvdf)
    with (source / "annotations/train.csv").open("a") as file:
        file.write("eating nachos,a9bcdEFGHIJ,0,10,train,0\n")
    with refuses("source", "Kinetics-400, with its 400 classes", "train.csv", "'eating nachos'"):
        prepare("kinetics", source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_annotations_without_videos(tmp_path):
    build(tmp_path / "source", hmdb51)
    for path in (tmp_path / "source/hmdb51_org").rglob("*.avi"):
        path.rename(path.with_suffix(".txt"))
    with refuses("source", "must hold videos of HMDB51", "kick_ball/a#1_[x]"):
        prepare("hmdb51", tmp_path / "source", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_video_that_can_be_read(tmp_path):
    source = build(tmp_path / "source", hmdb51)
    for path in source.rglob("*.avi"):
        path.write_bytes(b"")
    with refuses("source", "can be read", "7"):
        prepare("hmdb51", source, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.txt"))


def test_links_that_lead_out_of_the_source(tmp_path, capsys):
    """The data folder may be read without a flag, except for what is behind such links."""
    source = build(tmp_path / "source", ucf101)
    run("ucf101", source, tmp_path / "inside")
    assert "--allow_outside" not in capsys.readouterr().out
    assert len(Listing(tmp_path / "inside").videos("train")) == 6

    (source / "UCF-101").rename(tmp_path / "disk")
    (source / "UCF-101").symlink_to(tmp_path / "disk")
    run("ucf101", source, tmp_path / "out")
    assert "such as UCF-101; commands that read videos" in capsys.readouterr().out
    with refuses("data", "without --allow_outside"):
        Listing(tmp_path / "out").videos("train")
    assert len(Listing(tmp_path / "out", allow_outside=True).videos("train")) == 6

    shutil.copytree(tmp_path / "inside", tmp_path / "copy")
    with refuses("data", "without --allow_outside"):
        Listing(tmp_path / "copy").videos("val")


def test_all_frames_are_decoded_on_request(sources, tmp_path):
    source = sources["ucf101", "ucf101"]
    report = run("ucf101", source, tmp_path / "out", "--decode_all")
    assert len((tmp_path / "out/decoded.jsonl").read_text().splitlines()) == 9
    assert run("ucf101", source, tmp_path / "out") == report
    assert len((tmp_path / "out/checked.jsonl").read_text().splitlines()) == 9


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_command_is_resumed(tmp_path, stop):
    """Signals to all processes of the command; links to one video stand for many."""
    source = build(tmp_path / "source", ucf101)
    video = next(source.rglob("v_HammerThrow_g02_c01.avi"))
    numbers = range(1, 2001)
    for number in numbers:
        (video.parent / f"v_HammerThrow_g30_c{number}.avi").hardlink_to(video)
    lines = [f"HammerThrow/v_HammerThrow_g30_c{number}.avi 2\n" for number in numbers]
    write_text(source / "ucfTrainTestlist/trainlist01.txt", "".join(lines))

    output = tmp_path / "out"
    arguments = ["--dataset=ucf101", f"--source={source}", f"--output={output}", "--workers=2"]
    started = [sys.executable, "-m", "tsm_tf.data.prepare", *arguments]
    process = subprocess.Popen(
        started,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    cache = output / "checked.jsonl"
    deadline = time.monotonic() + 60
    while not (cache.exists() and cache.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, stop)
    out, err = process.communicate(timeout=30)
    code = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[stop]
    assert process.returncode == code, (out, err)
    assert not (output / "train.txt").exists() and "Traceback" not in err

    done = subprocess.run(started, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "videos were checked before" in done.stdout
    assert len((output / "train.txt").read_text().splitlines()) == 2000
