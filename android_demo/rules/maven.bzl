"""Files from Maven's central repository, pinned by a lock file that lists all of them."""

_MAVEN = "/usr/share/java/maven3-model-builder.jar"
_SUPER_POM = "org/apache/maven/model/pom-4.0.0.xml"

def _central_repository(ctx):
    """Returns the repository's address, as it is written in Debian's Maven, which does not run."""
    if not ctx.path(_MAVEN).exists:
        fail("a Debian package is missing: libmaven3-core-java (`make apk-deps` installs it)")
    pom = ctx.execute(["unzip", "-p", _MAVEN, _SUPER_POM]).stdout
    return pom.split("<url>")[1].split("</url>")[0]

def _parse(line, repository):
    """Returns the address, the file name and the SHA-256 in a line of a lock file."""
    coordinates, sha256 = line.split(" ")
    parts = coordinates.split(":")
    group, artifact, kind, version = parts[0], parts[1], parts[2], parts[-1]
    classifier = "-" + parts[3] if len(parts) == 5 else ""
    name = "%s-%s%s.%s" % (artifact, version, classifier, kind)
    folder = "/".join([repository, group.replace(".", "/"), artifact, version])
    return struct(url = folder + "/" + name, name = name, sha256 = sha256)

def _maven_lock(ctx):
    repository = _central_repository(ctx)
    lines = ctx.read(ctx.attr.lock).strip().split("\n")
    for file in [_parse(line, repository) for line in lines if not line.startswith("#")]:
        ctx.download(file.url, output = file.name, sha256 = file.sha256)
        if file.name.endswith(".aar"):
            ctx.extract(file.name, output = file.name[:-len(".aar")])
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
    doc = "The files in a lock file; `:jars` are those with classes. Unpacks AARs. Bazel checks " +
          "each file's checksum, and keeps a copy in its repository cache.",
)
