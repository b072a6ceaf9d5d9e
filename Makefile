# make lab   opens the course in JupyterLab;   make test   tests the library and every notebook. Each works alone on a fresh clone.
PY ?= python3
BIN := .venv/bin
REPO ?=
NAME ?=

.PHONY: lab test lint notebooks student slides site browser costs weights links bench clean

lab: .venv/.lab
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

test: .venv/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --nbval -n 2 --dist loadfile

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

notebooks: .venv/.dev # all of them, or those that NAME begins: make notebooks NAME=01
	$(BIN)/python tools/build_notebooks.py $(NAME)

student: .venv/.lab # the edition without solutions, in student/
	$(BIN)/python tools/student.py $(NAME)

slides: .venv/.dev node_modules/.ok # HTML and PDF in slides/build; needs node >= 18, and Chromium for the PDF
	PYTHONPATH=tools OMP_NUM_THREADS=1 $(BIN)/python slides/build_slides.py $(NAME)

site: slides .venv/.site node_modules/.ok # the website, in site/build
	PYTHONPATH=tools OMP_NUM_THREADS=1 $(BIN)/python site/build_site.py

browser: site # lessons in a real JupyterLab, site and slides in Chromium
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/browser -m slow -n 2 --dist worksteal

costs: .venv/.dev # time and memory of each lesson on this machine, into headers, README and site
	$(BIN)/python tools/costs.py $(NAME)

weights: .venv/.dev # remakes a shipped network from scratch: make weights NAME=digits_vae
	$(BIN)/python -m course_lib.weights $(NAME)

links: .venv/.dev # moves the course to another address: make links REPO=owner/name
	$(BIN)/python tools/links.py $(REPO)

bench: .venv/.dev # ours beside what one would use instead: make bench NAME=metrics
	$(BIN)/python -m benchmarks.$(NAME)

.venv/bin/python:
	$(PY) -m venv .venv

.venv/.lab: pyproject.toml | .venv/bin/python
	$(BIN)/pip install -q -e ".[lab]"
	touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	$(BIN)/pip install -q -e ".[dev]"
	touch .venv/.lab $@

.venv/.site: pyproject.toml | .venv/bin/python
	$(BIN)/pip install -q -e ".[dev,site]"
	touch .venv/.lab .venv/.dev $@

node_modules/.ok: package-lock.json
	npm ci --no-audit --no-fund
	touch $@

clean:
	rm -rf .venv build slides/build site/build student runs node_modules
