"""Jester's annotations: 20BN's, Qualcomm's, and those of a copy on Kaggle.

Videos are folders of images, named by number. In the copy on Kaggle, the folders of each split are
in a folder of their own, and the tables have the columns `video_id` (`id` for the test split),
`label`, `frames`, `label_id`, `shape` and `format`. `label_id` numbers the classes in a third
order, so it is not used.
"""

from tsm_tf.data.datasets.annotations import (
    TEST,
    TRAIN,
    VAL,
    Annotations,
    Entry,
    Variant,
    bad_line,
    csv_header,
    csv_rows,
    describe_variants,
    find_variant,
    named_classes,
    read_entries,
)
from tsm_tf.data.datasets.source_tree import SourceTree
from tsm_tf.data.datasets.text_lists import ANSWERS, LABELS, read_text_lists

_KAGGLE = "Kaggle copy"

VARIANTS = (
    Variant(
        "20BN",
        {
            LABELS: "jester-v1-labels.csv",
            TRAIN: "jester-v1-train.csv",
            VAL: "jester-v1-validation.csv",
            TEST: "jester-v1-test.csv",
        },
    ),
    Variant(
        "Qualcomm",
        {
            LABELS: "labels.csv",
            TRAIN: "train.csv",
            VAL: "validation.csv",
            TEST: "test.csv",
            ANSWERS: "test-answers.csv",
        },
        needed=(LABELS,),
    ),
    Variant(_KAGGLE, {TRAIN: "Train.csv", VAL: "Validation.csv", TEST: "Test.csv"}),
)

LOOKED_FOR = describe_variants(VARIANTS)


def read_annotations(tree: SourceTree, split: int) -> Annotations | None:
    """Returns the annotations in a source; None if there are none. There is one split only.

    Raises:
        InputError: they are damaged, or there are several.
    """
    found = find_variant(tree, VARIANTS)
    if found is None:
        return None

    variant, files = found
    if variant.title != _KAGGLE:
        return read_text_lists(tree, variant, files)

    entries = read_entries(tree, files, parse_table)
    return Annotations(variant.title, tuple(files.values()), named_classes(entries), entries)


def parse_table(text: str, split: str, place: str) -> list[Entry]:
    """Returns the videos of a table from the Kaggle copy.

    Args:
        text: its content.
        split: the split that it lists.
        place: its path, for errors.

    Raises:
        InputError: a column is missing, or a row is damaged.
    """
    column = "video_id" if "video_id" in csv_header(text) else "id"
    if not csv_header(text) >= {column, "label"}:
        raise bad_line(f"{place}:1", "video_id,label,frames,label_id,shape,format", text[:100])

    return [
        Entry(split, row[column].strip(), (row[column].strip(),), row["label"].strip() or None)
        for _, row in csv_rows(text, place)
    ]
