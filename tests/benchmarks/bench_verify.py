"""How many answers a second: ours beside math-verify, on the same GSM8K solutions in tags, in one process.

    python tests/benchmarks/bench_verify.py

The solutions come from the folder in RLVR_NB_DATA (default ../shared/data beside the repository); without it, from a generator of the same length.
"""
import json, os, random, statistics, time
from pathlib import Path

from rlvr_nb.prompts import PLAIN
from rlvr_nb.verify import verify

ROOT = Path(__file__).parent.parent.parent
DATA = Path(os.environ.get('RLVR_NB_DATA') or ROOT.parent / 'shared' / 'data') / 'gsm8k' / 'train.jsonl'


def solutions(n=5000):
    "Completions with their golds."
    if DATA.is_file(): pairs = [json.loads(line)['answer'].split('####') for line in DATA.open(encoding='utf-8')][:n]
    else:
        rng = random.Random(0)
        pairs = [(f'She has {a} and buys {b}. ' * 8 + f'So {a} + {b} = {a + b}.', str(a + b)) for a,
                 b in ((rng.randrange(1000), rng.randrange(1000)) for _ in range(n))]
    return [(f'<reasoning>{work.strip()}</reasoning>\n<answer>{gold.strip()}</answer>', gold.strip()) for work,
            gold in pairs]


def rate(judge, rows, repeats=3):
    "Answers a second of wall-clock and of processor time (the median), and how many were right."
    wall, busy = [], []
    for _ in range(repeats):
        begin, used = time.perf_counter(), time.process_time()
        right = sum(judge(*row) for row in rows)
        wall.append(len(rows) / (time.perf_counter() - begin)); busy.append(len(rows) / (time.process_time() - used))
    return statistics.median(wall), statistics.median(busy), right


def theirs():
    "math-verify on the text of the answer tags."
    from math_verify import parse, verify as same
    return lambda text, gold: same(parse(gold, parsing_timeout=None),
                                   parse(text[text.rindex('<answer>') + 8:text.rindex('</answer>')],
                                         parsing_timeout=None), timeout_seconds=None)


if __name__ == '__main__':
    import logging
    logging.disable(logging.WARNING)
    rows = solutions()
    print(f'{len(rows)} solutions, {sum(len(t) for t, _ in rows) / len(rows):.0f} characters each')
    print(f"{'':34}{'a second':>10}{'a cpu second':>14}{'right':>8}")
    for name, judge in (('rlvr_nb, markers known', lambda t, g: verify(t, g, 'gsm8k', PLAIN).ok),
                        ('rlvr_nb, either marker set', lambda t, g: verify(t, g, 'gsm8k').ok),
                        ('rlvr_nb, kind math', lambda t, g: verify(t, g, 'math').ok),
                        ('math-verify 0.9 on the tag only', theirs())):
        wall, busy, right = rate(judge, rows, 3 if 'math' not in name else 1)
        print(f'{name:34}{wall:>10,.0f}{busy:>14,.0f}{right:>8}')
