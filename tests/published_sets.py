"""Small trees of the paper's data sets, laid out and annotated as they are published.

Each function fills a folder and returns nothing. Annotations come with the quirks of the published
ones: line ends, quotes, spaces at line ends, spellings. Every video has `FRAMES` frames.
"""

import csv
import functools
import json
import shutil
import tempfile

import cv2
from videos import encode, moving_square

FRAMES = 9
DAMAGED = b"\x00\x00\x00\x18ftypmp42 no moov"

KINETICS = ("abseiling", "massaging person's head", "passing American football (in game)")
SOMETHING = (
    "Pushing something from left to right",
    "Holding something",
    "Putting something, something and something on the table",
)
TEMPLATES = (
    "Pushing [something] from left to right",
    "Holding [something]",
    "Putting [something], [something] and [something] on the table",
)
JESTER = ("Swiping Left", "Thumb Up", "Doing other things")
UCF101 = ("Hammering", "HammerThrow", "HandstandPushups")
HMDB51 = ("kick_ball", "kick", "sword")

# The ids of Kinetics' clips begin with signs and contain underscores.
KINETICS_IDS = {
    "train": (
        *("-0abc_EFGHI", "_1abc-EFGH_", "a2_bc_EFGHI"),
        *("a3bcdEFGHIJ", "a4bcdEFGHIJ", "a5bcdEFGHIJ"),
    ),
    "val": ("--5_cdEFGHI", "b6bcdEFGHIJ", "b7bcdEFGHIJ"),
    "test": ("c8bcdEFGHIJ",),
}
NUMBERS = {"train": ("1", "20", "300", "2", "31"), "val": ("4000", "5", "60"), "test": ("70001",)}
HMDB51_NAMES = {
    "kick_ball": ("a#1_[x]_kick_ball_f_cm_np1_ba_bad_0", "b_kick_ball_u_nm_np1_fr_goo_1"),
    "kick": (
        *("(c)&d_kick_f_cm_np1_ba_bad_0", "e;f!_kick_f_cm_np2_le_med_2", "z_kick_h_nm_np1_0"),
        "another_kick_f_cm_np1_ba_bad_1",
    ),
    "sword": ("g+h~@_sword_f_cm_np1_ba_bad_0", "i.j_sword_u_nm_np1_ri_goo_3"),
}


@functools.cache
def _video(suffix, number):
    codec = {".mp4": "libx264", ".avi": "mpeg4", ".webm": "libvpx-vp9"}[suffix]
    frames = moving_square(FRAMES)
    frames = (frames, frames[:, :, ::-1], 255 - frames)[number]
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        encode(file.name, frames, codec)
        return file.read()


def write_video(path, number=0):
    """Writes a video file; the last one of three clips is negative, the second one mirrored."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_video(path.suffix, number % 3))


def write_frames(folder, pattern="{:05d}.jpg", number=0, first=1):
    """Writes a folder of JPEG images."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = moving_square(FRAMES)
    frames = (frames, frames[:, :, ::-1], 255 - frames)[number % 3]
    for index, frame in enumerate(frames):
        _, content = cv2.imencode(".jpg", frame[..., ::-1])
        (folder / pattern.format(first + index)).write_bytes(content.tobytes())


def write_text(path, text):
    """Writes a text with the line ends that it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def _write_table(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def kinetics_rows(split):
    """Yields label, id, start and end of each clip; the classes take turns."""
    for number, youtube_id in enumerate(KINETICS_IDS[split]):
        yield KINETICS[number % 3], youtube_id, 10 * number + 3, 10 * number + 13


def _kinetics_tables(names, has_cc, test_label=True, words=("train", "val", "test"), time=int):
    header = ["label", "youtube_id", "time_start", "time_end", "split", *(["is_cc"] * has_cc)]
    for split, word, path in zip(("train", "val", "test"), words, names, strict=True):
        rows = [
            [label, youtube_id, time(start), time(end), word, *([0] * has_cc)]
            for label, youtube_id, start, end in kinetics_rows(split)
        ]
        if split == "test" and not test_label:
            _write_table(path, header[1:], [row[1:] for row in rows])
        else:
            _write_table(path, header, rows)


def _kinetics_videos(place):
    for split in KINETICS_IDS:
        for number, (label, youtube_id, start, end) in enumerate(kinetics_rows(split)):
            write_video(place(split, label, f"{youtube_id}_{start:06d}_{end:06d}.mp4"), number)


def kinetics_crawler(folder):
    """ActivityNet's crawler: class folders with spaces, no labels of the test clips."""
    names = [folder / f"kinetics-400_{split}.csv" for split in ("train", "val", "test")]
    _kinetics_tables(names, has_cc=True, test_label=False)
    _kinetics_videos(lambda split, label, name: folder / split / label / name)


def kinetics_cvdf(folder):
    """CVDF: flat folders, a damaged clip with a replacement, and what is lying about."""
    names = [folder / "annotations" / f"{split}.csv" for split in ("train", "val", "test")]
    _kinetics_tables(names, has_cc=True)
    _kinetics_videos(lambda split, label, name: folder / split / name)

    train = folder / "train"
    (train / "-0abc_EFGHI_000003_000013.mp4").write_bytes(DAMAGED)
    write_video(folder / "replacement/replacement_for_corrupted_k400/-0abc_EFGHI_000003_000013.mp4")
    (train / "_1abc-EFGH__000013_000023.mp4").write_bytes(b"")  # and no replacement
    (train / "a2_bc_EFGHI_000023_000033.mp4").unlink()
    write_video(train / "zzzzzzzzzzz_000001_000011.mp4")
    write_text(train / "._a3bcdEFGHIJ_000033_000043.mp4", "made by macOS")
    write_text(train / "a2_bc_EFGHI_000023_000033.mp4.part", "half")
    write_text(folder / ".DS_Store", "")


def kinetics_deepmind(folder):
    """DeepMind's archive, with times that are floats, and the videos in class folders."""
    names = [folder / "kinetics400" / f"{name}.csv" for name in ("train", "validate", "test")]
    _kinetics_tables(names, has_cc=False, words=("train", "validate", "test"), time=float)
    _kinetics_videos(lambda split, label, name: folder / "videos" / split / label / name)


def kinetics_mmaction2(folder):
    """MMAction2: class folders with underscores."""
    names = [folder / f"annotations/kinetics_{split}.csv" for split in ("train", "val", "test")]
    _kinetics_tables(names, has_cc=True)
    _kinetics_videos(
        lambda split, label, name: folder / f"videos_{split}" / label.replace(" ", "_") / name
    )


def kinetics_frames(folder):
    """The original TSM's folders of frames."""
    names = [folder / f"labels/kinetics_{split}.csv" for split in ("train", "val", "test")]
    _kinetics_tables(names, has_cc=True)
    for split in ("train", "val"):
        for number, (label, youtube_id, start, _) in enumerate(kinetics_rows(split)):
            plain = label.replace(" ", "_").translate(str.maketrans("", "", "\"'()"))
            place = folder / "images256" / plain / f"{youtube_id}_{start}"
            write_frames(place, "img_{:05d}.jpg", number)


def _numbered_videos(labels):
    """Yields split, number and class of the videos that are named by numbers."""
    for split, names in NUMBERS.items():
        for number, name in enumerate(names):
            yield split, name, labels[number % 3]


def _text_lists(name, labels, answers=None):
    """Writes 20BN's text files; `name` gives the path of each."""
    write_text(name("labels"), "\n".join(labels) + "\n")
    for split, word in (("train", "train"), ("val", "validation"), ("test", "test")):
        rows = [(number, label) for s, number, label in _numbered_videos(labels) if s == split]
        lines = [number if split == "test" else f"{number};{label}" for number, label in rows]
        write_text(name(word), "\n".join(lines) + "\n")
        if split == "test" and answers:
            write_text(answers, "".join(f"{number};{label}\n" for number, label in rows))


def something_v1(folder):
    """Something-Something V1 by 20BN: folders of frames."""
    _text_lists(lambda name: folder / f"something-something-v1-{name}.csv", SOMETHING)
    for _, name, label in _numbered_videos(SOMETHING):
        place = folder / "20bn-something-something-v1" / name
        write_frames(place, number=SOMETHING.index(label))


def _something_v2_json(name):
    labels = {label: str(number) for number, label in enumerate(sorted(SOMETHING))}
    write_text(name("labels"), json.dumps(labels))
    for split, word in (("train", "train"), ("val", "validation"), ("test", "test")):
        items = []
        for other, number, template in _numbered_videos(TEMPLATES):
            if other == split:
                label = template.replace("[something]", "a red cup").lower()
                known = {"label": label, "template": template, "placeholders": ["a red cup"]}
                items.append({"id": number, **({} if split == "test" else known)})
        write_text(name(word), json.dumps(items))


def something_v2(folder):
    """Something-Something V2 by 20BN: WebM files."""
    _something_v2_json(lambda name: folder / f"something-something-v2-{name}.json")
    for _, name, label in _numbered_videos(SOMETHING):
        path = folder / "20bn-something-something-v2" / f"{name}.webm"
        write_video(path, SOMETHING.index(label))


def something_v2_qualcomm(folder):
    """Something-Something V2 by Qualcomm: other names, and the classes of the test videos."""
    _something_v2_json(lambda name: folder / "labels" / f"{name}.json")
    answers = [f"{n};{label}" for s, n, label in _numbered_videos(SOMETHING) if s == "test"]
    write_text(folder / "labels/test-answers.csv", "\n".join(answers) + "\n")
    for _, name, label in _numbered_videos(SOMETHING):
        path = folder / "20bn-something-something-v2" / f"{name}.webm"
        write_video(path, SOMETHING.index(label))


def something_v2_frames(folder):
    """Something-Something V2 with the original TSM's frames and optical flow."""
    _something_v2_json(lambda name: folder / f"something-something-v2-{name}.json")
    for _, name, label in _numbered_videos(SOMETHING):
        for kind in ("frames", "flow"):
            place = folder / f"20bn-something-something-v2-{kind}" / name
            write_frames(place, "{:06d}.jpg", SOMETHING.index(label))


def jester(folder):
    """Jester by 20BN: folders of frames."""
    _text_lists(lambda name: folder / f"jester-v1-{name}.csv", JESTER)
    for _, name, label in _numbered_videos(JESTER):
        write_frames(folder / "20bn-jester-v1" / name, number=JESTER.index(label))


def jester_qualcomm(folder):
    """Jester by Qualcomm: other names, and the classes of the test videos."""
    labels = folder / "labels"
    _text_lists(lambda name: labels / f"{name}.csv", JESTER, labels / "test-answers.csv")
    for _, name, label in _numbered_videos(JESTER):
        write_frames(folder / "20bn-jester-v1" / name, number=JESTER.index(label))


def jester_kaggle(folder):
    """A copy of Jester on Kaggle: tables, a folder per split, and a folder with a gap."""
    for split, word in (("train", "Train"), ("val", "Validation"), ("test", "Test")):
        rows = []
        for other, name, label in _numbered_videos(JESTER):
            if other == split:
                known = ["", ""] if split == "test" else [label, 7 + JESTER.index(label)]
                rows.append([name, known[0], FRAMES, known[1], "(9, 48, 64, 3)", "jpg"])
                write_frames(folder / word / name, number=JESTER.index(label))
        column = "id" if split == "test" else "video_id"
        header = [column, "label", "frames", "label_id", "shape", "format"]
        _write_table(folder / f"{word}.csv", header, rows)
    (folder / "Train/20/00004.jpg").unlink()


def ucf101_names():
    """Yields class, file name and whether it is for training, of split 1."""
    for label in UCF101:
        spelled = "HandStandPushups" if label == "HandstandPushups" else label
        for group in (1, 2, 8):
            yield label, f"v_{spelled}_g{group:02d}_c01", group != 1


def _ucf101_lists(folder):
    numbers = {label: 1 + UCF101.index(label) for label in UCF101}
    classes = "".join(f"{number} {label}\r\n" for label, number in numbers.items())
    write_text(folder / "classInd.txt", classes)
    for split in (1, 2, 3):
        train, test = "", ""
        for label, name, is_train in ucf101_names():
            name = name.replace("HandStand", "Handstand")  # the lists are spelled differently
            if is_train == (split == 1):
                train += f"{label}/{name}.avi {numbers[label]}\r\n"
            else:
                test += f"{label}/{name}.avi\r\n"
        write_text(folder / f"trainlist{split:02d}.txt", train)
        write_text(folder / f"testlist{split:02d}.txt", test)


def ucf101(folder):
    """UCF101 as published."""
    _ucf101_lists(folder / "ucfTrainTestlist")
    for number, (label, name, _) in enumerate(ucf101_names()):
        write_video(folder / "UCF-101" / label / f"{name}.avi", number // 3)


def ucf101_frames(folder):
    """UCF101 as the original TSM reads it: frames in a flat folder."""
    _ucf101_lists(folder / "labels")
    for number, (_, name, _) in enumerate(ucf101_names()):
        write_frames(folder / "jpg" / name, "img_{:05d}.jpg", number // 3)


def _hmdb51_lists(folder):
    for label, names in HMDB51_NAMES.items():
        for split in (1, 2, 3):
            flags = "1201" if split == 1 else "2101"
            lines = [f"{name}.avi {flag} \n" for name, flag in zip(names, flags, strict=False)]
            write_text(folder / f"{label}_test_split{split}.txt", "".join(lines))


def hmdb51(folder):
    """HMDB51 as published, with its archives left in place."""
    _hmdb51_lists(folder / "testTrainMulti_7030_splits")
    for number, (label, names) in enumerate(HMDB51_NAMES.items()):
        for name in names:
            write_video(folder / "hmdb51_org" / label / f"{name}.avi", number)
        write_text(folder / "hmdb51_org" / f"{label}.rar", "Rar!")


def hmdb51_frames(folder):
    """HMDB51 as TSN extracts it: frames in a flat folder."""
    _hmdb51_lists(folder / "hmdb51_splits")
    for number, names in enumerate(HMDB51_NAMES.values()):
        for name in names:
            write_frames(folder / "images" / name, "img_{:05d}.jpg", number)


LAYOUTS = {
    "kinetics": (
        *(kinetics_crawler, kinetics_cvdf, kinetics_deepmind, kinetics_mmaction2),
        kinetics_frames,
    ),
    "sthv1": (something_v1,),
    "sthv2": (something_v2, something_v2_qualcomm, something_v2_frames),
    "jester": (jester, jester_qualcomm, jester_kaggle),
    "ucf101": (ucf101, ucf101_frames),
    "hmdb51": (hmdb51, hmdb51_frames),
}
"""The published layouts of each data set."""


def build(folder, layout):
    """Builds a tree in a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    layout(folder)
    return folder
