"""Every command and every piece of Python in README and docs runs."""

import pathlib
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from official import OfficialCase
from videos import encode, moving_square

ROOT = pathlib.Path(__file__).parent.parent
NAMES = ("train", "retrofit", "device", "android", "paper")
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in NAMES)]
SMALLER = {
    # what a test adds to a command to have its result in seconds
    "tsm_tf.data.synthetic": ["--num_train=18", "--num_val=9"],
    "tsm_tf.training": ["--epochs=1"],
    "benchmarks.keras_clip_latency": ["--rounds=1"],
    "export.benchmark": ["--rounds=2"],
    "export.tflite": ["--num_videos=4"],
}


def blocks(page, language):
    found = re.findall(
        r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return [text for kind, text in found if kind == language]


def commands(page):
    lines = (line for block in blocks(page, "") for line in block.splitlines())
    return [shlex.split(line, comments=True) for line in lines if line.startswith("python -m ")]


def test_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for target in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8")):
            assert re.search(rf"^([\w-]+ )*{target}( [\w-]+)*:", makefile, re.MULTILINE), target


def test_links_lead_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


@pytest.mark.slow
def test_pages_run_in_order(tmp_path, golden_dir):
    encode(tmp_path / "video.mp4", moving_square(30, 120, 160))
    np.savez(tmp_path / "official.npz", **OfficialCase(golden_dir, "D").state_dict())
    pages = sorted(PAGES, key=lambda page: page.name == "README.md")  # it uses what the others make
    for page in pages:
        for _, _, module, *arguments in commands(page):
            command = [sys.executable, "-m", module, *arguments, *SMALLER.get(module, [])]
            done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
            assert done.returncode == 0, f"{page.name}: {shlex.join(command)}\n{done.stderr}"
        for code in blocks(page, "python"):
            code = "import numpy as np\n" + code
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
            )
            assert done.returncode == 0, f"{page.name}:\n{code}\n{done.stderr}"
    assert (tmp_path / "live" / "stream.gif").is_file()
