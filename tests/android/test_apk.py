"""The contents and the permissions of the APK that `bazel test //android_demo/...` builds."""

import os
import pathlib
import re
import subprocess
import zipfile

import pytest

LARGEST = 20 * 2**20
TOP_LEVEL = {"AndroidManifest.xml", "classes.dex", "resources.arsc"}
NAMES = ("TSM_APK", "TSM_APK_AGAIN", "TSM_ANDROID", "TSM_R8", "TSM_JDK")
if not all(name in os.environ for name in NAMES):
    pytest.skip(
        "the APK is tested by bazel test //android_demo/tests:apk_test", allow_module_level=True
    )
APK, APK_AGAIN, ANDROID, R8, JDK = (pathlib.Path(os.environ[name]) for name in NAMES)


def output(*command):
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def manifest():
    return output("aapt2", "dump", "xmltree", "--file", "AndroidManifest.xml", APK)


@pytest.fixture(scope="module")
def entries():
    with zipfile.ZipFile(APK) as apk:
        return apk.infolist()


def attributes(manifest, name):
    return re.findall(rf"android:{name}\(\w+\)=\"?([^\" \n]+)", manifest)


def test_one_permission_and_one_exported_activity(manifest):
    permissions = re.findall(r"E: uses-permission.*?name\(\w+\)=\"([\w.]+)", manifest, re.DOTALL)
    assert permissions == ["android.permission.CAMERA"]
    assert attributes(manifest, "exported") == ["true", "false"]
    for kind in ("service", "provider", "receiver", "activity-alias"):
        assert f"E: {kind} " not in manifest
    assert manifest.count("E: intent-filter ") == 1
    assert attributes(manifest, "usesCleartextTraffic") == ["false"]
    assert "debuggable" not in manifest and "testOnly" not in manifest


def test_signed_twice():
    report = output("apksigner", "verify", "--verbose", "--min-sdk-version", "21", APK)
    assert "v1 scheme (JAR signing): true" in report
    assert "v2 scheme (APK Signature Scheme v2): true" in report


def test_a_second_build_has_the_same_bytes():
    assert APK != APK_AGAIN and APK.read_bytes() == APK_AGAIN.read_bytes()


def test_contents(entries):
    names = {entry.filename for entry in entries}
    abis = {"arm64-v8a", "armeabi-v7a"}
    assert {name for name in names if name.startswith("lib/")} == {
        f"lib/{a}/libtensorflowlite_jni.so" for a in abis
    }
    assert [name for name in names if name.endswith(".dex")] == ["classes.dex"]
    assert all(
        name.startswith(("lib/", "res/", "assets/", "META-INF/")) for name in names - TOP_LEVEL
    )
    models = [entry for entry in entries if entry.filename.startswith("assets/")]
    assert models and all(entry.filename.endswith(".tflite") for entry in models)
    assert all(entry.compress_type == zipfile.ZIP_STORED for entry in models)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert APK.stat().st_size < LARGEST


def test_stored_entries_are_aligned(entries):
    data = APK.read_bytes()
    for entry in entries:
        if entry.compress_type == zipfile.ZIP_STORED:
            name, extra = (
                int.from_bytes(data[entry.header_offset + at :][:2], "little") for at in (26, 28)
            )
            assert (entry.header_offset + 30 + name + extra) % 4 == 0, entry.filename


def test_no_class_is_missing(tmp_path):
    """R8 finds each class, method and field that the dex refers to, there or in Android 10."""
    with zipfile.ZipFile(APK) as apk:
        dex = apk.extract("classes.dex", tmp_path)
    assert "invoke-custom" not in output("dexdump", "-d", dex)

    trace = (
        JDK / "bin" / "java",
        "-cp",
        R8,
        "com.android.tools.r8.tracereferences.TraceReferences",
        "--check",
    )
    output(*trace, "--lib", JDK, "--lib", ANDROID, "--source", dex)

    # Without Android, R8 does miss its classes.
    done = subprocess.run(
        [*map(str, trace), "--lib", str(JDK), "--source", dex], capture_output=True, text=True
    )
    assert "Missing class android.app.Activity" in done.stderr
