"""The notebooks are clean and pass, the package is what they export, the README is what the index says."""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from warm import run_notebook

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT/'nbs'))
import pages  # noqa: E402

NOTEBOOKS = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT/'nbs').rglob('*.ipynb')
                   if not any(part[0] in '._' for part in p.relative_to(ROOT).parts))
ENV = {k: v for k, v in os.environ.items() if k != 'IN_TEST'}
BIN = Path(sys.executable).parent


def contents(folder):
    "Every notebook and exported file of a tree, by path."
    paths = [*folder.glob('nbs/**/*.ipynb'), *folder.glob('rlvr_nb/**/*.py'), *folder.glob('*.md')]
    return {p.relative_to(folder).as_posix(): p.read_text(encoding='utf-8') for p in paths}


def changed(tree, *commands):
    "Which files of `tree` differ after `commands`."
    before = contents(tree)
    for command in commands:
        subprocess.run([str(BIN/command[0]), *command[1:]], cwd=tree, env=ENV, check=True, capture_output=True,
                       text=True, timeout=300)
    after = contents(tree)
    return sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))


def test_package_is_what_the_notebooks_export(tree):
    assert changed(tree, ['nbdev-export']) == [], 'run nbdev-export and commit'


def test_notebooks_are_clean(tree):
    assert changed(tree, ['nbdev-clean']) == [], 'run nbdev-clean and commit'


def test_readme_is_the_processed_index(tree):
    before = {p: p.read_bytes() for p in tree.glob('nbs/images/index_*')}
    assert changed(tree, ['python', 'nbs/pages.py', 'readme']) == [], 'run python nbs/pages.py readme and commit'
    assert {p: p.read_bytes()
            for p in tree.glob('nbs/images/index_*')} == before, 'a picture of the README is not the saved one'


def test_the_checks_above_can_fail(tree):
    notebook = next(tree.glob('nbs/api/*.ipynb'))
    notebook.write_text(notebook.read_text(encoding='utf-8').replace('#| export\\n',
                                                                     '#| export\\n",\n    "# not exported yet\\n', 1),
                        encoding='utf-8')
    assert changed(tree, ['nbdev-export'])
    (tree/'README.md').write_text('something else')
    assert changed(tree, ['python', 'nbs/pages.py', 'readme']) == ['README.md']


@pytest.mark.parametrize('notebook', NOTEBOOKS)
def test_outputs_are_saved(notebook, root):
    bare = pages.without_output(root/notebook)
    assert not bare, f'{notebook}: no saved output, run nbdev-test --save on it'


# They show the name of a temporary folder, times, the number of a cell, or random numbers.
VARYING = ('15_table.ipynb', '28_algebra.ipynb', '29_verify.ipynb', '36_scoring.ipynb', '81_probe.ipynb')
# What these notebooks show depends on nothing but the code, so a shown value is a test of it, with EVERYTHING=1.
HELD = [n for n in NOTEBOOKS if re.match(r'nbs/api/[0-36-9]\d_', n) and not n.endswith(VARYING)]


@pytest.mark.parametrize('notebook', NOTEBOOKS)
def test_notebook_passes(notebook, tmp_path):
    held = notebook in HELD and sys.version_info[:2] == (3, 11) and 'EVERYTHING' in os.environ
    passed, written = run_notebook(notebook, tmp_path/'log', 'cuda' if shutil.which('nvidia-smi') else '', held=held)
    assert passed, written[-8000:]


def test_what_a_cell_shows_is_held_to_what_is_saved(tmp_path):
    for said, passes in (('2', True), ('3', False)):
        output = dict(output_type='execute_result', data={'text/plain': said}, metadata={}, execution_count=1)
        cell = dict(cell_type='code', id='sum', source='1 + 1', metadata={}, outputs=[output], execution_count=1)
        (tmp_path/'sum.ipynb').write_text(json.dumps(dict(cells=[cell], metadata={}, nbformat=4, nbformat_minor=5)))
        passed, written = run_notebook(str(tmp_path/'sum.ipynb'), tmp_path/'log', held=True)
        assert (passed, 'sum shows something else' in written) == (passes, not passes), written


def test_a_notebook_that_fails_is_no_pass(tmp_path):
    cell = dict(cell_type='code', source="raise ValueError('like this')", metadata={}, outputs=[], execution_count=None)
    (tmp_path/'fails.ipynb').write_text(json.dumps(dict(cells=[cell], metadata={}, nbformat=4, nbformat_minor=5)))
    passed, written = run_notebook(str(tmp_path/'fails.ipynb'), tmp_path/'log')
    assert not passed and 'like this' in written
