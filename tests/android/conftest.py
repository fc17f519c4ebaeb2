import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
JAVA = ROOT / "android_demo" / "java"
TOOL = ROOT / "android_demo" / "tests" / "host_tool" / "org" / "tsm" / "core" / "HostTool.java"


@pytest.fixture(scope="session")
def host_tool(tmp_path_factory):
    """Parts of the app in a separate process: `host_tool(arguments, input)` returns its output."""
    if not shutil.which("javac"):
        pytest.skip("the app's Java is not tested: no JDK (javac) here")
    classes = tmp_path_factory.mktemp("classes")
    # Compiles what the tool uses, but not the parts that need org.json, which a JDK lacks.
    compiler = ["javac", "-encoding", "UTF-8", "-d", classes, "-sourcepath", JAVA, TOOL]
    subprocess.run(compiler, check=True)

    def run(arguments, data=b""):
        command = ["java", "-cp", str(classes), "org.tsm.core.HostTool", *map(str, arguments)]
        return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout

    return run
