"""Checks that `pip install '.[train,export,live]'` finds wheels on all systems and Pythons.

    python .ci/resolve.py

It installs nothing. pip chooses wheels for `--platform` and `--python-version`, but it evaluates
environment markers for the machine that it runs on. So each target gets a pip whose markers see the
target.
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
MANYLINUX = (
    "manylinux2014",
    *(f"manylinux_2_{minor}" for minor in range(17, 37)),
)  # Debian 12 has glibc 2.36
SYSTEMS = {
    # name: sys_platform, platform_system, os_name, platform_machine, tags of wheels
    "Linux x86-64": ("linux", "Linux", "posix", "x86_64", [f"{name}_x86_64" for name in MANYLINUX]),
    "Linux aarch64": (
        "linux",
        "Linux",
        "posix",
        "aarch64",
        [f"{name}_aarch64" for name in MANYLINUX],
    ),
    "macOS arm64": ("darwin", "Darwin", "posix", "arm64", ["macosx_14_0_arm64"]),
    "Windows x86-64": ("win32", "Windows", "nt", "AMD64", ["win_amd64"]),
}
PIP = """
import json, runpy, sys
import pip._vendor.packaging.markers as markers
of_this_machine = markers.default_environment()
target = {**of_this_machine, **json.loads(sys.argv.pop(1))}
markers.default_environment = lambda: dict(target)
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def environment(system: str, python: str) -> dict[str, str]:
    """Returns the variables of environment markers on a system."""
    sys_platform, platform_system, os_name, machine, _ = SYSTEMS[system]
    return {
        "sys_platform": sys_platform,
        "platform_system": platform_system,
        "os_name": os_name,
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.9",
    }


def resolve(wheel: pathlib.Path, system: str, python: str) -> str:
    """Returns pip's error, or an empty string if every requirement has a wheel."""
    tags = SYSTEMS[system][-1]
    command = [
        sys.executable,
        "-c",
        PIP,
        json.dumps(environment(system, python)),
        "install",
        "--quiet",
        "--dry-run",
    ]
    command += ["--ignore-installed", "--only-binary=:all:", f"--python-version={python}"]
    command += [f"--platform={tag}" for tag in tags]
    command += [f"--target={wheel.parent}", f"{wheel}[train,export,live]"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr.strip() if done.returncode else ""


def main() -> None:
    targets = list(itertools.product(SYSTEMS, PYTHONS))
    failed = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        build = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            f"--wheel-dir={folder}",
            str(ROOT),
        ]
        subprocess.run(build, check=True)
        (wheel,) = pathlib.Path(folder).glob("*.whl")

        errors = pool.map(lambda target: resolve(wheel, *target), targets)
        for (system, python), error in zip(targets, errors, strict=True):
            print(f"{system}, Python {python}: {error or 'resolves'}", flush=True)
            failed += bool(error)

    sys.exit(f"error: {failed} of {len(targets)} targets do not resolve" if failed else 0)


if __name__ == "__main__":
    main()
