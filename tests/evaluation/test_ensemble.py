import dataclasses
import json
import posixpath

import numpy as np
import pytest
from testing import refuses, run_main

from tsm_tf import ModelSpec
from tsm_tf.evaluation import ensemble
from tsm_tf.evaluation.ensemble import fit_weights, fuse
from tsm_tf.evaluation.metrics import softmax, top_k
from tsm_tf.evaluation.scores import Scores

CLASSES = ("left", "right", "up")
SPEC = ModelSpec(num_classes=3, labels=CLASSES, num_segments=2, input_size=32, width=0.35)


def make_scores(seed, names=None, count=40):
    rng = np.random.default_rng(seed)
    return Scores(
        logits=rng.standard_normal((count, 3), np.float32),
        labels=np.arange(count) % 3,
        names=names or tuple(f"videos/{number}.mp4" for number in range(count)),
        classes=CLASSES,
        protocol="efficient",
        spec=SPEC,
        checkpoint_digest=str(seed),
    )


@pytest.fixture
def members():
    return [make_scores(seed) for seed in range(4)]


def test_fused_scores_are_numpys_weighted_sum(members):
    a, b, c, d = (member.logits for member in members)
    np.testing.assert_array_equal(fuse(members[:2], [1, 1.5]), 1 * a + 1.5 * b)
    np.testing.assert_array_equal(fuse(members, [1, 0, 2, 0.5]), 1 * a + 0 * b + 2 * c + 0.5 * d)
    np.testing.assert_array_equal(
        fuse(members[:2], [1, 1.5], use_softmax=True), 1 * softmax(a) + 1.5 * softmax(b)
    )
    assert fuse(members, [1, 1, 1, 1]).dtype == np.float32


def test_videos_and_their_flow_have_the_same_names_but_for_a_folder_and_the_extension(members):
    first, second = members[:2]
    prepared = dataclasses.replace(first, names=tuple(f"/source/{name}" for name in first.names))
    number = [posixpath.basename(name)[:-4] for name in second.names]
    for rgb, names in (
        (first, [f"videos/{n}" for n in number]),
        (first, [f"flow/videos/{n}" for n in number]),  # by `tsm_tf.data.flow`
        (first, [f"/other/machine/videos/{n}" for n in number]),
        (prepared, [f"flow/{n}" for n in number]),  # by `tsm_tf.data.prepare`, and flow of it
    ):
        flow = dataclasses.replace(second, names=tuple(names))
        np.testing.assert_array_equal(fuse([rgb, flow], [1, 1]), fuse([first, second], [1, 1]))
        np.testing.assert_array_equal(fuse([flow, rgb], [1, 1]), fuse([first, second], [1, 1]))

    for names in (
        [f"flow/test/{n}" for n in number],  # another split
        [f"myvideos/{n}" for n in number],
        [f"flow{n}/videos/{n}" for n in number],
    ):
        with refuses("scores", "the same videos", names[0]):
            fuse([first, dataclasses.replace(second, names=tuple(names))], [1, 1])


def test_refuses_scores_of_other_videos_classes_or_labels_and_bad_weights(members):
    first, second = members[:2]
    others = tuple(name.replace("7", "x") for name in second.names)
    cases = [
        ("scores", "the same classes", {"classes": ("left", "up", "right")}, "'right' and 'up'"),
        ("scores", "the same videos", {"names": others}, "'videos/7' and 'videos/x'"),
        ("scores", "the same label", {"labels": (second.labels + 1) % 3}, "videos/0.mp4"),
    ]
    for argument, rule, change, received in cases:
        with refuses(argument, rule, received):
            fuse([first, dataclasses.replace(second, **change)], [1, 1])
    with refuses("scores", "at least two members", "1"):
        fuse([first], [1])
    for weights in ([1, -1], [0, 0], [1], [1, float("nan")]):
        with refuses("weights", "2 numbers of at least 0, not all 0", str(weights[-1])):
            fuse([first, second], weights)


def test_fits_weights_on_one_half_of_the_videos_of_each_class():
    """The first member is wrong everywhere by little, the second is right by less."""
    labels = np.arange(60) % 3
    right = np.eye(3, dtype=np.float32)[labels]
    names = tuple(str(number) for number in range(60))
    scores = make_scores(0, names, 60)
    wrong = dataclasses.replace(scores, logits=np.roll(right, 1, axis=1))
    good = dataclasses.replace(scores, logits=0.3 * right)
    noise = dataclasses.replace(make_scores(1, names, 60))

    weights, is_held_out = fit_weights([wrong, good, noise])
    assert weights[0] == 1 and weights[1] >= 3.5
    assert np.bincount(labels[is_held_out]).tolist() == [10, 10, 10]
    fused = fuse([wrong, good, noise], weights)
    assert top_k(fused[is_held_out], labels[is_held_out], 1) > 0.9
    with refuses("scores", "at least two videos", "1"):
        fit_weights([make_scores(0, ("a",), 1)] * 2)


def test_command_prints_and_writes_each_member_and_the_fusion(members, tmp_path, capsys):
    paths = []
    for name, member in zip("ab", members, strict=False):
        (tmp_path / name).mkdir()
        member.save(tmp_path / name / "scores.npz")
        paths.append(str(tmp_path / name))
    flags = [f"--scores={','.join(paths)}", "--weights=1,1.5", f"--output={tmp_path}/fused"]
    run_main(ensemble, *flags)

    expected = fuse(members[:2], [1, 1.5])
    content = json.loads((tmp_path / "fused/ensemble.json").read_text())
    rows = [*(member.logits for member in members[:2]), expected]
    assert [row["top1"] for row in content["figures"]] == [
        top_k(logits, members[0].labels, 1) for logits in rows
    ]
    saved = Scores.load(tmp_path / "fused/scores.npz")
    np.testing.assert_array_equal(saved.logits, expected)
    printed = capsys.readouterr().out
    assert f"{top_k(expected, members[0].labels, 1):6.1%}" in printed and "fused" in printed

    run_main(ensemble, *flags)  # the same command may write again
    with refuses("output", "a new folder for another weights", "2"):
        run_main(ensemble, flags[0], "--weights=1,2", flags[2])
    with refuses("weights", "numbers with commas", "many"):
        run_main(ensemble, flags[0], "--weights=1,many")


def test_members_may_have_other_numbers_of_frames_and_other_networks(tmp_path, capsys):
    """Table 2 fuses networks of 8 and 16 frames; ECO's ensembles have four members."""
    specs = [
        SPEC.replace(num_segments=8),
        SPEC.replace(num_segments=16, backbone="resnet18", width=1.0),
        SPEC.replace(num_segments=8, modality="flow", mean=None, std=None),
        SPEC.replace(num_segments=32, input_size=64),
    ]
    members = [
        dataclasses.replace(make_scores(seed), spec=spec, protocol=protocol)
        for seed, (spec, protocol) in enumerate(zip(specs, ("a", "a", "b", "c"), strict=True))
    ]
    for number, member in enumerate(members):
        member.save(tmp_path / f"{number}.npz")
    paths = ",".join(f"{tmp_path}/{number}.npz" for number in range(4))
    run_main(ensemble, f"--scores={paths}", "--weights=1,1,1.5,0.25", f"--output={tmp_path}/fused")

    a, b, c, d = (member.logits for member in members)
    saved = Scores.load(tmp_path / "fused/scores.npz")
    np.testing.assert_array_equal(saved.logits, a + b + 1.5 * c + 0.25 * d)
    assert saved.protocol == "a + b + c"
    assert len(capsys.readouterr().out.splitlines()) == 4 + 2


def test_command_fits_weights(members, tmp_path, capsys):
    for name, member in zip("ab", members, strict=False):
        member.save(tmp_path / f"{name}.npz")
    paths = f"{tmp_path}/a.npz,{tmp_path}/b.npz"
    run_main(
        ensemble,
        f"--scores={paths}",
        "--fit_weights",
        f"--output={tmp_path}/fused",
    )
    weights, is_held_out = fit_weights(members[:2])
    content = json.loads((tmp_path / "fused/ensemble.json").read_text())
    assert content["fitted_weights"] == weights
    fused = fuse(members[:2], weights)[is_held_out]
    assert content["figures"][-1]["top1"] == top_k(fused, members[0].labels[is_held_out], 1)
    assert "weights fitted on 20 videos, figures of the other half" in capsys.readouterr().out
