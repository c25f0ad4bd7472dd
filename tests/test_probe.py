"""Will it learn? What a probe says is compared with what short trainings then do."""
import re

import pytest
from same_run import assert_same

import rlvr_nb.warm_stage as stage
from rlvr_nb.config import load_config
from rlvr_nb.files import read_lines
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


MEASURED = [
    'train.max_steps=2', 'observers=[]', 'eval.enabled=false', 'data.max_train_samples=96',
    'train.per_device_train_batch_size=8', 'train.gradient_accumulation_steps=1', 'train.num_generations=8',
    'train.save_steps=1', 'train.warm_start={epochs: 1, examples: 16, batch_size: 8}',
    'data.difficulty={min: 0.1, max: 0.9, completions: 8}', 'data.curriculum=true',
]


class Interrupted(Exception):
    "What a run dies of here."


def test_pass_rates_are_measured_after_the_warm_start_and_not_twice(tmp_path, monkeypatch):
    "A run that dies while it measures goes on with the blocks that are missing, and comes to the same."
    monkeypatch.setattr('rlvr_nb.difficulty.ROWS_AT_ONCE', 256)
    measured, real = [], stage.measured_block
    def counted(engine, rows, *args, **kwargs):
        if dies and len(measured) == 2: raise Interrupted
        measured.append([row['question'] for row in rows])
        return real(engine, rows, *args, **kwargs)

    monkeypatch.setattr(stage, 'measured_block', counted)
    dies = False
    whole = Pipeline(load_config(*MEASURED, f'run_dir={tmp_path/"whole"}')).run()
    at_once, measured, dies = measured, [], True
    with pytest.raises(Interrupted): Pipeline(load_config(*MEASURED, f'run_dir={tmp_path/"run"}')).run()
    dies = False
    again = Pipeline.resume(tmp_path/'run')
    assert measured == at_once and len(at_once) == 3
    assert_same(again.run_dir.path, whole.run_dir.path)
    lines = read_lines(again.run_dir.path/'difficulty.jsonl', {})
    rates = {line['question']: line['right'] / line['of'] for line in lines}
    asked = [next(q for q in rates if q in c['prompt']) for c in again.run_dir.read_completions()]
    trained = [rates[question] for question in asked]
    assert trained == sorted(trained, reverse=True) and .1 <= trained[-1] <= trained[0] <= .9
    kept = sum(.1 <= rate <= .9 for rate in rates.values())
    assert again.run_dir.read_events('pass_rates')[-1]['kept'] == kept < len(rates) == 96
    assert 'pass rates: 96 prompts, 8 completions each' in again.run_dir.report.read_text()


def test_a_band_that_leaves_too_few_names_one_that_is_enough(tmp_path):
    band = 'data.difficulty={min: 0.99, max: 1.0, completions: 4}'
    with pytest.raises(ConfigError) as caught:
        Pipeline(load_config(*MEASURED, band, 'train.warm_start=null', 'data.max_train_samples=16',
                             'train.per_device_train_batch_size=64', f'run_dir={tmp_path/"run"}')).run()
    assert 'prompts by pass rate: 0: ' in str(caught.value)
    wider = re.findall(r'data\.difficulty\.m\w+=[\d.]+', str(caught.value))
    low, high = (float(text.partition('=')[2]) for text in wider)
    lines = read_lines(tmp_path/'run/difficulty.jsonl', {})
    assert sum(low <= line['right'] / line['of'] <= high for line in lines) >= 8
