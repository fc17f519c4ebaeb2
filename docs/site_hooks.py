"""Hooks for mkdocs: pages from outside docs/, links between them, and the API reference.

They also write the page that runs a model in the browser, with the model in docs/web/.
"""

import pathlib
import posixpath
import re
import sys
import tempfile

from mkdocs.structure.files import File

from export.web.litert_files import obtain
from export.web.write_page import write_page
from tsm_tf import _MODULE_OF_NAME as PUBLIC
from tsm_tf.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = {
    # file in the repository: page of the site
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "examples/README.md": "examples.md",
    "tests/golden/README.md": "golden.md",
}
PACKAGES = ("tsm_tf", "export")
_PUBLIC_HEAD = """# Public interface

Programs may rely on these names. The other pages of this section are for contributors.
"""
WEB = "web"
WEB_LINK = {f"docs/{WEB}": f"{WEB}/index.html"}  # the folder becomes a page
WEB_MODEL = "mobilenet_v2_online_float16.tflite"
WEB_NOTE = (
    "This model was trained on rendered hands only, in ten minutes. It recognises the gestures in "
    "the sample video, which it has never seen, but not those of your hand."
)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s:]+?)(#[^)]*)?\)")


def on_config(config):
    pages = ["api/index.md", *(f"api/{package}.md" for package in _modules())]
    config.nav.append({"API": pages})
    return config


def on_files(files, config):
    _add_web_page(files, config)
    for name, page in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))

    for picture in (ROOT / "benchmarks").rglob("*.png"):
        name = picture.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(picture)))

    files.append(File.generated(config, "api/index.md", content=_public_page()))
    for package, modules in _modules().items():
        content = _package_page(package, modules)
        files.append(File.generated(config, f"api/{package}.md", content=content))
    return files


def on_post_build(config):
    _web_folder.cleanup()


_web_folder = tempfile.TemporaryDirectory()


def _add_web_page(files, config):
    """Adds the page of `export.web`. Without LiteRT.js, it says that this is missing."""
    try:
        archives = obtain()
    except InputError as error:
        archives = []
        print(f"*** THE SITE'S PAGE FOR BROWSERS DOES NOT WORK: {error} ***", file=sys.stderr)

    source, output = ROOT / "docs" / WEB, pathlib.Path(_web_folder.name, WEB)
    write_page(source / WEB_MODEL, output, archives, source / "sample.mp4", WEB_NOTE)
    for path in filter(pathlib.Path.is_file, output.rglob("*")):
        name = path.relative_to(output.parent).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))


def on_page_markdown(markdown, page, config, files):
    """Points links at pages of the site. Links to other files of the repository become text."""
    source = {target: name for name, target in PAGES.items()}.get(page.file.src_uri)
    source = source or f"docs/{page.file.src_uri}"

    def point(match):
        bang, text, link, anchor = match[1], match[2], match[3], match[4] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        target = PAGES.get(path, WEB_LINK.get(path, path.removeprefix("docs/")))
        if files.get_file_from_path(target):
            target = posixpath.relpath(target, posixpath.dirname(page.file.src_uri))
            return f"{bang}[{text}]({target}{anchor})"
        return text if (ROOT / path).exists() else match[0]

    return _LINK.sub(point, markdown)


def _modules():
    """Returns the modules with a docstring, by package; commands are described in the guides."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if path.name == "__main__.py" or not text.startswith('"""'):
                continue
            parts = path.relative_to(ROOT).with_suffix("").parts
            folder = ".".join(parts[:-1])
            name = folder if parts[-1] == "__init__" else ".".join(parts)
            found.setdefault(folder, []).append(name)
    return found


def _package_page(package, modules):
    return "\n\n".join([f"# {package}", *(f"::: {module}" for module in modules)]) + "\n"


def _public_page():
    """Returns the page that lists the public names, with links to their documentation."""
    names = {f"tsm_tf.{name}": f"{module}.{name}" for name, module in PUBLIC.items()}
    names["export.runtime.StreamRunner"] = "export.runtime.StreamRunner"
    links = [f"- [`{name}`][{target}]" for name, target in sorted(names.items())]
    return "\n".join([_PUBLIC_HEAD, *links])
