import numpy as np
import pytest
from official import OfficialCase
from other_names import (
    mmaction_name,
    mmaction_resnext_name,
    mmaction_slowfast_name,
    pytorchvideo_i3d_name,
)
from testing import array, video_frames

from tsm_tf import build_model, load_official_weights
from tsm_tf.weights.image_names import official_names
from tsm_tf.weights.official import infer_spec


@pytest.mark.parametrize(
    "name, official",
    [
        ("features.0.0.weight", "features.0.0.weight"),
        ("features.1.conv.0.0.weight", "features.1.conv.0.weight"),
        ("features.1.conv.0.1.bias", "features.1.conv.1.bias"),
        ("features.1.conv.1.weight", "features.1.conv.3.weight"),
        ("features.1.conv.2.running_var", "features.1.conv.4.running_var"),
        ("features.17.conv.1.1.weight", "features.17.conv.4.weight"),
        ("features.17.conv.2.weight", "features.17.conv.6.weight"),
        ("features.17.conv.3.weight", "features.17.conv.7.weight"),
        ("classifier.1.weight", "classifier.1.weight"),
    ],
)
def test_torchvision(name, official):
    assert official_names([name, "features.1.conv.0.0.weight"])[name] == official


@pytest.mark.parametrize(
    "name, official",
    [
        ("conv_stem.weight", "features.0.0.weight"),
        ("bn1.running_mean", "features.0.1.running_mean"),
        ("blocks.0.0.conv_dw.weight", "features.1.conv.0.weight"),
        ("blocks.0.0.conv_pw.weight", "features.1.conv.3.weight"),
        ("blocks.0.0.bn2.bias", "features.1.conv.4.bias"),
        ("blocks.1.1.conv_pw.weight", "features.3.conv.0.weight"),
        ("blocks.6.0.bn3.weight", "features.17.conv.7.weight"),
        ("conv_head.weight", "features.18.0.weight"),
        ("classifier.weight", "classifier.weight"),
    ],
)
def test_timm(name, official):
    assert official_names([name, "blocks.0.0.conv_dw.weight"])[name] == official


@pytest.mark.parametrize(
    "name, official",
    [
        ("backbone.conv1.conv.weight", "conv1.weight"),
        ("backbone.conv1.bn.running_mean", "bn1.running_mean"),
        ("backbone.layer1.0.conv1.conv.net.weight", "layer1.0.conv1.net.weight"),
        ("backbone.layer1.0.conv1.bn.bias", "layer1.0.bn1.bias"),
        ("backbone.layer4.2.conv3.conv.weight", "layer4.2.conv3.weight"),
        ("backbone.layer1.0.downsample.conv.weight", "layer1.0.downsample.0.weight"),
        ("backbone.layer1.0.downsample.bn.weight", "layer1.0.downsample.1.weight"),
        ("cls_head.fc_cls.bias", "new_fc.bias"),
        ("backbone.layer2.0.block.conv1.conv.net.weight", "layer2.0.block.conv1.net.weight"),
        ("backbone.layer2.0.non_local_block.g.0.conv.bias", "layer2.0.nl.g.0.bias"),
        ("backbone.layer3.4.non_local_block.theta.conv.weight", "layer3.4.nl.theta.weight"),
        ("backbone.layer3.4.non_local_block.phi.0.conv.weight", "layer3.4.nl.phi.0.weight"),
        ("backbone.layer2.2.non_local_block.conv_out.conv.weight", "layer2.2.nl.W.0.weight"),
        (
            "backbone.layer2.2.non_local_block.conv_out.bn.running_var",
            "layer2.2.nl.W.1.running_var",
        ),
    ],
)
def test_mmaction_resnet(name, official):
    assert official_names([name, "backbone.conv1.conv.weight"])[name] == official
    assert official_names([f"module.{name}", "module.backbone.conv1.conv.weight"]) == {
        f"module.{name}": official,
        "module.backbone.conv1.conv.weight": "conv1.weight",
    }


@pytest.mark.parametrize(
    "name, official",
    [
        ("backbone.conv1.conv.weight", "features.0.0.weight"),
        ("backbone.conv1.bn.weight", "features.0.1.weight"),
        ("backbone.layer1.0.conv.0.bn.weight", "features.1.conv.1.weight"),
        ("backbone.layer1.0.conv.1.conv.weight", "features.1.conv.3.weight"),
        ("backbone.layer2.1.conv.0.conv.net.weight", "features.3.conv.0.net.weight"),
        ("backbone.layer2.1.conv.0.net.conv.weight", "features.3.conv.0.net.weight"),
        ("backbone.layer2.1.conv.0.net.bn.running_mean", "features.3.conv.1.running_mean"),
        ("backbone.layer7.0.conv.2.bn.running_var", "features.17.conv.7.running_var"),
        ("backbone.conv2.conv.weight", "features.18.0.weight"),
        ("backbone.conv2.bn.bias", "features.18.1.bias"),
        ("cls_head.fc_cls.weight", "new_fc.weight"),
    ],
)
def test_mmaction_mobilenet(name, official):
    assert official_names([name, "backbone.layer1.0.conv.0.conv.weight"])[name] == official


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.", "model._orig_mod.module."])
def test_wrappers_around_any_layout(prefix):
    names = [f"{prefix}features.1.conv.0.0.weight", f"{prefix}features.18.0.weight"]
    found = list(official_names(names).values())
    assert found == ["features.1.conv.0.weight", "features.18.0.weight"]


def test_official_names_stay(golden_dir):
    for key in ("A", "D"):
        names = OfficialCase(golden_dir, key).shapes
        plain = {name: name.removeprefix("module.") for name in names}
        assert official_names(names) == plain


BUILDERS = [
    ("torchvision", "resnet18"),
    ("torchvision", "resnet50"),
    ("torchvision", "mobilenet_v2"),
    ("timm", "resnet50"),
    ("timm", "mobilenetv2_100"),
]


@pytest.mark.parametrize("library, name", BUILDERS)
def test_parity(library, name):
    """The very libraries, with random weights: the same logits of the same frames."""
    torch = pytest.importorskip("torch", reason="make test-torch has it")
    module = pytest.importorskip(library, reason="make test-torch has it")
    torch.manual_seed(0)
    network = module.create_model(name) if library == "timm" else getattr(module.models, name)()
    frames = (video_frames(1, 4, 128, 128, 3) / 64 - 2).astype("float32")
    images = torch.from_numpy(frames[0]).permute(0, 3, 1, 2)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = (
                1.0  # statistics of these very frames, so that logits have a usual size
            )
            torch.nn.init.uniform_(layer.weight, 0.6, 1.2)
        elif isinstance(layer, torch.nn.Linear):
            torch.nn.init.kaiming_normal_(layer.weight)
    network.train()(images)
    expected = network.eval()(images).detach().numpy()
    assert np.abs(expected[0] - expected[1]).max() > 0.1 and np.abs(expected).max() < 30
    state_dict = {key: value.detach().numpy() for key, value in network.state_dict().items()}
    spec = infer_spec(state_dict, input_size=128, num_segments=4)
    assert spec.num_classes == 1000 and spec.shift_mode == "none"
    model = build_model(spec, preprocess=False, per_frame=True)
    load_official_weights(model, state_dict)
    np.testing.assert_allclose(array(model(frames))[0], expected, rtol=0, atol=1e-4)


def test_pytorchvideo():
    """Only the classifier has another name; the projection of a transformer does not look so."""
    names = ["blocks.6.proj.bias", "blocks.3.res_blocks.1.branch2.conv_a.weight"]
    assert list(official_names(names).values()) == ["new_fc.bias", names[1]]
    assert official_names(["blocks.10.proj.weight"]) == {
        "blocks.10.proj.weight": "blocks.10.proj.weight"
    }


def test_other_projects_names_of_whole_networks(golden_dir):
    """Each name of the golden cases, converted to another project's and back."""
    for key, rename, back in (
        ("SLOWFAST", mmaction_slowfast_name, lambda name: name.replace("blocks.6.proj", "new_fc")),
        ("I3D311", pytorchvideo_i3d_name, None),
        ("RX101", mmaction_resnext_name, lambda name: name.replace("base_model.", "")),
        ("TRNM_R50", mmaction_name, lambda name: name.replace("base_model.", "")),
    ):
        names = list(OfficialCase(golden_dir, key, "networks").shapes)
        expected = official_names(names) if back is None else {x: back(x) for x in names}
        renamed = {x: rename(x) for x in names if rename(x)}
        found = official_names(renamed.values())
        for name, other in renamed.items():
            assert found[other] == expected[name].replace(".net.", "."), other
