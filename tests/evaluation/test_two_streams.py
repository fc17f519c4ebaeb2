"""Two streams from videos to fused scores, by the commands that a user types.

Table 2 of the paper fuses RGB with optical flow. The flow model starts from the RGB model.
"""

import json

import numpy as np
import pytest
from testing import run_main

from tsm_tf.data.flow import __main__ as flow_command
from tsm_tf.data.synthetic import __main__ as synthetic
from tsm_tf.evaluation import __main__ as evaluation
from tsm_tf.evaluation import ensemble
from tsm_tf.evaluation.scores import Scores
from tsm_tf.training import __main__ as training
from tsm_tf.weights.checkpoint import load_checkpoint

CHANCE = 1 / 9


def train(data, output, *more):
    run_main(
        training, "--recipe=gestures", f"--data={data}", f"--output={output}", "--epochs=16", *more
    )


@pytest.mark.slow
def test_rgb_and_flow_of_rendered_gestures(tmp_path, capsys):
    videos, flow, rgb_run, flow_run, fused = (
        tmp_path / name for name in ("videos", "flow", "rgb_run", "flow_run", "fused")
    )
    run_main(synthetic, f"--output={videos}", "--num_train=240", "--num_val=90")
    run_main(flow_command, f"--data={videos}", f"--output={flow}", "--short_side=24")
    train(videos, rgb_run)
    capsys.readouterr()
    train(flow, flow_run, "--modality=flow", f"--init={rgb_run}")
    assert f"initial weights from {rgb_run}; new: none" in capsys.readouterr().out
    assert load_checkpoint(flow_run).spec.channels == 10

    for run, data in ((rgb_run, videos), (flow_run, flow)):
        run_main(evaluation, f"--checkpoint={run}", f"--data={data}", f"--output={run}/scores")
    scores = f"--scores={rgb_run}/scores,{flow_run}/scores"
    run_main(ensemble, scores, "--weights=1,1.5", f"--output={fused}")

    rgb, motion = (Scores.load(run / "scores/scores.npz") for run in (rgb_run, flow_run))
    logits = rgb.logits + 1.5 * motion.logits
    np.testing.assert_array_equal(Scores.load(fused / "scores.npz").logits, logits)
    figures = json.loads((fused / "ensemble.json").read_text())["figures"]
    expected = [
        float((rows.argmax(axis=1) == rgb.labels).mean())
        for rows in (rgb.logits, motion.logits, logits)
    ]
    assert [row["top1"] for row in figures] == expected

    top1 = dict(zip(("rgb", "flow", "fused"), expected, strict=True))
    assert top1["rgb"] > 2 * CHANCE and top1["flow"] > 4 * CHANCE, top1
    assert top1["fused"] >= max(top1["rgb"], top1["flow"]) - 0.05, top1
