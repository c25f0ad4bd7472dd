"""Do the notebooks pass with the oldest versions that settings.ini admits? python tests/oldest.py [NOTEBOOK ...]

Makes .venv-test-oldest with the lower bound of every requirement the first time, and again when settings.ini changes
(minutes: gigabytes of torch). Then runs the cells of each notebook of nbs/api in a process of its own, and two steps
of the pipeline. nbdev and pytest need newer versions than the package does, so neither takes part.
"""
import contextlib
import json
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT/'.venv-test-oldest'
PYTHON = VENV/'bin/python'
SKIPPED = re.compile(r'(?m)^#\| *(notest|slow|cuda|eval: *false)')   # as nbdev-test skips them
USED = ['matplotlib', 'reasoning-gym', 'scipy', 'tensorboard']   # by cells of the notebooks
RUN = ['train.max_steps=2', 'train.num_generations=4', 'train.per_device_train_batch_size=8', 'train.save_steps=2',
       'data.max_train_samples=64', 'eval.eval_num_samples=16', 'observers=[]']


def oldest():
    "The lower bound of every requirement, as pins."
    parser = ConfigParser(delimiters=['='], interpolation=None)
    parser.read(ROOT/'settings.ini', encoding='utf-8')
    bounds = re.findall(r'^([\w-]+)>=([\d.]+)', parser['DEFAULT']['requirements'], flags=re.M)
    return [f'{name}=={version}' for name, version in bounds]


def environment():
    "The environment with these versions, made where it isn't there yet."
    pins, kept = VENV/'pins.txt', '\n'.join(oldest()) + '\n'
    if pins.exists() and pins.read_text() == kept: return
    subprocess.run([sys.executable, '-m', 'venv', '--clear', VENV], check=True)
    wanted = VENV/'wanted.txt'
    wanted.write_text(kept)
    subprocess.run([PYTHON, '-m', 'pip', 'install', '-q', '-c', wanted, '-e', ROOT, *USED], check=True)
    wanted.rename(pins)


def newer_test_helpers():
    "What the notebooks' tests take from fastcore.test and older versions of it lack."
    import fastcore.test
    if hasattr(fastcore.test, 'expect_fail'): return

    @contextlib.contextmanager
    def expect_fail(exc=Exception, contains=''):
        try: yield
        except exc as error: assert contains in str(error), f'{contains!r} is not in {error}'
        else: raise AssertionError(f'expected {exc.__name__}')
    fastcore.test.expect_fail = expect_fail
    if hasattr(fastcore.test, '__all__'): fastcore.test.__all__.append('expect_fail')


def run_cells(notebook):
    "Run a notebook's cells in this process, in the notebook's folder; the first failure ends it with status 1."
    from IPython.core.interactiveshell import InteractiveShell
    cells = json.loads(notebook.read_text(encoding='utf-8'))['cells']
    newer_test_helpers()
    os.chdir(notebook.parent)
    shell = InteractiveShell.instance()
    for cell in cells:
        source = ''.join(cell['source'])
        if cell['cell_type'] != 'code' or SKIPPED.search(source): continue
        if not shell.run_cell(source).success: raise SystemExit(f'{notebook.name}: the cell {cell["id"]} fails')


def passes(name, *command):
    "Run a command in the environment and say how it went."
    done = subprocess.run([PYTHON, *command], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    print(name, 'ok' if done.returncode == 0 else f'FAILED\n{done.stdout[-3000:]}{done.stderr[-3000:]}', flush=True)
    return done.returncode == 0


def main(named):
    "Everything, or the notebooks that are named."
    environment()
    notebooks = [Path(n).resolve() for n in named] or sorted((ROOT/'nbs/api').glob('*.ipynb'))
    done = [passes(path.stem, __file__, '--cells', str(path)) for path in notebooks]
    if not named: done.append(passes('run_pipeline.py', 'run_pipeline.py', *RUN, f'run_dir={VENV}/run-{os.getpid()}'))
    return 0 if all(done) else 1


if __name__ == '__main__':
    if sys.argv[1:2] == ['--cells']: run_cells(Path(sys.argv[2]))
    else: sys.exit(main(sys.argv[1:]))
