# make lab   opens the course in JupyterLab;   make test   tests the library and every notebook. Each works alone on a fresh clone.
PY ?= python3
BIN := .venv/bin
REPO ?=
NAME ?=

.PHONY: lab test lint notebooks weights links bench clean

lab: .venv/.lab
	$(BIN)/jupyter lab notebooks/00_start_here.ipynb

test: .venv/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --nbval -n 2 --dist loadfile

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

notebooks: .venv/.dev # all of them, or those that NAME begins: make notebooks NAME=01
	$(BIN)/python tools/build_notebooks.py $(NAME)

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

clean:
	rm -rf .venv build student runs
