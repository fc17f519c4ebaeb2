"""A few hundred mutations of each kind of input; `make fuzz` runs 10,000.

No mutation may crash the process, hang, take more than 1 GiB, end in another error than an
`InputError`, or give frames that are not those of the file.
"""

import collections
import concurrent.futures

import numpy as np
import pytest
from fuzz.kinds import KINDS, shares, write_originals
from fuzz.misbehaving import OUTCOMES
from fuzz.numbered import numbered_frames, read_number
from fuzz.runner import run_mutations

QUICK = 500


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    write_originals(folder, KINDS)
    return folder


def test_mutations(originals):
    """The kinds take turns on the processors."""

    def run(kind, count):
        return list(run_mutations(kind, originals, 0, 0, count))

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = {kind: pool.submit(run, kind, count) for kind, count in shares(QUICK).items()}

    for kind, results in runs.items():
        outcomes = collections.Counter(result.outcome for result in results.result())
        print(kind, dict(outcomes))  # shown by `pytest -s`
        bad = [result for result in results.result() if not result.is_good]
        assert not bad, (kind, bad)
        # Neither so mild that nothing is refused, nor so hard that nothing is read.
        for outcome in ("read", "refused"):
            assert outcomes[outcome] > 0.02 * outcomes.total(), (kind, outcomes)


def test_the_runner_survives_and_reports_everything(tmp_path, monkeypatch):
    monkeypatch.setenv("FUZZ_SECONDS", "3")
    kind = "fuzz.misbehaving:Misbehaving"
    write_originals(tmp_path, [kind])
    results = list(run_mutations(kind, tmp_path, 0, 0, len(OUTCOMES)))
    assert tuple(result.outcome for result in results) == OUTCOMES
    assert [result.index for result in results] == list(range(len(OUTCOMES)))
    assert "KeyError: 'width'" in results[2].output
    assert [result.is_good for result in results] == [
        outcome in ("read", "refused") for outcome in OUTCOMES
    ]


def test_frames_show_their_numbers():
    frames = numbered_frames(3, 40)
    assert [read_number(frame) for frame in frames] == list(range(3, 43))
    assert read_number(frames[0][::2, ::2]) == 3
    assert read_number(np.full_like(frames[0], 100)) is None
    assert read_number(np.roll(frames[5], 16, axis=0)) is None
