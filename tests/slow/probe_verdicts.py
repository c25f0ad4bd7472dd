"""Does a probe say what a training then shows? Eight configurations of the built-in model, probed and trained shortly.

    python tests/slow/probe_verdicts.py              some four minutes on one core
    python tests/slow/probe_verdicts.py --steps 40   longer trainings

A training counts as having learned where the problems answered before and after show a gain of at least three points
that McNemar's exact test tells from none (p < 0.01). The exit status is the number of verdicts that were wrong.
"""
import argparse
import sys
import tempfile
from pathlib import Path

from rlvr_nb.config import load_config
from rlvr_nb.pipeline import Pipeline

ALIKE = ('reward.reward_functions=[{type: verified_answer, '
         'params: {correct_reward: 0.0, wrong_penalty: 0.0, unparseable_penalty: 0.0}}]')
FORM = 'reward.reward_functions=[{category: format_checking, type: match_format_exactly}]'
CASES = {
    'as it is': [],
    'an adapter': ['model.lora_config.use_lora=true', 'train.learning_rate=1e-2'],
    'right answers only': ['reward.reward_functions=[{type: verified_answer}]'],
    'cut off before the answer': ['train.max_completion_length=8'],
    'every completion paid alike': [ALIKE],
    'form alone is paid': [FORM],
    'no variety': ['train.grpo.temperature=0.01'],
    'paid by the toss of a coin': ['reward_component=random_baseline'],
}


def learned(options, steps):
    "Whether a short training gained, and its accuracies."
    with tempfile.TemporaryDirectory() as folder:
        cfg = load_config(*options, f'train.max_steps={steps}', 'observers=[]', 'train.save_steps=0',
                          'train.stop_without_signal=10', f'run_dir={Path(folder)/"run"}')
        change = Pipeline(cfg).run().compare
    if change is None: return False, 'stopped'   # no generation had a live group
    gain = change.after.accuracy - change.before.accuracy
    return gain >= .03 and change.p_value < .01, f'{change.before.accuracy:.1%} -> {change.after.accuracy:.1%}'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--steps', type=int, default=25)
    parser.add_argument('--prompts', type=int, default=32)
    parser.add_argument('--only', nargs='*', default=CASES, choices=list(CASES), help='these cases')
    a = parser.parse_args()
    wrong = 0
    for name in a.only:
        options = CASES[name]
        report = Pipeline.probe(load_config(*options, 'observers=[]'), prompts=a.prompts, timed=False)
        did, change = learned(options, a.steps)
        wrong += did != report.will_learn
        print(f'{name:28} {"learned" if did else "did not learn":14} {change:18} {report.verdict()}', flush=True)
    print(f'{len(a.only) - wrong} of {len(a.only)} verdicts agree')
    return wrong


if __name__ == '__main__': sys.exit(main())
