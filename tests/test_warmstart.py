"""A warm start in a run: its own evaluation, its place in the record, and what a resumed run does with it."""
import json

import pytest

from rlvr_nb.config import load_config
from rlvr_nb.control import TrainingControl
from rlvr_nb.grammar import ConfigError
from rlvr_nb.pipeline import Pipeline
from slower import some

SMALL = ['train.max_steps=2', 'train.save_steps=1', 'eval.eval_num_samples=8', 'data.max_train_samples=64',
         'observers=[]',
         'train.warm_start.epochs=1', 'train.warm_start.examples=32', 'train.warm_start.batch_size=16']


def rewards(run):
    "Rewards of each step, and the completions."
    return [m['reward'] for m in run.metrics() if 'reward' in m], [c['completion'] for c in run.read_completions()]


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    return Pipeline(load_config(*SMALL, f'run_dir={tmp_path_factory.mktemp("warm")/"whole"}')).run()


def test_three_moments_are_kept_apart(whole):
    result = json.loads((whole.run_dir.path/'result.json').read_text())
    assert set(result['warm']) == set(result['before']) == set(result['after']) == {'arithmetic'}
    assert (whole.run_dir.path/'eval/warm-arithmetic.jsonl').exists()
    assert whole.compare.before is whole.warm['arithmetic']
    events = whole.run_dir.read_events('warm_start')
    assert events[-1]['steps'] == 2 and events[-1]['examples'] == 32


def test_a_run_stopped_behind_its_warm_start_ends_like_one_that_never_stopped(whole, tmp_path):
    control = TrainingControl()

    class StopAfterWarm:
        def stage_end(self, name, seconds):
            if name == 'evaluate warm': control.stop()

        def __getattr__(self, name):
            if name.startswith('_'): raise AttributeError(name)
            return lambda *args, **kwargs: None

    first = Pipeline(load_config(*SMALL, f'run_dir={tmp_path/"run"}'), control, observers=(StopAfterWarm(),)).run()
    assert (first.status, first.steps) == ('stopped', 0)
    second = Pipeline.resume(tmp_path/'run')
    assert second.status == 'finished' and rewards(second.run_dir) == rewards(whole.run_dir)
    assert second.after['arithmetic'].rows == whole.after['arithmetic'].rows


class Killed(BaseException): "Ends a run where it stands, as SIGKILL would."


class Kills:
    "An observer that kills the run at one event."
    required = True
    def __init__(self, event, when): self.__dict__[event] = lambda *args: self.kill(when(*args))

    def kill(self, now):
        if now: raise Killed

    def __getattr__(self, name):
        if name.startswith('_'): raise AttributeError(name)
        return lambda *args, **kwargs: None


MOMENTS = {'inside': ('warm_step', lambda step, total, log: step == 1),
           'behind': ('stage_start', lambda name: name == 'evaluate warm'),
           'before its evaluation is written': ('evaluation', lambda when, evaluation: str(when) == 'warm'),
           'after its first step of rewards': ('step', lambda step, *_: step == 1)}


@pytest.fixture(scope='module', params=some([True, False], True), ids=['adapter', 'all weights'])
def uninterrupted(request, tmp_path_factory):
    options = [*SMALL, f'model.lora_config.use_lora={str(request.param).lower()}', 'eval.eval_steps=1']
    return options, Pipeline(load_config(*options, f'run_dir={tmp_path_factory.mktemp("warm")/"whole"}')).run()


def same_weights(run, whole):
    import torch
    from safetensors.torch import load_file
    mine, theirs = (load_file(r.run_dir.path/'model/model.safetensors') for r in (run, whole))
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], tensor) for name, tensor in theirs.items())


@pytest.mark.parametrize('moment', some(MOMENTS, 'inside', 'after its first step of rewards'))
def test_a_run_killed_around_its_warm_start_ends_like_one_that_never_was(moment, uninterrupted, tmp_path, monkeypatch):
    options, whole = uninterrupted
    with monkeypatch.context() as patched:
        patched.setattr(Pipeline, '_ended_by', lambda self, error, evaluated: error)  # a killed process writes no end
        with pytest.raises(Killed):
            Pipeline(load_config(*options, f'run_dir={tmp_path/"run"}'), observers=(Kills(*MOMENTS[moment]),)).run()
    second = Pipeline.resume(tmp_path/'run')
    assert second.status == 'finished' and rewards(second.run_dir) == rewards(whole.run_dir)
    assert same_weights(second, whole)
    found, expected = second.run_dir.evaluations(), whole.run_dir.evaluations()
    assert [str(when) for when in found] == [str(when) for when in expected]
    assert all(found[when]['arithmetic'].rows == expected[when]['arithmetic'].rows for when in expected)


def test_a_file_of_ones_own(tmp_path):
    (tmp_path / 'mine.jsonl').write_text(
        '{"problem": "123+321=?", "solution": "3+1+0=04,2+2+0=04,1+3+0=04", "answer": "444"}\n' * 4
    )
    run = Pipeline(load_config(*SMALL, 'train.max_steps=1', 'train.warm_start.source=file',
                               f'train.warm_start.file={tmp_path/"mine.jsonl"}', f'run_dir={tmp_path/"run"}')).run()
    assert run.run_dir.read_events('warm_start')[-1]['examples'] == 4


def test_a_file_that_is_not_there_is_refused_before_a_model_is_loaded(tmp_path):
    cfg = load_config(*SMALL, 'train.warm_start.source=file', f'train.warm_start.file={tmp_path/"nowhere.jsonl"}',
                      f'run_dir={tmp_path/"run"}')
    with pytest.raises(ConfigError, match='there is no file .*nowhere.jsonl'): Pipeline(cfg).run()
    assert not (tmp_path/'run').exists()


def test_memory_that_runs_out_halves_the_rows_of_a_pass_and_is_remembered(whole, tmp_path, monkeypatch):
    "Memory for half of the rows, from the second step on; then killed, and resumed."
    import torch
    from rlvr_nb.warmstart import WithoutPadding
    passes, compute = [], WithoutPadding.compute_loss

    def tight(self, model, inputs, *args, **kwargs):
        passes.append(len(inputs['input_ids']))
        if len(passes) > 1 and passes[-1] > 8: raise torch.OutOfMemoryError('CUDA out of memory.')
        return compute(self, model, inputs, *args, **kwargs)

    monkeypatch.setattr(WithoutPadding, 'compute_loss', tight)
    inside = Kills('warm_step', lambda step, total, log: len(passes) > 5)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Pipeline, '_ended_by', lambda self, error, evaluated: error)
        Pipeline(load_config(*SMALL, 'train.max_steps=1', 'eval.enabled=false', f'run_dir={tmp_path/"run"}'),
                 observers=(inside,)).run()
    assert passes == [16, 16, 8, 8, 8, 8]
    second = Pipeline.resume(tmp_path/'run')
    assert second.status == 'finished' and passes[6:] == [8, 8, 8, 8]
    told = [e['message'] for e in second.run_dir.read_events('fault') if e['where'] == 'warm start']
    assert told == ['memory ran out; it begins again with 8 rows in a pass, 2 passes in a step']
    mine, theirs = (r.run_dir.read_events('warm_start')[-1] for r in (second, whole))
    assert mine['steps'] == theirs['steps'] and mine['loss'] == pytest.approx(theirs['loss'], abs=1e-4)
