"""Processes that have the large libraries already: a notebook, or the command line as a user types it.

Importing torch, transformers and TRL takes about seven seconds of a core, more than most tests themselves. So a server
imports them once for each process of pytest, and what needs a process of its own is forked from it. Nothing of this
package is imported in the server: each process imports it anew.
"""
import multiprocessing
import os
import runpy
import socket
import sys
import tempfile
from pathlib import Path

from house import BAR, TEMPORARY

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ['torch', 'transformers', 'trl.trainer.grpo_trainer', 'peft', 'datasets', 'hydra', 'pydantic', 'nbdev.test',
             'matplotlib_inline.backend_inline', 'ipywidgets', 'hydra.core.override_parser.overrides_parser']


def write_to(number, path):
    "From here on a file descriptor of this process writes into a file."
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, number)
    os.close(out)


def shown(outputs):
    "What the outputs of a cell show, as text, without progress bars and the names of temporary folders."
    texts = [o.get('text') or (o.get('data') or {}).get('text/plain') or '' for o in outputs or []]
    whole = (''.join(text) for text in texts)
    return TEMPORARY.sub('...', ''.join(text for text in whole if not BAR.search(text))).strip()


def hold_to_outputs():
    "From here on a notebook of this process fails where a cell shows something else than what is saved."
    import nbdev.test

    class Held(nbdev.test.CaptureShell):
        def cell(self, cell, **more):
            saved = shown(cell.get('outputs'))
            super().cell(cell, **more)
            if not saved or cell.cell_type != 'code' or self.exc or shown(cell.outputs) == saved: return
            self.exc = AssertionError(f'{cell.id} shows something else, mend it or run nbdev-test --save\n'
                                      f'saved: {saved}\nnow:   {shown(cell.outputs)}')

    nbdev.test.CaptureShell = Held


def run_notebook_here(notebook, flags, log, held=False):
    "The whole life of a notebook's process; what it writes goes into the file `log`."
    for number in (1, 2): write_to(number, log)
    os.environ.pop('IN_TEST', None)
    os.chdir(ROOT)
    from nbdev.test import nbdev_test
    if held: hold_to_outputs()
    nbdev_test(notebook, flags=flags, n_workers=0)
    sys.stdout.flush()


def run_program_here(program, arguments, cwd, environ, out, err):
    "The whole life of a command's process; `out` and `err` are files for what it writes."
    write_to(1, out)
    write_to(2, err)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    if environ.get('HF_HUB_OFFLINE') == '1':   # the library has read the environment of the server
        from huggingface_hub import constants
        constants.HF_HUB_OFFLINE = True
    sys.argv = [str(ROOT/program), *arguments]
    sys.path[:0] = [str((ROOT/program).parent), str(ROOT)]
    runpy.run_path(sys.argv[0], run_name='__main__')


def forked(target, *args):
    "A process that runs a function."
    forks = 'forkserver' in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context('forkserver' if forks else 'spawn')
    if forks: context.set_forkserver_preload(LIBRARIES)
    process = context.Process(target=target, args=args)
    process.start()
    return process


def status_of(process, seconds):
    "How a process ended, None where it took too long."
    process.join(seconds)
    if process.exitcode is not None: return process.exitcode
    process.kill()
    process.join()


def run_notebook(notebook, log, flags='', seconds=900, held=False):
    """Whether a notebook passes as `nbdev-test` runs it, and what it wrote; `log` is a file for that. With `held`, its
    cells have to show what is saved."""
    status = status_of(forked(run_notebook_here, notebook, flags, str(log), held), seconds)
    return status == 0, Path(log).read_text(encoding='utf-8', errors='replace')


class Command:
    "`python run_pipeline.py ARGUMENTS`, or another program, at work; with what tests ask of `subprocess.Popen`."
    def __init__(self, *arguments, cwd, program='run_pipeline.py', **env):
        environ = {k: v for k, v in os.environ.items() if not k.startswith('WANDB')} | {'OMP_NUM_THREADS': '1'} | env
        self.folder = tempfile.TemporaryDirectory()
        self.logs = [Path(self.folder.name)/name for name in ('stdout', 'stderr')]
        self.process = forked(run_program_here, program, list(map(str, arguments)), str(cwd), environ,
                              *map(str, self.logs))

    @property
    def returncode(self): return self.process.exitcode
    def poll(self): return self.process.exitcode
    def send_signal(self, number): os.kill(self.process.pid, number)
    def kill(self): self.process.kill()

    def communicate(self, timeout=600):
        "What it wrote, once it has ended: output and errors."
        assert status_of(self.process, timeout) is not None, f'still at work after {timeout} s'
        with self.folder: return [path.read_text(encoding='utf-8', errors='replace') for path in self.logs]


def run_command(*arguments, cwd, **more):
    "The same from start to end: status, output and errors."
    process = Command(*arguments, cwd=cwd, **more)
    out, err = process.communicate()
    return process.returncode, out, err


def run_together(*arguments, cwd, size=2, **more):
    "The same in several processes that train together, as torchrun starts them: the worst status, all that they wrote."
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    env = dict(WORLD_SIZE=str(size), LOCAL_WORLD_SIZE=str(size), MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port),
               CUDA_VISIBLE_DEVICES='')
    processes = [Command(*arguments, cwd=cwd, RANK=str(i), LOCAL_RANK=str(i), **env, **more) for i in range(size)]
    written = [process.communicate() for process in processes]
    return max(abs(p.returncode) for p in processes), *('\n'.join(texts) for texts in zip(*written))
