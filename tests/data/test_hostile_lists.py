"""Covers the layouts, `text_file`, `flips` and the sources with the corpus of `hostile_lists`."""

import collections
import contextlib
import os
import resource
import shutil
import signal
import sys

import pytest
from hostile_lists import CANARY, cases

from tsm_tf import ModelSpec
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.flips import choose_flips, describe_flips
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import ClipLoader
from tsm_tf.data.summary import summarize
from tsm_tf.data.video import trainable_videos
from tsm_tf.errors import InputError

SPEC = ModelSpec(num_segments=2, input_size=32)
SECONDS = 10

EXECUTING = {"os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "exec"}
WRITING = {"os.mkdir", "os.remove", "os.rename", "os.symlink", "os.link", "os.truncate"}
CONNECTING = {"socket.connect", "socket.bind"}


class Audit:
    """Counts what the process executes, writes and connects to while it is on."""

    def __init__(self):
        self.counts = None
        sys.addaudithook(self._hook)

    def _hook(self, event, arguments):
        if self.counts is None:
            return
        if event in EXECUTING | WRITING | CONNECTING:
            self.counts[event] += 1
        elif event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            self.counts["open to write"] += 1

    @contextlib.contextmanager
    def on(self):
        self.counts, counts = collections.Counter(), collections.Counter()
        try:
            yield counts
        finally:
            counts.update(self.counts)
            self.counts = None


@pytest.fixture(scope="module")
def audit():
    return Audit()


def use(folder):
    """Reads a data folder as a training does before it builds the model."""
    listing = Listing(folder)
    pairs = f"{folder}/flips.txt"
    flips = pairs if os.path.lexists(pairs) else "auto"
    targets = choose_flips(flips, listing.labels)
    describe_flips(flips, listing.labels, targets)
    summarize(listing, ("train", "val"))
    for split, augmentation in (("train", Augmentation(flip_targets=targets)), ("val", None)):
        videos = trainable_videos(listing.labelled_videos(split))
        loader = ClipLoader(videos, SPEC, listing.source, augmentation)
        for index in range(min(len(videos), 2)):
            loader.load(0, index)
    return listing.digest


def outcome(folder):
    """Returns `result`, `refused`, or what is wrong with how it ended."""
    try:
        use(folder)
    except InputError as error:
        is_line = str(error).isprintable() and len(str(error)) < 5000
        return "refused" if is_line else f"not a line: {error}"[:200]
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    return "result"


def on_alarm(*_):
    raise TimeoutError(f"took more than {SECONDS} s")


def test_each_case_ends_in_a_result_or_in_one_line(tmp_path, monkeypatch, audit):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = signal.signal(signal.SIGALRM, on_alarm)
    outcomes, effects = {}, collections.Counter()
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    use(next(folder for _, folder in cases(tmp_path / "corpus")))  # imports what it needs
    shutil.rmtree(tmp_path / "corpus" / "data")

    try:
        for name, folder in cases(tmp_path / "corpus"):
            assert name not in outcomes
            files = sorted(path.name for path in folder.iterdir())
            signal.alarm(SECONDS)
            with audit.on() as counts:
                outcomes[name] = outcome(str(folder))
            signal.alarm(0)
            effects += counts
            assert sorted(path.name for path in folder.iterdir()) == files
            shutil.rmtree(folder)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

    counts = collections.Counter(outcomes.values())
    print(f"\n{len(outcomes)} hostile folders: {dict(counts)}, effects: {dict(effects)}")
    assert set(counts) == {"result", "refused"}, {
        name: what for name, what in outcomes.items() if what not in ("result", "refused")
    }
    assert counts["result"] > 10 and outcomes["class: emoji"] == "result"
    for name in ("a good folder", "images: good", "json: good", "class folders: good"):
        assert outcomes[name] == "result", name
    assert len(outcomes) >= 400
    assert not effects and os.listdir() == [], f"a case wrote, executed or connected: {effects}"
    assert not (tmp_path / CANARY).exists()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert peak < max(peak_before + 1, 2 << 20)  # KiB; of other tests too
