"""Files from Maven, pinned by a lock file with checksums; its transitive dependencies are lines of their own."""

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>lock</groupId><artifactId>lock</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>%s</dependencies></project>
"""
_DEPENDENCY = """
<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version><type>%s</type>%s
<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>"""

def _parse(line):
    """Returns a lock file's line as the file's name, its Maven dependency and its SHA-256."""
    coordinates, sha256 = line.split(" ")
    parts = coordinates.split(":")
    group, artifact, kind, version = parts[0], parts[1], parts[2], parts[-1]
    classifier = parts[3] if len(parts) == 5 else ""
    name = "%s-%s%s.%s" % (artifact, version, "-" + classifier if classifier else "", kind)
    tag = "<classifier>%s</classifier>" % classifier if classifier else ""
    return struct(name = name, dependency = _DEPENDENCY % (group, artifact, version, kind, tag), sha256 = sha256)

def _maven_lock(ctx):
    lines = ctx.read(ctx.attr.lock).strip().split("\n")
    files = [_parse(line) for line in lines if not line.startswith("#")]
    ctx.file("pom.xml", _POM % "".join([file.dependency for file in files]))
    command = ["mvn", "--batch-mode", "--quiet", _PLUGIN, "-DoutputDirectory=."]
    if ctx.execute(command + ["--offline"]).return_code:
        ctx.report_progress("mvn")
        done = ctx.execute(command, timeout = 1200)
        if done.return_code:
            fail("mvn could not fetch %s: %s" % (ctx.attr.lock, done.stdout + done.stderr))
    sums = "".join(["%s  %s\n" % (file.sha256, file.name) for file in files])
    ctx.file("sums", sums)
    done = ctx.execute(["sha256sum", "--check", "--quiet", "sums"])
    if done.return_code:
        fail("a file is not the one in %s: %s" % (ctx.attr.lock, done.stdout + done.stderr))
    for file in files:
        if file.name.endswith(".aar"):
            ctx.execute(["unzip", "-q", file.name, "-d", file.name[:-len(".aar")]])
    ctx.file("BUILD.bazel", """package(default_visibility = ["//visibility:public"])
exports_files(glob(["**"]))
filegroup(name = "jars", srcs = glob(["*.jar", "*/classes.jar"], exclude = ["android-all-instrumented-*"]))
""")

maven_lock = repository_rule(
    _maven_lock,
    attrs = {"lock": attr.label(allow_single_file = True, mandatory = True)},
    doc = "Files of a lock file, `:jars` all its class files; AARs are unpacked. Maven's own cache is tried first.",
)
