"""Writes a folder with a page that runs a model in the browser."""

import json
import os
import pathlib
import shutil
import tempfile

from export.web.litert_files import unpack
from export.web.model_info import read_model_info
from tsm_tf import output_folder
from tsm_tf.errors import MissingFile
from tsm_tf.files import write_text

PAGE = pathlib.Path(__file__).with_name("page")
CARD = "model_card.html"
_UNFINISHED = ".writing."
_INDEX = "index.html"


def write_page(
    model: pathlib.Path,
    output: pathlib.Path,
    archives: list[pathlib.Path],
    sample: pathlib.Path | None = None,
    note: str | None = None,
) -> None:
    """Writes the page, the model with its card, and LiteRT.js.

    An interrupted call leaves no visible file in the folder.

    Args:
        model: a file of `python -m export.tflite --online`. The card beside it is copied.
        output: a new or empty folder.
        archives: what `export.web.litert_files.obtain` returned; without them, the page says that
            LiteRT.js is missing.
        sample: a video that visitors can play, or None.
        note: what visitors should know about the model, or None.

    Raises:
        FileNotFoundError: a file does not exist.
        InputError: a model that the page cannot run, or a folder that is not empty.
    """
    output_folder.check_new(output)
    if sample and not sample.is_file():
        raise MissingFile("sample", "must be an existing video", str(sample))
    card = model.with_name(CARD)
    info = {
        **read_model_info(model),
        "card": card.name if card.is_file() else None,
        "sample": sample.name if sample else None,
        "note": note,
    }

    output.mkdir(parents=True, exist_ok=True)
    for left in output.glob(f"{_UNFINISHED}*"):  # by a killed process
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=output, prefix=_UNFINISHED) as temporary:
        folder = pathlib.Path(temporary)
        shutil.copytree(PAGE, folder, dirs_exist_ok=True)
        (folder / "model").mkdir()
        for path in (model, sample, card if info["card"] else None):
            if path:
                shutil.copyfile(path, folder / "model" / path.name)
        text = json.dumps(info, indent=2, ensure_ascii=False)
        write_text(folder / "model" / "model.json", text + "\n")
        if archives:
            unpack(archives, folder / "litert")

        for path in sorted(folder.iterdir(), key=lambda path: path.name == _INDEX):
            os.replace(path, output / path.name)
