"""The app's wiring: what is typed, clicked and trained, without a browser. Runs on ipywidgets 7.7 and 8.1."""
import json
import shlex
import subprocess
import sys
import threading
import time

import ipywidgets
import pytest

import rlvr_nb.row_browser
from rlvr_nb.elements import with_code
from rlvr_nb.config import BUILTIN_MODEL, ConfigError, load_config, override_text
from rlvr_nb.fields import plain_help
from rlvr_nb.grammar import Fault
from rlvr_nb.rundir import RunDir
from warm import run_command
from rlvr_nb.widgets import (
    TOOLTIP,
    App,
    Base,
    Form,
    Live,
    completions_table,
    css_class,
    forecast_for,
    options,
    page,
    presets,
    status_text,
    suggested_fixes,
)

SMALL = ('train.max_steps=4', 'train.per_device_train_batch_size=16', 'eval.eval_num_samples=16', 'train.save_steps=2')
HOSTILE = '</pre><script>alert(1)</script><img src=x onerror=alert(2)>"\'&'


def small(tmp_path, *more, name='run'):
    app = App(*SMALL, f'run_dir={tmp_path/name}', *more)
    app.open('setup')
    return app


def wait(condition, seconds=120):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end, 'took too long'
        time.sleep(.02)


def state_of(widget):
    "Everything a front end gets to know of a widget and those inside it."
    found, waiting, seen = [], [widget], set()
    while waiting:
        w = waiting.pop()
        if id(w) in seen: continue
        seen.add(id(w))
        state = w.get_state()
        found.append(json.dumps(state, default=str))
        waiting += [v for v in vars(w).get('_trait_values', {}).values() if isinstance(v, ipywidgets.Widget)]
        waiting += list(getattr(w, 'children', ()))
    return '\n'.join(found)


@pytest.fixture(autouse=True)
def hub(monkeypatch):
    "What the Hub says of a model: nothing against it, unless a test puts in a reason. Nobody asks the real one."
    said = {}
    monkeypatch.setattr('rlvr_nb.reachable._ask_hub', lambda name: said.get(name, ''))
    return said


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    "An app after a training."
    app = small(tmp_path_factory.mktemp('app'))
    app.train()
    return app


# The form

def test_the_app_is_built_without_heavy_libraries():
    code = (
        "import sys, rlvr_nb.widgets as w; a = w.App(); a.box\n"
        "heavy = ('torch', 'transformers', 'trl', 'peft', 'datasets', 'pandas', 'matplotlib', 'wandb'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip() == '[]'
    )


def test_every_option_of_the_schema_has_a_field_with_help_bounds_and_class():
    form = Form(Base('demo'))
    for o in options():
        f = form[o.path]
        f.row
        assert (
            css_class(o.path) in f.input._dom_classes
            and o.help
            and o.accepts
            and plain_help(o.accepts, o.kind) in getattr(f.input, TOOLTIP)
            and o.bounds in f.note.value
            and page(*with_code(plain_help(o.help, o.kind)))[5:-6] in f.note.value
        )
    leaves = [line for line in load_config().to_yaml().splitlines() if line.strip().startswith('max_steps')]
    assert leaves and 'train.max_steps' in form.fields


def test_showing_a_form_edits_nothing():
    form = Form(Base('demo'))
    for f in form.fields.values(): f.row
    form.refresh()
    assert form.overrides == [] and form.cfg == load_config()


@pytest.mark.parametrize(
    'path, value',
    [
        ('name', 'mine'),
        ('seed', 7),
        ('logging_level', 'DEBUG'),
        ('data.max_train_samples', 64),
        ('data.params', {'num_train': 100}),
        ('model.lora_config.use_lora', False),
        ('model.lora_config.target_modules', 'all-linear'),
        ('model.lora_config.target_modules', ['q_proj', 'v_proj']),
        ('train.learning_rate', 1e-3),
        ('train.bf16', False),
        ('train.optim_name', 'adafactor'),
        ('train.lr_scheduler_type', 'cosine'),
        ('train.grpo', {'beta': 0.04, 'temperature': 1.0, 'loss_type': 'grpo', 'adam_beta2': 0.99}),
        ('train.grpo.beta', 0.01),
        ('eval.eval_datasets_names', ['arithmetic']),
        ('eval.early_stopping_patience', 3),
        ('prompts.system_prompts.reasoning_mode', 'Say "it\'s <b>\nin two lines, ${get_marker:solution_start}'),
        ('reward.deadline_seconds', 3.0),
        ('reward.reward_functions[1].weight', 0.1),
        ('reward.reward_functions[0].params.wrong_penalty', -2.0),
        ('reward.reward_functions[1].gate_on', 'gsm8k_answer_check'),
        ('observers', ['console']),
    ],
)
def test_an_edit_is_an_override_that_reproduces_it(path, value):
    app = App()
    app.form.set(path, value)
    assert app.form.errors == [] and len(app.form.overrides) >= 1
    assert load_config(*app.overrides) == app.cfg
    assert app.form.differences
    app.choose('offline_demo')
    assert app.overrides == ['+preset=offline_demo']


def test_typing_is_the_same_as_assigning():
    form = Form(Base('demo'))
    typed = {
        'train.max_steps': 21,
        'data.max_train_samples': '64',
        'data.dataset_path': '',
        'train.learning_rate': 1e-4,
        'train.bf16': 'no',
        'model.lora_config.target_modules': '[q_proj]',
        'train.grpo': '{beta:0.1,temperature:1.0,loss_type:dapo,adam_beta2:0.99}',
        'eval.enabled': False,
    }
    for path, value in typed.items(): form[path].row.children[0].value = value
    assert form.errors == []
    assert form.overrides == [
        'train.max_steps=21',
        'data.max_train_samples=64',
        'train.learning_rate=0.0001',
        'train.bf16=false',
        'model.lora_config.target_modules=[q_proj]',
        'train.grpo.beta=0.1',
        'eval.enabled=false',
    ]


@pytest.mark.parametrize(
    'path, value, fixed',
    [
        ('train.num_generations', 7, {'train.num_generations': 8}),
        ('train.per_device_train_batch_size', 63, {'train.per_device_train_batch_size': 64}),
        ('train.max_steps', 0, {'train.max_steps': 1}),
        ('data.max_train_samples', 'many', {'data.max_train_samples': None}),
        ('train.optim_name', 'adam', {'train.optim_name': 'adamw_torch'}),
        ('prompts.prompting_mode', 'reasoning', {'prompts.prompting_mode': 'reasoning_mode'}),
        ('train.max_completion_length', 600, {'train.max_completion_length': 512}),
        ('train.warmup_ratio', 1.5, {'train.warmup_ratio': 0.042}),
        ('model.lora_config.r', 4096, {'model.lora_config.r': 1024}),
        ('logging_level', 'debug', {'logging_level': 'DEBUG'}),
    ],
)
def test_a_bad_value_blocks_start_and_its_fix_frees_it(path, value, fixed):
    app = App(preset='qwen3_0_6b_t4' if path == 'train.max_completion_length' else 'offline_demo')
    app.open('setup')
    app.form.set(path, value)
    assert app.w['start'].disabled and 'Start waits' in app.w['blocked'].value
    assert app.form.errors and not app.form.general, 'every error is next to a field'
    at = next(f for f in app.form.fields.values() if f.messages)
    assert 'Not valid' in at.note.value
    (wanted, right), = fixed.items()
    offered = [
        b for f in app.form.fields.values() if f._row is not None for row in f.row.children[2:] for b in row.children
    ]
    buttons = [b for b in offered if b.tooltip == override_text(wanted, right)]
    assert buttons, [b.tooltip for b in offered]
    buttons[0].click()
    assert app.form.errors == [] and not app.w['start'].disabled and app.w['blocked'].value == ''
    assert not any(f.messages for f in app.form.fields.values())


def test_what_needs_another_model_is_said_at_the_dataset():
    app = App()
    app.open('setup')
    app['data.dataset_name'].value = 'gsm8k'
    assert 'alphabet' in app['data.dataset_name'].messages[0] and app.w['start'].disabled


def test_a_text_that_cannot_be_read_stays_with_its_reason():
    app = App()
    app.open('setup')
    box = app['train.grpo'].row.children[0]
    box.value = '{beta: '
    assert app['train.grpo'].typed and app.w['start'].disabled and box.value == '{beta: '
    with pytest.raises(ConfigError): app.cfg
    box.value = '{beta: 0.04}'
    assert app['train.grpo'].typed is None and app.cfg.train.grpo['beta'] == 0.04


def test_a_taken_run_directory_is_an_error_at_its_field(tmp_path):
    (tmp_path/'something').write_text('here')
    app = App(f'run_dir={tmp_path}')
    assert "isn't empty" in app['run_dir'].messages[0]


def test_the_model_decides_what_is_not_edited():
    app = App('train.max_steps=7')
    app['model.model_name_or_path'].value = 'Qwen/Qwen3-0.6B'
    app['data.dataset_name'].value = 'gsm8k'
    assert (app['train.learning_rate'].value, app['train.max_steps'].value) == (5e-6, 7)
    assert load_config(*app.overrides) == app.cfg


def test_fixes_are_read_from_messages():
    assert suggested_fixes("a.b: got 1; write a.b=2 or c.d='x y'") == [('a.b', 2), ('c.d', 'x y')]
    assert suggested_fixes('a.b: got x=1 written, expected other') == [('x', 1)]
    assert suggested_fixes('a.b: write a.b=...') == []


def test_the_nearest_value_is_offered_first_and_its_button_says_what_it_does():
    app = App('train.num_generations=7')
    first, = [row.children[0] for row in app['train.num_generations'].row.children[2:]]
    assert (
        first.description == 'Set Completions for each prompt to 8'
        and 'write train.' not in app['train.num_generations'].note.value
    )
    assert 'rlvr-wrong' in app['train.num_generations'].row._dom_classes
    first.click()
    first.click()
    assert (
        app.overrides == ['+preset=offline_demo'] and 'rlvr-wrong' not in app['train.num_generations'].row._dom_classes
    )


def test_a_model_that_cannot_be_had_blocks_start_and_a_preset_frees_it(hub, tmp_path):
    app = App()
    app.open('setup')
    hub['Qwen/Qwen3-0.6B'] = 'the Hub was not reached (no route to host)'
    app.choose('qwen3_0_6b_t4')
    assert app.w['start'].disabled and 'not on this machine, and the Hub was not reached' in app.w['blocked'].value
    assert 'rlvr-wrong' in app['model.model_name_or_path'].row._dom_classes
    with pytest.raises(ConfigError, match='no route to host'): app.start()
    hub.clear()
    app.w['look-again'].click()
    assert not app.w['start'].disabled and app.w['blocked'].value == ''
    app['model.model_name_or_path'].value = str(tmp_path)       # a folder without a model
    assert app.w['start'].disabled and 'config.json' in app.w['blocked'].value
    app.setup.ready.children[0].click()
    assert app.overrides == ['+preset=offline_demo'] and not app.w['start'].disabled


def test_edits_that_another_preset_forgets_can_be_put_back(tmp_path):
    (tmp_path/'mine.jsonl').write_text('{"problem": "1+1=?", "solution": "2"}\n' * 40)
    app = App('train.max_steps=7', 'reward.reward_functions[0].weight=2.0', 'data.dataset_name=table',
              f'data.dataset_path={tmp_path}/mine.jsonl', 'data.params={question: problem, answer: solution}')
    app.open('setup')
    before = app.cfg.model_dump()
    app.w['preset'].value = 'qwen3_0_6b_t4'
    said = app.setup.notices['load'].value
    assert 'The data stays mine.jsonl. Your changes to the rewards stay.' in said
    assert 'It replaced your changes: Training steps.' in said
    assert app.w['put-back'].layout.display != 'none' and 'train.max_steps=7' not in app.overrides
    assert (app.cfg.data.dataset_path, app.cfg.reward.reward_functions[0].weight) == (f'{tmp_path}/mine.jsonl', 2.0)
    app.w['preset'].value = 'offline_demo'
    app.w['put-back'].click()
    assert app.cfg.model_dump() == before and app.w['put-back'].layout.display == 'none'
    app.w['forget'].click()
    assert app.overrides == ['+preset=offline_demo'] and app.w['forget'].layout.display == 'none'
    app.w['put-back'].click()
    assert app.cfg.model_dump() == before


def test_a_saved_file_comes_back_as_its_preset_and_the_changes(tmp_path):
    app = App('train.grpo.temperature=1.2', 'train.grpo.loss_type=dr_grpo')
    app.open('setup')
    app.w['yaml'].value = str(tmp_path/'mine.yaml')
    app.w['save-yaml'].click()
    app.w['forget'].click()
    app.w['file'].value = str(tmp_path/'mine.yaml')
    app.w['load'].click()
    assert 'Changed from the preset Offline demo' in app.setup.notices['load'].value
    assert app.w['put-back'].layout.display == 'none' and app.cfg.warnings == []
    temperature = app['train.grpo.temperature']
    assert (temperature.value, temperature.before) == (1.2, app.form.base_cfg.train.grpo['temperature'])
    app.w['expert'].value = app.setup.expert.changed.value = True
    assert '2 options here differ from' in app.setup.expert.said.value
    assert app.overrides == App('train.grpo.temperature=1.2', 'train.grpo.loss_type=dr_grpo').overrides


# The header, and what stands beside it

def test_the_header_counts_what_is_to_fix_and_mends_it():
    app = App()
    app.open('setup')
    app['train.num_generations'].value = 7
    app['train.max_steps'].value = 0
    assert '2 things to fix' in app.w['facts'].value and 'Memory' in app.w['facts'].value
    while app.head.fixes.children: app.head.fixes.children[0].click()
    assert 'to fix' not in app.w['facts'].value and not app.w['start'].disabled


def test_what_this_machine_lacks_blocks_start_and_not_the_command(monkeypatch):
    monkeypatch.setattr('rlvr_nb.faults._has_gpu', lambda: False)
    app = App('model.load_in_4bit=true', preset='qwen3_0_6b_t4')
    app.open('setup')
    assert app.w['start'].disabled and 'CUDA GPU' in app['model.load_in_4bit'].messages[0]
    assert 'model.load_in_4bit=true' in app.cfg.command(), 'it may run elsewhere'
    with pytest.raises(ConfigError, match='CUDA GPU'): app.start()
    app.head.fixes.children[0].click()
    assert not app.form.obstacles and not app.w['start'].disabled


def test_a_message_stands_beside_its_button_and_in_the_header(tmp_path):
    app = App()
    app.open('setup')
    app.w['yaml'].value = str(tmp_path/'mine.yaml')
    app.w['save-yaml'].click()
    assert (
        f'Saved as {tmp_path}/mine.yaml' in app.setup.notices['save-yaml'].value and app.w['latest'].value == ''
    )


def test_the_simple_form_is_plain_and_expert_shows_everything():
    app = App()
    app.open('setup')
    simple = [f.option.label for f in app.setup.simple.shown]
    assert 15 <= len(simple) <= 20 and not any('_' in label for label in simple[:15])
    app.w['expert'].value = True
    shown = ' '.join(f.option.path for g in app.setup.expert.groups for f in [*g.form.fields.values()])
    assert all(
        f'train.grpo.{name}' in shown
        for name in ('temperature', 'beta', 'loss_type', 'epsilon_high', 'scale_rewards', 'num_iterations')
    )
    text = json.dumps([f.row.children[0].get_state() for f in app.setup.simple.shown], default=str)
    assert '_target_' not in text and 'src.components' not in text


# One's own data

def test_a_file_from_excel_is_read_with_what_the_app_offers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path/'aufgaben.csv').write_bytes(''.join(f'"Zähle: {i}+1=?";{i + 1}\r\n' for i in range(40)).encode('cp1252'))
    app = App()
    app.open('data')
    w = app.w
    w['source'].value = 'aufgabe.csv'
    w['look'].click()
    assert 'did you mean aufgaben.csv?' in app.task.notices['look'].value
    app.task.format.near.children[0].click()
    said = app.task.notices['look'].value
    assert 'aufgaben.csv:1: not UTF-8 (byte 0xE4 after ' in said and app.task.source is None
    assert w['encoding'].layout.display != 'none' and w['encoding'].options[1][0].endswith('Zähle: 0+1=?";1')
    w['encoding'].value = 'cp1252'
    assert 'The first row was taken as the names' in w['first-rows'].value and len(app.task.source.rows) == 39
    w['header'].value = False
    assert (w['question'].value, w['answer'].value, len(app.task.source.rows)) == ('column1', 'column2', 40)
    w['use'].click()
    params = app.cfg.data.params
    assert (params['encoding'], params['header'], params['question']) == ('cp1252', False, 'column1')
    assert app.task.preview.rows[0]['question'].startswith('Zähle: ') and load_config(*app.overrides) == app.cfg
    app['data.params'].value = {k: v for k, v in params.items() if k != 'encoding'}
    app.task.load_rows(tokenizer=False)
    fix, = app.task.notices['load-rows'].box.children[-1].children[:1]
    assert fix.description == 'Set encoding to cp1252', 'a configuration that came from elsewhere is mended as well'
    fix.click()
    assert app.cfg.data.params == params and len(app.task.preview.rows) > 30
    w['source'].value = 'other.csv'
    assert (w['encoding'].value, w['header'].value, w['encoding'].layout.display) == ('', True, 'none')


def test_a_file_of_ones_own_becomes_a_configuration(tmp_path):
    rows = [dict(problem=f'What is {i} and {i}?', final=f'It is #### {2*i}') for i in range(60)]
    (tmp_path/'mine.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    app = App('model.model_name_or_path=Qwen/Qwen3-0.6B')
    app.open('setup')
    app.w['source'].value = str(tmp_path/'mine.jsonl')
    app.w['look'].click()
    app.w['answer'].value = 'final'
    app.w['extract'].value = '#### (.*)'
    app.w['share'].value = 0.2
    assert 'All of the first 60' in app.w['readings'].value
    app.w['use'].click()
    assert app.form.errors == [] and load_config(*app.overrides) == app.cfg
    assert app.cfg.data.params == dict(
        question='problem', answer='final', extract='#### (.*)', kind='math', eval_fraction=0.2
    )
    preview = app.task.preview
    assert preview.seen == 0 and 30 < len(preview.rows) < 60 and preview.rows[0]['answer'].isdigit(), (
        'a part is held out'
    )
    assert not app.form.cautions
    app.w['held'].value = 'same'                           # asked for all the same: said beside Start, before the run
    app.w['use'].click()
    assert app.cfg.data.params['eval_path'] == str(tmp_path/'mine.jsonl') and load_config(*app.overrides) == app.cfg
    assert 'All 60 evaluation problems are seen in training' in app.w['blocked'].value and not app.w['start'].disabled
    app.w['held'].value = 'share'
    app.w['use'].click()
    assert 'seen in training' not in app.w['blocked'].value


def test_data_with_a_split_of_its_own_is_evaluated_on_that(tmp_path):
    for name, count in (('train', 20), ('test', 5)):
        rows = [json.dumps(dict(question=f'{name} {i}?', answer=i)) for i in range(count)]
        (tmp_path/f'{name}.jsonl').write_text('\n'.join(rows))
    app = App('model.model_name_or_path=Qwen/Qwen3-0.6B')
    app.open('setup')
    app.w['source'].value = str(tmp_path)
    app.w['look'].click()
    assert 'its own test split' in app.w['parts'].value and app.w['share'].layout.display == 'none'
    app.w['use'].click()
    assert app.form.errors == [] and 'eval_fraction' not in app.cfg.data.params
    assert (len(app.task.preview.rows), app.task.preview.evaluated, app.task.preview.seen) == (20, 5, 0)
    app.w['dataset'].value = 'arithmetic'
    app.w['use-dataset'].click()
    assert app.cfg.data.dataset_name == 'arithmetic' and app.cfg.data.dataset_path is None and not app.cfg.data.params


# The command

def test_the_command_of_a_reward_from_a_cell_reproduces_it(tmp_path):
    code = (
        "from rlvr_nb.rewards import reward\nfrom rlvr_nb.widgets import App\n"
        "from rlvr_nb.setup import command_of\nLIMIT = 40\n"
        "@reward('brief')\ndef brief(parsed): return float(len(parsed.text) < LIMIT)\n"
        "app = App('train.max_steps=1', 'train.per_device_train_batch_size=16', 'train.save_steps=0',"
        " 'eval.enabled=false', 'run_dir=made')\n"
        "app.add_reward('brief')\nprint(*command_of(app.form), sep='\\n---\\n')\n"
    )
    (tmp_path/'cell.py').write_text(code)
    status, said, err = run_command(cwd=tmp_path, program=tmp_path/'cell.py')
    assert status == 0, err
    command, _, source = said.partition('\n---\n')
    assert command.endswith('--plugin rlvr_plugin.py')
    (tmp_path/'rlvr_plugin.py').write_text(source)
    status, out, err = run_command(*shlex.split(command.removeprefix('python run_pipeline.py ')), cwd=tmp_path)
    assert status == 0, out[-500:] + err[-1500:]
    made = RunDir(tmp_path/'made')
    rewards = [r['rewards'] for r in made.read_completions()]
    assert made.status() == 'finished' and len(rewards) == 16 and all('brief' in r for r in rewards)


# Presets and files

GPUS = dict(t4=15, l4=22.5, a100=40, h100=79.6)  # GiB that the driver reports


@pytest.mark.parametrize('name', list(presets()))
def test_presets_are_valid_and_fit(name):
    app = App(preset=name)
    assert app.cfg.command() == f'python run_pipeline.py +preset={name}' and load_config(*app.overrides) == app.cfg
    gpu = name.rpartition('_')[2]
    memory = GPUS.get(gpu, 0) * 2**30
    f = forecast_for(app.cfg, memory)
    assert f.parts
    if memory: assert f.total < .95 * memory   # what is generated at once follows from what there is
    else: assert app.cfg.model.model_name_or_path == BUILTIN_MODEL


def test_there_is_a_preset_for_every_model_and_gpu():
    assert {f'{m}_{g}' for m in ('gemma3_1b', 'qwen3_0_6b', 'qwen3_1_7b', 'qwen3_4b', 'llama3_2_1b') for g in GPUS} | {
        'offline_demo'
    } == set(presets())


def test_presets_of_ones_own(tmp_path):
    (tmp_path/'preset').mkdir()
    (tmp_path/'preset/mine.yaml').write_text('# Mine, for a test.\n# @package _global_\ntrain:\n  max_steps: 9\n')
    app = App(preset='mine', config_dir=tmp_path)
    assert (
        presets(tmp_path)['mine'] == 'Mine, for a test'
        and app.cfg.train.max_steps == 9
        and f'--config-dir={tmp_path} +preset=mine' in app.cfg.command()
    )


def test_yaml_is_saved_and_loaded(tmp_path):
    app = App('train.max_steps=9', 'reward.reward_functions[0].weight=2.0')
    app.open('setup')
    file = app.save_yaml(tmp_path/'conf/mine.yaml')
    again = App(config=str(file))
    assert again.cfg == app.cfg
    again['train.max_steps'].value = 10
    assert f'--config-name=mine --config-dir={tmp_path}/conf train.max_steps=10' in again.cfg.command()
    with pytest.raises(ConfigError, match='exists already'): App().save_yaml(file)
    app.w['file'].value = str(tmp_path/'nowhere.yaml')
    app.w['load'].click()
    assert 'no such file' in app.setup.notices['load'].value and app.cfg.train.max_steps == 9
    app.w['file'].value = str(file)
    app.w['load'].click()
    assert 'a CPU: Training steps, the rewards.' in app.setup.notices['load'].value
    assert sorted(app.overrides[1:]) == ['reward.reward_functions[0].weight=2.0', 'train.max_steps=9']


# Rewards

def test_rewards_are_added_removed_and_reproduced():
    app = App()
    app.open('setup')
    app.w['reward-type'].value = 'repetition'
    app.w['add-reward'].click()
    assert [r['type'] for r in app.form.rewards][-1] == 'repetition' and load_config(*app.overrides) == app.cfg
    app['reward.reward_functions[2].weight'].value = 0.5
    assert app.cfg.reward.reward_functions[2].weight == 0.5 and load_config(*app.overrides) == app.cfg
    app.remove_reward(0)
    assert [r['type'] for r in app.form.rewards] == ['match_format_exactly', 'repetition']
    app.remove_reward(0)
    with pytest.raises(ConfigError, match='last reward'): app.remove_reward(0)


def test_a_bad_reward_parameter_is_said_at_its_field():
    app = App()
    app.form.set('reward.reward_functions[0].params.wrong_penlty', 1.0)
    assert app.form.errors and app.form.errors[0].startswith('reward.reward_functions[0].params')


def test_the_lab_does_not_wait_for_heavy_libraries(monkeypatch):
    app = App()
    app.open('setup')
    monkeypatch.setattr('rlvr_nb.row_browser.import_heavy', lambda: pytest.fail('waits for imports'))
    app.w['sections'].value = 'rewards'
    assert app.task.preview is not None and app.task.preview.tokenizer is None and 'Total 6' in app.w['scores'].value


def test_what_needs_rows_that_are_being_read_waits_for_them(monkeypatch):
    app, free, read = App(), threading.Event(), rlvr_nb.row_browser.read_preview
    def slow(*args, **kwargs):
        assert free.wait(60)
        return read(*args, **kwargs)
    monkeypatch.setattr('rlvr_nb.row_browser.read_preview', slow)
    monkeypatch.setattr(app.models, 'get', lambda cfg: (None, None))
    monkeypatch.setattr('rlvr_nb.lab.sample', lambda model, tokenizer, messages, most: messages[-1]['content'])
    _ = app.box
    app.background = True
    app.w['sections'].value = 'rewards'
    app.w['sample'].click()
    app.form.set('data.max_train_samples', 9)     # the reading that runs is of other rows
    wait(lambda: 'as soon as the rows are read' in app.lab.notices['sample'].value)
    assert app.w['start'].disabled and 'Start waits: </b>the rows' in app.w['facts'].value
    with pytest.raises(ConfigError, match='being read'): app.start()
    free.set()
    wait(lambda: app.w['probe'].value == 'your own' and not app.w['start'].disabled)
    assert len(app.task.preview.rows) == 9 and app.w['completion'].value == app.task.row()['question']
    wait(lambda: not app.lab.notices['sample'].value and app.pusher.thread is None)   # and nothing goes on
    free.clear()
    app.form.set('data.max_train_samples', 8)
    app.task.load_rows(tokenizer=False)
    threading.Timer(.2, free.set).start()
    def begin(*_): raise RuntimeError(f'starts with {len(app.task.preview.rows)} rows')
    monkeypatch.setattr(app, 'start', begin)
    with pytest.raises(RuntimeError, match='with 8 rows'): app.train()   # as in a notebook whose cells are all run


def test_lab_scores_what_is_typed_and_follows_the_weights():
    app = App()
    app.open('setup')
    app.w['sections'].value = 'rewards'
    assert app.w['gold'].value and 'Total 6' in app.w['scores'].value
    app.w['completion'].value = 'no idea'
    assert 'Total -1' in app.w['scores'].value and app.w['probe'].value == 'your own'
    app.w['probe'].value = 'perfect'
    assert 'Total 6' in app.w['scores'].value, 'what was there before can be chosen again'
    app.w['probe'].value = 'wrong'
    assert 'Total 2' in app.w['scores'].value
    app['reward.reward_functions[0].weight'].value = 3.0
    assert 'Total 0' in app.w['scores'].value
    app['reward.reward_functions[0].params.wrong_penalty'].value = -2.0
    assert 'Total -3' in app.w['scores'].value and load_config(*app.overrides) == app.cfg
    for probe in app.w['probe'].options: app.w['probe'].value = probe
    app.w['audit'].click()
    assert '<table' in app.w['audit-report'].value and 'in perfect format' in app.w['audit-report'].value


def test_a_reward_as_trl_has_it_is_taken_and_one_that_asks_for_more_says_what_to_write():
    from rlvr_nb.rewards import REWARDS, reward
    @reward('holds_in_a_test')
    def holds(completions, answer, **kwargs): return [float(a in c) for c, a in zip(completions, answer)]
    @reward('odd_in_a_test')
    def odd(thing): return 1.0
    try:
        app = App()
        app.box
        app.open('rewards')
        app.w['gold'].value = '777'
        app.w['completion'].value = '<reasoning>I add.</reasoning><answer>777</answer>'
        before = app.lab.total
        app.add_reward('holds_in_a_test')
        assert app.lab.total == before + 1 and not app.form.obstacles
        assert app.cfg.reward.reward_functions[2].type == 'holds_in_a_test'
        app.add_reward('odd_in_a_test')
        at = app['reward.reward_functions[3].params.thing']
        assert 'def odd_in_a_test(parsed, gold, row) for one completion' in at.messages[0], at.messages
        assert '(completions, answer, **kwargs) for a batch' in at.messages[0]
        assert app.w['start'].disabled and '1 thing to fix' in app.w['facts'].value
    finally:
        for name in ('holds_in_a_test', 'odd_in_a_test'): del REWARDS[name]


def test_a_reward_that_raises_is_an_error_in_the_lab_and_no_more():
    from rlvr_nb.rewards import REWARDS, reward
    @reward('raises_in_a_test')
    def raises(parsed): raise ValueError(HOSTILE)
    try:
        app = App()
        app.open('rewards')
        app.w['gold'].value = '4'
        app.w['gate'].click()
        assert [r.gate_on for r in app.cfg.reward.reward_functions] == [None, 'gsm8k_answer_check']
        app.add_reward('raises_in_a_test')
        assert 'raised' in app.w['scores'].value and '<script' not in app.w['scores'].value
        assert 'No total: a reward failed' in app.w['scores'].value and "can't be scored" in app.w['facts'].value
        app.lab.remove_reward(2)
        assert 'The completion in the Reward lab earns <b>-1<' in app.w['facts'].value and not app.w['start'].disabled
    finally: del REWARDS['raises_in_a_test']


# Text of others

def test_hostile_text_is_escaped_everywhere(tmp_path):
    rows = [dict(question=f'{HOSTILE} {i}+1=?', answer=f'{HOSTILE} #### {i + 1}') for i in range(8)]
    (tmp_path/'train.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    (tmp_path/'test.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    app = App('data.dataset_name=gsm8k', f'data.dataset_path={tmp_path}', 'model.model_name_or_path=Qwen/Qwen3-0.6B')
    for section in app.sections.values(): app.window.add(section)
    app.task.load_rows(tokenizer=False)
    app.w['completion'].value = HOSTILE
    app.live.begin(app.cfg)
    app.live.completions(
        1,
        [
            dict(
                step=1,
                prompt=HOSTILE,
                completion=HOSTILE,
                answer=HOSTILE,
                rewards={HOSTILE: 1.0},
                reward=1.0,
                verdict=HOSTILE,
                correct=False,
                tokens=3,
                truncated=True,
            )
        ],
    )
    app.live.step(1, 2, {f'rewards/{HOSTILE.replace("/", "")}/mean': 1.0, 'reward': 1.0})
    app.live.fault(HOSTILE, HOSTILE)
    app.live.end('failed', ValueError(HOSTILE))
    app['name'].value = HOSTILE
    app.draw()
    shown = [
        v
        for v in (
            w.value
            for w in [*app.w.values(), *(n.text for s in app.sections.values() for n in s.notices.values())]
            if isinstance(w, ipywidgets.HTML)
        )
    ]
    assert sum('alert(1)' in v for v in shown) >= 6
    for v in [*shown, app.summary.html, app['name'].row.children[1].value]:
        assert '<script' not in v and '<img' not in v


def test_tokens_never_reach_widget_state(monkeypatch):
    monkeypatch.setenv('HF_TOKEN', 'hf_aVerySecretTokenOfNobody0123')
    app = App()
    app.open('setup')
    app.live.begin(app.cfg)
    app.live.fault('hub', 'refused hf_aVerySecretTokenOfNobody0123')
    app.live.end('failed', RuntimeError('GET https://x?token=hf_aVerySecretTokenOfNobody0123'))
    app.draw()
    app.tasks.say('load', ConfigError('data.dataset_path: hf_aVerySecretTokenOfNobody0123'))
    app.draw()
    assert 'redacted' in app.w['failure'].value and 'hf_aVery' not in state_of(app.box)


def test_a_token_that_is_typed_is_taken_out(tmp_path):
    secret = 'hf_aVerySecretTokenOfNobody0123'
    app = App()
    app.open('setup')
    for path in ('model.model_name_or_path', 'run_dir', 'model.push_to_hub', 'train.grpo'):
        box = app[path].row.children[0]
        box.value = secret
        assert box.value == '' and 'token' in app[path].messages[0] and app.w['start'].disabled
        app.form.set(
            path,
            app.form.base_cfg.train.grpo
            if path == 'train.grpo'
            else getattr(app.form.base_cfg, path, None) or ('builtin-tiny' if 'name' in path else None),
        )
    for name in (
        'repository',
        'prompt',
        'folder',
        'file',
        'yaml',
        'completion',
        'gold',
        'source',
        'search',
        'find',
        'with-text',
    ):
        app.w[name].value = secret
        assert app.w[name].value == ''
    assert 'hf auth login' in app.head.notice.value and app.form.errors == []
    assert secret not in state_of(app.box) and secret not in app.save_yaml(tmp_path/'c.yaml').read_text()


# A run

def test_100_000_completions_stay_bounded():
    live = Live()
    live.begin(load_config())
    record = dict(
        prompt='p' * 1000,
        completion='c' * 100_000,
        answer='1',
        rewards={'a': 1.0},
        reward=1.0,
        advantage=0.0,
        verdict='match',
        correct=True,
        tokens=9,
        truncated=False,
    )
    for step in range(1000):
        live.completions(step, [record] * 100)
        live.step(step, 1000, {f'm{i}': float(step) for i in range(200)})
        live.fault('monitoring', 'x' * 10_000)
    assert live.seen == 100_000 and sum(len(r['completion']) for r in live.records) < 512 * 21_000
    assert (
        len(live.curves) <= 120 and max(len(c.points) for c in live.curves.values()) <= 601 and len(live.faults) <= 1000
    )
    assert len(page(completions_table(list(live.records)))) < 300_000


def test_a_run_from_start_to_comparison(finished):
    assert finished.training.outcome.status == 'finished'
    assert finished.w['curves'].value.count('<svg') >= 5 and 'off: train.grpo.beta' in finished.w['curves'].value
    assert (
        'of 16' in finished.w['comparison'].value
        and 'Finished' in finished.w['status'].value
        and "role=\"status\"" in finished.w['status'].value
    )
    assert not finished.w['start'].disabled and finished.w['stop'].disabled
    assert 'before' in finished.summary.text and '<svg' in finished.summary.html and '--s' not in finished.summary.text


def test_the_record_has_the_configuration_as_it_was_set(finished):
    run = finished.live.run_dir
    assert (
        run.read_manifest()['command'] == finished.training.cfg.command('run_dir')
        and 'observers: null' in run.config.read_text()
    )


def test_completions_are_sorted_by_reward_and_paged(finished):
    finished.w['order'].value = 'highest reward first'
    first = finished.w['completions'].value
    finished.w['order'].value = 'lowest reward first'
    assert first != finished.w['completions'].value
    finished.w['older'].click()
    assert '9 to 16 of' in finished.w['completions'].value and finished.w['follow'].value is False
    finished.w['newer'].click()
    assert '1 to 8 of' in finished.w['completions'].value


def test_a_finished_run_is_attached_from_disk(finished):
    app = App.attach(finished.live.run_dir.path)
    app.open('setup')
    app.draw()
    assert (app.live.status, app.live.step_now, app.live.total) == ('finished', 4, 4)
    assert app.w['comparison'].value == finished.w['comparison'].value and app.w['curves'].value.count('<svg') >= 5
    with pytest.raises(ConfigError, match='no run is there'): App.attach('/nowhere')


def test_a_new_run_from_a_model_of_another_names_that_run_in_place_of_the_preset(finished):
    app, run = App(), finished.live.run_dir.path
    app.open('setup')
    assert app.w['preset'].value == 'offline_demo'
    app.w['root'].value = str(run.parent)
    app.w['runs'].value = (str(run),)
    app.w['further'].click()
    assert app.w['sections'].value == 'setup' and (app.w['preset'].value, app.w['file'].value) == ('', str(run))
    app.choose('qwen3_0_6b_t4')
    assert (app.w['preset'].value, app.w['file'].value) == ('qwen3_0_6b_t4', '')


@pytest.mark.parametrize('begin', ['further', 'settings'])
def test_the_source_that_a_run_has_kept_is_offered_wherever_a_run_begins_from_it(tmp_path, begin):
    run = RunDir.create(tmp_path/'mine')
    run.write_config(load_config('+preset=offline_demo'))
    run.write_manifest({})
    run.config.write_text(run.config.read_text().replace('type: match_format_exactly', 'type: of_a_lost_cell'))
    source = '@reward\ndef of_a_lost_cell(parsed, reward_value=1.): return reward_value'
    (run.path/'rlvr_plugin.py').write_text(f'from rlvr_nb.registry import reward\n{source}')
    run.model.mkdir()
    (run.model/'config.json').write_text('{}')
    run.write_result(dict(status='finished', steps=4, before={}, after={}))
    app = App()
    app.open('runs')
    app.w['root'].value, app.w['runs'].value = str(tmp_path), (str(run.path),)
    assert app.w['continue-run'].disabled and 'Continue: the run has finished all of its steps' in app.w['can'].value
    if begin == 'settings': app.w['show-run'].click(), app.draw()
    app.w[begin].click()
    app.draw()
    assert 'your reward of_a_lost_cell, which is not defined here' in app.w['blocked'].value
    assert app.w['start'].disabled and app.w['run-source'].layout.display != 'none'
    app.w['run-source'].click()
    app.draw()
    assert (app.w['start'].disabled, app.w['run-source'].layout.display) == (False, 'none')
    assert 'not defined here' not in app.w['blocked'].value
    from rlvr_nb.rewards import REWARDS
    del REWARDS['of_a_lost_cell']


def test_both_models_answer_and_the_model_is_kept(finished, tmp_path):
    answers = finished.ask('123+456=?')
    assert set(answers) == {'base', 'tuned'} and all('answer' in a for a in answers.values())
    folder = finished.save(tmp_path/'kept')
    assert (folder/'config.json').exists() or (folder/'adapter_config.json').exists()
    with pytest.raises(ConfigError, match='exists already'): finished.save(folder)
    merged = finished.save(tmp_path/'merged', merged=True)
    assert (merged/'config.json').exists()
    finished.w['report'].click()
    assert 'iframe' in finished.w['report-page'].value and finished.live.run_dir.report.exists()
    finished.w['repository'].value = 'not a name'
    finished.w['push'].click()
    assert 'owner/name' in finished.results.notices['push'].value


def test_training_never_touches_a_widget(tmp_path, monkeypatch):
    touched = []
    send = ipywidgets.Widget._send
    monkeypatch.setattr(
        ipywidgets.Widget,
        '_send',
        lambda self, *a, **k: (touched.append(threading.current_thread().name), send(self, *a, **k))[1],
    )
    changed = ipywidgets.Widget.notify_change
    monkeypatch.setattr(
        ipywidgets.Widget,
        'notify_change',
        lambda self, change: (touched.append(threading.current_thread().name), changed(self, change))[1],
    )
    app = small(tmp_path)
    app.background = True
    app.open('runs')   # whose table goes along with the header
    app.w['root'].value = str(tmp_path)
    app.start()
    wait(lambda: not app.training.alive)
    wait(lambda: app.pusher.thread is None)
    assert app.training.outcome.status == 'finished' and 'rlvr-pusher' in touched and 'rlvr-training' not in touched
    assert 'of 16' in app.w['comparison'].value
    [row] = app.w['runs'].rows
    assert 'Finished' in app.w['status'].value and (row.cells['status'], row.cells['steps']) == ('finished', '4')
    assert row.cells['after'] != '-'


def test_pause_resume_and_stop(tmp_path):
    app = small(tmp_path, 'train.max_steps=200')
    app.background = True
    app.w['start'].click()
    assert app.w['sections'].value == 'train'
    wait(lambda: app.live.step_now >= 1)
    app.w['pause'].click()
    wait(lambda: 'Paused' in app.w['status'].value)
    time.sleep(1.5)
    step = app.live.step_now
    time.sleep(1.5)
    assert app.live.step_now == step and app.w['pause'].disabled and not app.w['resume'].disabled
    app.w['resume'].click()
    wait(lambda: app.live.step_now > step)
    second = App()   # the cell of the app, run once more
    second.box
    assert second.cfg.train.max_steps == 200 and 'work here too' in second.head.notice.value
    with pytest.raises(ConfigError, match='press Stop and save'): second.start()
    with pytest.raises(ConfigError, match='training already'): app.start()
    other = RunDir.create(tmp_path/'other_run')
    other.write_config(app.cfg)
    aside = App.attach(str(other.path))   # shows another run, and offers the one that is trained
    aside.box
    with pytest.raises(ConfigError, match='Show the running training'): aside.start()
    assert aside.w['stop'].disabled and aside.w['start'].disabled
    aside.w['unfinished'].click()
    assert not aside.w['stop'].disabled and not second.w['stop'].disabled
    second.w['stop'].click()
    wait(lambda: app.live.status == 'stopped')
    wait(lambda: app.pusher.thread is None)
    run = app.live.run_dir
    assert run.status() == 'stopped' and any(run.model.iterdir()) and 'Stopped' in app.w['status'].value
    assert app.w['continue'].layout.display == ''
    done = run.read_result()['steps']
    app.form.set('run_dir', str(tmp_path/'other'))
    app.start(continued=True)
    wait(lambda: app.live.step_now > done)
    assert min(s for s, _ in app.live.view().curves['reward']) == 1, 'the curve begins where the run began'
    app.stop()
    wait(lambda: not app.training.alive)
    assert app.live.run_dir.path == run.path and run.read_result()['steps'] >= done


def test_a_lost_run_is_known_and_goes_on_in_the_foreground(tmp_path):
    code = (
        "import os, sys, time\nfrom rlvr_nb.widgets import App\napp = App(*sys.argv[1:])\n"
        "app.background = True\napp.box\napp.start()\n"
        "while app.live.step_now < 3: time.sleep(.02)\nos.kill(os.getpid(), 9)"
    )  # as a kernel that is restarted
    (tmp_path/'cell.py').write_text(code)
    options = [*SMALL[1:3], 'train.max_steps=6', 'train.save_steps=1', f'run_dir={tmp_path}/run']
    status, *said = run_command(*options, cwd=tmp_path, program=tmp_path/'cell.py')
    assert status == -9, said
    app = App.attach(tmp_path/'run')
    command = app.live.run_dir.read_manifest()['command']
    app.box
    assert app.w['sections'].value == 'train', 'a run that is not over is shown where it went'
    app.follower.poll()
    app.draw()
    assert app.live.status == 'killed' and app.live.step_now >= 3
    assert (
        'It last wrote something' in app.w['blocked'].value
        and 'its checkpoint of step' in app.w['blocked'].value
        and app.w['continue'].layout.display in ('', None)
    )
    facts = app.live.run_dir.read_identity()['facts']
    code = {name: 'another' for name in facts if name.startswith('code of the reward')}
    app.live.run_dir.write_identity(facts | code)
    app.w['continue'].click()
    wait(lambda: not app.training.alive)
    app.draw()
    assert 'it can be continued all the same' in app.w['failure'].value and '--' not in app.live.error['text']
    app.w['force'].click()
    wait(lambda: not app.training.alive)
    result = app.training.outcome
    assert (result.status, result.steps) == ('finished', 6) and result.run_dir.path == tmp_path/'run'
    assert app.live.run_dir.read_identity()['forced'], 'the report says that it was changed'
    assert 'of 16' in app.w['comparison'].value and app.w['blocked'].value == ''
    assert (
        app.live.run_dir.read_manifest()['command'] == command
        and app.summary.text.endswith(command)
        and 'train.max_steps=6' in command
    )
    with pytest.raises(ConfigError, match='no run to go on with'): App().train(continued=True)


def test_on_colab_start_says_which_cell_to_run(tmp_path, monkeypatch):
    app = small(tmp_path)
    monkeypatch.setattr('rlvr_nb.app.in_colab', lambda: True)
    app.w['start'].click()
    assert 'app.train()' in app.head.notice.value and app.training is None
    app.w['sections'].value = 'results'
    app.w['continue'].click()
    assert 'app.train(continued=True)' in app.head.notice.value and app.training is None


def test_a_second_click_on_start_is_no_error(tmp_path):
    app = small(tmp_path, 'train.max_steps=200')
    app.background = True
    app.w['start'].click()
    app.w['start'].click()
    assert app.head.notice.value == ''
    app.stop()
    wait(lambda: not app.training.alive)


def test_stop_before_training_is_immediate(tmp_path):
    app = small(tmp_path, 'eval.eval_num_samples=256', 'eval.eval_batch_size=1')
    app.background = True
    app.start()
    wait(lambda: app.live.stage == 'evaluate before')
    time.sleep(.2)
    app.stop()
    wait(lambda: not app.training.alive)
    assert app.live.status == 'stopped' and app.live.run_dir.status() == 'stopped'
    assert 'before training' in status_text(app.live.view())


def test_a_failure_shows_cause_remedy_and_folded_traceback(tmp_path):
    app = small(tmp_path)
    error = ConfigError([Fault('train.num_generations', '7', 'a divisor of 64', fixes=(('train.num_generations', 8),))])
    app.live.begin(app.cfg)
    app.live.end('failed', error)
    app.draw()
    assert 'expected a divisor' in app.w['failure'].value and '<details' in app.w['failure'].value
    app['train.num_generations'].value = 4
    app.progress.remedies.children[0].click()
    assert app.cfg.train.num_generations == 8
    app.live.begin(app.cfg)
    app.live.end('failed', RuntimeError('CUDA out of memory. Tried to allocate 20 GiB'))
    app.draw()
    before = app.cfg.train
    app.progress.remedies.children[0].click()
    after = app.cfg.train
    assert (
        after.per_device_train_batch_size * 2 == before.per_device_train_batch_size
        and after.gradient_accumulation_steps == 2 * before.gradient_accumulation_steps
    )


def test_a_run_that_fails_is_told_and_raised_by_train(tmp_path, monkeypatch):
    monkeypatch.setattr('rlvr_nb.reachable.missing_model', lambda cfg: None)   # it was there a moment ago
    app = App(
        'data.dataset_name=gsm8k',
        f'data.dataset_path={tmp_path / "nowhere"}',
        'model.model_name_or_path=./nowhere',
        f'run_dir={tmp_path / "run"}',
    )
    app.open('setup')
    with pytest.raises(ConfigError): app.train()
    assert 'could not start' in app.w['status'].value and not app.w['start'].disabled
    assert 'nowhere' in app.w['failure'].value


def test_handlers_from_several_threads_agree():
    app = App()
    app.open('setup')
    def set_steps(n):
        for i in range(5): app['train.max_steps'].value = 100 * n + i
    threads = [threading.Thread(target=set_steps, args=(n,)) for n in range(1, 5)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert (
        app.form.errors == []
        and app.cfg.train.max_steps == app['train.max_steps'].value
        and load_config(*app.overrides) == app.cfg
    )
