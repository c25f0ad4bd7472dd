"""The app with a Hub that answers: a dataset and a model are searched for, chosen and read. The Hub is a stand-in."""
import json
import os
import subprocess
import sys

import pytest
from stand_in_hub import serve

HEAD = """---
configs:
- {config_name: easy, data_files: [{split: train, path: easy/train.jsonl}, {split: test, path: easy/test.jsonl}]}
- {config_name: hard, data_files: [{split: train, path: hard/train.jsonl}]}
---
"""
CONFIG = dict(architectures=['Qwen3ForCausalLM'], model_type='qwen3', hidden_size=1024, intermediate_size=3072,
              num_hidden_layers=28, num_attention_heads=16, num_key_value_heads=8, head_dim=128, vocab_size=151936,
              tie_word_embeddings=True)
WALK = """
import json
from rlvr_nb.widgets import App
app = App('model.model_name_or_path=Qwen/Qwen3-0.6B', preset='qwen3_0_6b_t4')
app.open('data')
app.w['find-dataset'].value = 'sums'
app.w['search-datasets'].click()
found = [name for name, _ in app.w['datasets'].options if name]
app.w['datasets'].value = found[0]
asked = app.tasks.messages['look']
app.w['subset'].value = 'easy'
columns = app.task.source.columns
app.w['question'].value, app.w['answer'].value = 'exercise', 'key'
readings, parts = app.w['readings'].value, app.w['parts'].value
app.w['use'].click()
app.task.load_rows(tokenizer=False)
rows = app.task.preview
app.open('setup')
app.w['find'].value = 'small'
app.w['find-model'].click()
models = dict(reversed(option) for option in app.w['models'].options)
app.w['models'].value = 'teachers/small-qwen'
app.w['find-dataset'].value = 'nobody has this'
app.w['search-datasets'].click()
none = app.tasks.messages['find-dataset']
print(json.dumps(dict(
    found=found, asked=asked, columns=columns, readings=readings, parts=parts, data=app.form.valid.data.model_dump(),
    rows=len(rows.rows), first=rows.rows[0]['answer'], seen=rows.seen, evaluated=rows.evaluated, models=models,
    model=app.form.valid.model.model_name_or_path, errors=app.form.errors, none=none)))
"""


@pytest.fixture
def hub(tmp_path):
    "Two datasets, one in two subsets, and two models, of which one keeps its files back."
    sums = tmp_path/'hub/datasets/teachers/sums'
    for subset, split, first, count in (('easy', 'train', 0, 30), ('easy', 'test', 30, 6), ('hard', 'train', 900, 10)):
        rows = [json.dumps(dict(exercise=f'{i}+1=?', key=str(i + 1))) for i in range(first, first + count)]
        (sums/subset).mkdir(parents=True, exist_ok=True)
        (sums/subset/f'{split}.jsonl').write_text('\n'.join(rows))
    (sums/'README.md').write_text(HEAD)
    for name in ('datasets/teachers/riddles', 'models/teachers/small-qwen', 'models/teachers/small-kept-back'):
        (tmp_path/'hub'/name).mkdir(parents=True)
    (tmp_path/'hub/models/teachers/small-qwen/config.json').write_text(json.dumps(CONFIG))
    hub = serve(tmp_path/'hub')
    yield hub
    hub.shutdown()
    hub.server_close()


def test_a_dataset_and_a_model_of_the_hub_are_found_chosen_and_read(hub, tmp_path):
    own = dict(HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path/'home'), PYTHONPATH=os.pathsep.join(sys.path))
    env = {**os.environ, **own}
    for name in ('HF_HUB_OFFLINE', 'HF_DATASETS_OFFLINE', 'HF_TOKEN'): env.pop(name, None)
    done = subprocess.run([sys.executable, '-c', WALK], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said['found'] == ['teachers/sums'] and said['columns'] == ['exercise', 'key']
    assert said['asked'] == 'teachers/sums has the subsets easy, hard. Choose one under Subset.'
    assert 'All of the first 30 answers' in said['readings'] and 'its own test split' in said['parts']
    data = said['data']
    where = data['dataset_name'], data['dataset_path'], data['dataset_config_name']
    assert where == ('table', 'teachers/sums', 'easy')
    assert (said['rows'], said['first'], said['evaluated'], said['seen']) == (30, '1', 6, 0)
    sizes = said['models']
    assert ' GB' in sizes['teachers/small-qwen'] and 'unknown' in sizes['teachers/small-kept-back']
    assert said['model'] == 'teachers/small-qwen' and not said['errors']
    assert said['none'] == "The Hub has no dataset that is called 'nobody has this'."
