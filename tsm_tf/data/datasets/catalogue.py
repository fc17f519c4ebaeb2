"""The paper's data sets: one row per set, and the order of its classes in each code base."""

import dataclasses
import functools
import importlib.resources
import re

TSM, MMACTION2 = "tsm", "mmaction2"
CLASS_ORDERS = (TSM, MMACTION2)
"""Code bases whose class numbers differ. A checkpoint fits only the order it was trained with."""


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A published data set.

    Args:
        title: its name in texts.
        recipe: the training recipe for it.
        class_names: the file with its class names.
        sorted_orders: those of `CLASS_ORDERS` that sort the class names; the others keep the order
            of the file.
        has_sides: whether mirroring a video may change its class.
        num_splits: official pairs of a training and a test list.
        video_folder: names of folders that hold the frames of one video. Sets with more than
            100,000 videos have it, so that these folders are not opened to find that out.
        fps: frames per second of its videos, and so of the published frames; None if they vary.
    """

    title: str
    recipe: str
    class_names: str
    sorted_orders: tuple[str, ...] = ()
    has_sides: bool = False
    num_splits: int = 1
    video_folder: re.Pattern[str] | None = None
    fps: int | None = None

    def labels(self, class_order: str = TSM) -> tuple[str, ...]:
        """Returns the class names in the order of a code base, one of `CLASS_ORDERS`."""
        names = _read_names(self.class_names)
        return tuple(sorted(names)) if class_order in self.sorted_orders else names


_NUMBER = re.compile(r"\d+")
_YOUTUBE_CLIP = re.compile(r"[\w-]{11}_\d+(_\d+)?", re.ASCII)

DATA_SETS = {
    "kinetics": DataSet(
        title="Kinetics-400",
        recipe="kinetics",
        class_names="kinetics400.txt",
        video_folder=_YOUTUBE_CLIP,
    ),
    "sthv1": DataSet(
        title="Something-Something V1",
        recipe="something_v1",
        class_names="something.txt",  # as in something-something-v1-labels.csv
        sorted_orders=(TSM,),
        has_sides=True,
        video_folder=_NUMBER,
        fps=12,
    ),
    "sthv2": DataSet(
        title="Something-Something V2",
        recipe="something_v2",
        class_names="something.txt",
        sorted_orders=(TSM, MMACTION2),
        has_sides=True,
        video_folder=_NUMBER,
        fps=12,
    ),
    "jester": DataSet(
        title="Jester",
        recipe="jester",
        class_names="jester.txt",  # as in jester-v1-labels.csv
        sorted_orders=(TSM,),
        has_sides=True,
        video_folder=_NUMBER,
        fps=12,
    ),
    "ucf101": DataSet(
        title="UCF101",
        recipe="ucf101",
        class_names="ucf101.txt",  # as in classInd.txt: sorted without regard to case
        num_splits=3,
        fps=25,
    ),
    "hmdb51": DataSet(
        title="HMDB51",
        recipe="hmdb51",
        class_names="hmdb51.txt",  # as in TSN's class_list.txt
        sorted_orders=(MMACTION2,),
        num_splits=3,
        fps=30,
    ),
}
"""By the name that `--dataset` has."""


def plain_name(label: str) -> str:
    """Returns a class name without what code bases spell differently.

    That is the case, spaces, underscores, quotes and parentheses.
    """
    return re.sub(r"[^a-z0-9]", "", label.lower())


def find_symmetric_data_set(labels: tuple[str, ...]) -> str | None:
    """Returns the data set that has exactly these classes, if none of them has a side.

    The classes may be in any order, and spelled with spaces, underscores, or capitals.
    """
    names = sorted(map(plain_name, labels))
    for data_set in DATA_SETS.values():
        if not data_set.has_sides and names == sorted(map(plain_name, data_set.labels())):
            return data_set.title
    return None


@functools.cache
def _read_names(file):
    path = importlib.resources.files("tsm_tf.data.datasets") / "class_names" / file
    return tuple(path.read_text(encoding="utf-8").splitlines())
