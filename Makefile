# make demo | test | test-slow | test-jax | test-torch | lint | bench | bench-train | apk | apk-test; each makes its environment first.
PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/python
DEMO ?= runs/demo

.PHONY: env demo test test-slow test-jax test-torch test-backends test-latest lint format bench bench-train soak clean \
  apk apk-test apk-deps apk-tools apk-models apk-screenshots

env: $(VENV)/.installed
$(VENV)/.installed: EXTRAS = train,export,live,test
.venv-jax/.installed: EXTRAS = jax,test
.venv-torch/.installed: EXTRAS = torch,test
.venv-latest/.installed: EXTRAS = train,export,test
.venv-latest/.installed: CONSTRAINTS = constraints-latest.txt
CONSTRAINTS = constraints.txt

# Rebuilt when a file that decides its content changes; otherwise this costs nothing.
%/.installed: setup.cfg pyproject.toml constraints.txt constraints-latest.txt
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "error: $(PYTHON) with venv is needed; on Debian 12: apt-get install python3 python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $*
	PIP_CONSTRAINT=$(CONSTRAINTS) PIP_DISABLE_PIP_VERSION_CHECK=1 \
	  $*/bin/python -m pip install --quiet --progress-bar=on -e '.[$(EXTRAS)]'
	@touch $@

demo: env
	$(RUN) -m export.demo --output=$(DEMO) $(if $(DATA),--data=$(DATA))

test: env
	$(RUN) -m pytest -m "not slow" -n 2 --dist worksteal

test-slow: env test-jax test-torch test-backends
	$(RUN) -m pytest -m slow

# Keras' other backends, in environments without TensorFlow. PyTorch's takes 5 GB; it also reads real .pth files.
BACKEND_TESTS := tests/layers tests/models tests/training/test_jax.py tests/training/test_optimizer.py
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

format: env
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

NETWORKS := resnet50,mobilenet_v2,keras:MobileNetV2,keras:MobileNetV3Small,keras:EfficientNetB0,keras:EfficientNetV2B0,keras:ResNet50V2

SIZES := mobilenet_v2/1.0/160 mobilenet_v2/0.75/192 mobilenet_v2/0.5/224 mobilenet_v2/0.5/160 mobilenet_v2/0.35/160 \
  keras:MobileNetV3Small/1.0/224

# Ratios of pairs that are measured in turns; absolute times are this machine's. The results are CSV and PNG files.
bench: env
	$(RUN) -m benchmarks.keras_clip_latency --output=benchmarks --backbones=$(NETWORKS)
	rm -rf build/bench && mkdir -p build/bench
	$(RUN) -m export.tflite --online --variants=float32,int8 --output=build/bench/tsm
	$(RUN) -m export.tflite --online --variants=float32,int8 --shift_mode=none --output=build/bench/plain_2d
	$(RUN) -m export.benchmark --output=benchmarks --threads=1 --runtimes=tflite_runtime,ai_edge_litert \
	  --models=$$(echo build/bench/tsm/*.tflite build/bench/plain_2d/*int8.tflite build/bench/plain_2d/*float32.tflite | tr ' ' ,)
	set -e; for size in $(SIZES); do $(RUN) -m export.tflite --online --backbone=$${size%/*/*} --output=build/bench/$$size \
	  --width=$$(echo $$size | cut -d/ -f2) --input_size=$${size##*/}; done
	$(RUN) -m export.benchmark --output=benchmarks/sizes --threads=1 --runtimes=tflite_runtime,ai_edge_litert \
	  --models=$$(ls build/bench/*/*/*/*.tflite | tr '\n' , )build/bench/tsm/mobilenet_v2_online_float32.tflite
	$(RUN) -m tsm_tf.data.synthetic --output=build/bench/data --num_train=180 --num_val=9
	$(RUN) -m benchmarks.training_input --data=build/bench/data --output=benchmarks

# Training steps against TSN, the original in PyTorch, and two workers; 10 minutes, and PyTorch's 5 GB.
bench-train: env .venv-torch/.installed
	$(RUN) -m benchmarks.training_step --torch_python=.venv-torch/bin/python --output=benchmarks

# Hours of reliability: a million steps of a stream, and damaged model files. `make soak STEPS=20000` for a short one.
STEPS ?= 1000000
soak: env
	TF_CPP_MIN_LOG_LEVEL=3 $(RUN) tests/soak.py --steps=$(STEPS)
	$(RUN) tests/mutations.py --count=2000

# The Android demo, docs/android.md. Its models: MODEL="FILE ...", CHECKPOINT=DIR, the demo's, or fresh weights.
APK_PACKAGES := aapt android-framework-res apksigner bazel-bootstrap dexdump maven openjdk-17-jdk-headless unzip
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
	@echo "*** no $(DEMO), no MODEL, no CHECKPOINT: the app gets FRESH WEIGHTS, and recognises nothing ***"
endif

apk: apk-tools apk-models
	bazel build //android_demo:apk && cp -f build/bazel-bin/android_demo/tsm_demo.apk build/tsm_demo.apk
	@bazel shutdown && ls -l build/tsm_demo.apk

# The pictures of docs/android.md.
apk-screenshots: apk-tools env
	bazel test //android_demo/tests:screenshots
	unzip -oq build/bazel-testlogs/android_demo/tests/screenshots/test.outputs/outputs.zip -d build/screenshots
	@bazel shutdown

apk-test: apk-tools env
	bazel test //android_demo/...
	@bazel shutdown

# The pages in docs/ and an API reference, as a website in build/site.
.PHONY: docs
.venv-docs/.installed: EXTRAS = docs
docs: .venv-docs/.installed
	.venv-docs/bin/python -m mkdocs build --quiet --strict

clean:
	rm -rf $(VENV) .venv-* build *.egg-info
