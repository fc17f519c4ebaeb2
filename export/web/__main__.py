"""Writes a page that runs a model in the browser, on a camera or a video.

    python -m export.web --model=FILE --output=DIR
    python -m http.server --directory=DIR

Any server of static files can host the folder. The page loads nothing from other servers, and no
picture leaves the device.
"""

import pathlib

from absl import flags

from export.live.find_model import find_model
from export.web.litert_files import COMMAND, obtain
from export.web.model_info import read_model_info
from export.web.write_page import write_page
from tsm_tf import cli, output_folder


def define_flags():
    made_by = (
        "A file of `python -m export.tflite --online`, or the folder of a training, whose best "
        "checkpoint is then exported into its folder export/ if necessary."
    )
    flags.DEFINE_string("model", None, made_by, required=True)
    flags.DEFINE_string("output", None, "New folder for the page.", required=True)
    flags.DEFINE_string(
        "litert",
        None,
        f"Folder with the archives of `{' '.join(COMMAND)}`. Default: npm downloads them once.",
    )
    flags.DEFINE_string("sample", None, "Video that visitors of the page can play.")
    flags.DEFINE_string("note", None, "Text for the visitors of the page, about the model.")


def main():
    values = flags.FLAGS
    output = pathlib.Path(values.output)
    output_folder.check_new(output)
    model = pathlib.Path(find_model(values.model))
    read_model_info(model)  # raises before the download

    archives = obtain(pathlib.Path(values.litert) if values.litert else None)
    sample = pathlib.Path(values.sample) if values.sample else None
    write_page(model, output, archives, sample, values.note)

    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    print(f"written to {output}, {size / 2**20:.1f} MiB; to see it on this machine:")
    print(f"python -m http.server --directory={output}")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
