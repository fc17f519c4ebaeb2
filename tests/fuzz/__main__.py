"""Runs the fuzzer: `PYTHONPATH=tests python -m fuzz --mutations=10000 [--seed=0] [--kinds=videos]`.

Prints what became of the mutations, and how to repeat those that failed.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import sys
import tempfile
import time

from fuzz.kinds import KINDS, shares, write_originals
from fuzz.runner import run_mutations

_BATCH = 200


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutation")
    parser.add_argument("--kinds", default=",".join(KINDS))
    values = parser.parse_args()
    kinds = values.kinds.split(",")
    counts = shares(values.mutations) if len(kinds) > 1 else {kinds[0]: values.mutations}

    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        originals = pathlib.Path(folder)
        write_originals(originals, kinds)
        batches = [
            (kind, originals, values.seed, values.first + first, min(_BATCH, counts[kind] - first))
            for kind in kinds
            for first in range(0, counts[kind], _BATCH)
        ]
        failed = report(batches, values.seed)
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if failed else 0


def report(batches, seed: int) -> bool:
    """Runs batches in parallel, prints the outcomes, and returns whether one is a failure."""
    outcomes, failed = collections.Counter(), False
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {pool.submit(lambda b=batch: list(run_mutations(*b))): batch for batch in batches}
        for run in concurrent.futures.as_completed(runs):
            kind = runs[run][0]
            for result in run.result():
                outcomes[kind, result.outcome] += 1
                if not result.is_good:
                    failed = True
                    again = f"--kinds={kind} --seed={seed} --first={result.index} --mutations=1"
                    print(f"{result.outcome}: {again}\n{result.output}", flush=True)
            print(f"{outcomes.total():,} mutations", file=sys.stderr, flush=True)

    for (kind, outcome), count in sorted(outcomes.items()):
        print(f"{count:6,}  {kind}: {outcome}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
