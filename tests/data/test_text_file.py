from tsm_tf.data.text_file import read_lines


def test_lines_end_at_line_feeds_only(tmp_path):
    path = tmp_path / "a.txt"
    content = "\ufeffa\r\nb\x0bc\x0cd\x1ce\x85f\u2028g\u2029h\n\ri\r\r\n"
    path.write_bytes(content.encode())
    assert read_lines(str(path)) == [
        "a",
        "b\x0bc\x0cd\x1ce\x85f\u2028g\u2029h",
        "\ri\r",
        "",
    ]
