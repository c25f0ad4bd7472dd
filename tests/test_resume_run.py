"""A whole run, killed, stopped or changed between its parts: what it leaves, and what its second part does with it."""
import json
import shutil
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from rlvr_nb.checkpoint import checkpoints, damage
from rlvr_nb.config import load_config
from rlvr_nb.control import TrainingControl
from rlvr_nb.grammar import ConfigError
from rlvr_nb.integrity import with_digest
from rlvr_nb.observers import Observer
from rlvr_nb.pipeline import Pipeline
from rlvr_nb.rundir import RunDir
from same_run import assert_same, measured
from slower import some
from warm import Command

ROOT = Path(__file__).resolve().parents[1]
SHORT = [
    'train.max_steps=4',
    'train.per_device_train_batch_size=8',
    'train.num_generations=4',
    'train.save_steps=1',
    'eval.eval_num_samples=8',
    'eval.eval_batch_size=8',
    'train.learning_rate=1e-3',
    'observers=[]',
    'data.max_train_samples=32',
]

class Steer(Observer):
    "Does something at one event of a run."
    def __init__(self, event, what, when=lambda *args: True):
        def hear(*args):
            if when(*args): what()
        setattr(self, event, hear)


def run_of(path, *overrides, control=None, observers=()):
    return Pipeline(load_config(f'run_dir={path}', *SHORT, *overrides), control, observers).run()


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp('whole')/'run'
    result = run_of(path, 'eval.eval_steps=2')
    assert result.status == 'finished'
    return path


@pytest.fixture(scope='module')
def stopped(tmp_path_factory):
    "A run that was stopped after two of its four steps."
    path = tmp_path_factory.mktemp('stopped')/'run'
    control = TrainingControl()
    result = run_of(
        path, 'eval.eval_steps=2', control=control, observers=[Steer('step', control.stop, lambda step, *_: step == 2)]
    )
    assert (result.status, result.steps) == ('stopped', 2)
    return path


def copy_of(run, tmp_path): return Path(shutil.copytree(run, tmp_path/'run'))


def test_a_stopped_run_ends_as_the_whole_one(stopped, whole, tmp_path):
    run = copy_of(stopped, tmp_path)
    assert Pipeline.resume(run).status == 'finished'
    assert_same(run, whole)


STAGES = 'model', 'evaluate before', 'train', 'save', 'evaluate after'


@pytest.mark.parametrize('stage', some(STAGES, 'train', 'evaluate after'))
def test_a_stop_in_any_stage_is_kept_and_resumes(stage, whole, tmp_path):
    control = TrainingControl()
    result = run_of(
        tmp_path / 'run',
        'eval.eval_steps=2',
        control=control,
        observers=[Steer('stage_start', control.stop, lambda name: name == stage)],
    )
    assert result.status == 'stopped'
    found = RunDir.open(tmp_path/'run')
    assert (
        found.status() == 'stopped'
        and found.report.exists()
        and found.read_result()['steps'] == (4 if stage in ('save', 'evaluate after') else 0)
    )
    assert Pipeline.resume(tmp_path/'run').status == 'finished'
    assert_same(tmp_path/'run', whole)


def test_a_stop_in_an_evaluation_between_steps_makes_up_for_it(whole, tmp_path):
    control = TrainingControl()
    from rlvr_nb import evaluation
    class Stops(evaluation.DefaultEvaluationComponent):
        def run(self, model, tokenizer, when):
            if when == 'step-2': control.stop()
            return super().run(model, tokenizer, when)
    import rlvr_nb.stages as stages
    kept = stages._component
    stages._component = lambda cfg, kind: Stops if kind == 'eval' else kept(cfg, kind)
    try: first = run_of(tmp_path/'run', 'eval.eval_steps=2', control=control)
    finally: stages._component = kept
    assert (first.status, first.steps) == ('stopped', 2) and 'step-2' not in map(
        str, RunDir.open(tmp_path / 'run').evaluations()
    )
    Pipeline.resume(tmp_path/'run')
    mine, theirs = measured(tmp_path/'run'), measured(whole)
    assert sorted(map(str, mine[0])) == sorted(map(str, theirs[0])) and mine[1:] == theirs[1:]


@pytest.mark.parametrize('event', some(['evaluation', 'stage_end'], 'evaluation'))
def test_an_evaluation_that_a_killed_run_had_measured_counts_once(event, stopped, whole, tmp_path):
    run, killed = copy_of(stopped, tmp_path), type('Killed', (BaseException,), {})
    def die(): raise killed
    def last(what, *more): return what in ('after', 'evaluate after')
    with pytest.raises(killed): Pipeline.resume(run, observers=[Steer(event, die, last)])
    assert Pipeline.resume(run).status == 'finished'
    assert_same(run, whole)


def test_a_run_that_another_process_has_taken_over_writes_nothing_more(tmp_path, monkeypatch):
    "As a process does that was suspended for a while, and wakes up."
    from rlvr_nb import writer
    monkeypatch.setattr(writer, 'BEAT', 0.01)
    run, kept = RunDir(tmp_path/'run'), {}
    def content(): return {p: p.read_bytes() for p in run.path.rglob('*') if p.is_file()}
    def take_over():
        mark = json.loads(run.writer.path.read_text()) | dict(token='another', host='colab')
        run.writer.path.write_text(json.dumps(mark))
        while run.writer.path in writer.WriterMark.held: time.sleep(0.01)
        kept.update(content())
    with pytest.raises(writer.TakenOver, match='taken over by process .* on colab'):
        run_of(run.path, observers=[Steer('step', take_over, lambda step, *_: step == 2)])
    assert content() == kept and run.writer.read()['host'] == 'colab' and not run.result.exists()


# ---- damage

FILES = [
    'adapter_model.safetensors',
    'optimizer.pt',
    'scheduler.pt',
    'rng_state.pth',
    'trainer_state.json',
    'loop_state_0.pt',
    'checkpoint.json',
    'tokenizer.json',
    'adapter_config.json',
    'training_args.bin',
]

def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

def cut(path): path.write_bytes(path.read_bytes()[:-7])
def empty(path): path.write_bytes(b'')
def remove(path): path.unlink()
def grow(path): path.write_bytes(path.read_bytes() + b' ')


@pytest.mark.parametrize('harm', [flip, cut, empty, remove, grow])
@pytest.mark.parametrize('name', FILES)
def test_every_damage_of_every_file_is_noticed(name, harm, stopped, tmp_path):
    newest = checkpoints(stopped/'checkpoints')[0]
    copy = tmp_path/newest.name
    shutil.copytree(newest, copy)
    assert damage(copy) is None
    harm(copy/name)
    assert damage(copy), f'{harm.__name__} of {name} went unnoticed'


DAMAGES = [('optimizer.pt', remove), ('trainer_state.json', cut), ('adapter_model.safetensors', flip)]


@pytest.mark.parametrize('name, harm', some(DAMAGES, DAMAGES[2]))
def test_a_damaged_checkpoint_is_passed_over_and_named(name, harm, stopped, whole, tmp_path):
    run = copy_of(stopped, tmp_path)
    harm(run/'checkpoints/checkpoint-2'/name)
    assert Pipeline.resume(run).status == 'finished'
    told = [e['message'] for e in RunDir.open(run).read_events('fault') if e['where'] == 'checkpoints']
    assert len(told) == 1 and 'checkpoint-2 is not used' in told[0] and name in told[0]
    assert RunDir.open(run).read_events('resume')[-1]['step'] == 1
    assert_same(run, whole)


def test_no_whole_checkpoint_is_a_question(stopped, whole, tmp_path):
    run = copy_of(stopped, tmp_path)
    for path in checkpoints(run/'checkpoints'): (path/'checkpoint.json').unlink()
    with pytest.raises(ConfigError, match='no checkpoint of the run is whole.*--force'): Pipeline.resume(run)
    assert Pipeline.resume(run, force=True).status == 'finished'
    assert_same(run, whole)


# ---- crash points of a save

def saved_files(monkeypatch, at, torn):
    "Kill the process, as an exception nobody catches, when the file number `at` of a checkpoint is written."
    class Killed(BaseException): pass
    import torch
    from rlvr_nb import checkpoint
    count = iter(range(10_000))
    def killing(f, path_of):
        def run(*args, **kwargs):
            n, path = next(count), path_of(*args)
            if n == at:
                if torn: Path(path).write_bytes(b'half')
                raise Killed
            return f(*args, **kwargs)
        return run
    monkeypatch.setattr(torch, 'save', killing(torch.save, lambda obj, path, *rest: path))
    monkeypatch.setattr(
        checkpoint,
        'flush',
        killing(checkpoint.flush, lambda path: Path(path).with_name('unrelated') if Path(path).is_dir() else path),
    )
    return Killed


@pytest.mark.parametrize('at', some([0, 2, 4, 6, 9, 13, 18, 22, 24], 2, 13))
def test_killed_at_any_file_of_a_save_ends_the_same(at, stopped, whole, tmp_path, monkeypatch):
    run = copy_of(stopped, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(Pipeline, '_ended_by', lambda self, error, evaluated: error)  # a killed process writes no end
        killed = saved_files(patched, at, torn=at % 2 == 0)
        with pytest.raises(killed): Pipeline.resume(run)
    assert all(damage(p) is None for p in checkpoints(run / 'checkpoints')), (
        'a half written checkpoint stands in its place'
    )
    assert Pipeline.resume(run).status == 'finished'
    assert_same(run, whole)


# ---- what was changed between two parts

def edit(run, old, new):
    text = (run/'config.yaml').read_text()
    assert old in text
    (run/'config.yaml').write_text(text.replace(old, new))


CHANGES = {
    'learning rate': ('train.learning_rate', 'learning_rate: 0.001', 'learning_rate: 0.01'),
    'steps': ('train.max_steps', 'max_steps: 4', 'max_steps: 6'),
    'batch': ('train.per_device_train_batch_size', 'per_device_train_batch_size: 8', 'per_device_train_batch_size: 16'),
    'alpha': ('model.lora_config.lora_alpha', 'lora_alpha: 16', 'lora_alpha: 32'),
    'rank': ('model.lora_config.r', ' r: 8', ' r: 4'),
    'data': ('data.max_train_samples', 'max_train_samples: 32', 'max_train_samples: 40'),
    'evaluation': ('eval.eval_num_samples', 'eval_num_samples: 8', 'eval_num_samples: 9'),
}


@pytest.mark.parametrize('name', CHANGES)
def test_a_changed_configuration_is_shown_and_refused(name, stopped, tmp_path):
    path, old, new = CHANGES[name]
    run = copy_of(stopped, tmp_path)
    edit(run, old, new)
    before = (run/'events.jsonl').read_text()
    with pytest.raises(ConfigError) as refusal: Pipeline.resume(run)
    was, now = old.split(': ')[1], new.split(': ')[1]
    assert f'{path}: was {was} when the run began and is {now} now' in str(refusal.value)
    assert ('--force' in str(refusal.value)) == (name != 'rank') and (run / 'events.jsonl').read_text() == before, (
        'something was written'
    )


def test_a_forced_change_is_done_and_stands_in_the_report(stopped, tmp_path):
    run = copy_of(stopped, tmp_path)
    edit(run, *CHANGES['learning rate'][1:]); edit(run, *CHANGES['steps'][1:])
    result = Pipeline.resume(run, force=True)
    assert (result.status, result.steps) == ('finished', 6)
    rates = dict(RunDir.open(run).curve('learning_rate'))
    assert rates[2] < 0.002 < rates[3], 'the new learning rate is not used'
    assert 'train.learning_rate: 0.001 -&gt; 0.01' in (run/'report.html').read_text()
    assert RunDir.open(run).read_identity()['forced'] == [
        'train.learning_rate: 0.001 -> 0.01',
        'train.max_steps: 4 -> 6',
    ]


@pytest.mark.parametrize('fact', ['first weights', 'tokenizer', 'model settings'])
def test_another_base_model_is_refused(fact, stopped, tmp_path):
    run = copy_of(stopped, tmp_path)
    known = json.loads((run/'identity.json').read_text())
    known['facts'][fact] = '0' * 16
    (run/'identity.json').write_text(json.dumps(with_digest(known)))
    with pytest.raises(ConfigError, match=f'{fact} was 0000000000000000 when the run began'): Pipeline.resume(run)


OWN = """
from rlvr_nb.config import register_component
from rlvr_nb.data import ArithmeticProcessor, dataset_processor
from rlvr_nb.evaluation import DefaultEvaluationComponent
from rlvr_nb.rewards import reward
from rlvr_nb.training import DefaultTrainingLoopComponent

def paid(text): return float(len(text))

@reward('mine', category='custom')
def mine(parsed, gold): return paid(parsed.text)

def counted(name, rows): return f'{len(rows)} rows for {name}'

@dataset_processor('arithmetic')
class Sums(ArithmeticProcessor):
    def metadata(self, example): return dict(unit='apples')

class Evaluation(DefaultEvaluationComponent):
    def run(self, model, tokenizer, when): return super().run(model, tokenizer, when)

class Early:
    warm = 1

class Training(Early, DefaultTrainingLoopComponent):
    def told(self): return counted('me', [self.warm])

register_component(Evaluation, 'mine.Evaluation')
register_component(Training, 'mine.Training')
"""
EDITS = {  # what is changed -> the text before and after, and the fact that is refused
    'a function that a reward calls': ('float(len(text))', '-float(len(text))', 'code of the reward mine'),
    'a dataset': ("dict(unit='apples')", "dict(unit=str('apples'))", 'code of the dataset arithmetic'),
    'a column of a dataset': ("unit='apples'", "unit='pears'", 'prompts and columns of the training data'),
    'an evaluation component': ('return super().run', 'return super(Evaluation, self).run',
                                'code of the eval component'),
    'a parent of a training component': ('warm = 1', 'warm = 2', 'code of the train component'),
    'a function that a training component calls': ('} rows for', '} lines for', 'code of the train component'),
}


@contextmanager
def loaded(text):
    "Within it a text is loaded as a plugin; what it registers is taken out again behind it."
    from rlvr_nb import rules
    from rlvr_nb.data import DATASET_PROCESSORS
    from rlvr_nb.rewards import REWARDS
    registered = DATASET_PROCESSORS, REWARDS, rules._registered
    kept = [dict(r) for r in registered]
    try:
        exec(compile(text, 'mine.py', 'exec'), {'__name__': 'mine'})
        yield
    finally:
        for mapping, before in zip(registered, kept):
            mapping.clear()
            mapping.update(before)


@pytest.fixture(scope='module')
def owned(tmp_path_factory):
    "A stopped run with a reward, a dataset and components of its own."
    run, control = tmp_path_factory.mktemp('owned')/'run', TrainingControl()
    with loaded(OWN):
        run_of(run, 'reward.reward_functions=[{category: custom, type: mine}]', 'train.max_steps=2',
               'eval._target_=mine.Evaluation', 'train._target_=mine.Training', control=control,
               observers=[Steer('step', control.stop)])
    return run


@pytest.mark.parametrize('what', EDITS)
def test_other_code_of_the_users_own_is_refused(what, owned):
    old, new, fact = EDITS[what]
    assert old in OWN
    with loaded(OWN.replace(old, new)), pytest.raises(ConfigError, match=f'{fact} was'): Pipeline.resume(owned)


def test_the_same_code_is_resumed(owned, tmp_path):
    with loaded(OWN + '# a line that nothing depends on\n'):
        assert Pipeline.resume(copy_of(owned, tmp_path)).status == 'finished'


# ---- signals, in processes of their own

def wait_for(path, text, process):
    while process.poll() is None and not (path.exists() and text in path.read_text()): time.sleep(0.02)


SIGNALS = [(signal.SIGINT, '"evaluate before"'), (signal.SIGTERM, '"train"'), (signal.SIGTERM, '"evaluate after"')]


@pytest.mark.parametrize('sent, when', some(SIGNALS, SIGNALS[2]))   # test_pipeline_options.py has the others too
def test_one_signal_stops_a_run_in_order(sent, when, tmp_path):
    process = Command('run_dir=run', *SHORT, 'eval.eval_num_samples=64', 'eval.eval_batch_size=1', cwd=tmp_path)
    wait_for(tmp_path/'run/events.jsonl', f'"kind": "stage_start", "name": {when}', process)
    process.send_signal(sent)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130 and 'Traceback' not in err and '--resume' in out + err
    assert (
        json.loads((tmp_path / 'run/result.json').read_text())['status'] == 'stopped'
        and (tmp_path / 'run/report.html').exists()
    )


def test_a_second_signal_does_not_wait(tmp_path):
    process = Command('run_dir=run', *SHORT, 'train.max_steps=200', cwd=tmp_path)
    wait_for(tmp_path/'run/metrics.jsonl', '"step": 2', process)
    process.send_signal(signal.SIGTERM); time.sleep(0.01); process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130 and 'Traceback' not in err
    assert json.loads((tmp_path/'run/result.json').read_text())['status'] == 'stopped'
    assert all(damage(p) is None for p in checkpoints(tmp_path/'run/checkpoints'))


def test_a_killed_run_resumes_to_the_same(whole, tmp_path):
    process = Command('run_dir=run', *SHORT, 'eval.eval_steps=2', cwd=tmp_path)
    wait_for(tmp_path/'run/metrics.jsonl', '"step": 3', process)
    process.kill(); process.communicate()
    assert Pipeline.resume(tmp_path/'run').status == 'finished'
    rows, written, answers = measured(tmp_path/'run')
    assert written == measured(whole)[1] and answers == measured(whole)[2]


def test_rewards_that_draw_resume_as_they_were(tmp_path):
    control = TrainingControl()
    run_of(tmp_path/'whole', 'reward_component=random_baseline')
    run_of(
        tmp_path / 'run',
        'reward_component=random_baseline',
        control=control,
        observers=[Steer('step', control.stop, lambda step, *_: step == 2)],
    )
    assert Pipeline.resume(tmp_path/'run').status == 'finished'
    assert_same(tmp_path/'run', tmp_path/'whole')


def test_a_curriculum_and_a_band_of_difficulty_go_on_where_they_were(tmp_path, monkeypatch):
    "The order and the choice of the prompts come from what a probe measured."
    from rlvr_nb.data import ArithmeticProcessor
    from rlvr_nb.checks import PROBES
    monkeypatch.chdir(tmp_path)
    cfg = load_config(*SHORT)
    questions = [row['question'] for row in ArithmeticProcessor(seed=cfg.seed).load_raw_dataset('train')[:64]]
    rates = {question: i % 8 / 8 for i, question in enumerate(questions)}
    Path(PROBES).mkdir(parents=True)
    measured_on = dict(model=cfg.model.model_name_or_path, dataset=cfg.data.dataset_name, dataset_path=None)
    (Path(PROBES)/'probe.json').write_text(json.dumps(measured_on | dict(pass_rates=rates)))
    options, control = (
        ['data.curriculum=true', 'data.difficulty.min=0.2', 'data.max_train_samples=64'],
        TrainingControl(),
    )
    run_of(tmp_path/'whole', *options)
    run_of(
        tmp_path / 'run', *options, control=control, observers=[Steer('step', control.stop, lambda step, *_: step == 2)]
    )
    assert Pipeline.resume(tmp_path/'run').status == 'finished'
    assert_same(tmp_path/'run', tmp_path/'whole')
    asked = [r['prompt'] for r in RunDir.open(tmp_path/'run').read_completions()]
    easy = [rate for question, rate in rates.items() if any(question in prompt for prompt in asked)]
    assert easy and min(easy) >= 0.2, 'a prompt outside of the band was trained on'
