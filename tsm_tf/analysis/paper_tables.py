"""The paper's published figures, as CSV files in `paper/`.

- `accuracy_cost`: Table 2, which Fig. 5 draws. Multiply-adds are those of all clips of a video.
- `shift_proportion`: what the text and Table 1 say about Fig. 2. Its other points are published as
  a picture only.
- `latency`: Tables 5 and 6.
- `devices`: Table 8.
"""

import csv
import pathlib
from typing import Any

OURS, PAPER = "ours", "paper"
"""The two values of the column `source` in every table of `tsm_tf.analysis`."""

_FOLDER = pathlib.Path(__file__).with_name("paper")


def read_paper(name: str) -> list[dict[str, Any]]:
    """Returns the rows of a table: numbers as numbers, and empty cells as None."""
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{column: _value(text) for column, text in row.items()} for row in rows]


def _value(text):
    try:
        return float(text) if text else None
    except ValueError:
        return text
