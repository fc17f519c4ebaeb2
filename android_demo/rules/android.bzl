"""Builds an APK with Debian's aapt2 and apksigner, and with D8."""

load(":java.bzl", "JarInfo")

def _resources(ctx):
    apk = ctx.actions.declare_file(ctx.label.name + ".apk")
    java = ctx.actions.declare_file(ctx.label.name + "/R.java")
    ctx.actions.run_shell(
        inputs = ctx.files.res + [ctx.file.manifest, ctx.file._framework] + ctx.files._aapt2,
        outputs = [apk, java],
        command = """set -e
work=$(mktemp -d)
trap 'rm -rf $work' EXIT
{aapt2} compile -o $work/compiled.zip --dir {res}
{aapt2} link -o {apk} -I {framework} --manifest {manifest} --java $work --auto-add-overlay \
  $work/compiled.zip
cp $(find $work -name R.java) {java}
""".format(
            aapt2 = ctx.files._aapt2[0].path,
            res = ctx.file.manifest.dirname + "/res",
            framework = ctx.file._framework.path,
            manifest = ctx.file.manifest.path,
            apk = apk.path,
            java = java.path,
        ),
        mnemonic = "Aapt2",
    )
    return [
        DefaultInfo(files = depset([apk, java])),
        OutputGroupInfo(apk = depset([apk]), java = depset([java])),
    ]

android_resources = rule(_resources, attrs = {
    "manifest": attr.label(allow_single_file = True, mandatory = True),
    "res": attr.label_list(
        allow_files = True,
        doc = "files in the folder `res` next to the manifest",
    ),
    "_aapt2": attr.label(default = "@debian//:bin/aapt2", allow_files = True),
    "_framework": attr.label(default = "@debian//:framework-res.apk", allow_single_file = True),
})

def _dex(ctx):
    dex = ctx.actions.declare_file(ctx.label.name + "/classes.dex")
    jars = ctx.attr.jar[JarInfo].run_time
    ctx.actions.run_shell(
        inputs = depset(
            [ctx.file._d8, ctx.file._android, ctx.file._jdk] + ctx.files._dexdump,
            transitive = [jars],
        ),
        outputs = [dex],
        command = """set -e
{jdk}/bin/java -cp {d8} com.android.tools.r8.D8 --release --min-api {min_api} \
  --lib {jdk} --lib {android} --output {folder} {jars}
# Phones older than Android 8 cannot run invoke-custom, which some tools write instead of a class.
if {dexdump} -d {dex} | grep -q invoke-custom; then echo 'invoke-custom in {dex}' >&2; exit 1; fi
""".format(
            jdk = ctx.file._jdk.path,
            d8 = ctx.file._d8.path,
            min_api = ctx.attr.min_api,
            android = ctx.file._android.path,
            folder = dex.dirname,
            jars = " ".join([jar.path for jar in jars.to_list()]),
            dexdump = ctx.files._dexdump[0].path,
            dex = dex.path,
        ),
        mnemonic = "D8",
    )
    return DefaultInfo(files = depset([dex]))

android_dex = rule(_dex, attrs = {
    "jar": attr.label(providers = [JarInfo], mandatory = True),
    "min_api": attr.int(mandatory = True),
    "_d8": attr.label(default = "@maven_app//:r8-8.5.35.jar", allow_single_file = True),
    "_android": attr.label(
        default = "@maven_app//:android-all-10-robolectric-5803371.jar",
        allow_single_file = True,
    ),
    "_dexdump": attr.label(default = "@debian//:bin/dexdump", allow_files = True),
    "_jdk": attr.label(default = "@debian//:jdk", allow_single_file = True),
})

def _unsigned_apk(ctx):
    if not ctx.files.assets:
        fail("`assets` must contain a model")
    entries = ["classes.dex=" + ctx.file.dex.path]
    entries += ["assets/%s=%s" % (file.basename, file.path) for file in ctx.files.assets]
    for file in ctx.files.libs:
        abi = file.dirname.rpartition("/")[2]
        entries.append("lib/%s/%s=%s" % (abi, file.basename, file.path))
    ctx.actions.run(
        inputs = [ctx.file.dex, ctx.file.resources, ctx.file._pack] +
                 ctx.files.assets + ctx.files.libs,
        outputs = [ctx.outputs.out],
        executable = ctx.files._python[0],
        arguments = [ctx.file._pack.path, ctx.outputs.out.path, ctx.file.resources.path] + entries,
        mnemonic = "PackApk",
    )
    return DefaultInfo(files = depset([ctx.outputs.out]))

unsigned_apk = rule(_unsigned_apk, attrs = {
    "dex": attr.label(allow_single_file = True, mandatory = True),
    "resources": attr.label(allow_single_file = [".apk"], mandatory = True),
    "assets": attr.label_list(allow_files = True),
    "libs": attr.label_list(
        allow_files = [".so"],
        doc = "libraries, each in a folder named after its ABI",
    ),
    "out": attr.output(mandatory = True),
    "_pack": attr.label(default = "pack_apk.py", allow_single_file = True),
    "_python": attr.label(default = "@debian//:bin/python3", allow_files = True),
})

def _debug_apk(ctx):
    apksigner = ctx.files._apksigner[0]
    ctx.actions.run(
        inputs = [ctx.file.unsigned, ctx.file.keystore, apksigner],
        outputs = [ctx.outputs.out],
        executable = ctx.file._sign,
        arguments = [
            file.path
            for file in (apksigner, ctx.file.unsigned, ctx.outputs.out, ctx.file.keystore)
        ],
        mnemonic = "SignApk",
    )
    return DefaultInfo(files = depset([ctx.outputs.out]))

debug_apk = rule(
    _debug_apk,
    attrs = {
        "unsigned": attr.label(allow_single_file = [".apk"], mandatory = True),
        "keystore": attr.label(allow_single_file = True, mandatory = True),
        "out": attr.output(mandatory = True),
        "_sign": attr.label(default = "sign_apk.sh", allow_single_file = True),
        "_apksigner": attr.label(default = "@debian//:bin/apksigner", allow_files = True),
    },
    doc = "Signs with a public key. `make apk` signs with another one, outside of Bazel, so that " +
          "no action gets its password.",
)
