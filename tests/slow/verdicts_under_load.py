"""Twenty processes on a loaded machine judge the same texts, each in its own order, and have to agree on every one.

    python tests/slow/verdicts_under_load.py [processes] [texts]

The texts are those of tests/test_verify_process.py, with the mathematical cases of tests/test_verify_cases.py and
tests/test_verify_kinds.py that aren't plain numbers. Two more processes only compute. The exit status is 1 if any
verdict differs between two processes, or if a clock decided one (reason timed_out).
"""
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import test_verify_cases
import test_verify_kinds
from test_verify_process import ASKED, verdicts_under_load


def texts(most):
    "Questions as (kind, gold, block): first those that need the algebra system, then formulas of the other tests."
    cases = [case for part in test_verify_cases.MATH.values() for case in part]
    cases += [case for part in test_verify_kinds.MATH.values() for case in part]
    formulas = [('math', gold, block) for block, gold, _ in cases if '\\' in block and len(block) < 300]
    return (ASKED + formulas)[:most]


def main(processes=20, most=400):
    asked, begin = texts(most), time.perf_counter()
    said = verdicts_under_load(asked, processes)
    differing = [(question, {tuple(answers[i]) for answers in said}) for i, question in enumerate(asked)
                 if len({tuple(answers[i]) for answers in said}) > 1]
    reasons = Counter(reason for _, reason in said[0])
    print(f'{len(asked)} texts, {len(said)} processes, {time.perf_counter() - begin:.0f} s: '
          f'{len(differing)} texts differ; {dict(reasons)}')
    for question, answers in differing: print(question, answers)
    return 1 if differing or reasons['timed_out'] else 0


if __name__ == '__main__':
    sys.exit(main(*map(int, sys.argv[1:])))
