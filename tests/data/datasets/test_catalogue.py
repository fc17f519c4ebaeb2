import pytest
from public_labels import HMDB51, KINETICS400, UCF101

from tsm_tf.data.datasets.catalogue import find_symmetric_data_set


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (KINETICS400, "Kinetics-400"),
        (tuple(label.replace(" ", "_") for label in reversed(KINETICS400)), "Kinetics-400"),
        (UCF101, "UCF101"),
        (HMDB51, "HMDB51"),
        (HMDB51[1:], None),
        ((*UCF101, "Left turn"), None),
    ],
)
def test_data_sets_are_known_by_their_classes(labels, name):
    assert find_symmetric_data_set(labels) == name
