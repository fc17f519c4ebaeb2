from testing import refuses

from tsm_tf.data.flow.names import folder_names, key_of
from tsm_tf.data.video import Video


def names(*videos):
    made = [Video(path, name, -1, 0, *segment) for path, name, *segment in videos]
    folders = folder_names(made)
    return [folders[key_of(video)] for video in made]


def test_folders_are_named_like_the_videos():
    assert names(("/d/a b.mp4", "a b.mp4"), ("/d/c/v.1.avi", "c/v.1.avi"), ("/d/x", "./x")) == [
        "flow/a b",
        "flow/c/v.1",
        "flow/x",
    ]


def test_a_video_in_two_lists_has_one_folder():
    assert names(("/d/a.mp4", "a.mp4"), ("/d/a.mp4", "a.mp4")) == ["flow/a", "flow/a"]


def test_segments_have_folders_of_their_own():
    found = names(("/d/a.mp4", "a.mp4", 0.5, 2.0), ("/d/a.mp4", "a.mp4", 2.0, 7.25))
    assert found == ["flow/a_0.5_2", "flow/a_2_7.25"]


def test_the_suffix_stays_where_folders_would_meet():
    assert names(("/d/a.mp4", "a.mp4"), ("/d/a.avi", "a.avi")) == ["flow/a.mp4", "flow/a.avi"]
    assert names(("/d/a.mp4", "a.mp4"), ("/d/a/b.mp4", "a/b.mp4")) == ["flow/a.mp4", "flow/a/b"]


def test_videos_from_elsewhere_are_named_from_their_common_folder_on():
    found = names(
        ("/ucf/Yo-Yo/v_1.avi", "/ucf/Yo-Yo/v_1.avi"),
        ("/ucf/Archery/v_1.avi", "../ucf/Archery/v_1.avi"),
    )
    assert found == ["flow/Yo-Yo/v_1", "flow/Archery/v_1"]


def test_two_videos_of_one_name_are_refused():
    with refuses("data", "flow differ", "/b/a.mp4"):
        names(("/d/b/a.mp4", "b/a.mp4"), ("/b/a.mp4", "/b/a.mp4"), ("/c.mp4", "/c.mp4"))
