"""Java rules that use the commands of the JDK, because Bazel's own rules need downloads."""

JarInfo = provider("Compiled classes.", fields = {
    "jar": "the library's own classes",
    "run_time": "depset of the jars that its classes need to run; its own jar is first",
})

def _jars(targets):
    """Returns a depset of the jars of `java_jar` targets and of plain files."""
    jars = []
    for target in targets:
        if JarInfo in target:
            jars.append(target[JarInfo].run_time)
        else:
            jars.append(depset(target.files.to_list(), order = "preorder"))
    return depset(order = "preorder", transitive = jars)

def _java_jar(ctx):
    jar = ctx.actions.declare_file(ctx.label.name + ".jar")
    compile_time = _jars(ctx.attr.deps + ctx.attr.compile_only)
    ctx.actions.run_shell(
        inputs = depset(
            ctx.files.srcs + ctx.files.resources + [ctx.file._jdk],
            transitive = [compile_time],
        ),
        outputs = [jar],
        command = """set -e
classes=$(mktemp -d)
trap 'rm -rf $classes' EXIT
{jdk}/bin/javac --release {release} -g -encoding UTF-8 -proc:none \
  -Xlint:all,-options,-classfile,-serial,-path -Werror -d $classes -cp '{path}' {sources}
[ -z '{resources}' ] || cp -r {resources} $classes
{jdk}/bin/jar --create --date 1980-01-01T00:00:02Z --file {jar} -C $classes .
""".format(
            jdk = ctx.file._jdk.path,
            release = ctx.attr.release,
            path = ":".join([file.path for file in compile_time.to_list()]),
            sources = " ".join([file.path for file in ctx.files.srcs]),
            resources = " ".join([file.path for file in ctx.files.resources]),
            jar = jar.path,
        ),
        mnemonic = "Javac",
    )
    run_time = depset([jar], transitive = [_jars(ctx.attr.deps)], order = "preorder")
    return [DefaultInfo(files = depset([jar])), JarInfo(jar = jar, run_time = run_time)]

java_jar = rule(_java_jar, attrs = {
    "srcs": attr.label_list(allow_files = [".java"], mandatory = True),
    "resources": attr.label_list(allow_files = True),
    "deps": attr.label_list(
        allow_files = [".jar"],
        doc = "jars to compile and to run with, in the order of the class path",
    ),
    "compile_only": attr.label_list(
        allow_files = [".jar"],
        doc = "jars to compile with, such as android-all, which is part of the phone",
    ),
    "release": attr.int(default = 8),
    "_jdk": attr.label(default = "@debian//:jdk", allow_single_file = True),
})

def _junit_test(ctx):
    jars = _jars(ctx.attr.deps)
    ctx.actions.write(
        ctx.outputs.executable,
        """#!/bin/sh
exec {jdk}/bin/java {flags} -cp {path} org.junit.runner.JUnitCore {classes}
""".format(
            jdk = ctx.file._jdk.short_path,
            flags = " ".join([
                ctx.expand_location(flag, ctx.attr.data)
                for flag in ctx.attr.jvm_flags
            ]),
            path = ":".join([file.short_path for file in jars.to_list()]),
            classes = " ".join(ctx.attr.classes),
        ),
        is_executable = True,
    )
    files = ctx.files.data + [ctx.file._jdk] + jars.to_list()
    return DefaultInfo(runfiles = ctx.runfiles(files))

junit_test = rule(_junit_test, test = True, attrs = {
    "classes": attr.string_list(mandatory = True),
    "deps": attr.label_list(allow_files = [".jar"]),
    "data": attr.label_list(allow_files = True),
    "jvm_flags": attr.string_list(),
    "_jdk": attr.label(default = "@debian//:jdk", allow_single_file = True),
})

def _pytest_test(ctx):
    ctx.actions.write(
        ctx.outputs.executable,
        "#!/bin/sh\n{variables}exec {python} -m pytest -p no:cacheprovider {sources}\n".format(
            variables = "".join([
                "export %s=%s\n" % (name, ctx.expand_location(value, ctx.attr.data))
                for name, value in ctx.attr.env.items()
            ]),
            python = ctx.file._python.short_path,
            sources = " ".join([file.short_path for file in ctx.files.srcs]),
        ),
        is_executable = True,
    )
    files = ctx.files.srcs + ctx.files.data + [ctx.file._python]
    return DefaultInfo(runfiles = ctx.runfiles(files))

pytest_test = rule(_pytest_test, test = True, attrs = {
    "srcs": attr.label_list(allow_files = [".py"]),
    "data": attr.label_list(allow_files = True),
    "env": attr.string_dict(doc = "variables; may contain $(rootpath) of data"),
    "_python": attr.label(default = "@venv//:python", allow_single_file = True),
})
