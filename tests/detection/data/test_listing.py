import pytest
from annotated_data import coco_content, write_coco, write_list, write_published
from testing import refuses

from tsm_tf.detection.data.class_names import VID_LABELS
from tsm_tf.detection.data.listing import DetectionListing, open_detection_data
from tsm_tf.errors import MissingFile


def test_the_layout_is_found(tmp_path):
    published, coco = tmp_path / "published", tmp_path / "coco"
    coco.mkdir()
    listing = open_detection_data(write_published(published))
    assert listing.labels == VID_LABELS and open_detection_data(listing) is listing
    assert listing.videos("val") is listing.videos("val")  # read once
    assert open_detection_data(str(write_coco(coco, coco_content()))).labels == ("car", "ball")


@pytest.mark.parametrize("name", ["", "missing", "file.txt"])
def test_a_folder_without_annotations(tmp_path, name):
    (tmp_path / "file.txt").write_text("a")
    with pytest.raises(MissingFile, match="ImageSets, Annotations and Data"):
        open_detection_data(tmp_path / name)


def test_bad_labels(tmp_path):
    write_published(tmp_path)
    for text in ("", "dog\ndog\n"):
        (tmp_path / "labels.txt").write_text(text)
        with refuses("data", "distinct class names"):
            open_detection_data(tmp_path)


def test_the_digest_changes_with_lists_and_labels(tmp_path):
    digests = {DetectionListing(write_published(tmp_path)).digest}
    digests.add(DetectionListing(tmp_path).digest)
    assert len(digests) == 1
    write_list(tmp_path, "VID_val_videos", ["val/w0 1 0 4"])
    digests.add(DetectionListing(tmp_path).digest)
    (tmp_path / "labels.txt").write_text("dog\nfox\n")
    digests.add(DetectionListing(tmp_path).digest)
    assert len(digests) == 3
