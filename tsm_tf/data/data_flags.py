"""The flags that say where the videos are, for every command that reads videos."""

import atexit
from typing import TYPE_CHECKING

from absl import flags

if TYPE_CHECKING:
    from tsm_tf.data.listing import Listing

LAYOUTS = (
    "Folder of videos: lists (train.txt, val.txt, labels.txt), or a folder per class "
    "(train/<class>, val/<class>, or <class> with --val_share). Or folder or URI of shards."
)


def define(help_text: str = LAYOUTS, required: bool = True) -> None:
    """Defines `--data` and the flags that say how to read it.

    Args:
        help_text: what the command does with the videos.
        required: whether there must be `--data`.
    """
    flags.DEFINE_string("data", None, help_text, required=required)
    flags.DEFINE_float(
        "val_share",
        None,
        "Share of the videos of each class for validation, such as 0.2, if --data has a folder "
        "per class without train and val.",
    )
    flags.DEFINE_bool(
        "allow_outside",
        False,
        "Also read videos outside of --data, where its lists and links lead.",
    )
    flags.DEFINE_bool(
        "keep_damaged",
        False,
        "Use damaged pictures of video files as far as they can be decoded, and print their number "
        "at the end. Otherwise, such a video cannot be decoded.",
    )


def read(*splits: str) -> "Listing":
    """Opens `--data`, reads the lists of some splits, or of all, and prints what was found.

    Raises:
        MissingFile: nothing there is known, there is no such split, or a video does not exist.
        InputError: a bad list, or flags that do not fit.
    """
    # Here, so that a command without the extra `live` or `train` names it in one line.
    from tsm_tf.data.listing import Listing
    from tsm_tf.data.summary import summarize

    values = flags.FLAGS
    listing = Listing(
        values.data,
        val_share=values.val_share,
        allow_outside=values.allow_outside,
        keep_damaged=values.keep_damaged,
    )
    if values.keep_damaged:
        atexit.register(lambda: print(listing.damage or "no damaged pictures were used"))
    print(summarize(listing, splits or listing.layout.splits), flush=True)
    return listing


def given() -> list[str]:
    """Returns the flags that were given, for another command on the same videos."""
    values = flags.FLAGS
    arguments = [] if values.data is None else [f"--data={values.data}"]
    if values.val_share is not None:
        arguments.append(f"--val_share={values.val_share}")
    switches = ("allow_outside", "keep_damaged")
    return [*arguments, *(f"--{name}" for name in switches if values[name].value)]
