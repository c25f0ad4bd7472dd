"""A table of faults: what a person may do wrong, or meet, and what is said.

One clear sentence, the right status, nothing written.
"""
import json
import shutil
import subprocess
import sys

import pytest

from rlvr_nb.config import load_config
from rlvr_nb.grammar import ConfigError, RLVRError
from rlvr_nb.pipeline import Pipeline
from rlvr_nb.rundir import RunDir

BOTH = ('train.per_device_train_batch_size=8', 'train.num_generations=3')

OPTIONS = [ # overrides, words of the message
    ('train.max_stpes=3', 'max_steps'),
    ('trian.max_steps=3', 'train'),
    ('train.max_steps=0', 'train.max_steps'),
    ('train.max_steps=-1', 'train.max_steps'),
    ('train.max_steps=many', 'train.max_steps'),
    ('train.max_steps=1.5', 'train.max_steps'),
    ('train.learning_rate=-1', 'train.learning_rate'),
    ('train.learning_rate=fast', 'train.learning_rate'),
    ('train.learning_rate=.nan', 'train.learning_rate'),
    ('train.learning_rate=.inf', 'train.learning_rate'),
    ('train.warmup_ratio=2', 'train.warmup_ratio'),
    ('train.save_steps=-1', 'train.save_steps'),
    ('train.logging_steps=0', 'train.logging_steps'),
    ('train.num_generations=1', 'train.num_generations'),
    (BOTH, 'num_generations'),
    ('train.gradient_accumulation_steps=0', 'train.gradient_accumulation_steps'),
    ('train.max_completion_length=0', 'train.max_completion_length'),
    ('train.max_prompt_length=0', 'train.max_prompt_length'),
    ('train.optim_name=adam_double', 'train.optim_name'),
    ('train.lr_scheduler_type=zigzag', 'train.lr_scheduler_type'),
    ('train.bf16=maybe', 'train.bf16'),
    ('train.grpo.loss_type=gppo', 'loss_type'),
    ('train.grpo.betta=0.1', 'beta'),
    ('train.grpo.beta=-1', 'beta'),
    ('train.grpo.learning_rate=1', 'train.learning_rate'),
    ('train.grpo.steps_per_generation=0', 'steps_per_generation'),
    ('train.grpo.generation_batch_size=7', 'generation_batch_size'),
    ('train.grpo.num_iterations=0', 'num_iterations'),
    ('model.lora_config.r=0', 'model.lora_config.r'),
    ('model.lora_config.r=eight', 'model.lora_config.r'),
    ('model.lora_config.lora_alpha=-1', 'model.lora_config.lora_alpha'),
    ('model.lora_config.lora_dropout=2', 'model.lora_config.lora_dropout'),
    ('model.max_seq_length=1', 'max_seq_length'),
    ('model.backend=jax', 'model.backend'),
    ('model.load_in_5bit=true', 'load_in_'),
    ('eval.eval_num_samples=0', 'eval.eval_num_samples'),
    ('eval.eval_batch_size=0', 'eval.eval_batch_size'),
    ('eval.temperature=-1', 'eval.temperature'),
    ('eval.samples_per_prompt=-1', 'eval.samples_per_prompt'),
    ('eval.early_stopping_patience=-1', 'eval.early_stopping_patience'),
    ('eval.enabled=perhaps', 'eval.enabled'),
    ('prompts.prompting_mode=nope', 'prompting_mode'),
    ('reward.reward_functions=[]', 'reward_functions'),
    ('reward.reward_functions[9].weight=1', 'reward_functions'),
    ('reward.deadline_seconds=0', 'deadline_seconds'),
    ('reward.max_bad_samples=-1', 'max_bad_samples'),
    ('logging_level=LOUD', 'logging_level'),
    ('seed=-1', 'seed'),
    ('data_component=nowhere', 'data_component'),
    ('model_component=gemma_9b', 'model_component'),
    ('train', 'train'),
    ('=3', '='),
    ('train.max_steps=[1', 'train.max_steps'),
    ('data.params=3', 'data.params'),
    ('model.markers.reasoning_start=', 'reasoning_start'),
]

BEFORE_A_MODEL = [ # overrides, words of the message: found by the dry run
    ('data.max_train_samples=4', '4 prompts are left'),
    ('data_component=gsm8k', 'model_component='),
    ('data_component=finqa', 'model_component='),
    ('data.params.digits=4', 'data.params.digits'),
    ('data.params.digit=3', 'digits'),
    ('model.load_in_4bit=true', 'model.load_in_4bit'),
    ('model.load_in_8bit=true', 'model.load_in_8bit'),
    ('model.backend=unsloth', 'model.backend'),
    ('model.model_name_or_path=./no-model', './no-model'),
    ('model.model_name_or_path=/no/model', '/no/model'),
    ('train.bf16=true', 'train.bf16=null'),
    ('reward.reward_functions[0].type=gsm8k_anser_check', 'gsm8k_answer_check'),
    ('reward.reward_functions[0].type=nothing_like_it', 'nothing_like_it'),
    ('reward.reward_functions[0].params.corect_reward=1', 'correct_reward'),
    ('observers=[consle]', 'console'),
    ('model.push_to_hub=a/b--c', 'owner/name'),
    ('model.push_to_hub=a/b/c', 'model.push_to_hub'),
    ('run_dir=occupied', "isn't empty"),
    ('run_dir=occupied/file', 'is a file'),
    ('run_dir=occupied/file/run', 'occupied/file'),
    ('train.output_dir=occupied', 'train.output_dir'),
    ('model.save_model_path=occupied', 'model.save_model_path'),
    ('model.save_model_path=occupied/file', 'is a file'),
    ('run_dir=' + 'long' * 100, 'choose a shorter name'),
    ('prompts.system_prompts.reasoning_mode="hf_' + 'k' * 34 + '"', 'token'),
    ('eval.eval_datasets_names=[nothing]', 'nothing'),
    ('train.output_dir=/proc/x', "/proc can't be written to"),
    (('train.warm_start.source=file', 'train.warm_start.file=occupied/file'), 'occupied/file'),
]


def overrides_of(row): return [row] if isinstance(row, str) else list(row)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    "A working directory with one folder that holds something."
    monkeypatch.chdir(tmp_path)
    (tmp_path/'occupied').mkdir()
    (tmp_path/'occupied/file').write_text('mine')
    return tmp_path


def assert_clear(error, words):
    "One sentence a fault, that names what was wrong, without a traceback or the words of a library."
    text = str(error)
    assert words in text and 'Traceback' not in text and error.status in (1, 2, 3)
    for line in text.splitlines(): assert len(line) < 900, 'more than a sentence'


@pytest.mark.parametrize('overrides, words', OPTIONS, ids=[str(o) for o, _ in OPTIONS])
def test_a_wrong_option_is_named(overrides, words, folder):
    with pytest.raises(ConfigError) as told: load_config(*overrides_of(overrides))
    assert_clear(told.value, words)
    assert [p.name for p in folder.iterdir()] == ['occupied']


@pytest.mark.parametrize('overrides, words', BEFORE_A_MODEL, ids=[str(o)[:60] for o, _ in BEFORE_A_MODEL])
def test_what_cannot_work_is_told_before_a_model_is_loaded(overrides, words, folder):
    with pytest.raises(RLVRError) as told: Pipeline.check(load_config(*overrides_of(overrides)))
    assert_clear(told.value, words)
    assert [p.name for p in folder.iterdir()] == ['occupied'] and (folder/'occupied/file').read_text() == 'mine'


# ---- rewards

REWARDS_GONE_WRONG = [ # body of a reward, words of the fault that is counted
    ("raise ValueError('no')", 'raised ValueError'),
    ("raise KeyError('x')", 'raised KeyError'),
    ("raise SystemExit(0)", 'raised SystemExit'),
    ("import os; os._exit(0)", 'os._exit(0)'),
    ("import sys; sys.exit(3)", 'raised SystemExit'),
    ("return 'three'", "'three'"),
    ("return [1.0]", '[1.0]'),
    ("return {}", '{}'),
    ("return float('nan')", 'nan'),
    ("return float('inf')", 'inf'),
    ("return -float('inf')", 'inf'),
    ("return 10**400", ''),
    ("return complex(1, 2)", '1+2j'),
    ("return object()", 'object'),
    ("return b'1'", "b'1'"),
    ("return parsed.nothing", 'raised AttributeError'),
    ("return 1 / 0", 'raised ZeroDivisionError'),
    ("return [][1]", 'raised IndexError'),
    ("return int('x')", 'raised ValueError'),
    ("assert False, 'as said'", 'raised AssertionError'),
    ("raise RecursionError", 'raised RecursionError'),
    ("raise MemoryError", 'raised MemoryError'),
    ("raise StopIteration", 'raised'),
    ("raise BaseException('all')", 'raised BaseException'),
    ("raise type('Odd', (Exception,), dict(__str__=lambda e: 1 / 0))()", "raised Odd, which can't be read"),
    ("return type('Odd', (), dict(__repr__=lambda e: 1 / 0))()", "returned Odd, which can't be read"),
]


@pytest.fixture
def rewarded():
    "The component of one reward with the given body, and what it says of three completions."
    from rlvr_nb.rewards import REWARDS, DefaultRewardComponent, reward
    from rlvr_nb.stages import no_sudden_exit
    def score(body):
        head = "@reward('wrong', category='custom')\ndef wrong(parsed, gold):\n"
        text = f"{head}    if gold == '2':\n        {body}\n    return 1.\n"
        exec(compile(text, 'mine.py', 'exec'), dict(reward=reward))
        component = DefaultRewardComponent(
            dict(reward_functions=[dict(category='custom', type='wrong')], max_bad_samples=100)
        )
        with no_sudden_exit():
            paid = component.build()[0](prompts=['a'] * 3, completions=['1', '2', '3'], answer=['1', '2', '3'])
        return component, paid
    yield score
    REWARDS.pop('wrong', None)


@pytest.mark.parametrize('body, words', REWARDS_GONE_WRONG, ids=[b for b, _ in REWARDS_GONE_WRONG])
def test_a_reward_that_goes_wrong_is_counted_and_pays_nothing(body, words, rewarded):
    component, paid = rewarded(body)
    assert paid == [1., None, 1.] and len(component.faults) == 1
    text = str(component.faults[0])
    assert words in text and 'wrong' in text and len(text) < 900


# ---- run directories that can't be resumed

def finished(run): run.write_result(dict(status='finished', steps=4))
def evaluation(run): run.write_manifest({'evaluates': 'a model'})
def written_by_another(run):
    run.writer.claim()
def linked(run):
    (run.path/'elsewhere').mkdir()
    outside = run.path.parent/'outside'
    outside.mkdir()
    (run.path/'completions').symlink_to(outside)
def no_config(run): run.config.unlink()
def broken_config(run): run.config.write_text('train: [1')
def alien_config(run): run.config.write_text('- 1\n- 2\n')
def broken_manifest(run): run.manifest.write_text('{"name": ')
def broken_result(run): run.result.write_text('{')
def broken_identity(run): run.identity_file.write_text('{')
def changed_option(run): run.config.write_text(run.config.read_text().replace('max_steps: 4', 'max_steps: 40'))
def changed_data(run):
    known = json.loads(run.identity_file.read_text())
    known['facts']['training data'] = '0' * 16
    run.identity_file.write_text(json.dumps(known))
def changed_version(run):
    known = json.loads(run.identity_file.read_text())
    known['facts']['version of trl'] = '0.1'
    run.identity_file.write_text(json.dumps(known))
def checkpoints_gone_bad(run):
    (run.checkpoints/'checkpoint-3').mkdir(parents=True)
    (run.checkpoints/'checkpoint-3/trainer_state.json').write_text('{')


RUNS = [
    (finished, 'is finished; start one like it with --from'),
    (evaluation, 'is an evaluation of a model'),
    (written_by_another, 'is being written by process'),
    (linked, 'leads out of the run'),
    (no_config, 'config.yaml'),
    (broken_config, 'config.yaml'),
    (alien_config, 'config.yaml'),
    (broken_manifest, 'manifest.json'),
    (broken_result, 'result.json'),
    (broken_identity, 'identity.json'),
    (changed_option, 'train.max_steps: was 4 when the run began and is 40 now'),
    (changed_data, 'training data was 0000000000000000'),
    (changed_version, 'version of trl was 0.1'),
    (checkpoints_gone_bad, 'no checkpoint of the run is whole'),
]


@pytest.fixture(scope='module')
def begun(tmp_path_factory):
    "A run that ended before its first step."
    from test_resume_run import Steer, TrainingControl, run_of
    path, control = tmp_path_factory.mktemp('begun')/'run', TrainingControl()
    assert (
        run_of(
            path,
            'eval.enabled=false',
            control=control,
            observers=[Steer('stage_start', control.stop, lambda name: name == 'model')],
        ).status
        == 'stopped'
    )
    return path


@pytest.mark.parametrize('harm, words', RUNS, ids=[h.__name__ for h, _ in RUNS])
def test_a_run_that_cannot_be_resumed_says_why(harm, words, begun, tmp_path):
    run = RunDir(shutil.copytree(begun, tmp_path/'run'))
    harm(run)
    before = {p: p.read_bytes() for p in run.path.rglob('*') if p.is_file()}
    try:
        with pytest.raises(RLVRError) as told: Pipeline.resume(run.path)
    finally: run.writer.release()
    assert_clear(told.value, words)
    left = {p: p.read_bytes() for p in run.path.rglob('*') if p.is_file()}
    assert {p: b for p, b in left.items() if p.name != 'writer.json'} == {
        p: b for p, b in before.items() if p.name != 'writer.json'
    }, 'something was written'


CLAIMS = """import json, os, sys, time
from multiprocessing import get_context
from pathlib import Path
from rlvr_nb.grammar import ConfigError
from rlvr_nb.writer import WriterMark

def claims(folder, together, won):
    for place in sorted(folder.iterdir()):
        mark = WriterMark(place)
        together.wait()
        try: mark.claim(); won.put(place.name)
        except ConfigError: pass
        together.wait()
        mark.release()

folder, fork = Path(sys.argv[1]), get_context('fork')
for n in range(30):
    (folder/f'{n:02}').mkdir()
    mark = folder/f'{n:02}'/'writer.json'
    if n % 2:   # a stale one, of a process that is gone
        mark.write_text(json.dumps(dict(host='elsewhere', pid=1, began=0., since='2026', token='old')))
        os.utime(mark, (1, 1))
together, won = fork.Barrier(4), fork.SimpleQueue()
processes = [fork.Process(target=claims, args=(folder, together, won)) for _ in range(4)]
for process in processes: process.start()
for process in processes: process.join()
found = []
while not won.empty(): found.append(won.get())
print(json.dumps(sorted(found)))
"""


def test_of_several_processes_that_claim_a_run_at_once_one_becomes_its_writer(tmp_path):
    done = subprocess.run([sys.executable, '-c', CLAIMS, str(tmp_path)], capture_output=True, text=True, timeout=100)
    assert json.loads(done.stdout) == [f'{n:02}' for n in range(30)], done.stderr
    assert not list(tmp_path.rglob('*.json'))


def test_the_table_has_at_least_a_hundred_rows():
    from test_resume_run import CHANGES, FILES

    assert (
        len(OPTIONS) + len(BEFORE_A_MODEL) + len(REWARDS_GONE_WRONG) + len(RUNS) + len(CHANGES) + 5 * len(FILES) >= 150
    )
