"""Whatever bytes come in: read, or refused with a reason; never a crash, a hang or a lost record.

Coverage-guided fuzzing by atheris, with a second opinion for each target, so that wrong results
are found and not only crashes::

    .venv/bin/pip install -c constraints.txt -e '.[dev,fuzz]'
    .venv/bin/python -m fuzzing csv --runs 1000000     # or: make fuzz TARGET=csv RUNS=1000000
    .venv/bin/python -m fuzzing csv --repeat FILE      # one input once more, with its traceback
    .venv/bin/python -m fuzzing csv --runs 1000 --plain   # without atheris, and so without coverage

===========  =====================================  ===============================================
target       an input is                            and has to agree with
===========  =====================================  ===============================================
csv          a file, and all keys of `format: csv`  a parser that goes from character to character
layouts      a file, read as far as cells and       the same, so much faster that it sees more
             no further
xml          a document, its row, its block sizes   expat, and a reader that walks the whole tree
dates        cells, a type, a format and a zone     a parser that goes back wherever it was wrong
definitions  a definition or a project file         itself with a comment above: same outcome, one
                                                    line below; places that the file has
cursors      a cursor, whole, damaged or made up    itself, written and read once more
archives     a file, perhaps packed                 `zipfile` and `gzip`, of what is unpacked
===========  =====================================  ===============================================

The first bytes of an input choose options, see the target's module; the others are the content.
Inputs that reach new code are kept in the corpus, a folder that grows from run to run. A finding
ends the run with exit code 1; its input is kept beside the corpus.

`import_assets_tests/test_fuzzing.py` runs a few hundred mutated seeds of each target by the plain
loop in `plain`, which needs no atheris.
"""
