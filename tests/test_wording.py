"""Looks for the most frequent patterns of unclear English, which CONTRIBUTING.md explains.

It covers the texts of the whole project: documentation, docstrings, comments, help texts, errors,
the app's texts, the Makefile. The patterns are few and cheap; they do not replace a reader.
"""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent
SUFFIXES = {".md", ".py", ".ipynb", ".java", ".xml", ".jinja", ".bzl", ".bazel", ".cfg", ".toml"}
SUFFIXES |= {".cff", ".yml", ".yaml"}
PARTS = ("tsm_tf", "export", "android_demo", "benchmarks", "examples", "docs", "tests", ".ci")
NAMES = {"Makefile", "run", "NOTICE"}
GUIDE = ROOT / "CONTRIBUTING.md"
GUIDE_HEADING = "## Write plain English"

_COUNTED = (
    r"(?:seconds?|ms|milliseconds|frames|clips|videos|lines?|rows?|bytes|MB|MiB|GB|keys?|name|one"
    r"|multiply-adds|values)"
)
_UNIT = (
    r"(?:second|minute|hour|line|row|frame|clip|class|step|video|layer|core|device|processor"
    r"|process|channel|epoch|batch|side|call|update|file|worker|direction|stream|model|node)"
)
PATTERNS = {
    # what to write instead: the pattern, in which a space also matches a line break
    "continue, resume, restart": r"\b(?:go|goes|going|went|gone) on\b|\banew\b|\bbegin again\b",
    "is called with, is logged": r"\b(?:is|are|was|were|be|been|being) told\b",
    "nothing, unknown, a user": r"\b(?:nobody|somebody|everybody|whoever)\b",
    "similar, equally": r"\balike\b",
    "current, available": r"\bat hand\b",
    "for lack of": r"\bfor want of\b",
    "faster": r"\bquicker\b",
    "expensive": r"\bdear\b",
    "instead of": r"\bin place of\b",
    "see `name`": r"\bas of [`:]",
    "not available": r"\b(?:cannot|can't|not) (?:to )?be had\b",
    "that supports": r"\b(?:hardware|processors?|devices?|runtimes?) that likes?\b",
    "NaN, not a ...": r"(?<!here)\s(?:is|are|was|were) no (?:number|array|dict|file|folder)s?\b",
    "says whether, returns whether": r"\b[Tt]ell(?:s|ing)? whether\b",
    "too, without a comma": r",\s+too\b[,.;:]",
    "per": rf"\b{_COUNTED} an? {_UNIT}\b(?! (?:time|one|pass|thread))",
    "per time": r"\b(?:times|steps|rounds) an? (?:second|minute|hour|epoch|update)\b",
}
_FLAGGED = {name: re.compile(p.replace(" ", r"[\s#*/]+")) for name, p in PATTERNS.items()}
_ODD_SUMMARY = re.compile(r"(?:Tells|Refuses|Has|Will|Does|Is) ")
_OF_IN_ARGS = re.compile(r"^\s*\w+(?:, \w+)*: [Oo]f ", re.MULTILINE)
_ADVICE_SUMMARY = "Returns, Raises if, Accepts, Makes, Checks whether"
_ADVICE_OF = "a noun, such as `num_threads: threads of the interpreter`"


def findings(text):
    """Yields the offset, the words and the advice for each pattern in a text."""
    for advice, pattern in _FLAGGED.items():
        for match in pattern.finditer(text):
            yield match.start(), " ".join(match[0].split()), advice


def python_findings(text):
    """Yields a line number, words and advice for patterns in docstrings and in flags' help."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and (docstring := ast.get_docstring(node)):
            line, summary = node.body[0].lineno, docstring.split("\n")[0]
            if _ODD_SUMMARY.match(summary) or "?" in summary:
                yield line, summary, _ADVICE_SUMMARY
            for match in _OF_IN_ARGS.finditer(docstring):
                yield line, match[0].strip(), _ADVICE_OF
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "").startswith("DEFINE_"):
            yield from ((node.lineno, help, _ADVICE_OF) for help in _texts_in(node, "Of "))


def _texts_in(call, start):
    values = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant)]
    return [value for value in values if isinstance(value, str) and value.startswith(start)]


def texts():
    """The project's files that hold texts."""
    files = list(ROOT.iterdir()) + [path for part in PARTS for path in (ROOT / part).rglob("*")]
    for path in sorted(files):
        is_text = path.suffix in SUFFIXES or path.name in NAMES
        if is_text and path.is_file() and path != pathlib.Path(__file__):
            yield path


def checked_part(path):
    """A file's text; in the guide, table rows that show how not to write are blank."""
    text = path.read_text(encoding="utf-8")
    if path != GUIDE:
        return text
    head, guide = text.split(GUIDE_HEADING)
    return head + "\n" + re.sub(r"^\|.*", "", guide, flags=re.MULTILINE)


@pytest.mark.parametrize("path", [pytest.param(p, id=str(p.relative_to(ROOT))) for p in texts()])
def test_plain_words(path):
    text = checked_part(path)
    found = [(text.count("\n", 0, at) + 1, words, advice) for at, words, advice in findings(text)]
    found += python_findings(text) if path.suffix == ".py" else []
    lines = [
        f"{path.relative_to(ROOT)}:{line}: `{words}`: write {advice}"
        for line, words, advice in sorted(found)
    ]
    assert not lines, "\n" + "\n".join(lines)


def rows_of_the_guide():
    guide = GUIDE.read_text(encoding="utf-8").split(GUIDE_HEADING)[1]
    rows = [line.strip("|").split(" | ") for line in guide.splitlines() if line.startswith("| ")]
    return [(row[-2].strip(), row[-1].strip()) for row in rows if row[-2].strip() != "not"]


def test_the_guide_is_what_is_checked():
    """What the guide recommends passes, and most of what it advises against is found."""
    rows = rows_of_the_guide()
    assert len(rows) >= 26
    for _, better in rows:
        assert not list(findings(better)), better
    assert sum(bool(list(findings(worse))) for worse, _ in rows) >= 12


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("the run goes\non from there", "goes on"),
        ("# the next loop begins\n# anew", "anew"),
        ("clips a second", "clips a second"),
        ("three times a minute", "times a minute"),
        ("with a line\na video", "line a video"),
        ("as of `read_videos`", "as of `"),
        ("a loss that is no number", "is no number"),
        ("the observer is told of it", "is told"),
        ("of another, too.", ", too."),
    ],
)
def test_finds_the_patterns(bad, words):
    assert words in [found for _, found, _ in findings(bad)]


@pytest.mark.parametrize(
    "good",
    [
        "a second frame",
        "passes the video a second time",
        "in-place shift",
        "shifts in place, before the block",
        "there is no file",
        "one per class",
        "as of version 2",
        "two frames apart",
        "returns for each frame a class",
        "handed to the model",
        "times a step",
        "processes a frame",
        "names a layer",
        "a hand in a frame",
    ],
)
def test_leaves_plain_words_alone(good):
    assert not list(findings(good))


@pytest.mark.parametrize(
    "source",
    [
        'def f():\n    """Will it run?"""',
        'def f():\n    """Tells whether it runs."""',
        'class A:\n    """Has a model learn."""',
        'def f(rate):\n    """Trains.\n\n    Args:\n        rate: of SGD.\n    """',
        'flags.DEFINE_float("temperature", 2, "Of the distillation.")',
    ],
)
def test_finds_odd_docstrings_and_help(source):
    assert len(list(python_findings(source))) == 1
    assert not list(
        python_findings(
            'def f():\n    """Returns whether it runs.\n\n    Args:\n        x: rate of SGD."""'
        )
    )
