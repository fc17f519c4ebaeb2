import pytest
from testing import refuses

from tsm_tf.detection.data.vid_xml import XmlObject, read_xml, write_xml
from tsm_tf.errors import MissingFile

PUBLISHED = """<annotation>
\t<folder>ILSVRC2015_val_00000000</folder>
\t<filename>000003</filename>
\t<source>
\t\t<database>ILSVRC_2015</database>
\t</source>
\t<size>
\t\t<width>100</width>
\t\t<height>80</height>
\t</size>
\t<object>
\t\t<trackid>2</trackid>
\t\t<name>n02084071</name>
\t\t<bndbox>
\t\t\t<xmax>29</xmax>
\t\t\t<xmin>10</xmin>
\t\t\t<ymax>90</ymax>
\t\t\t<ymin>-3</ymin>
\t\t</bndbox>
\t\t<occluded>1</occluded>
\t\t<generated>0</generated>
\t</object>
</annotation>
"""


def written(tmp_path, text):
    path = tmp_path / "a.xml"
    path.write_text(text)
    return path


def test_a_published_annotation_becomes_half_open_and_is_cut_to_the_picture(tmp_path):
    frame = read_xml(written(tmp_path, PUBLISHED))
    assert (frame.width, frame.height) == (100, 80)
    (entry,) = frame.objects
    assert (entry.name, entry.track, entry.box) == ("n02084071", 2, (10, 0, 30, 80))
    assert entry.is_occluded and not entry.is_degraded and entry.line == 11


def test_a_still_image_has_no_tracks_and_a_frame_may_be_empty(tmp_path):
    still = PUBLISHED.replace("\t\t<trackid>2</trackid>\n", "")
    assert read_xml(written(tmp_path, still)).objects[0].track == -1
    empty = PUBLISHED[: PUBLISHED.index("\t<object>")] + "</annotation>\n"
    assert read_xml(written(tmp_path, empty)).objects == ()


def test_what_is_written_is_read(tmp_path):
    objects = (
        XmlObject("ring", 0, (0, 1, 20, 30), is_degraded=True, line=8),
        XmlObject("R&D <b>", 4, (95, 79, 96, 80), is_occluded=True, line=21),
    )
    write_xml(tmp_path / "a.xml", "val/v & w", "000000", 96, 80, objects)
    frame = read_xml(tmp_path / "a.xml")
    assert frame.objects == objects and (frame.width, frame.height) == (96, 80)
    assert "<xmax>19</xmax>" in (tmp_path / "a.xml").read_text()  # inclusive, as published


BAD = {  # what is replaced, by what, line, words of the error
    "cut off": ("</annotation>\n", "", 23, "must be XML"),
    "unclosed": ("</name>", "", 22, "must be XML"),
    "other root": ("annotation>", "xml>", 1, "must start with <annotation>"),
    "no width": ("\t\t<width>100</width>\n", "", 1, "must have <width>"),
    "no size": ("size>", "sizes>", 1, "must have <width>"),
    "width of 0": (">100<", ">0<", 8, "whole number of at least 1 in <width>"),
    "half a pixel": (">80<", ">80.5<", 9, "whole number of at least 1 in <height>"),
    "no name": ("<name>n02084071</name>", "<name> </name>", 11, "name the class"),
    "no xmin": ("\t\t\t<xmin>10</xmin>\n", "", 11, "must have <xmin>"),
    "a word": ("<xmin>10<", "<xmin>ten<", 16, "must have a number in <xmin>"),
    "nothing": ("<xmax>29<", "<xmax><", 15, "must have a number in <xmax>"),
    "nan": ("<xmax>29<", "<xmax>nan<", 15, "must have a number in <xmax>"),
    "infinite": ("<ymax>90<", "<ymax>inf<", 17, "must have a number in <ymax>"),
    "endless": ("<ymax>90<", "<ymax>1e300<", 17, "must have a number in <ymax>"),
    "reversed": ("<xmin>10<", "<xmin>30<", 16, "boxes with pixels of the picture, 100 x 80"),
    "outside": ("<ymin>-3<", "<ymin>80<", 16, "boxes with pixels of the picture"),
    "left of it": ("<xmax>29</xmax>\n\t\t\t<xmin>10<", "<xmax>-1</xmax><xmin>-9<", 15, "boxes"),
    "half a track": ("<trackid>2<", "<trackid>2.5<", 12, "whole number in <trackid>"),
    "entities": (
        "<annotation>\n",
        '<!DOCTYPE a [\n<!ENTITY b "c">]><annotation>\n',
        2,
        "must not define entities",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_annotation_names_the_file_and_the_line(tmp_path, kind):
    old, new, line, words = BAD[kind]
    assert old in PUBLISHED
    path = written(tmp_path, PUBLISHED.replace(old, new))
    with refuses("annotations", words, f"see {path}:{line}."):
        read_xml(path)


def test_a_missing_or_empty_file(tmp_path):
    with refuses("annotations", "must be XML", ":1"):
        read_xml(written(tmp_path, ""))
    with pytest.raises(MissingFile, match="XML file for every frame"):
        read_xml(tmp_path / "missing.xml")
