"""What rewards cost: completions a second for each type and for the guide's two, programs a second in the sandbox.

python tests/benchmarks/bench_rewards.py
"""

import os
import platform
import random
import time

from rlvr_nb.prompts import PLAIN
from rlvr_nb.rewards import DefaultRewardComponent, sandbox_problem, score_completions

N, STEP = 4096, 64  # completions in all, and in one step


def completions(n, seed=0):
    "Solutions of some 80 words in tags: two thirds right, some wrong, unclosed or without tags."
    rng = random.Random(seed)
    for _ in range(n):
        a, b = rng.randint(10, 999), rng.randint(10, 999)
        steps = ' '.join(
            'First there are %d and then %d, which makes %d in all.' % tuple(rng.randint(2, n) for n in (99, 99, 999))
            for _ in range(6)
        )
        answer = a + b if rng.random() < 0.67 else rng.randint(10, 999)
        text = f'<reasoning>{steps}</reasoning>\n<answer>{answer:,}</answer>'
        yield rng.choice([text] * 8 + [text[:-3], steps]), str(a + b)


def per_second(functions, pairs):
    "Completions a second through all of the rewards, in steps as the trainer makes them, nothing cached from before."
    built = DefaultRewardComponent(dict(reward_functions=functions), PLAIN).build()
    steps = [
        ([t for t, _ in pairs[i : i + STEP]], [g for _, g in pairs[i : i + STEP]]) for i in range(0, len(pairs), STEP)
    ]
    start = time.perf_counter()
    for texts, golds in steps:
        ids = [t.split() for t in texts]
        for f in built:
            f(prompts=None, completions=texts, completion_ids=ids, answer=golds)
    return len(pairs) / (time.perf_counter() - start)


def nothing(completions, **kwargs):
    return [0.0] * len(completions)


class WithNothing(DefaultRewardComponent):
    def _build_custom_reward_fn(self, fn_config, markers):
        return nothing


def guard_milliseconds(steps=200):
    "What the guard adds to one call of a user's batch function: a thread and two swaps of the random states."
    built = WithNothing(dict(reward_functions=[dict(type='nothing')]), PLAIN).build()[0]
    start = time.perf_counter()
    for i in range(steps):
        built(completions=[str(i)], answer=['1'])
    return (time.perf_counter() - start) / steps * 1000


def main():
    print(
        f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; '
        f'{N} completions in steps of {STEP}'
    )
    guide = [dict(type='gsm8k_answer_check'), dict(type='match_format_exactly')]
    print(f"{'rewards':32} {'completions/s':>14} {'ms a step':>10}")
    for name, functions in [('the guide\'s two', guide)] + [
        (k, [dict(type=k, params=p)])
        for k, p in dict(
            gsm8k_answer_check={},
            finqa_numerical_match={},
            check_numbers={},
            math_verify={},
            match_format_exactly={},
            match_format_approximately={},
            think_format={},
            exact_match={},
            repetition={},
            length=dict(max_length=64),
        ).items()
    ]:
        rate = per_second(functions, list(completions(N, seed=sum(name.encode()))))
        print(f'{name:32} {rate:14,.0f} {STEP / rate * 1000:10.2f}')
    texts, golds = zip(*completions(256))
    start = time.perf_counter()
    for t, g in zip(texts, golds):
        str(score_completions(guide, t, g))
    print(f"{'one table of score_completions':32} {256 / (time.perf_counter() - start):14,.0f}")
    print(f'the guard adds {guard_milliseconds():.2f} ms to a call of a user\'s function')
    if problem := sandbox_problem():
        print(f'no sandbox here: {problem}')
    else:
        built = DefaultRewardComponent(dict(reward_functions=[dict(type='python_tests')]), PLAIN).build()[0]
        start = time.perf_counter()
        built(
            completions=['<answer>def f(x): return 2*x</answer>'] * STEP,
            answer=['assert f(2) == 4\nassert f(3) == 6'] * STEP,
        )
        seconds = time.perf_counter() - start
        print(f'python_tests: {STEP / seconds:.0f} programs a second side by side, {seconds:.2f} s a step')


if __name__ == '__main__':
    main()
