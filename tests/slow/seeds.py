"""The default run on six seeds, and a control that is paid at random: python tests/slow/seeds.py [SEEDS]
About 8 minutes on 2 cores.

Each run has to end at a held-out greedy accuracy of 0.95 or more, at least 60 points above its start, with every
word of it recomputed from the examples it wrote; the control, whose reward is a coin, must not learn. Prints one
line a run.
"""
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from rlvr_nb.config import load_config
from rlvr_nb.pipeline import Pipeline
from rlvr_nb.rewards import reward


@reward('coin', category='control')
def coin(parsed, gold):
    "Pay at random, whatever was answered."
    return float(random.random() < 0.5)


def accuracies(run):
    "Before and after, counted from the lines that the run wrote."
    lines = {when: [json.loads(line) for line in (run/f'eval/{when}-arithmetic.jsonl').read_text().splitlines()]
             for when in ('before', 'after')}
    return [sum(r['correct'] for r in rows) / len(rows) for rows in lines.values()]


def main(seeds):
    import peft, torch, transformers, trl  # noqa: F401  imported here, so that the seconds are those of the run
    folder, bad = Path(tempfile.mkdtemp()), 0
    for name, overrides in [(f'seed {s}', [f'seed={s}'])
                            for s in seeds] + [('paid at random',
                                                ['reward.reward_functions=[{category: control, type: coin}]'])]:
        start, run = time.perf_counter(), folder/name.replace(' ', '-')
        Pipeline(load_config(*overrides, f'run_dir={run}', 'observers=[]')).run()
        before, after = accuracies(run)
        right = after < 0.3 if 'random' in name else after >= 0.95 and after - before >= 0.6
        bad += not right
        print(
            f'{name:15} greedy {before:.3f} -> {after:.3f}  {time.perf_counter() - start:.0f} s  '
            f'{"as it should be" if right else "WRONG"}',
            flush=True,
        )
    return bad


if __name__ == '__main__': sys.exit(main([int(s) for s in sys.argv[1].split(',')] if len(sys.argv) > 1 else range(6)))
