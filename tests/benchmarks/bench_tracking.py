"""How long the run record takes to write and to read: python tests/benchmarks/bench_tracking.py [COMPLETIONS] [A_STEP]

Writes COMPLETIONS (100,000) completions of about 400 characters, A_STEP (64) a step, as a run does, and reads them
back in a fresh process five times: the library's import, the dictionaries, and the report are timed apart.
"""
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

READ = '''
import sys, time
import pyarrow.parquet
from rlvr_nb.tracking import RunDir, RunReport
start = time.perf_counter()
records = RunDir.open(sys.argv[1]).read_completions()
read = time.perf_counter() - start
start = time.perf_counter()
page = RunReport(sys.argv[1]).html()
print(len(records), read, time.perf_counter() - start)
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

if __name__ == '__main__':
    from rlvr_nb.tracking import RunDir
    total, size = (int(a) for a in (sys.argv[1:] + ['100000', '64'][len(sys.argv) - 1:])[:2])
    rng, seconds = random.Random(0), 0.
    with tempfile.TemporaryDirectory() as folder:
        run = RunDir.create(Path(folder)/'run')
        run.log_event('pipeline_start')
        for step in range(1, -(-total // size) + 1):
            batch = completions(step, min(size, total - (step - 1) * size), rng)
            start = time.perf_counter()
            run.add_completions(step, batch)
            seconds += time.perf_counter() - start
        files = list(run.completions.iterdir())
        print(f'written: {seconds / step * 1e3:.1f} ms a step, {len(files)} files, {sum(f.stat().st_size for f in files) / 1e6:.1f} MB')
        rows = [subprocess.run([sys.executable, '-c', READ, str(run.path)], capture_output=True, text=True,
                               check=True).stdout.split() for _ in range(5)]
        print(f'read: {rows[0][0]} completions in {statistics.median(float(r[1]) for r in rows):.2f} s (median of 5), report in {statistics.median(float(r[2]) for r in rows):.2f} s')
