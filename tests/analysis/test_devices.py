import csv

import pytest
from testing import refuses, run_main

from tsm_tf.analysis import devices

HEADER = "model,variant,multiply_adds,p50_ms,ratio,threads,runtime,delegate,device\n"
LINE = "tsm.tflite,float32,3194144,{},1.0,1,tflite_runtime 2.14.0,none,{}\n"


def test_frames_per_second_beside_the_paper(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(
        HEADER + LINE.format("8.0", "Phone") + LINE.format("5", "Phone")
    )
    (tmp_path / "b.csv").write_text(HEADER + LINE.format("40", "Board"))
    files = f"--results={tmp_path / 'a.csv'},{tmp_path / 'b.csv'}"
    run_main(devices, files, f"--output={tmp_path / 'out'}")

    with (tmp_path / "out" / "devices.csv").open() as file:
        rows = list(csv.DictReader(file))
    own = [(row["device"], row["fps"]) for row in rows if row["source"] == "ours"]
    assert own == [("Phone", "125.0"), ("Phone", "200.0"), ("Board", "25.0")]
    paper = [row for row in rows if row["source"] == "paper"]
    assert len(paper) == 7 and paper[0]["fps"] == "20.9" and paper[0]["power_watt"] == "4.8"
    assert (tmp_path / "out" / "devices.png").stat().st_size > 10_000
    assert "ours: Phone, Board" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (None, ("CSV files of export.benchmark", "a.csv")),
        ("", ("columns device, model",)),
        ("model,p50_ms\na,1\n", ("columns device, variant",)),
        (HEADER, ("columns",)),
        (HEADER + LINE.format("0", "x"), ("positive", "0 in")),
        (HEADER + LINE.format("nan", "x"), ("positive", "nan in")),
        (HEADER + LINE.format("fast", "x"), ("positive", "fast in")),
    ],
)
def test_errors(tmp_path, text, parts):
    if text is not None:
        (tmp_path / "a.csv").write_text(text)
    with refuses("results", *parts):
        run_main(devices, f"--results={tmp_path / 'a.csv'}", f"--output={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()
