"""Kill a run at random moments, resume it, and compare its end with a run that was left alone.

    python tests/slow/soak.py                  an hour
    python tests/slow/soak.py --minutes 5 --kill-every 5 15 --seed 3

Each round kills the process with SIGKILL after a random time, or asks it to stop with SIGINT or SIGTERM. The run is
resumed until it finishes; then weights, completions, evaluations and metrics are compared with the untouched run,
and memory and open files of the processes with their beginning.
"""
import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT/'tests')]
OPTIONS = [
    'observers=[]',
    'eval.eval_num_samples=32',
    'eval.eval_steps=20',
    'eval.save_best=true',
    'train.save_steps=5',
    'train.grpo.num_iterations=2',
    'train.grpo.steps_per_generation=2',
    'reward_component=random_baseline',
    'train.per_device_train_batch_size=16',
]
SENT = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 130}


def start(*arguments):
    "The command line in a process of its own."
    return subprocess.Popen(
        [sys.executable, str(ROOT / 'run_pipeline.py'), *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def watch(process, seconds):
    "The highest memory, in bytes, and number of open files of a process until it ends or its time is over."
    import psutil
    memory, files, end = 0, 0, time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        try:
            p = psutil.Process(process.pid)
            memory, files = max(memory, p.memory_info().rss), max(files, p.num_fds())
        except psutil.Error: break
        time.sleep(0.2)
    return memory, files


def ended(folder):
    "The status in a run's result; None where it has none."
    path = Path(folder)/'result.json'
    return json.loads(path.read_text())['status'] if path.exists() else None


def has_begun(folder, process):
    "Whether the process writes the run by now; while it imports, a signal ends it as it would end any program."
    mark = Path(folder)/'writer.json'
    return mark.exists() and json.loads(mark.read_text()).get('pid') == process.pid


def one_run(folder, options, rng, kill_every, end):
    "Run until finished, killed again and again; what each part took."
    parts, arguments = [], [f'run_dir={folder}', *options]
    while True:
        process = start(*arguments)
        last = time.monotonic() > end
        memory, files = watch(process, 1e9 if last else rng.uniform(*kill_every))
        sent = rng.choice([*SENT, signal.SIGKILL]) if has_begun(folder, process) else signal.SIGKILL
        if process.poll() is None: process.send_signal(sent)
        _, err = process.communicate()
        parts.append((memory, files))
        assert 'Traceback' not in err, err[-3000:]
        if process.returncode == 0: return parts
        if sent == signal.SIGKILL and ended(folder) == 'finished': return parts  # killed behind its last word
        assert process.returncode == SENT[sent], (sent, process.returncode, err[-3000:])
        if (Path(folder)/'manifest.json').exists(): arguments = ['--resume', folder]
        else: shutil.rmtree(folder, ignore_errors=True)  # killed before anything was written that could be resumed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=60)
    parser.add_argument('--kill-every', type=float, nargs=2, default=[30, 90], help='seconds, from and to')
    parser.add_argument('--steps', type=int, default=100)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    rng, end, base = random.Random(args.seed), time.monotonic() + 60 * args.minutes, Path(tempfile.mkdtemp())
    options = [*OPTIONS, f'train.max_steps={args.steps}']
    process = start(f'run_dir={base/"whole"}', *options)
    _, err = process.communicate()
    assert process.returncode == 0, err[-3000:]
    from test_resume_run import assert_same
    rounds, parts = 0, []
    while rounds == 0 or time.monotonic() < end:
        rounds += 1
        run = base/f'run-{rounds}'
        parts += one_run(run, options, rng, args.kill_every, end)
        assert_same(run, base/'whole')
        print(f'round {rounds}: the same after {len(parts)} parts in all', flush=True)
        shutil.rmtree(run)
    memory, files = zip(*parts)
    print(
        f'{rounds} runs in {len(parts)} parts ended the same; peak memory {min(memory) / 2**20:.0f} to '
        f'{max(memory) / 2**20:.0f} MiB, open files at most {max(files)}'
    )
    shutil.rmtree(base)


if __name__ == '__main__': main()
