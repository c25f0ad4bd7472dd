"""How many answers a second: ours beside math-verify, on the same GSM8K solutions in tags, in one process.

    python tests/benchmarks/bench_verify.py

The solutions come from the folder in RLVR_NB_DATA (default ../shared/data beside the repository); without it, from a
generator of the same length. The last line is the ratio of the two rates of processor time, measured in the same run.
"""
import json, logging, os, random, statistics, time
from pathlib import Path

from rlvr_nb.prompts import PLAIN
from rlvr_nb.verify import verify

ROOT = Path(__file__).parent.parent.parent
DATA = Path(os.environ.get('RLVR_NB_DATA') or ROOT.parent / 'shared' / 'data') / 'gsm8k' / 'train.jsonl'


def generated(n):
    "Sums in words, about as long as GSM8K's solutions."
    rng = random.Random(0)
    numbers = [(rng.randrange(1000), rng.randrange(1000)) for _ in range(n)]
    return [(f'She has {a} and buys {b}. ' * 8 + f'So {a} + {b} = {a + b}.', str(a + b)) for a, b in numbers]


def solutions(n=5000):
    "Completions with their golds."
    if DATA.is_file(): pairs = [json.loads(line)['answer'].split('####') for line in DATA.open(encoding='utf-8')][:n]
    else: pairs = generated(n)
    return [(f'<reasoning>{work.strip()}</reasoning>\n<answer>{gold.strip()}</answer>', gold.strip())
            for work, gold in pairs]


def rate(judge, rows, repeats):
    "Answers a second of wall-clock and of processor time (the median), and the share that was right."
    wall, busy = [], []
    for _ in range(repeats):
        begin, used = time.perf_counter(), time.process_time()
        right = sum(judge(*row) for row in rows)
        wall.append(len(rows) / (time.perf_counter() - begin))
        busy.append(len(rows) / (time.process_time() - used))
    return statistics.median(wall), statistics.median(busy), right / len(rows)


def theirs():
    "math-verify on the text of the answer tags."
    from math_verify import parse, verify as same

    def judge(text, gold):
        answer = text[text.rindex('<answer>') + 8:text.rindex('</answer>')]
        return same(parse(gold, parsing_timeout=None), parse(answer, parsing_timeout=None), timeout_seconds=None)
    if not judge('<answer>$\\frac{1}{2}$</answer>', '0.5'):
        raise SystemExit("math-verify is installed but reads nothing, which happens with another antlr4 runtime than "
                         "its own: pip install 'math-verify[antlr4_9_3]'")
    return judge


if __name__ == '__main__':
    logging.disable(logging.WARNING)
    rows, busy = solutions(), {}
    judges = {'rlvr_nb, markers known': lambda text, gold: verify(text, gold, 'gsm8k', PLAIN).ok,
              'rlvr_nb, either marker set': lambda text, gold: verify(text, gold, 'gsm8k').ok,
              'rlvr_nb, kind math': lambda text, gold: verify(text, gold, 'math').ok,
              'math-verify on the tag only': theirs()}
    print(f'{len(rows)} solutions, {sum(len(t) for t, _ in rows) / len(rows):.0f} characters each')
    print(f"{'':34}{'a second':>10}{'a cpu second':>14}{'right':>8}")
    for name, judge in judges.items():
        wall, busy[name], right = rate(judge, rows, 3 if name.startswith('rlvr_nb, m') else 1)
        print(f'{name:34}{wall:>10,.0f}{busy[name]:>14,.0f}{right:>8.1%}')
    print(f"{busy['rlvr_nb, markers known'] / busy['math-verify on the tag only']:.0f} times as fast as math-verify")
