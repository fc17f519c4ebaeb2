import json
import os
import subprocess
import sys

import endings
import numpy as np
import pytest
from published_sets import DAMAGED, FRAMES, write_frames, write_video
from videos import encode

from tsm_tf.data.datasets.checking import Checked, check_video, check_videos


def test_videos_and_folders(tmp_path):
    write_video(tmp_path / "a b.mp4")
    write_frames(tmp_path / "1")
    write_frames(tmp_path / "gap")
    (tmp_path / "gap/00005.jpg").unlink()
    write_frames(tmp_path / "flow", "flow_x_{:05d}.jpg")
    write_frames(tmp_path / "flow", "flow_y_{:05d}.jpg")
    (tmp_path / "damaged.mp4").write_bytes(DAMAGED)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "link.mp4").symlink_to("nowhere")
    write_video(tmp_path / "two\nlines.mp4")

    for name, num_frames, reason in (
        ("a b.mp4", FRAMES, ""),
        ("1", FRAMES, ""),
        ("gap", 0, "00005.jpg is missing"),
        ("flow", 0, "optical flow only"),
        ("damaged.mp4", 0, " "),
        ("empty.mp4", 0, "an empty file"),
        ("text.mp4", 0, " "),
        ("link.mp4", 0, "a link that leads nowhere"),
        ("two\nlines.mp4", 0, "control characters"),
        ("not\udc80text.mp4", 0, "not UTF-8"),
    ):
        result = check_video(str(tmp_path / name))
        assert (result.path, result.num_frames) == (str(tmp_path / name), num_frames)
        assert reason in result.reason if reason else not result.reason, result
    assert check_video(str(tmp_path / "empty.mp4")).size == 0
    assert check_video(str(tmp_path / "link.mp4")).mtime == -1


def test_damage_behind_the_first_frame(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (12, 48, 64, 3), dtype=np.uint8)
    path = encode(tmp_path / "a.mp4", frames, options={"g": "1"})
    content = bytearray(path.read_bytes())
    middle = content.index(b"mdat") + len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    path.write_bytes(content)
    assert check_video(str(path)).num_frames == 12
    result = check_video(str(path), decode_all=True)
    assert result.num_frames == 0 and result.reason

    write_video(path)
    assert check_video(str(path), decode_all=True) == check_video(str(path))


def fake_check(path):
    """Counts as many frames as the file has bytes; and remembers the call."""
    fake_check.calls.append(os.path.basename(path))
    status = os.stat(path)
    reason = "" if status.st_size else "an empty file"
    return Checked(path, status.st_size, status.st_mtime_ns, status.st_size, reason)


def paths_of(tmp_path, **sizes):
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(b"x" * size)
    return {name: str(tmp_path / name) for name in sizes}


def test_copies_are_checked_until_one_can_be_read(tmp_path):
    fake_check.calls = []
    path = paths_of(tmp_path, a=3, b=0, c=4, d=5, e=0)
    copies = [[path["a"]], [path["b"], path["c"], path["d"]], [path["e"], path["b"]]]
    results = check_videos(copies, tmp_path / "cache", check=fake_check)
    frames = [[result.num_frames for result in video] for video in results]
    assert frames == [[3], [0, 4], [0, 0]]
    assert fake_check.calls == ["a", "b", "e", "c", "b"]


def test_results_are_kept_while_files_do_not_change(tmp_path, capsys):
    path = paths_of(tmp_path, a=3, b=0, c=4)
    copies = [[path["a"]], [path["b"], path["c"]]]
    fake_check.calls = []
    first = check_videos(copies, tmp_path / "cache", check=fake_check)
    assert fake_check.calls == ["a", "b", "c"]

    assert check_videos(copies, tmp_path / "cache", check=fake_check) == first
    assert len(fake_check.calls) == 3
    assert "2 videos were checked before" in capsys.readouterr().out

    path |= paths_of(tmp_path, b=7)
    results = check_videos(copies, tmp_path / "cache", check=fake_check)
    assert fake_check.calls[3:] == ["b"] and results[1][0].num_frames == 7
    os.utime(path["a"], ns=(5, 5))
    check_videos(copies, tmp_path / "cache", check=fake_check)
    assert fake_check.calls[4:] == ["a"]


def test_an_interrupted_check_continues(tmp_path):
    path = paths_of(tmp_path, a=3, b=5, c=4)
    copies = [[path[name]] for name in "abc"]

    def interrupted(path):
        if path.endswith("c"):
            raise KeyboardInterrupt
        return fake_check(path)

    fake_check.calls = []
    with pytest.raises(KeyboardInterrupt):
        check_videos(copies, tmp_path / "cache", check=interrupted)
    with (tmp_path / "cache").open("a") as file:
        file.write('["cut by a ki')
    results = check_videos(copies, tmp_path / "cache", check=fake_check)
    assert fake_check.calls == ["a", "b", "c"]
    assert [video[0].num_frames for video in results] == [3, 5, 4]
    lines = (tmp_path / "cache").read_text().splitlines()
    assert [json.loads(lines[i])[0] for i in (0, 1, 3)] == [path[name] for name in "abc"]


def test_a_video_that_ends_the_process_is_unreadable(tmp_path, capsys):
    """The decoder's library may crash. Real processes; the check is in a module they can import."""
    copies = []
    for number in range(40):
        path = tmp_path / f"{number}"
        path.write_text("end" if number == 25 else "")
        copies.append([str(path)])

    results = check_videos(copies, tmp_path / "cache", workers=2, check=endings.check)
    assert [video[0].path for video in results] == [paths[0] for paths in copies]
    bad = {number: video[0].reason for number, video in enumerate(results) if video[0].reason}
    assert bad == {25: "ends the decoder's process"}
    assert "40 of 40 videos checked" in capsys.readouterr().out


@pytest.mark.slow
def test_processes_that_cannot_start_are_no_fault_of_the_videos(tmp_path):
    """A script without `if __name__ == "__main__"` runs again in each worker, and ends it."""
    script = tmp_path / "script.py"
    script.write_text(
        "import pathlib, sys\n"
        "from tsm_tf.data.datasets.checking import check_videos\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "check_videos([[str(folder / str(i))] for i in range(40)], folder / 'cache', workers=2)\n"
    )
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True)
    assert done.returncode == 1 and "worker processes end as soon as they start" in done.stderr
    assert (tmp_path / "cache").read_text() == ""
