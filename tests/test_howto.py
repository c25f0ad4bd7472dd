"""The how-to pages: every command and every piece of code in them runs, in small form and beside one tiny run."""
import json
import os
import re
import shlex
from pathlib import Path

import pytest

from small_models import build

from rlvr_nb.cli import main
from rlvr_nb.config import load_config
from rlvr_nb.pipeline import Pipeline

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT/'nbs/howto').glob('*.ipynb'))
PROGRAM = 'python run_pipeline.py '
TRAINED = ['train.max_steps=1', 'train.num_generations=4', 'eval.eval_num_samples=4', 'train.logging_steps=1']
BUILT_IN = [*TRAINED, 'train.per_device_train_batch_size=8', 'train.gradient_accumulation_steps=1',
            'train.warm_start.examples=16', 'train.warm_start.epochs=1']
REAL = [*TRAINED, 'train.per_device_train_batch_size=4', 'train.max_prompt_length=3000',
        'train.max_completion_length=16',
        'model.max_seq_length=4000', 'eval.eval_max_new_tokens=16', 'eval.eval_batch_size=4']
READS = ('--resume', '--recount', '--rescore', '--evaluate')   # flags that take their options from a run
# nobody is logged in here: status 3, and what to do
REFUSED = {'rlvr-nb send': 'key', 'rlvr-nb push': 'hf auth login'}


def blocks(page, language):
    "The fenced blocks of a page in one language."
    cells = json.loads(page.read_text(encoding='utf-8'))['cells']
    text = '\n'.join(''.join(c['source']) for c in cells if c['cell_type'] == 'markdown')
    found = re.findall(rf'^( *)```{language}\n(.*?)^ *```', text, flags=re.M | re.S)
    return [re.sub(rf'^{indent}', '', body, flags=re.M) for indent, body in found]


COMMANDS = [(page.stem, line) for page in PAGES for block in blocks(page, 'bash') for line in block.splitlines()
            if line]
PYTHON = [(page.stem, block) for page in PAGES for block in blocks(page, 'python')]


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    "A folder with what the pages speak of: a table, the file of a reward, a model, data, and a run that was stopped."
    folder = tmp_path_factory.mktemp('howto')
    rows = [dict(problem=f'{n}+2=?', solution=str(n + 2)) for n in range(40)]
    (folder/'problems.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    for _, source in PYTHON:
        if named := re.match(r'# (\w+\.py)\n', source): (folder/named[1]).write_text(source)
    (folder/'gsm8k').mkdir()
    for split, n in (('train', 24), ('test', 4)):
        rows = [dict(question=f'What is {i} plus 2?', answer=f'{i}+2=<<{i}+2={i+2}>>{i+2}\n#### {i+2}')
                for i in range(n)]
        (folder/'gsm8k'/f'{split}.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    build('qwen3', folder/'models/mine')
    here = os.getcwd()
    os.chdir(folder)
    cfg = load_config(*BUILT_IN, 'train.max_steps=2', 'train.save_steps=1', 'run_dir=outputs/RUN', 'observers=[]')
    Pipeline(cfg).run()
    yield folder
    os.chdir(here)


def small(line):
    "The words of a command after the program's name, in small form."
    words = shlex.split(line.removeprefix(PROGRAM).removeprefix('rlvr-nb '))
    if not line.startswith(PROGRAM) or set(words) & set(READS): return words
    named = [w for w in words if w.startswith('model_component=')]
    words = ['model.model_name_or_path=models/mine' if w in named else w for w in words]
    is_real = any(w.startswith('model.model_name_or_path=') for w in words)
    if 'data_component=gsm8k' in words: words.append('data.dataset_path=gsm8k')
    chosen = {w.partition('=')[0] for w in words}
    added = [o for o in (REAL if is_real else BUILT_IN) if o.partition('=')[0] not in chosen]
    if any(w.startswith('train.warm_start.') for w in words):   # a worked solution has to fit
        added = [o for o in added if 'max_completion_length' not in o] + ['train.max_completion_length=200']
    if any(w.startswith('train.num_generations=16') for w in words): added.append('train.gradient_accumulation_steps=2')
    return [*words, *added]


def status_of(words):
    "How the command line ends."
    try: return main(words) or 0
    except SystemExit as end: return end.code or 0


@pytest.mark.parametrize('page, line', COMMANDS, ids=[f'{page}-{i}' for i, (page, _) in enumerate(COMMANDS)])
def test_commands_run_as_they_are_printed(page, line, place, capfd, monkeypatch):
    assert line.startswith((PROGRAM, 'rlvr-nb ')), 'a command of another program belongs into a console block'
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.delenv('WANDB_API_KEY', raising=False)
    status = status_of(small(line))
    out, err = capfd.readouterr()
    refused = next((words for start, words in REFUSED.items() if line.startswith(start)), None)
    if refused: assert status and refused in out + err and 'Traceback' not in err
    elif '--resume' in line: assert status == 2 and 'finished' in err   # the run that the pages share has ended
    else: assert status == 0, (out + err)[-3000:]


@pytest.mark.parametrize('page, source', PYTHON, ids=[page for page, _ in PYTHON])
def test_python_blocks_run(page, source, place):
    exec(compile(source, page, 'exec'), {'__name__': 'howto'})


def test_pages_are_short():
    for page in PAGES:
        words = ' '.join(''.join(c['source']) for c in json.loads(page.read_text(encoding='utf-8'))['cells']).split()
        assert 100 < len(words) < 600, f'{page.stem} has {len(words)} words'
