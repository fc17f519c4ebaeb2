"""`python -m tsm_tf.data.shard`: the Beam pipeline, its progress, and how it stops."""

import importlib.util
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from testing import refuses, run_main
from videos import encode_damaged, write_data, write_flow_data
from writing import SETTINGS, write_shards

from tsm_tf.data.listing import Listing
from tsm_tf.data.shard import __main__ as command
from tsm_tf.data.shard.manifest import read_manifest
from tsm_tf.data.shard.plan import UNFINISHED, make_plan
from tsm_tf.data.shard.progress import Progress
from tsm_tf.data.shard.settings import Settings
from tsm_tf.data.shard.write import write_shard

needs_beam = pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None,
    reason="Apache Beam is in the pinned set only (TensorFlow 2.17, Python 3.11)",
)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(pathlib.Path(folder).iterdir())}


@needs_beam
def test_beam_writes_what_a_plain_loop_writes_and_twice_changes_nothing(videos, tmp_path, capsys):
    arguments = (f"--data={videos}", f"--output={tmp_path / 'new'}/", "--short_side=36")
    run_main(command, *arguments)
    assert "19 videos in 2 shards" in capsys.readouterr().out
    assert contents(tmp_path / "new") == contents(write_shards(videos, tmp_path / "loop"))

    before = {path: path.stat() for path in (tmp_path / "new").iterdir()}
    run_main(command, *arguments)
    assert "already has these shards" in capsys.readouterr().out
    assert {path: path.stat() for path in (tmp_path / "new").iterdir()} == before
    with refuses("output", "another quality", "has 85", "50"):
        run_main(command, *arguments, "--quality=50")


@needs_beam
def test_damaged_pictures_are_stored_on_request(tmp_path, capsys):
    encode_damaged(tmp_path / "a.avi")
    (tmp_path / "train.txt").write_text("a.avi -1 0\n")
    (tmp_path / "labels.txt").write_text("a\n")
    arguments = (f"--data={tmp_path}", f"--output={tmp_path / 'new'}", "--short_side=48")
    with refuses("data", "picture 7 is damaged"):
        run_main(command, *arguments)

    at_exit = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("atexit.register", at_exit.append)  # the line at the end of the command
        with refuses("encode", "must be jpeg with --keep_damaged", "original"):
            run_main(command, *arguments[:2], "--keep_damaged", "--encode=original")
        run_main(command, *arguments, "--keep_damaged")
    capsys.readouterr()
    at_exit[-1]()
    assert capsys.readouterr().out == "1 damaged pictures in 1 videos were used\n"
    assert Listing(tmp_path / "new").source.num_frames(f"{tmp_path / 'new'}/a.avi") == 20


@needs_beam
def test_an_error_in_a_worker_is_the_error_of_the_command(tmp_path, capsys):
    data = write_data(tmp_path / "data", {"train": 3, "val": 1})
    (data / "train 1.mp4").write_text("broken")
    arguments = (f"--data={data}", f"--output={tmp_path / 'new'}", "--short_side=36")
    with refuses("data", "mend these", "train 1.mp4"):
        run_main(command, *arguments)
    assert not (tmp_path / "new" / "shards.json").exists()
    run_main(command, *arguments, "--on_bad_video=skip")
    assert "left out: train 1.mp4: " in capsys.readouterr().out
    (tmp_path / "new" / "thesis.txt").write_text("years of work")
    assert Listing(tmp_path / "new").videos("train")[1].name == "train 2.mp4"


@needs_beam
def test_optical_flow_is_stored_if_the_flag_says_so(videos, tmp_path, capsys):
    flow = write_flow_data(tmp_path / "flow")
    arguments = (f"--data={flow}", f"--output={tmp_path / 'new'}")
    with refuses("modality", "must be flow, as the data are", "rgb"):
        run_main(command, *arguments)
    with refuses("encode", "must be original for optical flow", "jpeg"):
        run_main(command, *arguments, "--modality=flow")
    with refuses("modality", "must be rgb, as the data are", "flow"):
        run_main(command, f"--data={videos}", arguments[1], "--modality=flow", "--encode=original")

    run_main(command, *arguments, "--modality=flow", "--encode=original")
    assert "3 videos in 2 shards" in capsys.readouterr().out
    expected = write_shards(flow, tmp_path / "loop", Settings("original", modality="flow"))
    assert contents(tmp_path / "new") == contents(expected)


def test_frames_are_a_number_or_all():
    assert command._number_of_frames("all") == 0 and command._number_of_frames("16") == 16
    for text in ("0", "-1", "some", "1.5", "", "9" * 400, "²"):
        with refuses("frames", "`all` or a positive number"):
            command._number_of_frames(text)


def test_the_progress_line_counts_shards_and_videos_and_tells_the_time_left(videos, tmp_path):
    listing, output = Listing(videos), str(tmp_path / "new")
    plan = make_plan(listing, SETTINGS, None, lambda _: 1 << 26)
    plan.save(output)
    write_shard(next(iter(plan.shards)), plan, listing.source, output, False)
    progress = Progress(plan, output)
    progress.started = time.monotonic() - 10
    assert progress.line() == "1/6 shards, 4/19 videos"
    for _ in range(5):
        progress.video_encoded()
    assert progress.line() == "1/6 shards, 9/19 videos, 0.5 videos/s, 0:00:20 left"


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Videos that take some seconds to store: each fills a shard of 1 MiB."""
    return write_data(tmp_path_factory.mktemp("large"), {"train": 24, "val": 2})


class Sharding:
    """A sharding as a process; a context manager that kills it."""

    def __init__(self, data, output, *arguments):
        self.output = pathlib.Path(output)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tsm_tf.data.shard", f"--data={data}"),
                *(f"--output={output}", "--short_side=1000", "--shard_mib=1", *arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def wait_for_shards(self, count):
        for _ in range(1200):
            if len(list(self.output.glob(f"{UNFINISHED}/*.tfrecord.json"))) >= count:
                return
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.05)
        raise TimeoutError("no shards")

    def result(self):
        out, err = self.process.communicate(timeout=300)
        return self.process.returncode, out, err


@needs_beam
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sharding_is_continued_to_the_same_result(large, tmp_path, number):
    whole = write_shards(large, tmp_path / "whole", Settings(short_side=1000, shard_mib=1), 24)
    with Sharding(large, tmp_path / "new") as sharding:
        sharding.wait_for_shards(3)
        sharding.process.send_signal(number)
        started = time.monotonic()
        code, _, err = sharding.result()
    if number != signal.SIGKILL:
        assert code == 128 + number and err.splitlines()[-1].startswith("stopped by"), err
        assert "Traceback" not in err and time.monotonic() - started < 20
    assert not (tmp_path / "new" / "shards.json").exists()
    finished = {
        path.name.removesuffix(".json"): path.stat().st_mtime_ns
        for path in (tmp_path / "new" / UNFINISHED).glob("*.tfrecord.json")
    }
    assert 3 <= len(finished) < 7
    finished = {name: (tmp_path / "new" / name).stat() for name in finished}

    with Sharding(large, tmp_path / "new") as sharding:
        code, out, err = sharding.result()
    assert code == 0 and "\nresuming" in out, err
    assert {name: (tmp_path / "new" / name).stat() for name in finished} == finished
    names = [shard.name for shard in read_manifest(str(tmp_path / "new"))[0].shards]
    assert len(names) >= 8
    assert set(contents(tmp_path / "new")) == {*names, "index.json", "shards.json"}
    ours, theirs = Listing(tmp_path / "new"), Listing(whole)
    for one, other in zip(ours.videos("train"), theirs.videos("train"), strict=True):
        np.testing.assert_array_equal(
            ours.source.read(one.path, [0, 9], 1000), theirs.source.read(other.path, [0, 9], 1000)
        )


@needs_beam
@pytest.mark.slow
def test_beams_own_flags_follow_two_dashes(large, tmp_path):
    flags = ("--", "--direct_running_mode=multi_processing", "--direct_num_workers=2")
    with Sharding(large, tmp_path / "new", *flags) as sharding:
        code, out, err = sharding.result()
    assert code == 0 and "26 videos" in out, err
    assert len(Listing(tmp_path / "new").videos("train")) == 24


@needs_beam
@pytest.mark.slow
def test_an_output_that_cannot_be_written_is_one_line(large, tmp_path):
    (tmp_path / "file").write_text("years of work")
    with Sharding(large, tmp_path / "file" / "new") as sharding:
        code, _, err = sharding.result()
    assert code == 1 and err.splitlines()[-1].startswith("error: ") and "Traceback" not in err
