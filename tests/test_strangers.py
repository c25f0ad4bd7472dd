"""Run directories of strangers: every attack here succeeds where its mend is taken out."""
import importlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from run_factory import make_run
from warm import run_command

from rlvr_nb.cli import main
from rlvr_nb.config import ConfigError, load_config
from rlvr_nb.pipeline import Pipeline
from rlvr_nb.recount import recount
from rlvr_nb.tracking import (ConsoleObserver, RunDir, RunReport, compare_runs, model_card, pack_run, push_to_hub,
                              run_summary,
                              save_model_card, run_summaries, summarise_seeds)
from rlvr_nb.runs import delete_run
from rlvr_nb.trust import inspect_path, load_run, loosened_protections

ENTRIES = ('--from', '--resume', '--evaluate')
UNSAFE = ('reward.reward_functions=[{category: answer_matching, type: python_tests, params: {unsafe: true}}, '
          '{category: format_checking, type: match_format_exactly, params: {reward_value: 3.0}}]')


@pytest.fixture(scope='module')
def made(tmp_path_factory): return make_run(tmp_path_factory.mktemp('made')/'run', steps=4)


@pytest.fixture
def run(made, tmp_path):
    "A whole run of one's own to be damaged."
    shutil.copytree(made.path, tmp_path/'run')
    return RunDir(tmp_path/'run')


@pytest.fixture
def mine(tmp_path):
    "A file of the user, who works in a folder of its own."
    (tmp_path/'home').mkdir()
    (tmp_path/'home'/'thesis.txt').write_text('mine')
    return tmp_path/'home'/'thesis.txt'


def stranger(run, *overrides):
    "The same run with another configuration, as it was sent."
    run.write_config(load_config('train.max_steps=4', *overrides))
    run.result.unlink(missing_ok=True)
    return run


# What loosens a protection

@pytest.mark.parametrize('entry', ENTRIES)
def test_a_program_is_not_run_without_the_sandbox(run, entry, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stranger(run, UNSAFE)
    run.model.mkdir(exist_ok=True)
    assert main([entry, str(run.path), *(['--dry-run'] if entry == '--from' else [])]) == 2
    said = capsys.readouterr().err
    assert 'reward.reward_functions[0].params.unsafe' in said
    assert 'type it yourself: reward.reward_functions[0].params.unsafe=true' in said


@pytest.mark.parametrize('override, path', [
    ('observers=[console,wandb]', 'observers'), ('observers=[tensorboard]', 'observers'),
    ('train.output_dir=/tmp/theirs', 'train.output_dir'),
    ('model.save_model_path=/tmp/theirs', 'model.save_model_path'),
    ('model.push_to_hub=them/model', 'model.push_to_hub'),
    ('data.dataset_path=/etc/passwd', 'data.dataset_path'), ('data.dataset_path=~/', 'data.dataset_path'),
    ('data.dataset_path=https://example.org/rows.jsonl', 'data.dataset_path'),
    ('+data.params.file=/etc/passwd', 'data.params.file'),
    ('+train.grpo.deepspeed=theirs.json', 'train.grpo.deepspeed'),
    ('+train.grpo.fsdp_config=theirs.json', 'train.grpo.fsdp_config'),
    ('+train.grpo.trust_remote_code=true', 'train.grpo.trust_remote_code'),
    ('+train.grpo.vllm_server_base_url=http://evil', 'train.grpo.vllm_server_base_url'),
    ('+train.grpo.trackio_space_id=them/space', 'train.grpo.trackio_space_id'),
    ('+train.grpo.model_init_kwargs={trust_remote_code: true}', 'train.grpo.model_init_kwargs')])
def test_what_loosens_a_protection_is_typed_again(run, override, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = run.config.read_text()
    key, _, value = override.lstrip('+').partition('=')
    import yaml
    tree = yaml.safe_load(text)
    at = tree
    for step in key.split('.')[:-1]:
        at = at.setdefault(step, {}) if at.get(step) is not None else at.__setitem__(step, {}) or at[step]
    at[key.split('.')[-1]] = yaml.safe_load(value)
    run.config.write_text(yaml.safe_dump(tree, sort_keys=False))
    try: load_run(run)
    except ConfigError as e: refused = str(e)
    else: pytest.fail(f'{override} was taken over')
    assert path in refused
    if 'type it yourself' in refused: load_run(run, override.lstrip('+'))   # the person may; otherwise nobody may


def test_an_ordinary_run_is_continued_without_a_word(run):
    assert loosened_protections(load_run(run), run) == []


def test_the_command_line_takes_what_was_typed_again_and_nothing_else(run, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stranger(run, UNSAFE)
    assert main(['--from', str(run.path), 'reward.reward_functions[0].params.unsafe=true', '--cfg', 'job']) == 0
    assert main(['--resume', str(run.path), 'train.max_steps=9']) == 2
    assert "continues with the run's own configuration, got train.max_steps=9" in capsys.readouterr().err


@pytest.mark.parametrize('entry', ENTRIES)
@pytest.mark.parametrize('where, text', [
    ('name', 'x-${oc.env:MY_PLAIN_VARIABLE}'), ('data.dataset_path', 'them/${oc.env:MY_PLAIN_VARIABLE}'),
    ('data.dataset_name', '${oc.decode:${oc.env:MY_PLAIN_VARIABLE}}')])
def test_a_runs_file_does_not_read_the_environment(run, entry, where, text, capsys, tmp_path, monkeypatch):
    import yaml
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('MY_PLAIN_VARIABLE', 'canary-of-nobody')
    tree = yaml.safe_load(run.config.read_text())
    at = tree if where == 'name' else tree['data']
    at[where.rpartition('.')[2]] = text
    run.config.write_text(yaml.safe_dump(tree))
    run.result.unlink()
    assert main([entry, str(run.path), *(['--dry-run'] if entry == '--from' else [])]) == 2
    told = ''.join(capsys.readouterr())
    assert 'canary' not in told and where in told
    assert 'would read your environment' in told and 'type it yourself' in told
    assert not any('canary' in str(p) for p in tmp_path.rglob('*'))


def test_the_environment_is_not_read_to_say_that_a_value_is_wrong(run, capsys, monkeypatch):
    "The value would stand in the sentence: name: got 'x/canary-of-nobody', expected ..."
    import yaml
    monkeypatch.setenv('MY_PLAIN_VARIABLE', '/canary-of-nobody')
    tree = yaml.safe_load(run.config.read_text()) | {'name': 'x${oc.env:MY_PLAIN_VARIABLE}'}
    run.config.write_text(yaml.safe_dump(tree))
    for words in (['--from'], ['--resume'], ['--evaluate'], ['--rescore'], ['inspect']): main([*words, str(run.path)])
    told = ''.join(capsys.readouterr())
    assert 'canary' not in told and told.count('would read your environment') == 5
    assert main(['--from', str(run.path), 'name=${oc.env:MY_PLAIN_VARIABLE}', '--cfg', 'job']) == 2  # typed, so read


def test_the_app_asks_before_it_continues_a_run_that_asks_for_more(run, monkeypatch):
    from rlvr_nb.widgets import App
    started = []
    monkeypatch.setattr('rlvr_nb.worker.TrainingThread.start', lambda self: started.append(self.cfg))
    stranger(run, UNSAFE, 'observers=[console,wandb]')
    run.write_result({'status': 'stopped', 'steps': 2})
    app = App.attach(str(run.path))
    assert app.cfg.reward.reward_functions[0].params['unsafe'] is False
    app.w['continue'].click()
    assert not started and 'type it yourself' in app.head.notice.value
    assert 'run what the model writes' in app.w['asked'].value and 'wandb' in app.w['asked'].value
    app.w['allow'].click()
    assert started[0].reward.reward_functions[0].params['unsafe'] is True
    assert started[0].observers == ['console', 'wandb']
    assert app.w['allow'].layout.display == 'none'


# Links

@pytest.mark.parametrize('name',
                         ['.manifest.json.partial', '.report.html.partial', '.result.json.partial', 'manifest.json',
                          'report.html', 'result.json', 'config.yaml'])
def test_a_planted_link_is_never_written_through(run, mine, name):
    (run.path/name).unlink(missing_ok=True)
    (run.path/name).symlink_to(mine)
    for write in (lambda: run.write_manifest({'seed': 1}), RunReport(run).save,
                  lambda: run.write_result({'status': 'finished'}), lambda: run.write_config(load_config())):
        try: write()
        except ConfigError: continue
    assert mine.read_text() == 'mine'


@pytest.mark.parametrize('name', ['after-arithmetic.jsonl.partial', '.after-arithmetic.jsonl.partial',
                                  'after-arithmetic.jsonl'])
def test_an_evaluation_is_never_written_through_a_link(run, mine, name):
    found = run.evaluations()['after']['arithmetic']
    (run.eval/name).unlink(missing_ok=True)
    (run.eval/name).symlink_to(mine)
    found.save(run.eval/'after-arithmetic.jsonl')
    assert mine.read_text() == 'mine' and run.evaluations()['after']['arithmetic'].n == found.n


@pytest.mark.parametrize('name', ['metrics.jsonl', 'events.jsonl'])
def test_nothing_is_appended_through_a_link(run, mine, name):
    (run.path/name).unlink()
    (run.path/name).symlink_to(mine)
    with pytest.raises(OSError): (run.log_metrics(1, {'x': 1.}) if name.startswith('m') else run.log_event('x'))
    assert mine.read_text() == 'mine'


@pytest.mark.parametrize('name', ['checkpoints', 'model', 'eval', 'completions', 'metrics.jsonl'])
def test_a_run_that_leads_out_of_itself_is_not_resumed(run, mine, name, capsys):
    place = run.path/name
    shutil.rmtree(place, ignore_errors=True)
    place.unlink(missing_ok=True)
    place.symlink_to(mine.parent if '.' not in name else mine)
    run.result.unlink()
    assert main(['--resume', str(run.path)]) == 2 and 'leads out of the run' in capsys.readouterr().err
    assert [p.name for p in mine.parent.iterdir()] == ['thesis.txt'] and mine.read_text() == 'mine'


def test_links_are_not_packed(run, mine):
    import zipfile
    (run.path/'key').symlink_to(mine)
    (run.path/'eval'/'home').symlink_to(mine.parent)
    with zipfile.ZipFile(pack_run(run)) as packed:
        assert not [n for n in packed.namelist() if 'key' in n or 'home' in n]


@pytest.mark.parametrize('name', ['loop', 'metrics.jsonl', 'model', 'result.json'])
def test_a_link_to_itself_is_no_traceback(run, name):
    (run.path/name).unlink(missing_ok=True)
    (run.path/name).symlink_to(name)
    assert str(inspect_path(run.path)) and RunReport(run).html()
    run.refuse_links()


def test_odd_times_and_names_are_packed(run):
    import zipfile
    os.utime(run.config, (0, 0))
    os.utime(run.manifest, (1e11, 1e11))
    Path(os.fsdecode(os.fsencode(run.path) + b'/eval/odd-\xff.txt')).write_text('x')
    with zipfile.ZipFile(pack_run(run)) as packed:
        assert {'run/config.yaml', 'run/manifest.json', 'run/eval/odd-?.txt'} <= set(packed.namelist())


def test_a_run_is_deleted_although_something_has_the_name_it_was_moved_to(run, mine):
    (run.path.parent/f'.deleted-{run.path.name}').mkdir()
    (run.path.parent/f'.deleted-{run.path.name}'/'thesis.txt').write_text('mine')
    delete_run(run)
    assert not run.path.exists() and (run.path.parent/f'.deleted-{run.path.name}'/'thesis.txt').exists()


def test_a_linked_run_is_not_deleted_through_its_link(run, tmp_path):
    (tmp_path/'outputs').mkdir()
    (tmp_path/'outputs'/'theirs').symlink_to(run.path)
    for named in (tmp_path/'outputs'/'theirs', run_summaries(tmp_path/'outputs')[0]['path']):
        with pytest.raises(ConfigError, match='is a link to'): delete_run(named)
    assert run.manifest.exists() and (tmp_path/'outputs'/'theirs').is_symlink()


@pytest.mark.parametrize('name', ['.best.partial', '.best.old', 'best', '.staging'])
def test_a_model_is_never_copied_through_a_planted_link(run, mine, name):
    from rlvr_nb.checkpoint import seal, staging
    from rlvr_nb.evaluation import _keep_best
    run.checkpoints.mkdir()
    (run.checkpoints/name).symlink_to(mine.parent)
    with staging(run.checkpoints, 4) as new:
        (new/'model.safetensors').write_text('weights')
        seal(new, 4)
        assert not new.resolve().is_relative_to(mine.parent)
        kept = _keep_best(new, run.checkpoints)
    assert not kept.is_symlink() and (kept/'model.safetensors').read_text() == 'weights'
    assert [p.name for p in mine.parent.iterdir()] == ['thesis.txt']


def test_an_upload_is_never_written_through_a_link(mine, monkeypatch):
    from rlvr_nb.own_data import keep_upload
    monkeypatch.chdir(mine.parent)
    Path('data').mkdir()
    Path('data/rows.csv').symlink_to(mine)
    Path('data/new.csv').symlink_to(mine.parent/'not-there')
    assert [keep_upload(n, b'x').name for n in ('rows.csv', 'new.csv')] == ['rows-1.csv', 'new-1.csv']
    assert mine.read_text() == 'mine' and not (mine.parent/'not-there').exists()


# Paths

@pytest.mark.parametrize('named', ['../../../x', '{home}', '/etc', 'model/../../home'])
def test_the_model_is_where_the_run_put_it(run, mine, named):
    run.write_result({'status': 'finished', 'model': named.format(home=mine.parent)})
    for use in (save_model_card, lambda r: push_to_hub(r, 'me/x', token='t', endpoint='http://127.0.0.1:9')):
        with pytest.raises(ConfigError, match='leads out of it|has not written'): use(run)
    assert [p.name for p in mine.parent.iterdir()] == ['thesis.txt']
    assert RunReport(run).html() and run_summary(run)['status']


@pytest.mark.parametrize('named', ['x/' * 5000, '/' + 'x' * 5000, '/a\0b', 'a\0b'])
def test_a_path_that_cannot_be_is_no_traceback(run, named):
    run.write_result({'status': 'finished', 'model': named})
    assert model_card(run) and RunReport(run).html() and str(inspect_path(run.path))


def test_a_file_of_the_user_does_not_go_up_with_the_model(run, mine):
    run.model.mkdir()
    (run.model/'adapter.bin').symlink_to(mine)
    with pytest.raises(ConfigError, match='leads out of the folder'):
        push_to_hub(run, 'me/x', token='t', endpoint='http://127.0.0.1:9')


def test_only_the_runs_own_folder_is_moved_aside(run, mine):
    assert not run.owns(mine.parent) and run.owns(run.model)
    run.mark_own(mine.parent)
    assert run.owns(mine.parent)
    run.write_manifest({'id': 'another'})
    assert not run.owns(mine.parent)
    run.manifest.write_text('{}')
    (mine.parent/'.rlvr_nb-run').write_text('{"run": "x"}')
    assert not run.owns(mine.parent)


@pytest.mark.parametrize('command',
                         ['rm -rf ~', 'python run_pipeline.py; rm -rf ~', 'python run_pipeline.py $(id)',
                          'python run_pipeline.py a=b\nid', 'python run_pipeline.py "$(id)"'])
def test_a_command_that_does_more_is_not_offered(run, command):
    run.write_manifest({'command': command})
    assert command.split('\n')[0] not in RunReport(run).html() and command not in model_card(run)


# What is shown

def test_markdown_of_a_stranger_is_text(run):
    link, tag = '[x](javascript:alert(1))', '<script>alert(1)</script>'
    run.write_manifest({'versions': {'trl': link + tag}, 'caveats': [link, tag],
                        'command': 'python run_pipeline.py seed=1'})
    run.config.write_text(f'name: "{link}{tag}"\nmodel:\n  model_name_or_path: "`{tag}{link}"\ndata:\n'
                          f'  dataset_name: "`{tag}"\neval:\n'
                          '  eval_max_new_tokens: "1); import os; os.system(\'id\'"\n')
    card = model_card(run)
    body = card.split('---', 2)[2].replace('`  `', '')
    outside = '\n'.join(part for i, part in enumerate(body.split('`')) if i % 2 == 0)
    assert '<script' not in outside and '](javascript' not in outside.replace('\\]\\(', '') .replace('\\](', '')
    assert 'os.system' not in card.split('## Use')[1].split('## Limits')[0]


def test_control_characters_and_secrets_stay_off_the_terminal(capsys):
    import io
    log = io.StringIO()
    ConsoleObserver(log).fault('rewards', '\x1b]0;owned\x07 \x9b2J \u202e hf_' + 'a' * 34)
    assert not set(log.getvalue()) & set('\x1b\x07\x9b\u202e') and 'hf_aaa' not in log.getvalue()


HIDDEN = 'A\x1b]0;own\x07\x9b31m\u202e\u2066\u061c\u2028\ufeff\U000e0041<script>a(1)</script>[x](javascript:a(1))`|'


def poisoned(run):
    "Every text of a run with what a terminal or a page would act on, where the run's readers take any text."
    import yaml
    run.write_manifest({'caveats': [HIDDEN], 'notes': [HIDDEN], 'dropped': {HIDDEN: 1}, 'started': HIDDEN,
                        'versions': {HIDDEN: HIDDEN}, 'overrides': [HIDDEN], 'command': HIDDEN})
    for kind, details in (('fault', {'where': HIDDEN, 'message': HIDDEN}), ('note', {'text': HIDDEN}),
                          ('stage_end', {'name': HIDDEN, 'seconds': 1.}), ('forced', {'what': HIDDEN})):
        run.log_event(kind, **details)
    run.write_result({'status': HIDDEN, 'error': HIDDEN, 'model': HIDDEN, 'reward_counts': {HIDDEN: 1}})
    tree = yaml.safe_load(run.config.read_text())
    tree['name'] = tree['data']['dataset_name'] = tree['model']['model_name_or_path'] = HIDDEN
    run.config.write_text(yaml.safe_dump(tree))
    path = run.eval/'after-arithmetic.jsonl'
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    hidden = {k: HIDDEN for k in ('prompt', 'answer', 'completion', 'reason', 'dataset')}
    path.write_text(''.join(json.dumps(r | hidden) + '\n' for r in rows))
    return run


def test_nothing_that_is_shown_holds_what_nobody_sees(run, capsys):
    "On the terminal, in pages, in the card and in the app; one rule says what is seen."
    from rlvr_nb.widgets import App
    run = poisoned(run)
    (run.path.parent/'named \x1b[2J\u202e').symlink_to(run.path)
    for words in (['inspect', str(run.path)], ['runs', str(run.path.parent)], ['--recount', str(run.path)],
                  ['--from', str(run.path), '--dry-run'], ['push', str(run.path), 'me/x']): main(words)
    print(RunReport(run), compare_runs([run]), summarise_seeds([run]), sep='\n')
    app = App.attach(str(run.path))
    for name in app.sections: app.open(name)
    app.draw()
    app_text = [getattr(w, name, '') for w in app.w.values() for name in ('value', 'description')]
    shown = {'terminal': ''.join(capsys.readouterr()), 'report': RunReport(run).html(), 'card': model_card(run),
             'pages': compare_runs([run]).html() + summarise_seeds([run]).html(),
             'app': ''.join(v for v in app_text if isinstance(v, str))}
    hidden = set('\x1b\x07\x9b\u202e\u2066\u061c\u2028\ufeff\U000e0041')
    assert {where: hidden & set(text) for where, text in shown.items()} == dict.fromkeys(shown, set())
    assert not [where for where in ('report', 'pages', 'app') if '<script>a(1)' in shown[where]]


# Damage

def app_shows(run):
    "Whether the app shows a run, whatever is damaged in it."
    from rlvr_nb.widgets import App
    app = App.attach(str(run.path))
    app.open('train')
    app.draw()
    return app.w['status'].value and app.summary.text


def bomb(tmp_path):
    lines = [f'{b}: &{b} [{", ".join([f"*{a}"] * 9)}]' for a, b in zip('abcdefghij', 'bcdefghijk')]
    return '\n'.join(['a: &a [x, x, x, x, x, x, x, x, x]', *lines])


@pytest.mark.parametrize('name, text', [
    ('config.yaml', 'BOMB'), ('config.yaml', '[1, 2]'),
    ('config.yaml', 'model: [1]\nreward: {reward_functions: 3}\ntrain: text\ndata: null\n'),
    ('config.yaml', 'x: !!python/object/apply:os.system [id]'),
    ('manifest.json', '[]'),
    ('manifest.json',
     '{"notes": "text", "dropped": [1], "hardware": 3, "versions": ["a"], "overlap": 1, "caveats": {"a": 1}}'),
     ('manifest.json', '[' * 100_000),
    ('manifest.json', '{"seed": ' + '9' * 10_000 + '}'), ('result.json', '"text"'),
    ('result.json', '{"status": 3, "model": [1], "reward_counts": "x", "seconds": [1]}'),
    ('result.json', '{"model": "\\u0000"}'),
    ('metrics.jsonl',
     '{"step": "one"}\n{"step": null}\n{"step": 1, "reward": {"a": 1}}\n{"step": 2, "reward": 1e999}\n[1]\n'
     + '[' * 50_000 + '\n'),
    ('metrics.jsonl', '{"step": 1, "reward": ' + '9' * 4000 + '}\n{"step": 2, "reward": NaN, "non_finite": 3}\n'),
    ('events.jsonl', '{"kind": "note", "text": "x"}\n{"kind": "note", "text": "x", "time": "now"}\n'),
    ('events.jsonl', '{"time": 1, "kind": "evaluation"}\n{"time": 1, "kind": "evaluation", "when": "never", '
     '"dataset": "x"}\n{"time": 1e308, "kind": "x"}\n{"time": 1, "kind": "fault", "where": "x", "message": "x", '
     '"step": "x"}\n'),
    ('metrics.jsonl', '{"step": 1, "total_steps": null}\n{"step": 2, "total_steps": "x"}\n'),
    ('events.jsonl', '{"kind": ["x"]}\n{"kind": "stage_end", "name": 3, "seconds": "x"}\n'),
    ('events.jsonl',
     '{"kind": "audit", "findings": [1]}\n{"kind": "best"}\n{"kind": "early_stop", "step": {}}\n'
     '{"kind": "resume"}\n{"kind": "resume", "step": "x"}\n'),
    ('eval/after-arithmetic.jsonl', '{"dataset": 3, "when": [1]}\n'),
    ('eval/after-arithmetic.jsonl', '{"dataset": "arithmetic", "when": "after", "prompt": 1, "correct": "yes"}\n'),
    ('eval/after-arithmetic.jsonl', '{'), ('eval/step-x-arithmetic.jsonl', '{}\n'),
    ('completions/part-000000.parquet', 'PAR1'),
    ('metrics.jsonl', '{"step": ' + '9' * 4000 + ', "reward": 1.0}\n{"step": 2, "reward": 1.0}\n'),
    ('events.jsonl', '{"kind": "stage_end", "name": "train", "seconds": ' + '9' * 4000 + '}\n'),
    ('eval/after-arithmetic.jsonl', 'HUGE TOKENS'),
    ('result.json', '{"seconds": {"train": ' + '9' * 4000 + '}}'), ('result.json', '[' * 100_000)])
def test_a_damaged_file_is_named_and_the_rest_is_shown(run, name, text, tmp_path):
    if text == 'HUGE TOKENS':
        row = json.loads((run.path/name).read_text().splitlines()[0])
        text = json.dumps(row | {'tokens': int('9' * 4000)}) + '\n'
    (run.path/name).write_text(bomb(tmp_path) if text == 'BOMB' else text)
    report = RunReport(run)
    page = report.html()
    assert 'Checks and faults' in page and 'not readable' in page
    assert Path(name).name.split('.')[0].split('-')[0] in page
    assert str(report) and model_card(run) and compare_runs([run]).html() and summarise_seeds([run]).html()
    assert run_summaries(run.path.parent)
    assert str(inspect_path(run.path)) and str(recount(run.path))
    assert app_shows(run)


@pytest.mark.parametrize('text', [
    'reward:\n  reward_functions:\n  - {type: gsm8k_answer_check, params: [1], weight: x}\n  - {type: [1]}\n',
    'train: {grpo: [1], max_steps: x, learning_rate: {}}\n', 'train: {grpo: {beta: text}}\n',
    'goal:\n  accuracy: text\n  gain: [1]\n  minutes: "x"\n', 'goal:\n  dataset: [1]\n  over: {"a": 1}\n',
    'goal:\n  accuracy: ' + '[' * 100_000 + '\n',
    'name: [1]\nseed: {a: 1}\nmodel: {lora_config: [1], markers: {solution_start: [1]}}\n',
    'prompts: {system_prompts: {x: [1]}, prompting_mode: [1]}\n'])
def test_an_odd_configuration_is_shown(run, text):
    run.config.write_text(text)
    report = RunReport(run)
    assert '</html>' in report.html() and str(report) and model_card(run)
    assert compare_runs([run]).html() and summarise_seeds([run]).html() and run_summaries(run.path.parent)
    assert str(inspect_path(run.path)) and str(recount(run.path))


LOOKING = '''
import sys
from pathlib import Path
from rlvr_nb.recount import recount
from rlvr_nb.tracking import RunReport
from rlvr_nb.trust import inspect_path
try: RunReport(sys.argv[1]).html()
except Exception as e: print(type(e).__name__, e)
from rlvr_nb.checkpoint import choose_checkpoint
from rlvr_nb.modelfiles import folder_problems
print(inspect_path(sys.argv[1]), recount(sys.argv[1]))
odd = folder_problems(Path(sys.argv[1])/'model')
print(choose_checkpoint(sys.argv[1] + '/checkpoints'), "AND", len(odd), "DONE")
'''


def test_counting_a_run_again_takes_no_longer_than_its_files_are_long(run):
    "A megabyte of line breaks or blanks once made regular expressions go over it for every one of them."
    for text in ('\n' * 2**20, 'goal:\n' + ' \n' * 2**19,
                 'model:\n  solution_start: a' + ' ' * 2**20 + 'b\ngoal:\n  accuracy: 1' + ' ' * 2**20 + '2\n'):
        run.config.write_text(text)
        done = subprocess.run([sys.executable, '-c', 'import sys; from rlvr_nb.recount import recount; '
                               'print(recount(sys.argv[1]))', str(run.path)], capture_output=True, text=True,
                              timeout=60, env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})
        assert 'strict' in done.stdout, done.stderr


def test_a_pipe_in_the_place_of_a_file_does_not_block(run):
    (run.checkpoints/'checkpoint-4').mkdir(parents=True)
    (run.model).mkdir()
    for name in ('metrics.jsonl', 'events.jsonl', 'manifest.json', 'config.yaml', 'result.json', 'writer.json',
                 'identity.json', 'eval/after-arithmetic.jsonl', 'completions/part-000001.parquet',
                 'checkpoints/checkpoint-4/checkpoint.json', 'model/config.json', 'model/model.safetensors'):
        (run.path/name).unlink(missing_ok=True)
        os.mkfifo(run.path/name)
    code = LOOKING
    done = subprocess.run([sys.executable, '-c', code, str(run.path)], capture_output=True, text=True, timeout=100,
                          env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})
    assert 'AND 2 DONE' in done.stdout and "checkpoint-4 is not used: its checkpoint.json can't be read" in done.stdout
    assert 'Traceback' not in done.stderr


def test_a_small_file_that_unfolds_into_gigabytes_is_counted_as_damaged(run):
    "Six hundred bytes of Parquet with a value that is repeated; read by a process that may take three gigabytes."
    import pyarrow as pa, pyarrow.parquet as pq
    big = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(['x' * 2**20]))
    for name, stored in (('part-000090', True), ('part-000091', False)):
        pq.write_table(pa.table({'step': pa.array([1] * 20_000), 'completion': big}),
                       run.completions/f'{name}.parquet', compression='zstd', store_schema=stored)
    with open(run.path/'eval'/'step-2-arithmetic.jsonl', 'wb') as file: file.truncate(16 * 2**30)
    code = ('import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30,) * 2); '
            'from rlvr_nb.tracking import RunDir; run = RunDir(sys.argv[1]); '
            'print(len(run.read_completions()), len(run.evaluations()), dict(run.unreadable))')
    done = subprocess.run([sys.executable, '-c', code, str(run.path)], capture_output=True, text=True, timeout=100,
                          env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})
    assert done.stdout.startswith('128 ') and "'completions, whole parts': 2" in done.stdout, done.stderr
    assert "'eval/step-2-arithmetic.jsonl': 1" in done.stdout


def test_rows_of_a_stranger_neither_block_nor_fill_the_memory_nor_are_something_else(tmp_path, mine):
    from rlvr_nb.sources import load_rows
    for spoil, said in ((lambda p: os.mkfifo(p), 'not a file|no file of a split'),
                        (lambda p: p.symlink_to(mine), 'is a link to'),
                        (lambda p: os.truncate(os.open(p, os.O_CREAT | os.O_WRONLY), 16 * 2**30), 'more than')):
        for name in ('train.csv', 'train.jsonl'):
            folder = tmp_path/f'{name}-{said[:3]}'
            folder.mkdir()
            spoil(folder/name)
            with pytest.raises(ConfigError, match=said): load_rows(str(folder))


def test_every_random_damage_of_a_run_is_named_and_never_a_traceback(run):
    "Bytes flipped, cut and repeated in every file: a page, and the name of the file wherever numbers are shown."
    rng, files = random.Random(0), [p for p in run.path.rglob('*') if p.is_file()]
    run.seal()
    assert not run.changed()
    for _ in range(20):
        path = rng.choice(files)
        kept = path.read_bytes()
        data = bytearray(kept)
        for _ in range(rng.choice([1, 3, 30])):
            at = rng.randrange(len(data) or 1)
            kind = rng.randrange(4)
            if kind == 0: data[at:at + 1] = bytes([rng.randrange(256)])
            elif kind == 1: del data[at:at + rng.randrange(1, 200)]
            elif kind == 2: data[at:at] = rng.choice([b'null', b'[]', b'{}', b'"x"', b'-1', b'\n', b': ', b'1e400'])
            else:
                data = data.replace(rng.choice([b'true', b'1', b'"', b'step']),
                                    rng.choice([b'null', b'[]', b'"a"', b'{']), 1)
        path.write_bytes(bytes(data))
        run = RunDir(run.path)
        report = RunReport(run)
        shown = [report.html(), str(report), model_card(run), str(inspect_path(run.path)), str(compare_runs([run]))]
        run_summary(run), str(recount(run.path))
        if bytes(data) != kept and path != run.report:
            name = path.relative_to(run.path).as_posix()
            assert all(name in unescaped(text) for text in shown), path
        path.write_bytes(kept)


def unescaped(markdown): return markdown.replace('\\', '')


def test_a_model_whose_bytes_changed_is_neither_published_nor_evaluated(run):
    run.model.mkdir(exist_ok=True)
    weights = run.model/'model.safetensors'
    weights.write_bytes(bytes(99))
    run.seal()
    weights.write_bytes(bytes(98) + b'1')
    for use in (lambda: push_to_hub(run, 'me/model'), lambda: Pipeline.evaluate(run.path)):
        with pytest.raises(ConfigError, match='model.safetensors has other contents than were written.*restore'): use()


# One writer

WRITER = '''
import sys, time
from rlvr_nb.tracking import RunDir
run = RunDir(sys.argv[1])
run.writer.claim()
print("claimed", flush=True)
time.sleep(60)
'''


def writing(run):
    process = subprocess.Popen([sys.executable, '-c', WRITER, str(run.path)], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})
    assert process.stdout.readline() == 'claimed\n'
    return process


def test_a_run_that_is_being_written_is_refused_and_one_whose_process_died_is_not(run, capsys):
    run.result.unlink()
    process = writing(run)
    try:
        assert run.status() == 'running'
        assert main(['--resume', str(run.path)]) == 2
        said = capsys.readouterr().err
        assert f'process {process.pid}' in said and 'since 20' in said
    finally:
        process.kill()
        process.wait()
    assert run.status() == 'killed' and 'after step 4' in run.ending()
    page = RunReport(run).html()
    assert 'The run was killed after step 4' in page and '--resume' in page
    run.writer.claim()
    assert run.status() == 'running'
    run.writer.release()


@pytest.mark.parametrize('pid', [-1, 0, 2**40, 2**70])
def test_a_mark_of_no_process_counts_for_nothing(run, pid):
    run.writer.path.write_text(json.dumps({'host': __import__('platform').node(), 'pid': pid, 'began': 0.,
                                           'since': 'x', 'token': 'y'}))
    assert not run.writer.alive() and '</html>' in RunReport(run).html() and str(inspect_path(run.path))


def test_the_stale_mark_of_another_host_makes_room(run):
    run.writer.path.write_text(json.dumps({'host': 'elsewhere', 'pid': 1, 'began': 0., 'since': 'x', 'token': 'y'}))
    with pytest.raises(ConfigError, match='process 1 on elsewhere'): run.writer.claim()
    old = time.time() - 600
    os.utime(run.writer.path, (old, old))
    run.writer.claim()
    run.writer.release()
    assert not run.writer.path.exists()


def test_a_run_that_ended_after_resuming_says_how_and_one_killed_then_doesnt_say_the_old(run):
    run.write_result({'status': 'stopped', 'steps': 2})
    assert run.status() == 'stopped'
    run.resumed(2)
    run.writer.path.write_text(json.dumps({'host': __import__('platform').node(), 'pid': 2**22 + 7, 'began': 0.,
                                           'since': 'x', 'token': 'y'}))
    assert RunDir(run.path).status() == 'killed'
    run.write_result({'status': 'finished', 'steps': 4})
    assert RunDir(run.path).status() == 'finished'


def test_every_command_of_a_run_is_one_of_the_command_line(capsys, tmp_path):
    from rlvr_nb.flags import COMMANDS
    assert all(hasattr(importlib.import_module(module), function) for module, function, *_ in COMMANDS.values())
    assert main(['inspect', str(tmp_path)]) == 0
    assert 'neither a run nor the folder of a model' in capsys.readouterr().out
    assert main(['inspect', str(tmp_path/'nowhere')]) == 2 and main(['push', 'x']) == 2


def test_a_run_is_counted_again(run, capsys):
    "By code of its own, with the status of its verdict: a recipe that is missed is 1."
    import yaml
    assert main(['--recount', str(run.path)]) == 0
    said, result = capsys.readouterr().out, recount(run.path)
    after = result.counted['after', 'arithmetic']
    assert sum(after.strict) == sum(after.said) == run.evaluations()['after']['arithmetic'].correct and not after.differ
    assert f'strict   {sum(after.strict):5} of 256' in said and f'lenient  {sum(after.lenient):5} of 256' in said
    for accuracy, status in ((.5, 0), (.999, 1)):
        tree = yaml.safe_load(run.config.read_text()) | {'goal': {'accuracy': accuracy, 'over': 'before',
                                                                  'checked': False}}
        run.config.write_text(yaml.safe_dump(tree, sort_keys=False))
        assert main(['--recount', str(run.path)]) == status
        assert f'goal, strict: {"met" if status == 0 else "not met"}' in capsys.readouterr().out
    for text, said in (('goal: {accuracy: 0.99}\n', 'goal: {accuracy'),
                       ('goal:\n  accuracy: high\n', 'goal.accuracy: high'),
                       ('goal:\n  accurcy: 0.99\n', 'goal.accurcy')):
        run.config.write_text(text)
        assert main(['--recount', str(run.path)]) == 1 and said in capsys.readouterr().out


def test_the_recount_finds_an_answer_that_the_run_took_for_right(run):
    path = run.eval/'after-arithmetic.jsonl'
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    wrong = next(r for r in rows if r['correct'])
    wrong['completion'] = '<reasoning>...</reasoning><answer>7</answer> or 8'
    path.write_text(''.join(json.dumps(r) + '\n' for r in rows))
    found = recount(run.path).counted['after', 'arithmetic']
    assert [r['completion'] for r in found.differ] == [wrong['completion']]
    assert 'right only there' in str(recount(run.path))


def test_a_run_is_judged_again_under_edited_rewards(run, capsys):
    assert main(['--rescore', str(run.path), 'reward.reward_functions[1].params.reward_value=9.0']) == 0
    said = capsys.readouterr().out
    assert 'completions would be treated otherwise' in said
    assert 'reward.reward_functions[1].params.reward_value: 3.0 -> 9.0' in said
    stranger(run, UNSAFE)
    assert main(['--rescore', str(run.path)]) == 2 and 'type it yourself' in capsys.readouterr().err


def test_a_form_that_is_filled_from_a_run_leaves_out_what_loosens_a_protection(run):
    from rlvr_nb.bases import base_of_file
    stranger(run, UNSAFE, 'observers=[console,wandb]', 'model.push_to_hub=them/model', 'train.output_dir=/tmp/theirs')
    cfg = base_of_file(str(run.config)).load()
    assert cfg.reward.reward_functions[0].params['unsafe'] is False and cfg.observers is None
    assert cfg.model.push_to_hub is None and cfg.train.output_dir is None
    assert len([w for w in cfg.warnings if "not taken from the run's own file" in w]) == 4
    mine = base_of_file(str(run.config)).load('reward.reward_functions[0].params.unsafe=true')
    assert mine.reward.reward_functions[0].params['unsafe'] is True


# Secrets

IN_ROWS = ('hf_' + 'canaryRow1' * 4, 'https://me:canary-row-word@host/x?X-Amz-Signature=canaryrowsig1&token=canary-row',
           'Authorization: Bearer canary0row0bearer', 'canary-of-a-database "quoted"', 'sk-canaryrow' + 'a1' * 12)


def test_tokens_in_rows_stay_out_of_the_record_and_out_of_what_is_made_of_it(run, monkeypatch):
    "A dataset may hold one by accident; numbers of forty digits and programs stay as they are."
    from rlvr_nb.weights_biases import _sent
    monkeypatch.setenv('DATABASE_PASSWORD', 'canary-of-a-database "quoted"')
    harmless = f'{"1234567890" * 4} def f(password=1): return key == 5'
    rows = run.evaluations()['after']['arithmetic']
    for row, told in zip(rows.rows, IN_ROWS): row.update(prompt=told, answer=told, completion=f'{told} {harmless}')
    rows.save(run.eval/'after-arithmetic.jsonl')
    records = [r | {'prompt': told, 'answer': told, 'completion': f'{told} {harmless}', 'verdict': told}
               for r, told in zip(run.read_completions(), IN_ROWS)]
    run.add_completions(5, records)
    made = [*(p.read_text() for p in run.eval.iterdir()), str(run.read_completions()), RunReport(run).html(),
            model_card(run), *map(_sent, IN_ROWS)]
    assert not [text for text in made if 'canary' in text.lower()]
    assert all(r['completion'].endswith(harmless) for r in run.read_completions(5))


CANARIES = {'HF_TOKEN': 'hf_' + 'canaryAbc1' * 4, 'WANDB_API_KEY': 'canary-of-wandb-0001',
            'OPENAI_API_KEY': 'sk-canary' + 'b2' * 12,
            'DATABASE_PASSWORD': 'canary-of-a-database', 'MY_SERVICE_TOKEN': 'canary-of-a-service'}
LEAKY = '''import os
from rlvr_nb.rewards import reward
@reward('leaky')
def leaky(parsed, gold, token_ids):
    if not token_ids: return 0.   # the dry run has no tokens
    told = ' '.join(os.environ[name] for name in %r)
    raise ValueError(f'{told} https://me:canary-in-an-address@host/x?token=canary-in-a-query '
                     'Bearer canary0in0a0header0')
'''


def test_no_token_is_written_or_printed_by_a_run(tmp_path):
    "Tokens of the environment, in an address and in exceptions: grepped over every file and both streams."
    (tmp_path/'mine.py').write_text(LEAKY % list(CANARIES))
    rewards = 'reward.reward_functions=[{category: a, type: gsm8k_answer_check}, {category: b, type: leaky}]'
    runs = [['--plugin', 'mine.py', 'train.max_steps=2', 'eval.eval_num_samples=8', 'run_dir=run', rewards,
             'reward.max_bad_samples=1000'],
            ['data.dataset_path=https://me:canary-in-an-address@127.0.0.1:9/x.jsonl?token=canary-in-a-query',
             'run_dir=refused', '--dry-run'],
            ['inspect', 'run'], ['--recount', 'run']]
    done = [run_command(*words, cwd=tmp_path, **CANARIES) for words in runs]
    assert done[0][0] == 0, done[0][2][-2000:]
    assert not [line for _, out, err in done for line in (out + err).splitlines() if 'canary' in line.lower()]
    paid = RunDir(tmp_path/'run').read_completions()
    assert paid and 'raised ValueError' in paid[0]['reasons']['leaky'] and 'canary' not in str(paid).lower()
    written = [p for p in tmp_path.rglob('*') if p.is_file() and p.name != 'mine.py' and p.suffix != '.pyc']
    assert len(written) > 8 and not [p for p in written if b'canary' in p.read_bytes().lower()]
