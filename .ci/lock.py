"""Writes `lock*.txt`: all packages of the environments, with their hashes.

    pip install uv && python .ci/lock.py

Versions in those files stay as they are. To change one, edit its number and run this; for the
newest version, delete the line. Each line ends with the extras of setup.cfg that need the package,
or `build` for the build system, by which the Makefile selects lines. Only wheels are listed, for
Linux and macOS.
"""

import collections
import configparser
import dataclasses
import itertools
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

from packaging.markers import Marker
from resolve import PYTHONS, ROOT, SYSTEMS, environment

# Files, their Pythons, and extras that need a newer one, or that have none: tflite-runtime needs
# numpy 1, Beam an older protobuf than the newest TensorFlow, and litert-torch older versions of
# much, so that it has a file of its own.
LOCKS = (
    ("lock.txt", ("3.11",), {"litert_torch": None}),
    (
        "lock-latest.txt",
        PYTHONS,
        {"jax": "3.12", "shards": None, "tflite-runtime": None, "litert_torch": None},
    ),
    (
        "lock-litert-torch.txt",
        ("3.11",),
        dict.fromkeys(
            ("train", "shards", "export", "live", "tflite-runtime", "jax", "torch", "docs", "test")
        ),
    ),
)
MAKE_SYSTEMS = [system for system in SYSTEMS if "Windows" not in system]  # that have `make`
OLDEST_PATCH = {"3.11": "3.11.9"}  # mkdocstrings does not support the first releases of 3.11
ALWAYS = 'python_version >= "3"'  # the marker of a package without one
HEADER = "# Written by .ci/lock.py, which says how to change a version. Wheels for {}; Python {}.\n"


def read_extras() -> dict[str, list[str]]:
    """Returns the requirements of each extra, with those of the base, and of the build system."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    base = config["options"]["install_requires"]
    extras = {
        name: (base + "\n" + text).split("\n")
        for name, text in config["options.extras_require"].items()
    }

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {**extras, "build": project["build-system"]["requires"]}


def resolve(requirements: list[str], python: str, versions: str) -> list[dict]:
    """Returns the packages that the requirements need, as in a `pylock.toml`."""
    with tempfile.TemporaryDirectory() as folder:
        needed, found = pathlib.Path(folder, "needed.in"), pathlib.Path(folder, "pylock.toml")
        needed.write_text("\n".join(requirements))
        command = ["uv", "pip", "compile", "--quiet", "--universal", "--only-binary=:all:"]
        command += [f"--python-version={OLDEST_PATCH.get(python, python)}"]
        command += [f"--constraints={versions}", "--format=pylock.toml"]
        subprocess.run([*command, f"--output-file={found}", needed], check=True)
        return tomllib.loads(found.read_text())["packages"]


def matches(wheel: str, system: str, python: str) -> bool:
    """Returns whether a wheel's tags fit a system and a Python."""
    *_, interpreters, abi, platforms = wheel.removesuffix(".whl").split("-")
    machine = {"arm64": "(arm64|universal2)"}.get(SYSTEMS[system][3], SYSTEMS[system][3].lower())
    kind = {"linux": "manylinux", "darwin": "macosx"}[SYSTEMS[system][0]]
    minor = int(python.removeprefix("3."))
    fits_platform = any(
        platform == "any" or re.fullmatch(rf"{kind}.*_{machine}", platform)
        for platform in platforms.split(".")
    )
    fits_python = any(
        tag == "py3" or tag == f"cp3{minor}" or (abi == "abi3" and int(tag[3:]) <= minor)
        for tag in interpreters.split(".")
        if tag.startswith(("py3", "cp3"))
    )
    return fits_platform and fits_python and abi in ("none", "abi3", f"cp3{minor}")


@dataclasses.dataclass
class Package:
    """One version of a package: hashes by wheel, the extras that need it, and when they do."""

    wheels: dict[str, str] = dataclasses.field(default_factory=dict)
    extras: set[str] = dataclasses.field(default_factory=set)
    markers: set[str] = dataclasses.field(default_factory=set)

    def targets(self, pythons: tuple[str, ...]) -> list[tuple[str, str]]:
        """Returns the systems and Pythons that need the package."""
        return [
            (system, python)
            for system, python in itertools.product(MAKE_SYSTEMS, pythons)
            if any(Marker(m).evaluate(environment(system, python)) for m in self.markers)
        ]


def package_line(requirement: str, package: Package, pythons: tuple[str, ...]) -> str:
    """Returns the line of a package; empty if no system needs it."""
    targets, kept = package.targets(pythons), set()
    for target in targets:
        fitting = {wheel for wheel in package.wheels if matches(wheel, *target)}
        if not fitting:
            sys.exit(f"error: {requirement} has no wheel for {target}")
        kept |= fitting

    if len(targets) < len(MAKE_SYSTEMS) * len(pythons):
        requirement += " ; " + " or ".join(f"({marker})" for marker in sorted(package.markers))
    hashes = " ".join(f"--hash=sha256:{package.wheels[wheel]}" for wheel in sorted(kept))
    return f"{requirement} {hashes}  # {' '.join(sorted(package.extras))}\n" if targets else ""


def write_lock(file: str, pythons: tuple[str, ...], newer: dict[str, str | None]) -> None:
    path, packages = ROOT / file, collections.defaultdict(Package)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as versions:
        lines = path.read_text().splitlines() if path.exists() else []
        versions.write("\n".join(line.partition(" --hash")[0] for line in lines))
        versions.flush()

        for extra, requirements in read_extras().items():
            python = newer.get(extra, pythons[0])
            if python is None:
                continue
            for found in resolve(requirements, python, versions.name):
                package = packages[f"{found['name']}=={found['version']}"]
                package.extras.add(extra)
                package.markers.add(found.get("marker", ALWAYS))
                for wheel in found["wheels"]:
                    name = wheel["url"].rpartition("/")[2]
                    package.wheels[name] = wheel["hashes"]["sha256"]

    body = "".join(package_line(name, packages[name], pythons) for name in sorted(packages))
    path.write_text(HEADER.format(", ".join(MAKE_SYSTEMS), ", ".join(pythons)) + body)


def main() -> None:
    for lock in LOCKS:
        write_lock(*lock)


if __name__ == "__main__":
    main()
