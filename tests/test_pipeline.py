"""The pipeline as users run it: the built-in model, architectures from a folder, real rows, processes, Ctrl-C."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from small_models import build
from warm import Command, run_command as command

from rlvr_nb.config import ConfigError

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get('RLVR_NB_DATA') or ROOT/'../shared/data').resolve()
SMALL = ['train.max_steps=2', 'train.per_device_train_batch_size=4', 'train.num_generations=4',
         'train.max_prompt_length=900', 'train.max_completion_length=24',
         'model.max_seq_length=1024', 'eval.eval_num_samples=4', 'eval.eval_max_new_tokens=24',
         'eval.eval_batch_size=4', 'train.logging_steps=1']


def fresh_command(*arguments, cwd, **env):
    "The command line as a user types it, from the first import on: its status, output and errors."
    environ = {k: v for k, v in os.environ.items() if not k.startswith('WANDB')} | {'OMP_NUM_THREADS': '1'} | env
    done = subprocess.run([sys.executable, str(ROOT/'run_pipeline.py'), *arguments], cwd=cwd, env=environ,
                          capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout, done.stderr


def result_of(run): return json.loads((Path(run)/'result.json').read_text())


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    "A folder with a model of each architecture."
    base = tmp_path_factory.mktemp('models')
    return {kind: build(kind, base/kind) for kind in ('gemma3', 'qwen3', 'llama')}


@pytest.fixture(scope='module')
def gsm8k(tmp_path_factory):
    "Real GSM8K where it is, made-up rows of the same form elsewhere."
    if (DATA/'gsm8k').is_dir(): return DATA/'gsm8k'
    folder = tmp_path_factory.mktemp('gsm8k')
    for split, n in (('train', 40), ('test', 8)):
        rows = [dict(question=f'Ann has {i} pens and buys {i + 2} more. How many has she?',
                     answer=f'{i}+{i+2}=<<{i}+{i+2}={2*i+2}>>{2*i+2}\n#### {2*i+2}') for i in range(n)]
        (folder/f'{split}.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    return folder


# ---- the default run

def independent_accuracy(folder, problems):
    "Greedy accuracy of a saved model, with transformers and a regular expression alone."
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    model, tok = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    prompts = [tok.apply_chat_template([dict(role='user', content=q)], tokenize=False, add_generation_prompt=True)
               for q, _ in problems]
    inputs = tok(prompts, return_tensors='pt', padding=True, add_special_tokens=False, return_token_type_ids=False)
    with torch.no_grad(): out = model.generate(**inputs, max_new_tokens=44, do_sample=False)
    right = 0
    for text, (_, gold) in zip(tok.batch_decode(out[:, inputs['input_ids'].shape[1]:], skip_special_tokens=True),
                               problems):
        found = re.search(r'</reasoning><answer> *(\d+)</answer>$', text)
        right += bool(found) and int(found[1]) == int(gold)
    return right / len(problems)


@pytest.fixture(scope='module')
def default_run(tmp_path_factory):
    "The command of the README, from an empty directory."
    cwd = tmp_path_factory.mktemp('default')
    status, out, err = fresh_command('run_dir=run', cwd=cwd,
                                     OMP_NUM_THREADS=os.environ.get('OMP_NUM_THREADS', '2'))
    assert status == 0, err[-3000:]
    return cwd/'run', out, err


def test_default_run_learns_to_carry(default_run):
    run, out, err = default_run
    result = result_of(run)
    before, after = (result[when]['arithmetic'] for when in ('before', 'after'))
    assert result['status'] == 'finished' and result['steps'] == 100
    assert after['accuracy'] >= 0.95 and after['accuracy'] - before['accuracy'] >= 0.6
    assert before['n'] == after['n'] == 256
    assert 'McNemar' in out and '100/100' in out + err


def test_default_run_s_accuracy_is_what_its_saved_model_does(default_run):
    run, *_ = default_run
    rows = [json.loads(line) for line in (run/'eval/after-arithmetic.jsonl').read_text().splitlines()]
    problems = [(r['prompt'][-1]['content'], r['answer']) for r in rows]
    accuracy = result_of(run)['after']['arithmetic']['accuracy']
    assert sum(r['correct'] for r in rows) / len(rows) == accuracy
    assert independent_accuracy(run/'model', problems) == accuracy
    asked = {re.fullmatch(r'<s><\|user\|>(\d+\+\d+=\?)<\|assistant\|>', r['prompt'])[1] for r in completions(run)}
    assert not asked & {q for q, _ in problems}, 'a held-out problem was trained on'


def completions(run):
    from rlvr_nb.tracking import RunDir
    return RunDir.open(run).read_completions()


def test_run_directory_is_self_describing(default_run):
    run, *_ = default_run
    assert {'config.yaml', 'manifest.json', 'metrics.jsonl', 'events.jsonl', 'completions', 'eval', 'checkpoints',
            'model', 'report.html', 'result.json'} <= {p.name for p in run.iterdir()}
    steps = [json.loads(line) for line in (run/'metrics.jsonl').read_text().splitlines()]
    assert [m['step'] for m in steps if 'reward' in m] == list(range(1, 101))
    recorded = completions(run)
    assert len(recorded) == 100 * 64
    third = [r for r in recorded if r['step'] == 3]
    assert steps[[m['step'] for m in steps].index(3)]['reward'] == pytest.approx(sum(r['reward'] for r in third) / 64,
                                                                                 abs=1e-4)
    for r in third: assert r['reward'] == pytest.approx(sum(r['rewards'].values()), abs=1e-6)
    for g in range(8): assert abs(sum(r['advantage'] for r in third if r['group'] == g)) < 1e-2


def test_a_finished_run_is_neither_overwritten_nor_resumed(default_run):
    run, *_ = default_run
    before = result_of(run)
    for arguments, words in (([f'run_dir={run}'], '--resume'), (['--resume', str(run)], 'finished')):
        status, out, err = command(*arguments, cwd=run.parent)
        assert status == 2 and words in err and 'Traceback' not in err
    assert result_of(run) == before


# ---- models from a folder, real rows

@pytest.mark.parametrize('kind', ['gemma3', 'qwen3', 'llama'])
def test_gsm8k_with_a_model_from_a_folder(kind, folders, gsm8k, tmp_path):
    status, out, err = command('data_component=gsm8k', f'data.dataset_path={gsm8k}',
                               f'model.model_name_or_path={folders[kind]}', *SMALL, 'run_dir=run', cwd=tmp_path)
    assert status == 0, err[-3000:]
    result = result_of(tmp_path/'run')
    assert result['steps'] == 2 and result['after']['gsm8k']['n'] == 4
    assert (tmp_path/'run/model/adapter_config.json').exists()
    first = completions(tmp_path/'run')[0]
    opening = dict(gemma3='<start_working_out>', qwen3='<think>', llama='<reasoning>')[kind] # the family's own
    assert '<start_of_turn>system' in first['prompt'] and opening in first['prompt'], 'the system prompt is missing'


def test_adapter_merged_and_full_models_load_as_they_were_evaluated(folders, gsm8k, tmp_path):
    from rlvr_nb.config import load_config
    from rlvr_nb.pipeline import Pipeline
    from rlvr_nb.rewards import REWARDS, reward
    from rlvr_nb.trust import load_run
    @reward('vowels', category='custom')
    def vowels(parsed, gold): return float(sum(c in 'aeiou' for c in parsed.text))
    common = ['reward.reward_functions=[{category: custom, type: vowels}]', 'data_component=gsm8k',
              f'data.dataset_path={gsm8k}', f'model.model_name_or_path={folders["llama"]}', *SMALL, 'observers=[]',
              'train.learning_rate=3e-2']
    for name, extra in (('adapter', ['model.save_merged=true']), ('full', ['model.lora_config.use_lora=false'])):
        run = Pipeline(load_config(*common, *extra, f'run_dir={tmp_path/name}')).run()
        texts = [r['completion'] for r in run.after['gsm8k'].rows]
        assert texts != [r['completion'] for r in run.before['gsm8k'].rows], 'the training changed nothing'
        os.chdir(tmp_path)
        again = load_run(tmp_path/name, f'data.dataset_path={gsm8k}')   # the data lie outside the run
        assert [r['completion'] for r in Pipeline.evaluate(tmp_path/name, again)['gsm8k'].rows] == texts
    assert (tmp_path/'adapter/model/merged/model.safetensors').exists()
    assert not (tmp_path/'adapter/model/merged/adapter_config.json').exists()
    assert (tmp_path/'full/model/model.safetensors').exists()
    del REWARDS['vowels']


def test_finqa_evaluates_on_its_development_split(folders, tmp_path):
    if not (DATA/'finqa').is_dir(): pytest.skip(f'no FinQA rows in {DATA}: set RLVR_NB_DATA')
    status, out, err = command('data_component=finqa', f'data.dataset_path={DATA/"finqa"}',
                               'data.params.context=evidence', 'reward_component=tasks/financial_reasoning',
                               'prompts=financial_reasoning', f'model.model_name_or_path={folders["qwen3"]}', *SMALL,
                               'train.max_prompt_length=1400', 'model.max_seq_length=2048', 'run_dir=run', cwd=tmp_path)
    assert status == 0, err[-3000:]
    assert result_of(tmp_path/'run')['after']['finqa']['n'] == 4


def test_every_gsm8k_row_has_a_gold():
    if not (DATA/'gsm8k').is_dir(): pytest.skip(f'no GSM8K rows in {DATA}: set RLVR_NB_DATA')
    from rlvr_nb.data import DefaultDataComponent
    data = DefaultDataComponent(dict(dataset_name='gsm8k', dataset_path=str(DATA/'gsm8k')))
    assert [str(data.train_rows()), str(data.eval_rows())] == ['7473 rows of train', '1319 rows of test']


# ---- other rewards, other datasets

def test_reasoning_gym_scores_its_own_answers(folders, tmp_path):
    pytest.importorskip('reasoning_gym', reason='reasoning_gym is not installed')
    status, out, err = command('data.dataset_name=reasoning_gym', 'data.params.task=chain_sum',
                               'data.params.num_train=20', 'data.params.num_eval=4',
                               f'model.model_name_or_path={folders["llama"]}', *SMALL, 'run_dir=run', cwd=tmp_path)
    assert status == 0, err[-3000:]
    from rlvr_nb.data import DATASET_PROCESSORS
    from rlvr_nb.prompts import PLAIN
    from rlvr_nb.verify import Judge
    p = DATASET_PROCESSORS['reasoning_gym'](task='chain_sum', num_train=5, num_eval=5)
    row = p.load_raw_dataset('train')[0]
    judge, row = Judge(markers=PLAIN, scorer=p.scorer()), dict(answer=row['answer'], **p.metadata(row))
    assert judge(f'<reasoning>x</reasoning><answer>{row["answer"]}</answer>',
                 row) and not judge('<reasoning>x</reasoning><answer>0.123</answer>', row)


# ---- stopping, several processes, faults

def wait_for(path, words, process, seconds=300):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and words in path.read_text(): return
        if process.poll() is not None: pytest.fail(f'ended early: {process.communicate()}')
        time.sleep(0.1)
    process.kill()
    pytest.fail(f'{words!r} never appeared in {path}')


def test_an_interrupted_run_saves_and_goes_on(tmp_path, default_run):
    process = Command('run_dir=run', 'train.max_steps=30', 'eval.eval_num_samples=16', cwd=tmp_path)
    wait_for(tmp_path/'run/metrics.jsonl', '"step": 3', process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    stopped = result_of(tmp_path/'run')
    assert stopped['status'] == 'stopped' and 3 <= stopped['steps'] < 30
    assert '--resume' in out + err and 'Traceback' not in err
    status, out, err = command('--resume', 'run', cwd=tmp_path)
    assert status == 0, err[-3000:]
    finished = result_of(tmp_path/'run')
    assert finished['status'] == 'finished' and finished['steps'] == 30
    from rlvr_nb.tracking import RunDir
    assert [m['step'] for m in RunDir.open(tmp_path/'run').metrics() if 'reward' in m] == list(range(1, 31))
    assert len(completions(tmp_path/'run')) == 30 * 64


def test_an_interrupt_during_the_first_evaluation_leaves_a_record(tmp_path, default_run):
    process = Command('run_dir=run', 'eval.eval_batch_size=1', cwd=tmp_path)
    wait_for(tmp_path/'run/events.jsonl', 'evaluate before', process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130 and 'Traceback' not in err and '--resume' in out + err
    assert result_of(tmp_path/'run')['status'] == 'stopped'


def test_processes_share_one_run(tmp_path, default_run):
    environ = os.environ | {'OMP_NUM_THREADS': '1'}
    done = subprocess.run([str(Path(sys.executable).with_name('torchrun')), '--nproc_per_node=2', '--master_port=29517',
                           str(ROOT/'run_pipeline.py'), 'train.per_device_train_batch_size=4',
                           'train.gradient_accumulation_steps=2',
                           'train.max_steps=3', 'eval.eval_num_samples=16'], cwd=tmp_path, env=environ,
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    runs = list((tmp_path/'outputs').iterdir())
    assert len(runs) == 1, runs
    result = result_of(runs[0])
    assert result['status'] == 'finished' and result['steps'] == 3 and result['after']['arithmetic']['n'] == 16
    recorded = completions(runs[0])
    assert len(recorded) == 3 * 16
    for step in (1, 2, 3):
        prompts = [r['prompt'] for r in recorded if r['step'] == step]
        assert len(set(prompts)) == 2 and all(len(set(prompts[i:i + 8])) == 1 for i in (0, 8)), 'a group mixes prompts'
    assert done.stdout.count('McNemar') == 1, 'more than one process speaks'


@pytest.mark.parametrize('arguments, words', [
    (['train.max_stpes=3'], 'max_steps'),
    (['data.max_train_samples=4'], '4 prompts are left'),
    (['model.load_in_4bit=true'], 'model.load_in_4bit'),
    (['model.model_name_or_path=./no-model'], './no-model'),
    (['reward.reward_functions[0].type=gsm8k_anser_check'], 'gsm8k_answer_check'),
    (['reward.reward_functions[0].params.corect_reward=1'], 'correct_reward'),
    (['data_component=finqa'], 'model_component='),
    (['train.bf16=true'], 'train.bf16=null'),
    (['--resume', 'nowhere'], 'nowhere'),
])
def test_a_mistake_is_one_clear_error(arguments, words, tmp_path):
    status, out, err = command(*arguments, cwd=tmp_path)
    assert status == 2, (out, err)
    assert words in err and 'Traceback' not in err
    assert not list(tmp_path.iterdir()), 'something was written'


def test_a_missing_dataset_is_named(folders, tmp_path):
    status, out, err = command('data_component=gsm8k', 'data.dataset_path=./nowhere',
                               f'model.model_name_or_path={folders["llama"]}', *SMALL, cwd=tmp_path)
    assert status == 2 and './nowhere' in err and 'Traceback' not in err


def test_an_unreachable_dataset_is_status_3(folders, tmp_path):
    status, out, err = fresh_command('data_component=gsm8k', f'model.model_name_or_path={folders["llama"]}', *SMALL,
                                     cwd=tmp_path, HF_HUB_OFFLINE='1')
    assert status == 3 and 'openai/gsm8k' in err and 'Traceback' not in err


def test_a_failing_reward_leaves_a_record(tmp_path, default_run):
    (tmp_path / 'mine.py').write_text(
        "from rlvr_nb.rewards import reward\n@reward('broken', category='custom')\n"
        "def broken(parsed, gold, token_ids):\n    if token_ids: raise KeyError('nothing here')\n    return 0.\n"
    )   # the dry run has no tokens, so the fault shows in training only
    status, out, err = command('--plugin', 'mine.py', 'reward.reward_functions=[{category: custom, type: broken}]',
                               'run_dir=run', 'train.max_steps=2', 'eval.eval_num_samples=8', cwd=tmp_path)
    assert status == 1 and 'broken' in err and 'nothing here' in err and 'Traceback' not in err
    result = result_of(tmp_path/'run')
    assert result['status'] == 'failed' and 'broken' in result['error'] and result['before']['arithmetic']['n'] == 8
    assert (tmp_path/'run/report.html').exists()


# ---- controls, the best checkpoint, the same run again

TINY = ['train.max_steps=6', 'eval.eval_num_samples=48', 'train.learning_rate=1e-3']


def test_a_random_reward_is_a_control_and_says_so(tmp_path):
    status, out, err = command('reward_component=random_baseline', 'run_dir=run', *TINY, cwd=tmp_path)
    assert status == 0, err[-3000:]
    run, recorded = tmp_path/'run', completions(tmp_path/'run')
    paid = [r['rewards']['random_reward'] for r in recorded]
    assert set(paid) == {0., 1.} and 0.35 < sum(paid) / len(paid) < 0.65
    assert all(r['reasons'] == {'random_reward': 'drawn at random'} for r in recorded)
    right = [r['rewards']['random_reward'] for r in recorded if r['correct']]
    assert abs(sum(right) / len(right) - sum(paid) / len(paid)) < 0.25, 'right completions are paid like the others'
    for text in ((run/'report.html').read_text(),
                 (run/'model/README.md').read_text()): assert 'this run is a control' in text


def test_shuffled_answers_are_trained_on_and_never_evaluated(default_run, tmp_path):
    from rlvr_nb.tracking import RunDir
    plain, run = default_run[0], tmp_path/'run'
    status, out, err = command('run_dir=run', *TINY, 'data.shuffle_answers=true', cwd=tmp_path)
    assert status == 0, err[-3000:]
    def wrong(run): return sum(r['answer'] != str(eval(re.search(r'(\d+\+\d+)=', r['prompt'])[1]))
                               for r in completions(run))
    assert wrong(plain) == 0 and wrong(run) > 0.9 * len(completions(run))
    evaluated = RunDir.open(run).evaluations()
    assert all(r['answer'] == str(eval(r['prompt'][-1]['content'].rstrip('=?')))
               for r in evaluated['after']['arithmetic'].rows)
    before = [e['before']['arithmetic'].rows[:48] for e in (evaluated, RunDir.open(plain).evaluations())]
    assert [r['completion'] for r in before[0]] == [r['completion'] for r in before[1]]
    assert 'data.shuffle_answers' in (run/'report.html').read_text()
    assert 'this run is a control' not in (plain/'report.html').read_text()


def test_the_same_run_again_has_the_same_metrics(tmp_path):
    status, _, err = command('run_dir=first', *TINY, 'observers=[console,tensorboard]', 'eval.eval_steps=3',
                             'eval.samples_per_prompt=2', cwd=tmp_path)
    assert status == 0, err[-3000:]
    status, _, err = command('--from', 'first', 'run_dir=again', 'observers=[console,tensorboard]', cwd=tmp_path)
    assert status == 0, err[-3000:]
    def measured(run): return [{k: v for k, v in json.loads(line).items() if k != 'time'
                                and not re.match('seconds|step_time|tokens/per_second|memory', k)}
                               for line in (tmp_path/run/'metrics.jsonl').read_text().splitlines()]
    assert measured('first') == measured('again') and [m['step'] for m in measured('first')
                                                       if 'reward' in m] == [1, 2, 3, 4, 5, 6]

    assert completions(tmp_path/"first") == completions(tmp_path/"again")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    board = EventAccumulator(str(next((tmp_path/'first').rglob('events.out.tfevents*')).parent)).Reload()
    told = {tag: {e.step: e.value for e in board.Scalars(tag)}
            for tag in ('train/reward', 'train/accuracy', 'eval/arithmetic/accuracy')}
    for tag, name in (('train/reward', 'reward'), ('train/accuracy', 'accuracy'),
                      ('eval/arithmetic/accuracy', 'eval/arithmetic/accuracy')):
        known = {m['step']: m[name] for m in measured('first') if name in m}
        assert told[tag] == pytest.approx({step: known[step] for step in told[tag]},
                                          rel=1e-4) and len(told[tag]) == (3 if tag.startswith('eval') else 6)
    manifests = [json.loads((tmp_path/run/'manifest.json').read_text()) for run in ('first', 'again')]
    assert manifests[0]['data_hash'] == manifests[1]['data_hash']


def test_the_best_checkpoint_is_kept_and_can_be_evaluated(tmp_path):
    "A model that is ruined after its first evaluation: the best is the earlier one, and answers as it did then."
    from rlvr_nb.tracking import RunDir
    status, out, err = command('run_dir=run', 'train.max_steps=12', 'eval.eval_num_samples=64', 'eval.eval_steps=4',
                               'eval.save_best=true', 'train.learning_rate=0.02', 'train.warmup_ratio=0.9',
                               'train.lr_scheduler_type=constant_with_warmup', 'reward_component=random_baseline',
                               cwd=tmp_path)
    assert status == 0, err[-3000:]
    found = RunDir.open(tmp_path/'run').evaluations()
    accuracy = {int(when[5:]) if when.startswith('step') else 12: e['arithmetic'].accuracy for when, e in found.items()
                if when != 'before'}
    best = result_of(tmp_path/'run')['best']
    assert best['accuracy'] == max(accuracy.values()) and best['step'] == min(s for s, a in accuracy.items() if a
                                                                              == best['accuracy']) < 12
    assert f"step {best['step']}" in out and str(best['path']) in out
    status, out, err = command('--evaluate', 'run/checkpoints/best', 'run_dir=again', cwd=tmp_path)
    assert status == 0, err[-3000:]
    again, then = (
        RunDir.open(tmp_path / 'again').evaluations()['after']['arithmetic'],
        found[f"step-{best['step']}"]['arithmetic'],
    )
    assert [r['completion'] for r in again.rows] == [r['completion'] for r in then.rows]


def test_a_run_that_stops_early_says_why(tmp_path):
    status, out, err = command('run_dir=run', 'train.max_steps=20', 'eval.eval_num_samples=16', 'eval.eval_steps=2',
                               'eval.early_stopping_patience=2', 'train.learning_rate=1e-9', cwd=tmp_path)
    assert status == 0, err[-3000:]
    result = result_of(tmp_path/'run')
    assert (result['status'], result['steps'], result['early_stop']) == ('finished', 6, {'step': 6, 'best': 2})
    assert 'finished after 6 steps, early: no evaluation was better than that of step 2' in out
    assert 'early stop: step 6' in (tmp_path/'run/report.html').read_text()


def test_a_moved_run_is_evaluated_as_it_is_and_not_taken_for_a_training(default_run, tmp_path):
    from rlvr_nb.tracking import RunDir, push_to_hub
    run, *_ = default_run
    shutil.copytree(run, tmp_path/'moved', ignore=shutil.ignore_patterns('completions', 'checkpoints'))
    status, out, err = command('--evaluate', 'moved', 'evaluation_component=comprehensive_eval',
                               'eval.eval_num_samples=24', 'run_dir=again', cwd=tmp_path)
    assert status == 0, err[-3000:]
    then = [r['completion'] for r in RunDir.open(run).evaluations()['after']['arithmetic'].rows[:24]]
    again = RunDir.open(tmp_path/'again').evaluations()['after']['arithmetic']
    assert [r['completion'] for r in again.rows] == then and len(again.rows[0]['samples']) == 8 and 'pass@8' in out
    manifest = RunDir.open(tmp_path/'again').read_manifest()
    assert manifest['evaluates'] == str(tmp_path/'moved/model')
    assert (
        manifest['command']
        == 'python run_pipeline.py --evaluate moved evaluation_component=comprehensive_eval eval.eval_num_samples=24'
    )
    status, out, err = command('--from', 'again', cwd=tmp_path)
    assert status == 2 and 'is an evaluation of' in err and '--evaluate moved' in err
    with pytest.raises(ConfigError, match='trained nothing'): push_to_hub(tmp_path/'again', 'a/b')


def test_the_command_of_a_run_can_be_typed_again(tmp_path):
    status, _, err = command('run_dir=first', 'train.max_steps=2', 'eval.eval_num_samples=16', cwd=tmp_path)
    assert status == 0, err[-3000:]
    status, _, err = command('--from', 'first', 'run_dir=second', 'train.max_steps=1', cwd=tmp_path)
    assert status == 0, err[-3000:]
    commands = [json.loads((tmp_path/run/'manifest.json').read_text())['command'] for run in ('first', 'second')]
    assert commands == ['python run_pipeline.py train.max_steps=2 eval.eval_num_samples=16',
                        'python run_pipeline.py train.max_steps=2 eval.eval_num_samples=16 train.max_steps=1']
    assert 'run_dir' not in (tmp_path/'second/report.html').read_text().split('What differs')[1].split('</table>')[0]


def test_a_failure_names_its_step_and_keeps_keys_to_itself(tmp_path):
    key = 'hf_' + 'k' * 34
    (tmp_path/'mine.py').write_text(f"""from rlvr_nb.rewards import reward
from rlvr_nb.tracking import Observer, observer
import rlvr_nb.tracking as tracking
@reward('leaky')
def leaky(parsed, gold, token_ids):
    if token_ids: raise ValueError('no access with {key}')   # in training only
    return 0.
@observer('breaks_report')
class Breaks(Observer):
    def pipeline_start(self, cfg, run_dir):
        def broken(self): raise RuntimeError('no page today')
        tracking.RunReport.save = broken
@observer('fails')
class Fails(Observer):
    required = True
    def step(self, step, total, metrics):
        if step == 2: raise RuntimeError('full stop')
""")
    common = ['--plugin', 'mine.py', 'train.max_steps=3', 'eval.eval_num_samples=16', 'reward.max_bad_samples=1000',
              'reward.reward_functions=[{category: a, type: gsm8k_answer_check}, {category: b, type: leaky}]']
    status, out, err = command(*common, 'run_dir=one', 'observers=[console,breaks_report]', cwd=tmp_path)
    assert status == 0 and result_of(tmp_path/'one')['status'] == 'finished' and 'no page today' in out + err
    status, out2, err2 = command(*common, 'run_dir=two', 'observers=[console,fails]', cwd=tmp_path)
    assert status == 1 and (result_of(tmp_path/'two')['status'], result_of(tmp_path/'two')['steps']) == ('failed', 2)
    assert completions(tmp_path/'one')[0]['reasons']['leaky'].startswith('raised ValueError')
    assert key not in out + err + out2 + err2
    for path in tmp_path.rglob('*'):
        if path.is_file() and path.name != 'mine.py' and path.suffix != '.pyc':
            assert key.encode() not in path.read_bytes(), path
    assert not any(key in str(r) for r in completions(tmp_path/'one'))


def test_a_name_the_hub_refuses_is_refused_before_training(tmp_path):
    status, out, err = command('model.push_to_hub=a/b--c', 'run_dir=run', cwd=tmp_path)
    assert status == 2 and 'model.push_to_hub' in err and 'owner/name' in err and not (tmp_path/'run').exists()


def test_a_sweep_over_seeds_is_summed_up(tmp_path):
    status, out, err = command('-m', 'train.seed=1,2', 'reward_component=default,random_baseline', 'run_dir=sweep',
                               'eval.eval_num_samples=16', 'train.max_steps=1', cwd=tmp_path)
    assert status == 0, err[-3000:]
    table = out[out.index('experiment'):]
    assert re.search(r'reward_component=default +arithmetic +2 of 2',
                     table) and re.search(r'reward_component=random_baseline +arithmetic +2 of 2', table)
    assert '2 experiments, 4 runs' in (tmp_path/'sweep/comparison.html').read_text()
