"""A network that takes boxes, trained and evaluated on a data folder by the commands."""

import pytest
from boxes import random_boxes, write_boxes
from testing import run_main
from videos import write_data

from tsm_tf.data.listing import Listing
from tsm_tf.evaluation import __main__ as evaluation
from tsm_tf.training import __main__ as training


@pytest.mark.slow
def test_commands(tmp_path, capsys):
    data, run = write_data(tmp_path / "data", {"train": 4, "val": 3}), tmp_path / "run"
    listing = Listing(data)
    videos = [video for split in ("train", "val") for video in listing.videos(split)]
    names = sorted({video.name for video in videos})
    arguments = (f"--data={data}", "--recipe=gestures", "--backbone=i3d_r50_gcn", "--width=0.125")
    flags = (*arguments, "--num_segments=4", "--input_size=32", "--epochs=1", "--batch_size=2")
    with pytest.raises(FileNotFoundError, match=r"boxes\.npz, because i3d_r50_gcn takes boxes"):
        run_main(training, *flags, f"--output={run}")

    write_boxes(data, names, random_boxes(len(names)))
    run_main(training, *flags, f"--output={run}")
    run_main(
        evaluation,
        f"--checkpoint={run}",
        f"--data={data}",
        "--protocol=something_accurate",
        f"--output={tmp_path / 'report'}",
    )
    assert "top-1" in capsys.readouterr().out
