"""Files from Maven, pinned by a lock file that lists all of them with their checksums."""

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>lock</groupId><artifactId>lock</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>%s</dependencies></project>
"""
_DEPENDENCY = """
<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version><type>%s</type>%s
<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>"""

def _parse(line):
    """Returns the file name, the Maven dependency and the SHA-256 in a line of a lock file."""
    coordinates, sha256 = line.split(" ")
    parts = coordinates.split(":")
    group, artifact, kind, version = parts[0], parts[1], parts[2], parts[-1]
    classifier = parts[3] if len(parts) == 5 else ""
    name = "%s-%s%s.%s" % (artifact, version, "-" + classifier if classifier else "", kind)
    tag = "<classifier>%s</classifier>" % classifier if classifier else ""
    dependency = _DEPENDENCY % (group, artifact, version, kind, tag)
    return struct(name = name, dependency = dependency, sha256 = sha256)

def _maven_lock(ctx):
    lines = ctx.read(ctx.attr.lock).strip().split("\n")
    files = [_parse(line) for line in lines if not line.startswith("#")]
    ctx.file("pom.xml", _POM % "".join([file.dependency for file in files]))
    command = ["mvn", "--batch-mode", "--quiet", _PLUGIN, "-DoutputDirectory=."]
    if ctx.execute(command + ["--offline"]).return_code:
        ctx.report_progress("mvn")
        done = ctx.execute(command, timeout = 1200)
        if done.return_code:
            fail("mvn cannot fetch %s: %s" % (ctx.attr.lock, done.stdout + done.stderr))
    sums = "".join(["%s  %s\n" % (file.sha256, file.name) for file in files])
    ctx.file("sums", sums)
    done = ctx.execute(["sha256sum", "--check", "--quiet", "sums"])
    if done.return_code:
        fail("a checksum in %s does not match: %s" % (ctx.attr.lock, done.stdout + done.stderr))
    for file in files:
        if file.name.endswith(".aar"):
            ctx.execute(["unzip", "-q", file.name, "-d", file.name[:-len(".aar")]])
    ctx.file("BUILD.bazel", """package(default_visibility = ["//visibility:public"])
exports_files(glob(["**"]))
filegroup(
    name = "jars",
    srcs = glob(["*.jar", "*/classes.jar"], exclude = ["android-all-instrumented-*"]),
)
""")

maven_lock = repository_rule(
    _maven_lock,
    attrs = {"lock": attr.label(allow_single_file = True, mandatory = True)},
    doc = "The files in a lock file; `:jars` are those with classes. Unpacks AARs. Tries Maven's " +
          "cache before the network.",
)
