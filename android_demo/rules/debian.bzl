"""A repository with Debian's Android tools and JDK 17. Missing packages are named."""

_TOOLS = {
    # command: Debian package
    "aapt2": "aapt",
    "apksigner": "apksigner",
    "dexdump": "dexdump",
    "java": "openjdk-17-jdk-headless",
    "javac": "openjdk-17-jdk-headless",
    "python3": "python3",
    "unzip": "unzip",
}
_JDK = "/usr/lib/jvm/java-17-openjdk-"  # the default JDK may be another one
_FRAMEWORK = "/usr/share/android-framework-res/framework-res.apk"

def _debian_tools(ctx):
    missing = {}
    arch = ctx.execute(["dpkg", "--print-architecture"]).stdout.strip()
    jdk = ctx.path(_JDK + arch)
    for tool, package in _TOOLS.items():
        in_jdk = package.startswith("openjdk")
        path = jdk.get_child("bin").get_child(tool) if in_jdk else ctx.which(tool)
        if not path or not path.exists:
            missing[package] = None
        else:
            # A link would not do: some tools look for their files in the folder of the command.
            ctx.file("bin/" + tool, "#!/bin/sh\nexec %s \"$@\"\n" % path, executable = True)
    if not ctx.path(_FRAMEWORK).exists:
        missing["android-framework-res"] = None
    if missing:
        names = " ".join(missing.keys())
        fail("these Debian packages are missing: %s (`make apk-deps` installs them)" % names)
    ctx.symlink(_FRAMEWORK, "framework-res.apk")
    ctx.symlink(jdk, "jdk")
    ctx.file("BUILD.bazel", """exports_files(
    glob(["bin/*"]) + ["framework-res.apk", "jdk"],
    visibility = ["//visibility:public"],
)
""")

debian_tools = repository_rule(_debian_tools, local = True, configure = True)
