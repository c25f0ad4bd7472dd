"""How fast the run record is beside the plain way: python tests/benchmarks/bench_tracking.py [COMPLETIONS] [A_STEP]

Writes COMPLETIONS (100,000) completions of about 400 characters, A_STEP (64) a step, as a run does, and the same as
JSON lines; reads both back in fresh processes; and lists two hundred runs, beside reading the configuration of each.
Every line is a ratio to the plain way in the same run, so that a slow machine says the same as a fast one.
"""
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

READ = '''
import json, sys, time
import pyarrow.parquet
from rlvr_nb.tracking import RunDir
start = time.perf_counter()
records = RunDir.open(sys.argv[1]).read_completions()
read = time.perf_counter() - start
start = time.perf_counter()
plain = [json.loads(line) for line in open(sys.argv[2])]
assert len(plain) == len(records)
print(read, time.perf_counter() - start)
'''


def completions(step, count, rng):
    "One step of completions that don't repeat each other."
    out = []
    for i in range(count):
        words = ' '.join(rng.choice(WORDS) for _ in range(60))
        out.append({'step': step, 'group': i // 8, 'prompt': f'question {step} {i // 8}: {words[:150]}',
                    'completion': f'<reasoning>{words}</reasoning><answer>{i}</answer>', 'answer': str(i),
                    'rewards': {'gsm8k_answer_check': rng.choice([3., -1.]), 'match_format_exactly': 3.},
                    'reasons': {'gsm8k_answer_check': f'"{i}" is not {step}', 'match_format_exactly': ''},
                    'reward': rng.choice([6., 2.]), 'advantage': rng.gauss(0, 1), 'verdict': 'match',
                    'correct': rng.random() < .5, 'tokens': rng.randint(20, 200), 'truncated': False})
    return out


WORDS = [''.join(random.Random(i).choices('abcdefghijklmnop', k=5)) for i in range(2000)]

def seconds_of(work):
    "How long a function takes."
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def safely_appended(path, lines):
    "Add lines, and wait until the disk has them, as the run does with its parts."
    with path.open('a') as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def written(run, plain, total, size):
    "Seconds to write all completions, as parts and as JSON lines."
    ours, theirs, rng = 0., 0., random.Random(0)
    for step in range(1, -(-total // size) + 1):
        batch = completions(step, min(size, total - (step - 1) * size), rng)
        ours += seconds_of(lambda: run.add_completions(step, batch))  # noqa: B023
        lines = [json.dumps(r) + '\n' for r in batch]
        theirs += seconds_of(lambda: safely_appended(plain, lines))  # noqa: B023
    return ours, theirs


def listed(run, folder):
    "Seconds to list two hundred runs, and to read the configuration of each."
    import yaml
    from rlvr_nb.config import load_config
    from rlvr_nb.tracking import run_summaries
    run.write_config(load_config())
    for i in range(200): shutil.copytree(run.path, folder/f'{i}', ignore=shutil.ignore_patterns('completions'))
    def plain(): return [yaml.safe_load((folder/f'{i}'/'config.yaml').read_text()) for i in range(200)]
    return seconds_of(lambda: run_summaries(folder)), seconds_of(plain)


if __name__ == '__main__':
    from rlvr_nb.tracking import RunDir
    total, size = (int(a) for a in (sys.argv[1:] + ['100000', '64'][len(sys.argv) - 1:])[:2])
    with tempfile.TemporaryDirectory() as folder:
        run, plain = RunDir.create(Path(folder)/'run'), Path(folder)/'plain.jsonl'
        run.log_event('pipeline_start')
        ours, theirs = written(run, plain, total, size)
        held, other = sum(f.stat().st_size for f in run.completions.iterdir()), plain.stat().st_size
        size = f'{held / other:.2f} of their size'
        print(f'written: {ours / theirs:.1f} times the time of JSON lines that are flushed too, {size}')
        command = [sys.executable, '-c', READ, str(run.path), str(plain)]
        rows = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(5)]
        print(f'read: {statistics.median(float(a) / float(b) for a, b in rows):.2f} of the time of JSON lines')
        ours, theirs = listed(run, Path(folder)/'runs')
        print(f'two hundred runs listed: {ours / theirs:.2f} of the time of reading their configurations')
