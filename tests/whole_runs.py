"""What the tests of whole runs share: the command line from the first import on, and what a run has left."""
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TINY = ['train.max_steps=6', 'eval.eval_num_samples=48', 'train.learning_rate=1e-3']


def fresh_command(*arguments, cwd, **env):
    "The command line as a user types it, from the first import on: its status, output and errors."
    environ = {k: v for k, v in os.environ.items() if not k.startswith('WANDB')} | {'OMP_NUM_THREADS': '1'} | env
    done = subprocess.run([sys.executable, str(ROOT/'run_pipeline.py'), *arguments], cwd=cwd, env=environ,
                          capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout, done.stderr


def result_of(run): return json.loads((Path(run)/'result.json').read_text())


def completions(run):
    from rlvr_nb.tracking import RunDir
    return RunDir.open(run).read_completions()
