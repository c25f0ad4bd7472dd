"""One notebook, run as `nbdev-test` runs it, in a process that has the large libraries already.

Importing torch, transformers and TRL takes seconds, and most notebooks need them. So they are imported once, into a
server from which each notebook's process is forked. Everything else a notebook makes for itself.
"""
import multiprocessing
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ['torch', 'transformers', 'trl.trainer.grpo_trainer', 'peft', 'datasets', 'hydra', 'pydantic', 'nbdev.test']


def run_here(notebook, flags, log):
    "The whole life of a notebook's process; what it writes goes into the file `log`."
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.pop('IN_TEST', None)
    os.chdir(ROOT)
    from nbdev.test import nbdev_test
    nbdev_test(notebook, flags=flags, n_workers=0)
    sys.stdout.flush()


def run_notebook(notebook, log, flags='', seconds=900):
    "Whether a notebook passes, and what it wrote; `log` is a file for that."
    forks = 'forkserver' in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context('forkserver' if forks else 'spawn')
    if forks: context.set_forkserver_preload(LIBRARIES)
    process = context.Process(target=run_here, args=(notebook, flags, str(log)))
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode == 0, Path(log).read_text(encoding='utf-8', errors='replace')
