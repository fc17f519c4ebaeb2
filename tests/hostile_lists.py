"""Hostile data folders: lists, videos, images and folders as strangers may send them.

Each case has a name.
"""

import gzip
import io
import os
import pathlib
import socket
import zipfile

from PIL import Image
from videos import encode, moving_square

CANARY = "canary"
"""A file in the current folder that the commands in names would write."""

_COMMANDS = {
    "dollar": f"$(touch {CANARY})",
    "backquotes": f"`touch {CANARY}`",
    "semicolon": f";touch {CANARY};",
    "pipe": f"|touch {CANARY}",
    "python": f"__import__('os').system('touch {CANARY}')",
    "format": "{0.__class__.__mro__}%s%n%p",
    "escape": "\x1b]0;title\x07\x1b[2J",
    "bell and backspace": "a\x07\x08\x08b",
    "right to left": "\u202egpj.exe",
    "emoji": "👍🏽‍👩‍👩‍👧",
    "formula": "$\\frac{x^{$",
    "html": "<script>alert(1)</script>",
    "parent": "../../../etc/passwd",
    "line separator": "a\u2028b\x85c\x0cd",
    "5,000 characters": "x" * 5000,
}

_BYTES = {
    "empty": b"",
    "blank": b" \r\n\t\n",
    "zeros": bytes(1000),
    "random": bytes((i * 7919 + i * i) % 256 for i in range(5000)),
    "utf-16": "a.mp4 8 0\n".encode("utf-16"),
    "latin-1": "\xe9.mp4 8 0\n".encode("latin-1"),
    "overlong": b"\xc0\xae\xc0\xae/a.mp4 8 0\n",
    "surrogate": b"\xed\xb3\xbf.mp4 8 0\n",
    "gzip": gzip.compress(b"a.mp4 8 0\n"),
    "json": b'{"a.mp4": [8, 0]}',
    "git lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 120\n",
    "html": b"<!DOCTYPE html><html><body>404</body></html>\n",
    "pickle": b"cos\nsystem\n(S'touch canary'\ntR.",
    "one long line": b"x" * 5_000_000,
    "many lines": b"a.mp4 8 0\n" * 20_000,
}

_LINES = {
    "no fields": "a.mp4",
    "four fields": "a.mp4 8 0 0",
    "open quote": "'a.mp4 8 0",
    "backslash at the end": "a.mp4 8 0\\",
    "zero byte": "a\0.mp4 8 0",
    "quoted line break": '"a',
    "no name": "'' 8 0",
    "a folder": ". 8 0",
    "slash at the end": "a.mp4/ 8 0",
    "below a file": "a.mp4/b.mp4 8 0",
    "name too long": "x" * 300 + ".mp4 8 0",
    "device": "/dev/zero 8 0",
    "terminal": "/dev/tty 8 0",
    "memory": "/proc/self/mem 8 0",
    "kernel log": "/proc/kmsg 8 0",
    "password file": "/etc/passwd 8 0",
    "standard input": "/dev/stdin 8 0",
    "dash": "- 8 0",
    "home": "~/a.mp4 8 0",
    "fifo": "fifo 8 0",
    "socket": "socket 8 0",
    "loop": "loop 8 0",
    "uri of a file": "file:///etc/passwd 8 0",
    "uri of a port": "http://127.0.0.1:9/a.mp4 8 0",
    "uri of a camera": "rtsp://127.0.0.1:9/a 8 0",
    "concat protocol": "concat:a.mp4|a.mp4 8 0",
    "subfile protocol": "subfile,,start,0,end,9,,:a.mp4 8 0",
    "pipe protocol": "pipe:0 8 0",
    "lavfi": "testsrc=size=9x9 8 0",
    "no frames": "a.mp4 0 0",
    "negative frames": "a.mp4 -2 0",
    "fraction of frames": "a.mp4 8.5 0",
    "nan frames": "a.mp4 nan 0",
    "exponent": "a.mp4 1e9 0",
    "hexadecimal": "a.mp4 0x8 0",
    "more frames than there are": "a.mp4 9999 0",
    "2**31 frames": f"a.mp4 {2**31} 0",
    "2**31 - 1 frames": f"a.mp4 {2**31 - 1} 0",
    "2**63 frames": f"a.mp4 {2**63} 0",
    "frames of 10,000 digits": f"a.mp4 {'9' * 10_000} 0",
    "arabic digits": "a.mp4 ٨ ٠",
    "underscores": "a.mp4 1_0 0",
    "negative label": "a.mp4 8 -1",
    "large label": f"a.mp4 8 {2**40}",
}


def _picture(kind):
    buffer = io.BytesIO()
    Image.fromarray(moving_square()[0]).save(buffer, kind)
    return buffer.getvalue()


def _archive():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../canary", "x")
    return buffer.getvalue()


def _videos(video: bytes):
    """Returns the contents of files that a list calls a video."""
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect/></svg>'
    return {
        "svg": drawing.encode(),
        "text": b"hello world\n" * 99,
        "png": _picture("PNG"),
        "jpeg": _picture("JPEG"),
        "tiff": _picture("TIFF"),
        "webp": _picture("WEBP"),
        "zip": _archive(),
        "hls": b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXTINF:1,\nhttp://127.0.0.1:9/\n",
        "hls of the video": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.mp4\n",
        "concat": b"ffconcat version 1.0\nfile a.mp4\nfile /etc/passwd\n",
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "dash": b'<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:9/</BaseURL></MPD>',
        "subtitles": b"1\n00:00:00,000 --> 00:00:09,000\nhello\n",
        "half a video": video[: len(video) // 2],
        "head of a video": video[:40],
        "video of zeros": video[:32] + bytes(len(video) - 32),
        "every tenth byte": bytes(b ^ (0xFF if i % 10 == 9 else 0) for i, b in enumerate(video)),
        **{name: content for name, content in _BYTES.items() if name != "many lines"},
    }


def cases(folder: pathlib.Path):
    """Yields the name and the folder of each case; only one folder exists at a time."""
    video = encode(folder / "a.mp4", moving_square()).read_bytes()

    def write(name, **files):
        data = folder / "data"
        data.mkdir()
        (data / "a.mp4").write_bytes(video)
        good = {
            "labels.txt": b"left\nright\n",
            "train.txt": b"a.mp4 8 0\n",
            "val.txt": b"a.mp4 -1 1\n",
        }
        for file, content in {**good, **files}.items():
            path = data / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if callable(content):
                content(path)
            elif content is not None:
                path.write_bytes(content)
        os.mkfifo(data / "fifo")
        os.symlink("loop", data / "loop")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.relpath(data / "socket"))
        return name, data

    yield write("a good folder")
    for file in ("labels.txt", "train.txt", "val.txt", "flips.txt"):
        for name, content in _BYTES.items():
            yield write(f"{file}: {name}", **{file: content})
        for name, make in _NO_FILES.items():
            yield write(f"{file}: {name}", **{file: make})
    for name, text in _COMMANDS.items():
        yield write(f"pair: {name}", **{"flips.txt": f"left,{text}\n".encode()})
        yield write(f"class: {name}", **{"labels.txt": f"left\n{text}\n".encode()})
        yield write(f"path: {name}", **{"train.txt": f'"{text}" 8 0\n'.encode()})
        yield write(f"line: {name}", **{"train.txt": f"{text}\n".encode()})
    for name, line in _LINES.items():
        yield write(f"line: {name}", **{"train.txt": f"a.mp4 8 0\n{line}\n".encode()})
    for name, content in _videos(video).items():
        for suffix in ("mp4", "avi"):
            file = f"b.{suffix}"
            yield write(
                f"{suffix}: {name}", **{file: content, "train.txt": f"{file} -1 0".encode()}
            )
    for name in ("svg", "txt", "m3u8", "ffconcat", "sdp", "png", "srt", "mpd", "%03d.jpg"):
        content = next(iter(_videos(video).values()))
        line = f'"b.{name}" -1 0'.encode()
        yield write(f"suffix: {name}", **{f"b.{name}": content, "train.txt": line})

    yield from _cases_of_files(write)
    yield from _cases_of_images(write, video)
    yield from _cases_of_class_folders(write, video)


_NO_LISTS: dict = dict.fromkeys(("labels.txt", "train.txt", "val.txt"))


def _cases_of_files(write):
    """Lists and other files that other projects write."""
    for file, other in (("train.csv", "train.txt"), ("train.json", "train.txt")):
        for name, content in _BYTES.items():
            yield write(f"{file}: {name}", **{other: None, file: content})
    for name, text in _JSON.items():
        yield write(f"json: {name}", **{"train.txt": None, "train.json": text.encode()})
    for file in ("category.txt", "classInd.txt"):
        for name, content in _BYTES.items():
            yield write(f"{file}: {name}", **{"labels.txt": None, file: content})
    for file in ("rate.txt", "report.json", "background.txt"):
        for name, content in _BYTES.items():
            yield write(f"{file}: {name}", **{file: content})
        for name, make in _NO_FILES.items():
            yield write(f"{file}: {name}", **{file: make})
    for name, lines in _LISTS.items():
        yield write(f"list: {name}", **{"labels.txt": None, "train.txt": lines.encode()})


_JSON = {
    "good": '[{"filename": "a.mp4", "label": 1}, {"filename": "a.mp4", "label": [0, 1]}]',
    "deep": "[" * 100_000,
    "wide": "[" + "{}," * 100_000 + "{}]",
    "many digits": '[{"filename": "a.mp4", "label": ' + "9" * 10_000 + "}]",
    "no list": '{"filename": "a.mp4", "label": 0}',
    "an object as label": '[{"filename": "a.mp4", "label": {}}]',
    "null": '[{"filename": null, "label": 0}]',
    "nan": '[{"filename": "a.mp4", "label": NaN}]',
    "outside": '[{"filename": "/etc/passwd", "label": 0}]',
    "zero byte": '[{"filename": "a\\u0000.mp4", "label": 0}]',
    "surrogate": '[{"filename": "a\\ud800.mp4", "label": 0}]',
}

_LISTS = {
    "no class names": "a.mp4 8 1\n",
    "2**40 classes": f"a.mp4 8 {2**40}\n",
    "no classes": "a.mp4\n",
    "several labels": "a.mp4 8 0,1\n",
    "10,000 labels": "a.mp4 8 " + ",".join(map(str, range(10_000))) + "\n",
    "labels with spaces": "a.mp4 0 1\na.mp4 0 1 2 3\n",
    "1,000 labels with spaces": "a.mp4 " + " ".join(map(str, range(1000))) + "\n",
    "negative labels": "a.mp4 8 -1,-1\n",
    "an annotation table": "label,youtube_id,time_start,time_end,split\nx,y,0,10,train\n",
    "backslashes": "..\\..\\..\\etc\\passwd 8 0\n",
    "a parent": "../data/a.mp4 8 0\n",
    "64 KiB of quotes": "'" * 65_000 + " 8 0\n",
}


def _cases_of_images(write, video):
    """Folders of images in lists."""
    frames = [_picture("JPEG"), _picture("PNG")]
    good = {f"f/img_0000{i}.jpg": frames[0] for i in range(1, 5)}
    lists = {"train.txt": b"f -1 0\n", "val.txt": b"f 4 1\n"}
    yield write("images: good", **lists, **good)
    for name, content in {**_videos(video), **_images(*frames)}.items():
        yield write(f"image: {name}", **lists, **{**good, "f/img_00002.jpg": content})
    for name, make in _NO_FILES.items():
        yield write(f"image: {name}", **lists, **{**good, "f/img_00002.jpg": make})
    for name, files in _NAMES.items():
        yield write(f"names: {name}", **lists, **{f"f/{file}": frames[0] for file in files})


def _images(jpeg: bytes, png: bytes):
    """Returns the contents of images."""
    at = jpeg.index(b"\xff\xc0")
    return {
        "a jpeg of 65,535x65,535": jpeg[: at + 5] + b"\xff" * 4 + jpeg[at + 9 :],
        "a jpeg of 0x0": jpeg[: at + 5] + bytes(4) + jpeg[at + 9 :],
        "a png of 2**31 - 1": png[:16] + b"\x7f\xff\xff\xff" * 2 + png[24:],
        "half a jpeg": jpeg[: len(jpeg) // 2],
        "half a png": png[: len(png) // 2],
        "a jpeg with 50 MB behind it": jpeg + bytes(50 << 20),
        "every tenth byte of a jpeg": bytes(
            b ^ (0xFF if i % 10 == 9 and i > 600 else 0) for i, b in enumerate(jpeg)
        ),
    }


_NAMES = {
    "none": (),
    "no numbers": ("a.jpg", "b.jpg"),
    "a gap": ("img_00001.jpg", "img_00003.jpg"),
    "a huge gap": ("1.jpg", "999999999999.jpg"),
    "more digits": ("1.jpg", "9999999999999.jpg"),
    "250 digits": ("1.jpg", "9" * 250 + ".jpg"),
    "arabic digits": ("img_١.jpg", "img_٢.jpg"),
    "flow only": ("flow_x_00001.jpg", "flow_y_00001.jpg"),
    "half the flow": ("img_00001.jpg", "flow_x_00001.jpg"),
    "escape": ("\x1b[2J1.jpg", "\x1b[2J2.jpg"),
    "line break": ("a\nb1.jpg", "c\nd2.jpg"),
    "percent": ("%d1.jpg", "%d2.jpg"),
    "10,000 files": tuple(f"{i:05}.jpg" for i in range(10_000)),
}


def _cases_of_class_folders(write, video):
    good = {"train/left/1.mp4": video, "train/right/1.mp4": video, "val/left/2.mp4": video}
    yield write("class folders: good", **_NO_LISTS, **good)
    for name, text in _COMMANDS.items():
        if "/" not in text and len(text.encode()) < 256:
            yield write(
                f"class folder: {name}", **_NO_LISTS, **good, **{f"train/{text}/1.mp4": video}
            )
            yield write(
                f"in a class folder: {name}", **_NO_LISTS, **good, **{f"val/left/{text}.mp4": video}
            )
    for name, make in _NO_FILES.items():
        for file in ("train/left/2.mp4", "train/up", "test", "val/left"):
            files = {key: value for key, value in good.items() if not key.startswith(f"{file}/")}
            yield write(f"{file}: {name}", **_NO_LISTS, **files, **{file: make})
    for name, target in {
        "itself": ".",
        "above": "..",
        "the root": "/",
        "its parent": "../..",
    }.items():
        for file in ("val/link", "val/left/link", "test"):
            yield write(
                f"{file} to {name}",
                **_NO_LISTS,
                **good,
                **{file: lambda path, target=target: path.symlink_to(target)},
            )
    yield write("one level", **_NO_LISTS, **{"left/1.mp4": video, "right/1.mp4": video})
    yield write("images in a class", **_NO_LISTS, **{"train/left/1.jpg": _picture("JPEG")})
    yield write("videos and images", **_NO_LISTS, **good, **{"val/left/3/1.jpg": _picture("JPEG")})
    yield write("deep", **_NO_LISTS, **{"train/left/" + "x/" * 900 + "1.mp4": video})
    yield write("no videos", **_NO_LISTS, **{"train/left/a.txt": b"x", "val/left/a.txt": b"x"})


_NO_FILES = {
    "missing": None,
    "a folder": lambda path: path.mkdir(),
    "a fifo": os.mkfifo,
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "full device": lambda path: path.symlink_to("/dev/full"),
    "null device": lambda path: path.symlink_to("/dev/null"),
    "loop of links": lambda path: path.symlink_to(path.name),
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "link to a video": lambda path: path.symlink_to("a.mp4"),
    "6 GiB of zeros": lambda path: path.open("wb").truncate(6 << 30),
}
