"""The classes of annotated data, and how annotations name them."""

from collections.abc import Sequence

WORDNET_IDS = {
    "airplane": "n02691156",
    "antelope": "n02419796",
    "bear": "n02131653",
    "bicycle": "n02834778",
    "bird": "n01503061",
    "bus": "n02924116",
    "car": "n02958343",
    "cattle": "n02402425",
    "dog": "n02084071",
    "domestic_cat": "n02121808",
    "elephant": "n02503517",
    "fox": "n02118333",
    "giant_panda": "n02510455",
    "hamster": "n02342885",
    "horse": "n02374451",
    "lion": "n02129165",
    "lizard": "n01674464",
    "monkey": "n02484322",
    "motorcycle": "n03790512",
    "rabbit": "n02324045",
    "red_panda": "n02509815",
    "sheep": "n02411705",
    "snake": "n01726692",
    "squirrel": "n02355227",
    "tiger": "n02129604",
    "train": "n04468005",
    "turtle": "n01662784",
    "watercraft": "n04530566",
    "whale": "n02062744",
    "zebra": "n02391049",
}
"""The classes of ImageNet VID in the published order; class 1 of a detections file is the first."""

VID_LABELS = tuple(WORDNET_IDS)


class ClassNames:
    """Finds classes by the names in annotations: a label, or the WordNet ID of a published one.

    Args:
        labels: names of the classes.
    """

    def __init__(self, labels: Sequence[str]):
        self._index = {name: index for index, name in enumerate(labels)}
        for index, name in enumerate(labels):
            if name in WORDNET_IDS:
                self._index[WORDNET_IDS[name]] = index

    def index(self, name: str) -> int | None:
        """Returns the index of a class, or None for a name that is not among the labels."""
        name = name.strip()
        return self._index.get(name, self._index.get(name.lower()))

    @staticmethod
    def is_published(name: str) -> bool:
        """Returns whether a name is a class of ImageNet VID, which labels may leave out."""
        return name.strip().lower() in {*WORDNET_IDS, *WORDNET_IDS.values()}
