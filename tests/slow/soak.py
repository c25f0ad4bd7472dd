"""Kill runs at random moments, resume them, and compare their ends with runs that were left alone.

    python tests/slow/soak.py                                    an hour, one worker
    python tests/slow/soak.py --minutes 25 --workers 8           eight runs side by side, each with settings of its own
    python tests/slow/soak.py --minutes 5 --kill-every 5 15 --seed 3 --summary soak.json

A worker starts a run and kills its process with SIGKILL after a random time, or asks it to stop with SIGINT or SIGTERM.
It resumes the run until the run has finished; then weights, completions, evaluations and metrics must equal those of
a run with the same settings that nothing disturbed. One more process trains through the whole time undisturbed; its
memory and its open files show whether anything grows.

Once a minute a summary so far goes to the file of `--summary`; the last one is printed as one line of JSON. Everything
runs on the CPU with one thread a process. When the time is over nothing more is killed and the runs at work are
finished, which takes a minute or two. The exit status is 1 where a run ended differently or a process in an
unexpected way.
"""
import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT/'tests')]
COMMON = [
    'observers=[]',
    'eval.eval_num_samples=32',
    'eval.eval_steps=20',
    'train.save_steps=5',
    'reward_component=random_baseline',
    'train.per_device_train_batch_size=16',
]
SETTINGS = [  # of the first worker, the second, and so on
    ['eval.save_best=true', 'train.grpo.num_iterations=2', 'train.grpo.steps_per_generation=2'],
    ['train.grpo.beta=0.05', 'train.logging_steps=4'],
    ['model.lora_config.use_lora=false', 'train.gradient_accumulation_steps=2'],
    ['data.max_train_samples=64', 'train.grpo.num_iterations=2', 'train.save_steps=3'],
    ['model.lora_config.use_lora=false', 'train.grpo.beta=0.05', 'train.grpo.sync_ref_model=true',
     'train.grpo.ref_model_sync_steps=4'],
    ['train.dynamic_sampling=2', 'train.save_steps=7'],
    ['model.lora_config.lora_dropout=0.1', 'train.grpo.steps_per_generation=4', 'train.gradient_accumulation_steps=2'],
    ['train.warm_start={source: solutions, examples: 64, epochs: 1, batch_size: 16}', 'train.grpo.beta=0.02'],
    ['train.warm_start={source: solutions, examples: 64, epochs: 1, batch_size: 16}', 'train.dynamic_sampling=2',
     'train.grpo.num_iterations=2', 'train.grpo.steps_per_generation=4', 'data.max_train_samples=64',
     'train.grpo.beta=0.02', 'train.logging_steps=3'],
    ['model.lora_config.use_lora=false', 'train.grpo.beta=0.05', 'train.grpo.sync_ref_model=true',
     'train.grpo.ref_model_sync_steps=3', 'train.dynamic_sampling=1', 'train.logging_steps=3',
     'data.max_train_samples=48', 'train.grpo.steps_per_generation=2'],
    ['train.grpo.loss_type=dr_grpo', 'train.gradient_accumulation_steps=2', 'train.save_steps=1',
     'train.grpo.save_total_limit=3', 'eval.eval_steps=7', 'eval.save_best=true', 'eval.samples_per_prompt=2'],
    ['train.save_steps=9', 'train.logging_steps=5', 'train.optim_name=adafactor', 'train.grpo.num_iterations=3',
     'model.lora_config.lora_dropout=0.2', 'train.lr_scheduler_type=cosine'],
]
SENT = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 130}


def start(*arguments):
    "The command line in a process of its own, without a GPU and with one thread."
    quiet = dict(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='1', TOKENIZERS_PARALLELISM='false', HF_HUB_OFFLINE='1')
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')]))
    return subprocess.Popen(
        [sys.executable, str(ROOT / 'run_pipeline.py'), *map(str, arguments)],
        env=os.environ | quiet | dict(PYTHONPATH=path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def taken(process):
    "Memory in bytes and number of open files of a process; None where it has ended."
    import psutil
    try:
        p = psutil.Process(process.pid)
        return p.memory_info().rss, p.num_fds()
    except psutil.Error: return None


def watch(process, seconds):
    "The highest memory and number of open files of a process until it ends or its time is over."
    memory, files, end = 0, 0, time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        found = taken(process)
        if found: memory, files = max(memory, found[0]), max(files, found[1])
        time.sleep(0.2)
    return memory, files


def ended(folder):
    "The status in a run's result; None where it has none."
    path = Path(folder)/'result.json'
    return json.loads(path.read_text())['status'] if path.exists() else None


class Record:
    "What all workers have found."

    def __init__(self, args):
        self.args, self.began, self.lock = args, time.monotonic(), threading.Lock()
        self.same, self.sent, self.parts = 0, Counter(), []
        self.different, self.unexpected, self.steady = [], [], []

    @property
    def is_over(self): return time.monotonic() > self.began + 60 * self.args.minutes

    def write(self):
        "The summary so far, in the file of `--summary`, which is never seen half written."
        text = json.dumps(self.summary())
        if self.args.summary:
            staged = self.args.summary.with_name(self.args.summary.name + '.new')
            staged.write_text(text + '\n')
            staged.replace(self.args.summary)
        return text

    def summary(self):
        with self.lock:
            peaks = [memory / 2**20 for memory, _ in self.parts] or [0]
            return dict(
                minutes=round((time.monotonic() - self.began) / 60, 1),
                workers=self.args.workers,
                runs_same=self.same,
                runs_different=len(self.different),
                parts=len(self.parts),
                sent=dict(self.sent),
                peak_memory_mb=dict(median=round(statistics.median(peaks)), highest=round(max(peaks))),
                most_open_files=max([files for _, files in self.parts] or [0]),
                undisturbed=trend(self.steady),
                different=self.different,
                unexpected=self.unexpected,
            )


def trend(samples, skipped=60, block=30):
    """The slope of memory over time in MB a minute with its 95 % confidence interval, and the open files at both ends.
    `samples` are (seconds, bytes, files). The first minute is left out, and the rest is averaged over blocks of half a
    minute: samples that follow closely aren't independent."""
    later = [s for s in samples if s[0] >= skipped]
    if not later: return None
    blocks = {}
    for seconds, memory, _ in later: blocks.setdefault(int(seconds // block), []).append(memory / 2**20)
    found = dict(
        minutes=round((later[-1][0] - later[0][0]) / 60, 1),
        memory_mb=[round(later[0][1] / 2**20), round(later[-1][1] / 2**20)],
        open_files=[later[0][2], later[-1][2]],
        most_open_files=max(s[2] for s in later),
    )
    if len(blocks) < 4: return found
    from scipy.stats import linregress, t
    line = linregress([n * block / 60 for n in blocks], [statistics.mean(b) for b in blocks.values()])
    half = t.ppf(0.975, len(blocks) - 2) * line.stderr
    slope = [round(value, 3) for value in (line.slope, line.slope - half, line.slope + half)]
    return found | dict(mb_per_minute=slope[0], interval=slope[1:], blocks=len(blocks))


def one_run(folder, options, rng, record):
    "Run until finished, killed again and again."
    arguments = [f'run_dir={folder}', *options]
    while True:
        process = start(*arguments)
        memory, files = watch(process, 1e9 if record.is_over else rng.uniform(*record.args.kill_every))
        sent = rng.choice([*SENT, signal.SIGKILL])
        was_sent = process.poll() is None
        if was_sent: process.send_signal(sent)
        _, err = process.communicate()
        with record.lock:
            record.parts.append((memory, files))
            if was_sent: record.sent[sent.name] += 1
        if 'Traceback' in err or process.returncode not in (0, SENT[sent]):
            with record.lock:
                record.unexpected.append(
                    dict(sent=sent.name if was_sent else None, status=process.returncode, said=err[-1500:])
                )
        if process.returncode == 0: return True
        if sent == signal.SIGKILL and ended(folder) == 'finished': return True  # killed behind its last word
        if process.returncode != SENT[sent]: return False
        if (Path(folder)/'manifest.json').exists(): arguments = ['--resume', folder]
        else: shutil.rmtree(folder, ignore_errors=True)  # killed before anything was written that could be resumed


def work(number, base, record):
    "One worker: an undisturbed run, then disturbed ones until the time is over."
    from same_run import difference
    rng, steps = random.Random(1000 * record.args.seed + number), record.args.steps
    options = [*COMMON, *SETTINGS[number % len(SETTINGS)], f'train.max_steps={steps}', f'seed={record.args.seed}']
    whole = base/f'{number}-whole'
    process = start(f'run_dir={whole}', *options)
    _, err = process.communicate()
    if process.returncode:
        with record.lock: record.unexpected.append(dict(status=process.returncode, options=options, said=err[-1500:]))
        return
    for n in range(1, 1_000_000):
        run = base/f'{number}-run-{n}'
        if not one_run(run, options, rng, record): return
        found = difference(run, whole)
        with record.lock:
            if found: record.different.append(dict(options=options, kept=str(run), first=found))
            else: record.same += 1
        if not found: shutil.rmtree(run)
        if record.is_over: return


def train_undisturbed(base, record):
    "Train through the whole time and note memory and open files every five seconds."
    options = [*COMMON, *SETTINGS[0], 'train.max_steps=1000000', 'train.save_steps=50', 'eval.eval_steps=200']
    process = start(f'run_dir={base/"steady"}', *options, 'train.learning_rate=1e-5')
    began = time.monotonic()
    while process.poll() is None and not record.is_over:
        found = taken(process)
        if found:
            with record.lock: record.steady.append((time.monotonic() - began, *found))
        time.sleep(5)
    if process.poll() is None: process.terminate()
    _, err = process.communicate()
    if process.returncode != 130:
        with record.lock: record.unexpected.append(dict(undisturbed=process.returncode, said=err[-1500:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=60)
    parser.add_argument('--workers', type=int, default=1, help='runs side by side; one process more trains undisturbed')
    parser.add_argument('--kill-every', type=float, nargs=2, default=[30, 90], help='seconds, from and to')
    parser.add_argument('--steps', type=int, default=100)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--folder', type=Path, help='for the runs; a new one among the temporary files unless given')
    parser.add_argument('--summary', type=Path, help='a file for the summary so far, written once a minute')
    args = parser.parse_args()
    base = args.folder or Path(tempfile.mkdtemp(prefix='soak-'))
    base.mkdir(parents=True, exist_ok=True)
    record = Record(args)
    threads = [threading.Thread(target=work, args=(n, base, record)) for n in range(args.workers)]
    threads.append(threading.Thread(target=train_undisturbed, args=(base, record)))
    for thread in threads: thread.start()
    while any(thread.is_alive() for thread in threads):
        next(thread for thread in threads if thread.is_alive()).join(60)
        record.write()
    print(record.write(), flush=True)
    if not record.different: shutil.rmtree(base)
    return int(bool(record.different or record.unexpected))


if __name__ == '__main__': sys.exit(main())
