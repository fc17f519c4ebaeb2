"""Whether all that the documentation names exists, and all of its commands and Python run."""

import ast
import configparser
import os
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
GUIDES = [
    "train",
    "data",
    "record",
    "stream",
    "detection",
    "retrofit",
    "device",
    "web",
    "android",
    "paper",
    "networks",
    "presets",
    "architecture",
]
RUN = [*(ROOT / "docs" / f"{name}.md" for name in GUIDES), ROOT / "SECURITY.md"]
RUN += [ROOT / "CONTRIBUTING.md", ROOT / "README.md"]  # the README uses what the others make
PAGES = [*RUN, ROOT / "CHANGELOG.md", ROOT / "examples/README.md", ROOT / "tests/golden/README.md"]
SMALLER = {
    # what a test adds to a command to have its result in seconds
    "tsm_tf.data.synthetic": ["--num_train=18", "--num_val=9"],
    "tsm_tf.detection.data.synthetic": ["--num_train=12", "--num_val=2"],
    "tsm_tf.detection.training": ["--epochs=1"],
    "tsm_tf.evaluation.online": ["--rounds=2"],
    "tsm_tf.evaluation.stream": ["--background_minutes=1"],
    "tsm_tf.training": ["--epochs=1"],
    "benchmarks.keras_clip_latency": ["--rounds=1"],
    "export.benchmark": ["--rounds=2"],
    "export.tflite": ["--num_videos=4"],
}
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_FILE = re.compile(r"(tsm_tf|export|tests|docs|examples|android_demo|benchmarks)/[\w./*+-]*")
_PLACEHOLDER = re.compile(r"=[A-Z]{2}|\.\.\.")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def read(page):
    return page.read_text(encoding="utf-8")


def inline(page):
    """The texts between single backticks, outside of blocks, on one line each."""
    return [" ".join(text.split()) for text in _INLINE.findall(_BLOCK.sub("", read(page)))]


def anchors(page):
    """The anchors of a page's headings, as they are made by viewers of Markdown."""
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def parts(page):
    """Commands as lists of words, and pieces of Python as texts, in the order of the page."""
    found = []
    for match in re.finditer(rf"{_BLOCK.pattern}|{_INLINE.pattern}", read(page), re.M | re.S):
        language, block, code = match.groups()
        if language == "python":
            found.append(block)
        lines = block.splitlines() if block and not language else [code or ""]
        for line in (" ".join(line.split()) for line in lines):
            if re.match(r"python -m (tsm_tf|export|benchmarks)\S* -", line):
                found.append(shlex.split(line, comments=True))
    return found


def commands(page):
    return [part for part in parts(page) if isinstance(part, list)]


@pages
def test_targets_exist(page):
    makefile = read(ROOT / "Makefile")
    for target in re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z-]+)", read(page)):
        assert re.search(rf"^([\w-]+ )*{target}( [\w-]+)*:", makefile, re.MULTILINE), target


@pages
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", _BLOCK.sub("", read(page))):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pages
def test_named_files_exist(page):
    for text in inline(page):
        if _FILE.fullmatch(text):
            assert list(ROOT.glob(text)), text


def test_architecture_names_every_package():
    """The table of the architecture has a row for each package."""
    text = read(ROOT / "docs" / "architecture.md")
    for part in ("tsm_tf", "export"):
        for path in (ROOT / part).iterdir():
            if (path / "__init__.py").is_file():
                assert f"{part}/{path.name}" in text or f"`{path.name}" in text, path


def defined_names(path):
    """The names that a module defines at its top."""
    names = set()
    for node in ast.parse(read(path)).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
        names |= {node.name} if hasattr(node, "name") else set()
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def resolves(dotted):
    """Whether a dotted name is a module of the project, or a name in one."""
    path, *names = ROOT, *dotted.split(".")
    while names and (path / names[0]).is_dir():
        path /= names.pop(0)
    if names and (path / f"{names[0]}.py").is_file():
        path /= f"{names.pop(0)}.py"
    module = path if path.suffix else path / "__init__.py"
    if not names:
        return True
    public = f'"{names[0]}"' in read(module)  # a lazy name of `tsm_tf`
    return names[0] in defined_names(module) or public


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name
)
def test_named_modules_exist(page):
    for text in inline(page):
        for dotted in re.findall(r"\b(?:tsm_tf|export|benchmarks)(?:\.\w+)+", text):
            if not re.search(r"\.(csv|md|py|png|html|txt)$", dotted):
                assert resolves(dotted), dotted


@pages
def test_named_scripts_exist(page):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    scripts = config["options.entry_points"]["console_scripts"]
    for script in re.findall(r"`(tsm-[a-z]+)`", read(page)):
        assert re.search(rf"^{script} =", scripts, re.MULTILINE), script


@pytest.mark.slow
def test_commands_with_placeholders_have_their_flags(tmp_path):
    helps = {}
    for page in PAGES:
        for command in commands(page):
            if not _PLACEHOLDER.search(" ".join(command)):
                continue
            module = command[2]
            if module not in helps:
                helps[module] = run_module([module, "--help"], tmp_path).stdout
            for flag in command[3:]:
                name = flag.removeprefix("--").partition("=")[0]
                assert re.search(rf"--(\[no\])?{name}\b", helps[module]), f"{page.name}: {flag}"


def run_module(arguments, cwd):
    """Runs `python -m` with the root on the path, since `benchmarks` is not installed."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.slow
def test_pages_run_in_order(tmp_path, golden_dir):
    encode(tmp_path / "video.mp4", moving_square(30, 120, 160))
    np.savez(tmp_path / "official.npz", **OfficialCase(golden_dir, "D").state_dict())
    ran = []
    for page in RUN:
        for part in parts(page):
            if isinstance(part, str):
                code = "import numpy as np\n" + part
                command = [sys.executable, "-c", code]
                done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
            elif part in ran or _PLACEHOLDER.search(" ".join(part)):
                continue
            else:
                ran.append(part)
                done = run_module([*part[2:], *SMALLER.get(part[2], [])], tmp_path)
            assert done.returncode == 0, f"{page.name}: {part}\n{done.stderr}"
    assert len(ran) > 12
    assert (tmp_path / "live" / "stream.gif").is_file()
