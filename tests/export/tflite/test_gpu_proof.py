import subprocess
import sys

import numpy as np
import pytest
from gpu import require_gpu
from testing import refuses

from export.sample_clips import drawn_patterns
from export.tflite import export_model, exporter, gpu_proof


def test_files_are_proven_and_the_card_says_so(model, online, tmp_path, capsys):
    require_gpu(online)
    for is_online in (True, False):
        entries, refusals = exporter.export_files(
            model,
            tmp_path,
            ("float32",),
            exporter.ExportSettings(is_online, gpu_friendly=True),
        )
        assert not refusals and 0 <= entries[0].gpu_difference < 1e-4
        assert "fully accelerated on a GPU" in capsys.readouterr().out


def test_a_file_that_a_gpu_does_not_run_completely_is_not_written(model, online, tmp_path):
    require_gpu(online)
    with refuses("gpu_friendly", "omitted", "5 dimensions"):
        export_model(model, tmp_path, False, gpu_friendly=True, batch_axis=True)
    assert list(tmp_path.iterdir()) == []


def test_what_the_proof_refuses(model, online, tmp_path, monkeypatch):
    require_gpu(online)
    clips = drawn_patterns(model.spec, 1, 4)
    (path,) = export_model(model, tmp_path, False, batch_axis=True)
    with refuses("gpu_friendly", "RESHAPE: Tensor dimensions must be less than 5"):
        gpu_proof.prove_on_gpu(path, "float32", clips)

    logits, run_clips = [], gpu_proof.run_clips

    def wrong_on_the_gpu(runner, *arguments):
        logits.append(run_clips(runner, *arguments))
        return logits[-1] * (1.002 if runner.acceleration else 1)

    monkeypatch.setattr(gpu_proof, "run_clips", wrong_on_the_gpu)
    with refuses("gpu_friendly", "logits that differ by 0.002 of the largest one, not 0.001"):
        gpu_proof.prove_on_gpu(online, "float32", clips)
    assert gpu_proof.prove_on_gpu(online, "float16", clips) == pytest.approx(0.002, rel=0.1)
    monkeypatch.setattr(gpu_proof, "run_clips", lambda *_: np.array([np.nan]))
    with refuses("gpu_friendly", "differ by nan"):
        gpu_proof.prove_on_gpu(online, "float16", clips)


def test_without_a_driver_the_error_names_the_remedy_before_any_work(tmp_path):
    command = [sys.executable, "-m", "export.tflite", "--online", "--gpu_friendly"]
    command += ["--width=0.35", "--input_size=32", f"--output={tmp_path / 'o'}"]
    done = subprocess.run(
        command, capture_output=True, text=True, env={"VK_ICD_FILENAMES": "gone", "PATH": ""}
    )
    assert done.returncode == 1 and not (tmp_path / "o").exists()
    error = done.stderr.splitlines()[-1]
    assert "error: `runtime` must find a GPU driver" in error and "libvulkan1" in error
    assert "computing the logits" not in done.stdout
