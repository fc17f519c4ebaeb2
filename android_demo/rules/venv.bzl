"""The project's Python environment, for the build steps and tests that need TensorFlow."""

def _venv(ctx):
    root = ctx.path(Label("@//:WORKSPACE")).dirname
    python = root.get_child(".venv").get_child("bin").get_child("python")
    if not python.exists:
        fail("the Python environment is missing: run `make env` first")
    ctx.file("python", "#!/bin/sh\nexec %s \"$@\"\n" % python, executable = True)
    ctx.file("BUILD.bazel", "exports_files([\"python\"], visibility = [\"//visibility:public\"])\n")

venv = repository_rule(_venv, local = True, configure = True)
