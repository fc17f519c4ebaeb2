"""Covers the readers of all data sets: `annotations`, `text_lists`, `kinetics`, `something`, ..."""

import json

import pytest
from testing import refuses

from tsm_tf.data.datasets import hmdb51, jester, kinetics, something, text_lists, ucf101
from tsm_tf.data.datasets.annotations import Entry, csv_rows, lines_of
from tsm_tf.data.datasets.readers import READERS, read_annotations
from tsm_tf.data.datasets.source_tree import SourceTree
from tsm_tf.errors import MissingFile


def test_lines_end_at_line_feeds_only():
    text = "1;Fold it\u2028twice\x0c\r\n\r\n \n2;b\x85c"
    assert list(lines_of(text)) == [(1, "1;Fold it\u2028twice\x0c"), (4, "2;b\x85c")]


def test_csv_rows():
    text = 'label,youtube_id,is_cc\n"a, ""b""",-1,0\n\nc,2,1,more\n'
    assert list(csv_rows(text, "f.csv")) == [
        ("f.csv:2", {"label": 'a, "b"', "youtube_id": "-1", "is_cc": "0"}),
        ("f.csv:4", {"label": "c", "youtube_id": "2", "is_cc": "1"}),
    ]
    with refuses("source", "label,youtube_id", "see f.csv:3", "['only']"):
        list(csv_rows("label,youtube_id\na,b\nonly\n", "f.csv"))
    with refuses("source", "comma-separated", "see f.csv:2"):
        list(csv_rows(f"label,youtube_id\n{'x' * 200_000},b\n", "f.csv"))


def test_kinetics_rows():
    text = (
        "label,youtube_id,time_start,time_end,split,is_cc\r\n"
        '"passing American football (in game)",-AbC_d-E_1f,7,17,train,0\r\n'
        "abseiling,_0123456789,80.0,90.5,train,1\r\n"
    )
    assert kinetics.parse_rows(text, "train", "train.csv") == [
        Entry(
            split="train",
            name="-AbC_d-E_1f_000007_000017",
            keys=(
                "replacement/-AbC_d-E_1f",
                "-AbC_d-E_1f_000007_000017",
                "-AbC_d-E_1f_7",
                "-AbC_d-E_1f",
            ),
            label="passing American football (in game)",
        ),
        Entry(
            split="train",
            name="_0123456789_000080_000090",
            keys=(
                "replacement/_0123456789",
                "_0123456789_000080_000090",
                "_0123456789_80.0",
                "_0123456789_80",
                "_0123456789",
            ),
            label="abseiling",
        ),
    ]


def test_kinetics_test_file_of_the_crawler_has_no_labels():
    text = "youtube_id,time_start,time_end,split,is_cc\n-AbC_d-E_1f,100,110,test,0\n"
    (entry,) = kinetics.parse_rows(text, "test", "test.csv")
    assert entry.label is None and entry.name == "-AbC_d-E_1f_000100_000110"


@pytest.mark.parametrize("time", ["", "soon", "inf", "nan"])
def test_kinetics_times(time):
    text = f"label,youtube_id,time_start,time_end\na,b,{time},10\n"
    with refuses("source", "label,youtube_id,time_start", "see train.csv:2"):
        kinetics.parse_rows(text, "train", "train.csv")


def test_kinetics_keys():
    assert kinetics.key("train/air drumming/-AbC_d-E_1f_000007_000017") == (
        "-AbC_d-E_1f_000007_000017"
    )
    replacement = kinetics.key(
        "replacement/replacement_for_corrupted_k400/-AbC_d-E_1f_000008_000018"
    )
    assert replacement == "replacement/-AbC_d-E_1f" and kinetics.is_replacement(replacement)
    assert not kinetics.is_replacement("-AbC_d-E_1f")


def test_text_lists():
    text = '1;Putting something, something and something on the table\r\n20;Poking "it" - don\'t\n'
    assert text_lists.parse_videos(text, "val", "val.csv") == [
        Entry("val", "1", ("1",), "Putting something, something and something on the table"),
        Entry("val", "20", ("20",), 'Poking "it" - don\'t'),
    ]
    (test,) = text_lists.parse_videos("7\n", "test", "test.csv")
    assert test.label is None
    with refuses("source", "id;class name", "see train.csv:2", "';Holding something'"):
        text_lists.parse_videos("1;a\n;Holding something\n", "train", "train.csv")
    assert text_lists.parse_labels("Turning it, then back\nHolding\n\n") == [
        "Turning it, then back",
        "Holding",
    ]


def test_answers_give_the_test_videos_their_classes():
    train = Entry("train", "1", ("1",), "a")
    test = [Entry("test", number, (number,), None) for number in ("2", "3")]
    answers = [Entry("test", number, (number,), "b") for number in ("3", "4")]
    assert text_lists.with_answers([train, *test], answers) == [train, test[0], answers[0]]
    assert text_lists.with_answers([train], answers) == [train, *answers]


def test_something_v2_takes_the_class_from_the_template():
    items = [
        {
            "id": "78687",
            "label": "holding potato next to vicks vaporub bottle",
            "template": "Holding [something] next to [something]",
            "placeholders": ["potato", "vicks vaporub bottle"],
        },
        {"id": 5, "label": "x", "template": "Putting [number of] [something] onto [something]"},
        {
            "id": "6",
            "template": (
                "Putting [something similar to other things that are already on the table]"
            ),
        },
    ]
    assert something.parse_json(json.dumps(items), "train", "train.json") == [
        Entry("train", "78687", ("78687",), "Holding something next to something"),
        Entry("train", "5", ("5",), "Putting number of something onto something"),
        Entry(
            "train",
            "6",
            ("6",),
            "Putting something similar to other things that are already on the table",
        ),
    ]
    (test,) = something.parse_json('[{"id": "9"}]', "test", "test.json")
    assert test == Entry("test", "9", ("9",), None)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[{"id": "1"}, {"template": "x"}]', ("train.json, object 1", "{'template': 'x'}")),
        ('["1"]', ("train.json, object 0", "'1'")),
        ('[{"id": "1", "template": 7}]', ("train.json, object 0",)),
        ('{"id": "1"}', ("a list, in train.json", "'dict'")),
        ('[{"id": ', ("in JSON (", "'train.json'")),
        ("[" * 100_000, ("in JSON (", "'train.json'")),
    ],
)
def test_bad_json(text, parts):
    with refuses("source", *parts):
        something.parse_json(text, "train", "train.json")


def test_jester_tables():
    text = (
        "video_id,label,frames,label_id,shape,format\n"
        '34870,Drumming Fingers,37,0,"(37, 100, 176, 3)",jpg\n'
        '5,Thumb Up,37,12,"(37, 100, 132, 3)",jpg\n'
    )
    assert jester.parse_table(text, "train", "Train.csv") == [
        Entry("train", "34870", ("34870",), "Drumming Fingers"),
        Entry("train", "5", ("5",), "Thumb Up"),
    ]
    text = 'id,label,frames,label_id,shape,format\n7,,37,,"(37, 100, 176, 3)",jpg\n'
    assert jester.parse_table(text, "test", "Test.csv") == [Entry("test", "7", ("7",), None)]
    with refuses("source", "video_id,label,frames", "see Train.csv:1"):
        jester.parse_table("path,class\n1,2\n", "train", "Train.csv")


def test_ucf101_lists():
    numbers = ucf101.parse_classes("1 Hammering\r\n2 HammerThrow\r\n", "classInd.txt")
    assert numbers == {"Hammering": 1, "HammerThrow": 2}
    text = "HammerThrow/v_HammerThrow_g08_c01.avi 2\r\nHammering/v_Hammering_g09_c02.avi 1\r\n"
    assert ucf101.parse_list(text, "train", "trainlist01.txt", numbers) == [
        Entry(
            "train",
            "HammerThrow/v_HammerThrow_g08_c01.avi",
            ("v_hammerthrow_g08_c01",),
            "HammerThrow",
        ),
        Entry("train", "Hammering/v_Hammering_g09_c02.avi", ("v_hammering_g09_c02",), "Hammering"),
    ]
    (test,) = ucf101.parse_list("Hammering/v_Hammering_g01_c01.avi\r\n", "val", "t", numbers)
    assert test.split == "val" and test.label == "Hammering"

    for line, part in (
        ("v_Hammering_g01_c01.avi 1", "see l:1"),
        ("Hammering/v_Hammering_g01_c01.avi one", "see l:1"),
        ("Hammering/v_Hammering_g01_c01.avi 2", "its number in classInd.txt; see l:1"),
    ):
        with refuses("source", part):
            ucf101.parse_list(line, "train", "l", numbers)
    with refuses("source", "1 ApplyEyeMakeup", "see classInd.txt:2"):
        ucf101.parse_classes("1 a\nb 2\n", "classInd.txt")


def test_hmdb51_lists():
    text = (
        "50_FIRST_DATES_kick_f_cm_np1_ba_med_19.avi 1 \n"
        "#437_How_To_Ride_kick_f_nm_np1_[x]_0.avi 2 \n"
        "With space & more_kick_0.avi 0\n"
    )
    assert hmdb51.parse_list(text, "kick", "kick_test_split1.txt") == [
        Entry(
            "train",
            "kick/50_FIRST_DATES_kick_f_cm_np1_ba_med_19.avi",
            ("50_FIRST_DATES_kick_f_cm_np1_ba_med_19",),
            "kick",
        ),
        Entry(
            "val",
            "kick/#437_How_To_Ride_kick_f_nm_np1_[x]_0.avi",
            ("#437_How_To_Ride_kick_f_nm_np1_[x]_0",),
            "kick",
        ),
        Entry("", "kick/With space & more_kick_0.avi", ("With space & more_kick_0",), "kick"),
    ]
    for line in ("a.avi 3 ", "a.avi", " 1"):
        with refuses("source", "name.avi 1", "see f:1"):
            hmdb51.parse_list(line, "kick", "f")


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return SourceTree(folder)


def test_other_data_sets_are_recognised(tmp_path):
    tree = write(
        tmp_path,
        {"a/jester-v1-labels.csv": "Thumb Up\n", "a/jester-v1-train.csv": "1;Thumb Up\n"},
    )
    with refuses("source", "something-something-v1-train.csv", "--dataset=jester", str(tmp_path)):
        read_annotations(tree, "sthv1", "Something-Something V1", 1)

    for name, reader in READERS.items():
        if name != "jester":
            with pytest.raises(MissingFile, match=r"must hold the annotations of Set, in any"):
                read_annotations(tree, name, "Set", 1)
            assert reader.read(tree, 1) is None


def test_common_file_names_with_another_content(tmp_path):
    tree = write(tmp_path, {"train.csv": "a.mp4 1\n", "val.csv": "b.mp4 2\n"})
    assert READERS["kinetics"].read(tree, 1) is None


def test_copies_of_annotations(tmp_path):
    files = {"jester-v1-train.csv": "1;Thumb Up\n"}
    write(tmp_path / "a", files)
    tree = write(tmp_path, {f"b/{name}": text for name, text in files.items()})
    annotations = READERS["jester"].read(tree, 1)
    assert annotations.files == ("a/jester-v1-train.csv",)
    assert annotations.class_names == ["Thumb Up"]

    tree = write(tmp_path, {"b/jester-v1-train.csv": "1;Thumb Down\n"})
    with refuses("source", "one set of annotations", "['a', 'b']"):
        READERS["jester"].read(tree, 1)


def test_files_that_are_not_text(tmp_path):
    (tmp_path / "jester-v1-train.csv").write_bytes(b"1;\xff\n")
    with refuses("source", "UTF-8"):
        READERS["jester"].read(SourceTree(tmp_path), 1)
