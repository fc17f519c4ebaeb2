"""Names of splits, as files and folders spell them."""

SPLITS = ("train", "val", "test")

_SPLIT_OF = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
SPLIT_WORDS = tuple(_SPLIT_OF)


def find_split(word: str) -> str | None:
    """Returns the split that a word means, in small or capital letters; None if it means none."""
    return _SPLIT_OF.get(word.lower())
