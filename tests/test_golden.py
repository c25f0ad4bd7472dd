"""Six steps on a CPU have the metrics they had when this file was written, for each tested set of versions."""
import json
import os
import platform
from importlib import metadata
from pathlib import Path

import pytest

from test_resume import settings, train

GOLDEN = Path(__file__).with_name('golden.json')
NAMES = ('loss', 'grad_norm', 'learning_rate', 'reward', 'reward_std', 'frac_reward_zero_std',
         'completions/mean_length', 'num_tokens', 'entropy', 'kl')


def versions():
    names = ('torch', 'transformers', 'trl', 'peft')
    return ' '.join([platform.machine(), *(f'{name} {metadata.version(name)}' for name in names)])


def measured(tmp_path):
    chosen = settings(beta=0.1, steps_per_generation=2, per_device_train_batch_size=4, num_iterations=2, max_steps=6)
    return [{name: metrics[name] for name in NAMES if name in metrics} for _, metrics in train(chosen, tmp_path).log]


def test_six_steps_have_the_metrics_they_had(tmp_path):
    "RLVR_NB_GOLDEN=write keeps the metrics of these versions; look at the difference before you commit it."
    known, found = json.loads(GOLDEN.read_text()), measured(tmp_path)
    if os.environ.get('RLVR_NB_GOLDEN') == 'write':
        GOLDEN.write_text(json.dumps({**known, versions(): found}, indent=1) + '\n')
        return
    if versions() not in known: pytest.skip(f'no golden run is kept for {versions()}')
    assert len(found) == 6 and [set(a) for a in found] == [set(b) for b in known[versions()]]
    for step, (now, then) in enumerate(zip(found, known[versions()]), 1):
        for name in then: assert now[name] == pytest.approx(then[name], rel=1e-4, abs=1e-5), f'{name} of step {step}'
