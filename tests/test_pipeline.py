"""The command of the README, and what can be done with the run that it leaves."""
import json
import os
import re
import shutil

import pytest

from warm import run_command as command
from whole_runs import TINY, completions, fresh_command, result_of

from rlvr_nb.config import ConfigError


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
