import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
JSON_PARTS = (
    "ModelFile",
    "StreamClassifier",
    "FrameLoop",
    "Benchmark",
)  # need org.json, which a JDK lacks
CORE = ROOT / "android_demo" / "java" / "org" / "tsm" / "core"
TOOL = ROOT / "android_demo" / "tests" / "host_tool" / "org" / "tsm" / "core" / "HostTool.java"


@pytest.fixture(scope="session")
def host_tool(tmp_path_factory):
    """The app's parts in a process of their own: `host_tool(arguments, input)` returns what it writes."""
    if not shutil.which("javac"):
        pytest.skip("the app's Java is not tested: no JDK (javac) here")
    classes = tmp_path_factory.mktemp("classes")
    sources = [path for path in CORE.glob("*.java") if path.stem not in JSON_PARTS]
    subprocess.run(["javac", "-encoding", "UTF-8", "-d", classes, *sources, TOOL], check=True)

    def run(arguments, data=b""):
        command = ["java", "-cp", str(classes), "org.tsm.core.HostTool", *map(str, arguments)]
        return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout

    return run
