"""The book's pages: every command and every piece of code in them runs, in small form and beside one tiny run."""
import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from slower import some
from small_models import build

from rlvr_nb.cli import main
from rlvr_nb.config import load_config
from rlvr_nb.pipeline import Pipeline

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ('start', 'tutorials', 'howto', 'guide', 'explanations')
PAGES = [ROOT/'nbs/index.ipynb', *(p for folder in FOLDERS for p in sorted((ROOT/'nbs'/folder).glob('*.ipynb')))]
PROGRAM = 'python run_pipeline.py '
TRAINED = ['train.max_steps=1', 'train.num_generations=4', 'eval.eval_num_samples=4', 'train.logging_steps=1',
           'eval.eval_steps=0', 'eval.samples_per_prompt=0']
BUILT_IN = [*TRAINED, 'train.per_device_train_batch_size=8', 'train.gradient_accumulation_steps=1',
            'train.warm_start.examples=16', 'train.warm_start.epochs=1']
REAL = [*TRAINED, 'train.per_device_train_batch_size=4', 'train.gradient_accumulation_steps=1',
        'train.max_prompt_length=3000', 'train.max_completion_length=16', 'model.max_seq_length=4000',
        'eval.eval_max_new_tokens=16', 'eval.eval_batch_size=4']
READS = ('--resume', '--recount', '--rescore', '--evaluate')   # flags that take their options from a run
CHECKS = ('--cfg', '--dry-run')                                # flags after which nothing is trained
LAUNCHERS = ('torchrun', 'accelerate', 'srun')                 # what starts several processes
# nobody is logged in here: status 3, and what to do
REFUSED = {'rlvr-nb send outputs/RUN$': 'key', 'rlvr-nb push': 'hf auth login'}


def blocks(page, language):
    "The fenced blocks of a page in one language."
    cells = json.loads(page.read_text(encoding='utf-8'))['cells']
    text = '\n'.join(''.join(c['source']) for c in cells if c['cell_type'] == 'markdown')
    found = re.findall(rf'^( *)```{language}\n(.*?)^ *```', text, flags=re.M | re.S)
    return [re.sub(rf'^{indent}', '', body, flags=re.M) for indent, body in found]


def lines(language):
    "(page, line) of every line in that language; a line that stands on several pages comes once."
    found = {}
    for page in PAGES:
        for block in blocks(page, language):
            for line in filter(None, block.splitlines()): found.setdefault(line, page.stem)
    return [(page, line) for line, page in found.items()]


LAUNCHED = [(page, line) for page, line in lines('console') if line.startswith((*LAUNCHERS, PROGRAM))
            and '--evaluate' not in line]
PYTHON = [(page.stem, block) for page in PAGES for block in blocks(page, 'python')]
FILES = [(m[1], block) for page in PAGES for language in ('python', 'yaml') for block in blocks(page, language)
         if (m := re.match(r'# (\S+\.(?:py|yaml))\n', block))]
def write_tables(folder):
    "The data that the pages speak of."
    rows = [dict(problem=f'{n}+2=?', solution=str(n + 2)) for n in range(40)]
    (folder/'problems.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    (folder/'problems.csv').write_text('\n'.join(['problem,solution', *(f'{n}+2=?,{n + 2}' for n in range(40))]))
    (folder/'gsm8k').mkdir()
    for split, n in (('train', 24), ('test', 4)):
        rows = [dict(question=f'What is {i} plus 2?', answer=f'{i}+2=<<{i}+2={i+2}>>{i+2}\n#### {i+2}')
                for i in range(n)]
        (folder/'gsm8k'/f'{split}.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    (folder/'finqa').mkdir()
    qa = dict(question='what is the growth?', exe_ans=0.2, answer='20%', program='subtract(300, 250), divide(#0, 250)')
    for split in ('train', 'dev'):
        rows = [dict(id=str(i), pre_text=[f'page {i}'], post_text=[], table=[['revenue', '250', '300']],
                     qa=qa | dict(exe_ans=0.2 + i)) for i in range(12)]
        (folder/'finqa'/f'{split}.json').write_text(json.dumps(rows))


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    "A folder with what the pages speak of: tables, plugins and files, a model, and a run that each of their runs is."
    folder = tmp_path_factory.mktemp('book')
    write_tables(folder)
    for name, source in FILES:
        (folder/name).parent.mkdir(parents=True, exist_ok=True)
        (folder/name).write_text(source)
    build('qwen3', folder/'models/mine')
    here = os.getcwd()
    os.chdir(folder)
    cfg = load_config(*BUILT_IN, 'train.max_steps=2', 'train.save_steps=1', 'run_dir=outputs/RUN', 'observers=[]')
    Pipeline(cfg).run()
    for name in {*RUNS, 'outputs/first'} - {'outputs/RUN'}: shutil.copytree('outputs/RUN', name)
    yield folder
    os.chdir(here)


def small(line):
    "The words of a command after the program's name, in small form."
    words = shlex.split(line.removeprefix(PROGRAM).removeprefix('rlvr-nb '))
    if not line.startswith(PROGRAM) or set(words) & set(READS) or '--cfg' in words: return words
    named = [w for w in words if w.startswith('model_component=')]
    words = ['model.model_name_or_path=models/mine' if w in named else w for w in words
             if not w.startswith('run_dir=')]
    if is_recipe := any(w.startswith('+recipe=') for w in words): words.append('model.model_name_or_path=models/mine')
    is_real = any(w.startswith('model.model_name_or_path=') for w in words)
    on_gsm8k = 'data_component=gsm8k' in words or is_recipe
    if on_gsm8k and not any(w.startswith('data.dataset_path=') for w in words): words.append('data.dataset_path=gsm8k')
    if 'eval.save_best=true' in words: words.append('eval.eval_steps=1')
    words = [re.sub(r'^seed=0,1(,\d)*$', 'seed=0,1', w) for w in words]
    chosen = {w.partition('=')[0] for w in words}
    keep = chosen if set(words) & set(CHECKS) else chosen & {'train.num_generations', 'train.dynamic_sampling'}
    added = [o for o in (REAL if is_real else BUILT_IN) if o.partition('=')[0] not in keep]
    if 'eval.save_best=true' in words: added.remove('eval.eval_steps=0')
    if is_recipe or any(w.startswith('train.warm_start.') for w in words):   # a worked solution has to fit
        added = [o for o in added if 'max_completion_length' not in o]
        added += ['train.max_completion_length=200', 'train.warm_start.examples=8', 'train.warm_start.epochs=1']
    if 'train.num_generations=16' in words: added.append('train.gradient_accumulation_steps=2')
    if 'train.num_generations=8' in words: added.append('train.gradient_accumulation_steps=2')
    return [*words, *added]


COMMANDS = list({' '.join(small(line)): (page, line) for page, line in reversed(lines('bash'))}.values())[::-1]


def trains(line): return line.startswith(PROGRAM) and not set(shlex.split(line)) & {*READS, *CHECKS, '--probe'}


# The first training of each page is run; later ones and sweeps are checked up to the configuration, and run with
# EVERYTHING=1.
FIRST = list({page: (page, line) for page, line in reversed(COMMANDS) if trains(line) and ' -m ' not in line}.values())
LATER = [(page, line) for page, line in COMMANDS if trains(line) and (page, line) not in FIRST]
NAMES = [f'{page}-{i}' for i, (page, _) in enumerate(COMMANDS)]

RUNS = sorted({word for _, line in COMMANDS for word in re.findall(r'outputs/\w+', line)
               if line.startswith('rlvr-nb compare ')
               or any(f'{reader} {word}' in line for reader in (*READS, '--from', 'inspect', 'pack'))})


def status_of(words):
    "How the command line ends."
    try: return main(words) or 0
    except SystemExit as end: return end.code or 0


@pytest.fixture
def without_accounts(monkeypatch):
    "Nobody is logged in, and the Hub is not asked."
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.delenv('WANDB_API_KEY', raising=False)


@pytest.mark.parametrize('page, line', some(COMMANDS, *(c for c in COMMANDS if c not in LATER)), ids=NAMES)
def test_commands_run_as_they_are_printed(page, line, place, capfd, without_accounts):
    assert line.startswith((PROGRAM, 'rlvr-nb ')), 'a command of another program belongs into a console block'
    status = status_of(small(line))
    out, err = capfd.readouterr()
    refused = next((words for start, words in REFUSED.items() if re.match(start, line)), None)
    if refused: assert status and refused in out + err and 'Traceback' not in err
    elif '--resume' in line: assert status == 2 and 'finished' in err   # the run that the pages share has ended
    elif line == 'rlvr-nb doctor': assert status in (0, 3) and 'to mend' in out   # 3 where something is missing
    else: assert status == 0, (out + err)[-3000:]


@pytest.mark.parametrize('page, line', LATER, ids=[f'{page}-{i}' for i, (page, _) in enumerate(LATER)])
def test_later_trainings_of_a_page_have_options_that_exist(page, line, place, capfd, without_accounts):
    assert status_of([*small(line), '--cfg', 'job']) == 0, capfd.readouterr().err


@pytest.mark.parametrize('page, line', LAUNCHED, ids=[f'{page}-{i}' for i, (page, _) in enumerate(LAUNCHED)])
def test_launched_commands_have_options_that_exist(page, line, place, capfd, without_accounts, monkeypatch):
    "What other programs start is checked up to the configuration; tests/test_processes.py starts two."
    words = shlex.split(line)
    if processes := re.search(r'(?:nproc_per_node=|num_processes )(\d+)', line):
        monkeypatch.setenv('WORLD_SIZE', processes[1])
    words = words[words.index('run_pipeline.py') + 1:]
    if '--resume' in words: words = ['--from', 'outputs/RUN']   # the options of a run that is resumed are its own
    assert status_of([*words, '--cfg', 'job']) == 0, capfd.readouterr().err


@pytest.mark.parametrize('page, source', PYTHON, ids=[page for page, _ in PYTHON])
def test_python_blocks_run(page, source, place):
    if 'App' in source: pytest.skip('an app is shown in a kernel: tests/test_widgets.py')
    exec(compile(source, page, 'exec'), {'__name__': 'book'})


def test_a_run_that_was_stopped_is_resumed_as_printed(place, capfd, without_accounts):
    "The page on resuming, with a run that has not ended: stopped in step 1, continued to step 2."
    from rlvr_nb.control import TrainingControl
    from rlvr_nb.observers import Observer
    control = TrainingControl()

    class StopAtOnce(Observer):
        def step(self, step, total, metrics): control.stop()

    cfg = load_config(*BUILT_IN, 'train.max_steps=2', 'train.save_steps=1', 'run_dir=outputs/STOPPED', 'observers=[]')
    stopped = Pipeline(cfg, control, [StopAtOnce()]).run()
    assert (stopped.status, stopped.steps) == ('stopped', 1)
    line = next(line for page, line in COMMANDS if page == '05_resume_move' and '--resume' in line)
    assert status_of(small(line.replace('outputs/RUN', 'outputs/STOPPED'))) == 0, capfd.readouterr().err
    result = json.loads((place/'outputs/STOPPED/result.json').read_text())
    assert (result['status'], result['steps']) == ('finished', 2)


def test_pages_are_short():
    for page in PAGES[1:]:
        most = 600 if page.parent.name == 'howto' else 1200
        words = ' '.join(''.join(c['source']) for c in json.loads(page.read_text(encoding='utf-8'))['cells']).split()
        assert 100 < len(words) < most, f'{page.stem} has {len(words)} words'
