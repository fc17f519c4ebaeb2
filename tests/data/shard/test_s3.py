"""Shards on S3: a real server on loopback, real commands, and a proxy that injects faults."""

import importlib.util
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from s3 import BUCKET, KEY, SECRET, FaultProxy, command, environment, gateway, moto, python
from videos import write_data
from writing import write_shards

from tsm_tf.evaluation.scores import Scores
from tsm_tf.training.run_folder.state import STATES, load_newest

needs_s3 = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_io") is None,
    reason="tensorflow-io has no release for this Python",
)
needs_moto = pytest.mark.skipif(
    importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None,
    reason="moto's server is in the pinned set only",
)
needs_beam = pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None,
    reason="Apache Beam is in the pinned set only (TensorFlow 2.17, Python 3.11)",
)
needs_go = pytest.mark.skipif(
    shutil.which("go") is None, reason="versitygw is built by Go, which is not installed"
)
pytestmark = needs_s3

URI = f"s3://{BUCKET}/a folder+1"

DIGESTS = """
import hashlib
from tsm_tf.data.listing import Listing

def digests(data):
    listing = Listing(data)
    for video in listing.videos("train"):
        frames = listing.source.read(video.path, [0, 5, 9], 36)
        yield hashlib.sha256(frames.tobytes()).hexdigest()
"""
"""Code that defines a function: the digests of some frames of each video."""


def local_digests(shards):
    scope = {}
    exec(DIGESTS, scope)
    return list(scope["digests"](shards))


@needs_moto
def test_shards_are_written_to_s3_and_read_in_spite_of_faults(videos, shards):
    """One process for all, which takes a second to start."""
    with moto() as server, FaultProxy(server) as proxy:
        code = f"""{DIGESTS}
from urllib.request import urlopen
from writing import write_shards
from tsm_tf.data import storage
from tsm_tf.data.storage.remote import StorageError

write_shards({str(videos)!r}, {URI!r}, num_shards=3)
print(storage.names({URI!r}))
try: write_shards({str(videos)!r}, "s3://no-such-bucket/x")
except StorageError as error: print(error)
urlopen("{proxy.endpoint}/inject/cut/3")
print(*digests({URI!r}))
"""
        done = python(code, proxy.endpoint)
        assert done.returncode == 0, done.stderr
        names, missing_bucket, digests = done.stdout.splitlines()
        assert "'shards.json'" in names and "_unfinished" not in names and "writing" not in names
        assert "the bucket does not exist (NoSuchBucket" in missing_bucket
        assert digests.split() == local_digests(shards)
        assert proxy.done == 3


RUN = {
    "backbone": "resnet18",
    "epochs": 2,
    "batch_size": 2,
    "num_segments": 2,
    "input_size": 32,
    "checkpoint_steps": 1,
    "strategy": "none",
    "cache_mib": 0,
}


def training(data, output):
    flags = [f"--{name}={value}" for name, value in RUN.items()]
    return "tsm_tf.training", "--recipe=gestures", f"--data={data}", f"--output={output}", *flags


@needs_beam
@needs_moto
@pytest.mark.slow
def test_commands_at_a_uri_do_what_they_do_locally_and_end_with_code_0(tmp_path):
    """The training is killed in the middle of an epoch, and resumed."""
    data = write_data(tmp_path / "data", {"train": 12, "val": 4})
    local = write_shards(data, tmp_path / "local")
    with moto() as server:

        def run(*arguments):
            done = command(server, *arguments)
            assert done.returncode == 0, done.stderr
            assert SECRET not in done.stdout + done.stderr and "Traceback" not in done.stderr
            return done.stdout

        sharding = ("tsm_tf.data.shard", f"--data={data}", f"--output={URI}", "--short_side=36")
        assert "16 videos in 2 shards" in run(*sharding)
        assert "already has these shards" in run(*sharding)

        run(*training(local, tmp_path / "whole"))
        interrupted = subprocess.Popen(
            [sys.executable, "-m", *training(URI, tmp_path / "run")],
            env=environment(server),
            stdout=subprocess.DEVNULL,
        )
        while not list((tmp_path / "run" / STATES).glob("00000-0000003-*.npz")):
            assert interrupted.poll() is None
            time.sleep(0.02)
        interrupted.kill()
        interrupted.wait()
        assert "resuming: epoch 1, step" in run(*training(URI, tmp_path / "run"))

        one, other = load_newest(tmp_path / "run"), load_newest(tmp_path / "whole")
        assert (one.epoch, one.batch) == (other.epoch, other.batch) == (2, 0)
        for name, array in one.arrays.items():
            np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)

        for where, place in ((URI, "far"), (local, "near")):
            checkpoint = f"--checkpoint={tmp_path / 'run' / 'best'}"
            run("tsm_tf.evaluation", checkpoint, f"--data={where}", f"--output={tmp_path / place}")
        far, near = (Scores.load(tmp_path / place / "scores.npz") for place in ("far", "near"))
        np.testing.assert_array_equal(far.logits, near.logits)
        assert far.names == near.names and far.labels.tolist() == near.labels.tolist()


FAULTS = [fault for fault in FaultProxy.FAULTS if fault != "hang"]


@pytest.fixture(scope="module")
def stored(videos, tmp_path_factory):
    """Yields the proxy of a gateway that has shards, and the folder with its objects."""
    folder = tmp_path_factory.mktemp("gateway")
    with gateway(folder) as server, FaultProxy(server) as proxy:
        write = f"write_shards({str(videos)!r}, {URI!r}, num_shards=3)"
        done = python(f"from writing import write_shards\n{write}", proxy.endpoint)
        assert done.returncode == 0, done.stderr
        yield proxy, folder / URI.removeprefix("s3://")


def read_under(proxy, fault, times, **changes):
    """Reads all videos while a fault is injected; returns stdout and the seconds that it took."""
    proxy.inject(fault, times)
    code = f"""
{DIGESTS}
import time, tensorflow
started = time.monotonic()
try: print(*digests({URI!r}), sep='\\n')
except Exception as error: print(type(error).__name__, error)
print(time.monotonic() - started)
"""
    done = python(code, proxy.endpoint, **changes)
    proxy.inject(None)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr and KEY not in done.stdout + done.stderr
    *lines, seconds = done.stdout.splitlines()
    return lines, float(seconds)


@needs_go
@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_passing_faults_give_the_right_frames(stored, shards, fault):
    proxy, _ = stored
    lines, _ = read_under(proxy, fault, 3)
    assert lines == local_digests(shards)
    assert proxy.done == 3


@needs_go
@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_lasting_faults_give_the_right_frames_or_one_error_in_time(stored, shards, fault):
    proxy, _ = stored
    lines, seconds = read_under(proxy, fault, 10**9, TSM_STORAGE_SECONDS="20")
    if fault == "slow":
        assert lines == local_digests(shards)
        return
    (line,) = lines
    if fault == "flip":
        assert line.startswith("BadVideoError") and "was changed: a digest differs" in line
    else:
        assert line.startswith("StorageError") and "no success in 20 s" in line
    assert seconds < 45


@needs_go
@pytest.mark.slow
def test_a_server_that_falls_silent_is_asked_again(stored, shards):
    proxy, _ = stored
    lines, seconds = read_under(proxy, "hang", 1)
    assert lines == local_digests(shards) and seconds < 60


@needs_go
@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"AWS_ACCESS_KEY_ID": "unknown-key"}, "StorageError .*access is denied"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, "StorageError .*access is denied .Signature"),
        ({"AWS_SECRET_ACCESS_KEY": None}, "InputError `AWS_SECRET_ACCESS_KEY` must be set"),
        ({"S3_ENDPOINT": None}, "InputError `S3_ENDPOINT` must be the address"),
        ({"S3_ENDPOINT": "127.0.0.1"}, "InputError `S3_ENDPOINT` must be the address"),
        ({"S3_ENDPOINT": "http://127.0.0.1:9"}, "InputError `S3_ENDPOINT` .*that answers"),
    ],
)
def test_each_wrong_setting_is_one_error_within_seconds(stored, changes, error):
    proxy, _ = stored
    (line,), seconds = read_under(proxy, None, 0, **changes)
    assert re.match(error, line), line
    assert seconds < 15 and "wrong-secret" not in line and "unknown-key" not in line


@needs_go
@pytest.mark.slow
def test_missing_buckets_objects_and_damaged_shards_are_named(stored, shards, tmp_path):
    proxy, objects = stored
    code = f"""
from tsm_tf.data.listing import Listing
def attempt(data):
    try: Listing(data)
    except Exception as error: print(type(error).__name__, error)
attempt("s3://no-such-bucket/x")
attempt("s3://{BUCKET}/nothing")
attempt({URI!r})
"""
    first = min(objects.glob("train-*.tfrecord"))
    content = first.read_bytes()
    try:
        first.write_bytes(content[:-1000])
        done = python(code, proxy.endpoint)
        bucket, nothing, cut = done.stdout.splitlines()
        assert bucket.startswith("StorageError") and "the bucket does not exist" in bucket
        assert nothing.startswith("MissingFile `data` must have shards.json")
        assert cut.startswith("InputError") and f"{first.name} should have" in cut

        flipped = bytearray(content)
        for place in range(200, len(content), 500):
            flipped[place] ^= 4
        first.write_bytes(flipped)
        (line,), _ = read_under(proxy, None, 0)
        assert line.startswith("BadVideoError") and f"{first.name} was changed" in line

        first.unlink()
        (line,), _ = read_under(proxy, None, 0)
        assert line.startswith("MissingFile") and f"missing: {first.name}" in line
    finally:
        first.write_bytes(content)
    assert read_under(proxy, None, 0)[0] == local_digests(shards)
