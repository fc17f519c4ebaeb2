"""Puts trained models side by side on one self-contained HTML page.

    python -m tsm_tf.analysis.report --runs=runs/tsm,runs/tsn --output=report.html

The page has what it finds: specs and what differs between them, cost, curves, accuracies per
protocol, differences per class, figures of streams, latencies and class activation maps. Results
are searched for in the runs and in the folders of `--results`.
"""

import pathlib

from absl import flags

from tsm_tf import cli
from tsm_tf.errors import InputError
from tsm_tf.files import write_text

_GENERATOR = '<meta name="generator" content="tsm_tf.analysis.report">'
_HEAD_CHARACTERS = 2000


def check_output(path: pathlib.Path) -> None:
    """Raises unless a page can be written: a new file, or a page of this command.

    Raises:
        InputError: it is something else.
    """
    if path.suffix != ".html":
        raise InputError("output", "must be a file that ends in .html", str(path))
    if not path.exists():
        return
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            if _GENERATOR in file.read(_HEAD_CHARACTERS):
                return
    raise InputError("output", "must be a new file, or a page of this command", str(path))


def define_flags():
    flags.DEFINE_list(
        "runs",
        None,
        "Checkpoint or training folders, or preset:NAME; differences are to the first.",
        required=True,
    )
    flags.DEFINE_list("results", [], "More folders with evaluations, latencies and pictures.")
    flags.DEFINE_string("output", None, "The HTML file to write.", required=True)


def main():
    values = flags.FLAGS
    output = pathlib.Path(values.output)
    check_output(output)

    from tsm_tf.analysis.report_page import render_report
    from tsm_tf.analysis.runs import read_runs

    runs = read_runs(values.runs, values.results)
    page = render_report(runs, [*values.runs, *values.results])

    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, page)
    for run in runs:
        counts = f"{len(run.evaluations)} evaluation(s), {len(run.streams)} of streams"
        print(f"{run.name}: {counts}")
    print(f"written to {output}; all its figures are ours, and none is the paper's")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
