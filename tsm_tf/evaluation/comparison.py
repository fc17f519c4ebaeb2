"""What the commands that compare several checkpoints share: their flags, and the checks of them."""

import pathlib

from absl import flags

from tsm_tf import output_folder
from tsm_tf.data.listing import Listing
from tsm_tf.errors import InputError


def define_flags() -> None:
    """Defines the flags of a command that compares checkpoints on a split of a data folder."""
    flags.DEFINE_list("checkpoints", None, "Checkpoint folders, with commas.", required=True)
    flags.DEFINE_string("data", None, "Folder with val.txt and labels.txt.", required=True)
    flags.DEFINE_string("output", None, "Folder for the results.", required=True)
    flags.DEFINE_string("split", "val", "Which list file to use.")


def check_input(
    checkpoints: list[str],
    data: str,
    split: str,
    output: pathlib.Path,
    marker: str,
) -> tuple[Listing, dict[str, object]]:
    """Checks what the flags say before any work.

    Args:
        checkpoints: their folders.
        data: the data folder.
        split: which list file.
        output: folder for the results.
        marker: name of the file that marks the command's output folders.

    Returns:
        The data, and the subject of the output folder.

    Raises:
        MissingFile: no checkpoint, list file or video.
        InputError: no checkpoints, or an output folder that holds something else.
    """
    if not checkpoints:
        raise InputError("checkpoints", "must name at least one folder", checkpoints)
    listing = Listing(data)
    listing.videos(split)
    subject = {"checkpoints": checkpoints, "data": data, "split": split}
    output_folder.check_subject(output, marker, subject)

    from tsm_tf.weights.checkpoint import find_checkpoint  # loads Keras

    for checkpoint in checkpoints:
        find_checkpoint(checkpoint)
    return listing, subject
