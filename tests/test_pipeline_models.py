"""Runs of architectures from a folder on real rows, and what their folders can be used for."""
import json
import os
from pathlib import Path

import pytest

from slower import some
from small_models import build
from warm import run_command as command
from whole_runs import ROOT, completions, result_of

DATA = Path(os.environ.get('RLVR_NB_DATA') or ROOT/'../shared/data').resolve()
SMALL = ['train.max_steps=2', 'train.per_device_train_batch_size=4', 'train.num_generations=4',
         'train.max_prompt_length=900', 'train.max_completion_length=24',
         'model.max_seq_length=1024', 'eval.eval_num_samples=4', 'eval.eval_max_new_tokens=24',
         'eval.eval_batch_size=4', 'train.logging_steps=1']


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


@pytest.mark.parametrize('kind', some(['gemma3', 'qwen3', 'llama'], 'gemma3'))   # the tests below take the others
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


def test_a_missing_dataset_is_named(folders, tmp_path):
    status, out, err = command('data_component=gsm8k', 'data.dataset_path=./nowhere',
                               f'model.model_name_or_path={folders["llama"]}', *SMALL, cwd=tmp_path)
    assert status == 2 and './nowhere' in err and 'Traceback' not in err


def test_an_unreachable_dataset_is_status_3(folders, tmp_path):
    status, out, err = command('data_component=gsm8k', f'model.model_name_or_path={folders["llama"]}', *SMALL,
                               cwd=tmp_path, HF_HUB_OFFLINE='1')
    assert status == 3 and 'openai/gsm8k' in err and 'Traceback' not in err
