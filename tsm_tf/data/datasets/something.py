"""Something-Something's annotations: 20BN's text files of V1, and 20BN's or Qualcomm's JSON of V2.

Videos are files or folders of images, named by number. In V2, the class of a video is its
`template` without square brackets; its `label` is what the person did.
"""

import functools
import json

from tsm_tf.data.datasets.annotations import (
    TEST,
    TRAIN,
    VAL,
    Annotations,
    Entry,
    Variant,
    bad_line,
    describe_variants,
    find_variant,
    named_classes,
    read_entries,
)
from tsm_tf.data.datasets.source_tree import SourceTree
from tsm_tf.data.datasets.text_lists import (
    ANSWERS,
    LABELS,
    parse_videos,
    read_text_lists,
    with_answers,
)
from tsm_tf.errors import InputError

VARIANTS_V1 = (
    Variant(
        "20BN",
        {
            LABELS: "something-something-v1-labels.csv",
            TRAIN: "something-something-v1-train.csv",
            VAL: "something-something-v1-validation.csv",
            TEST: "something-something-v1-test.csv",
        },
    ),
)
VARIANTS_V2 = (
    Variant(
        "20BN",
        {
            LABELS: "something-something-v2-labels.json",
            TRAIN: "something-something-v2-train.json",
            VAL: "something-something-v2-validation.json",
            TEST: "something-something-v2-test.json",
        },
    ),
    Variant(
        "Qualcomm",
        {
            LABELS: "labels.json",
            TRAIN: "train.json",
            VAL: "validation.json",
            TEST: "test.json",
            ANSWERS: "test-answers.csv",
        },
        needed=(LABELS,),
    ),
)

LOOKED_FOR_V1 = describe_variants(VARIANTS_V1)
LOOKED_FOR_V2 = describe_variants(VARIANTS_V2)


def read_annotations_v1(tree: SourceTree, split: int) -> Annotations | None:
    """Returns V1's annotations in a source; None if there are none. There is one split only.

    Raises:
        InputError: they are damaged, or there are several.
    """
    found = find_variant(tree, VARIANTS_V1)
    return None if found is None else read_text_lists(tree, *found)


def read_annotations_v2(tree: SourceTree, split: int) -> Annotations | None:
    """Returns V2's annotations in a source; None if there are none. There is one split only.

    Raises:
        InputError: they are damaged, or there are several.
    """
    found = find_variant(tree, VARIANTS_V2)
    if found is None:
        return None

    variant, files = found
    entries = read_entries(tree, files, parse_json)
    if ANSWERS in files:
        answers = parse_videos(tree.read(files[ANSWERS]), TEST, files[ANSWERS])
        entries = with_answers(entries, answers)

    class_names = named_classes(entries)
    if LABELS in files:
        class_names = parse_label_numbers(tree.read(files[LABELS]), files[LABELS])
    return Annotations(variant.title, tuple(files.values()), class_names, entries)


def parse_json(text: str, split: str, place: str) -> list[Entry]:
    """Returns the videos of a JSON file: a list of objects with `id` and, if known, `template`.

    Args:
        text: its content.
        split: the split that it lists.
        place: its path, for errors.

    Raises:
        InputError: it is not such a list.
    """
    entries = []
    for number, item in enumerate(_load(text, list, place)):
        try:
            name, template = str(item["id"]), item.get("template")
            label = None if template is None else class_of_template(template)
        except (TypeError, KeyError, AttributeError):
            form = '{"id": "1", "template": "Holding [something]"}'
            raise bad_line(f"{place}, object {number}", form, item) from None
        entries.append(Entry(split, name, (name,), label))
    return entries


def parse_label_numbers(text: str, place: str) -> list[str]:
    """Returns the class names of a JSON object that maps each to its number, a string."""
    return list(_load(text, dict, place))


@functools.cache
def class_of_template(template: str) -> str:
    """Returns the class of a template: `Holding [something]` is of `Holding something`."""
    return template.replace("[", "").replace("]", "")


def _load(text, kind, place):
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("source", f"must hold annotations in JSON ({error})", place) from None
    if not isinstance(value, kind):
        names = {list: "a list", dict: "an object"}
        rule = f"must hold annotations in JSON, {names[kind]}, in {place}"
        raise InputError("source", rule, type(value).__name__)
    return value
