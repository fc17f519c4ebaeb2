"""Prints a Java class with the text of a JSON file: `java_text.py PACKAGE.CLASS FILE`."""

import json
import pathlib
import sys

if __name__ == "__main__":
    package, _, name = sys.argv[1].rpartition(".")
    content = json.loads(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"))
    # A JSON string is also a Java string. javac limits constants to 65,535 bytes.
    text = json.dumps(json.dumps(content, separators=(",", ":")))
    print(
        f"package {package};\n\nfinal class {name} {{\n    static final String TEXT = {text};\n}}"
    )
