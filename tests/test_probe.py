"""Will it learn? What a probe says is compared with what short trainings then do."""
import pytest

from rlvr_nb.config import load_config
from rlvr_nb.grammar import ConfigError
from rlvr_nb.pipeline import Pipeline

SHORT = ['train.max_steps=3', 'eval.enabled=false', 'observers=[]', 'data.max_train_samples=128']
NEVER = ('reward.reward_functions=[{type: exact_match, '
         'params: {correct_reward: 1.0, wrong_penalty: 1.0, missing_penalty: 1.0}}]')


@pytest.mark.parametrize(
    'options, learns',
    [([], True), (['train.max_completion_length=8'], False)],
    ids=['as it is', 'cut off before the answer'],
)
def test_the_verdict_is_what_a_short_training_shows(options, learns, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = Pipeline.probe(load_config(*SHORT, *options), prompts=16, timed=False)
    assert report.will_learn == learns, str(report)
    run = Pipeline(load_config(*SHORT, *options, 'train.stop_without_signal=2', f'run_dir={tmp_path/"run"}')).run()
    live = [
        1 - m['monitor/groups_without_spread'] for m in run.run_dir.metrics() if 'monitor/groups_without_spread' in m
    ]
    right = [m['accuracy'] for m in run.run_dir.metrics() if 'accuracy' in m]
    assert (max(live) > .05 and max(right) > 0) == learns


def test_a_run_without_signal_says_so_at_once_and_stops(tmp_path):
    run = Pipeline(
        load_config(
            *SHORT,
            'train.max_steps=30',
            'train.max_completion_length=8',
            'train.stop_without_signal=2',
            f'run_dir={tmp_path / "run"}',
        )
    ).run()
    assert run.status == 'stopped' and run.steps == 2
    told = [e['message'] for e in run.run_dir.read_events('fault') if e['where'] == 'training']
    assert '--probe' in told[0] and any('nothing was learned' in c for c in run.run_dir.read_manifest()['caveats'])


def test_difficulty_needs_a_probe_and_uses_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    band = [
        'data.difficulty={min: 0.1, max: 0.9}',
        f'run_dir={tmp_path / "run"}',
        'train.max_steps=1',
        'train.per_device_train_batch_size=8',
        'train.num_generations=8',
    ]
    with pytest.raises(ConfigError, match='--probe'): Pipeline.check(load_config(*SHORT, *band))
    report = Pipeline.probe(load_config(*SHORT, *band), timed=False)
    rates = {g.question: g.pass_rate for g in report.groups}
    run = Pipeline(load_config(*SHORT, *band)).run()
    asked = {c['prompt'].split('\n')[-1] for c in run.run_dir.read_completions()}
    inside = [q for q, rate in rates.items() if .1 <= rate <= .9]
    assert inside and all(any(q in prompt for q in inside) for prompt in asked)
