"""The run directory, its readers and its observers, a crash in the middle and W&B without a network included."""
import io
import json
import os
import random
import socket
import struct
import subprocess
import sys
import threading

import pytest
from run_factory import evaluation, make_run, records
from stand_in_wandb import Server

from rlvr_nb.config import ConfigError, RLVRError, load_config
from rlvr_nb.evaluation import Evaluation
from rlvr_nb.events import replay
from rlvr_nb.weights_biases import unsent
from rlvr_nb.tracking import (OBSERVERS, ConsoleObserver, JsonlObserver, Observer, Observers, RunDir, observer,
                              observers_for, report_to, send_run, wandb_mode)


@pytest.fixture
def run(tmp_path): return RunDir.create(tmp_path/'run')


def batch(step, n=8, **changed):
    return [{**r, **changed} for r in records(step, .5, random.Random(step), groups=1, size=n)]


def test_two_runs_of_one_second_have_two_directories(tmp_path):
    paths = {RunDir.create(name='a b/c', root=tmp_path).path for _ in range(5)}
    assert len(paths) == 5 and all(p.parent == tmp_path and p.name.split('_')[2].startswith('a-b-c') for p in paths)


def test_nothing_is_overwritten(tmp_path):
    (tmp_path/'kept').mkdir()
    (tmp_path/'kept'/'thesis.txt').write_text('x')
    with pytest.raises(ConfigError, match='--resume'): RunDir.create(tmp_path/'kept')
    assert RunDir.create(tmp_path/'fresh').path.is_dir()
    with pytest.raises(ConfigError, match='cannot be made'): RunDir.create(tmp_path/'kept'/'thesis.txt'/'run')


def test_a_file_where_the_directory_should_be(tmp_path):
    (tmp_path/'file').write_text('x')
    with pytest.raises(ConfigError, match='cannot be made'): RunDir.create(tmp_path/'file')


def test_open_names_the_nearest_run(tmp_path):
    RunDir.create(tmp_path/'gsm8k-seed-1').log_event('x')
    assert RunDir.open(tmp_path/'gsm8k-seed-1').read_events()[0]['kind'] == 'x'
    with pytest.raises(ConfigError, match='did you mean .*gsm8k-seed-1'): RunDir.open(tmp_path/'gsm8k-sed-1')
    with pytest.raises(ConfigError, match='no run is there'): RunDir.open(tmp_path/'nowhere'/'x')


def test_list_gives_the_newest_first_and_only_runs(tmp_path):
    for i, name in enumerate(['old', 'new']):
        RunDir.create(tmp_path/name).log_event('x')
        os.utime(tmp_path/name, (i * 100, i * 100))
    (tmp_path/'photos').mkdir()
    assert [r.path.name for r in RunDir.list(tmp_path)] == ['new', 'old']


def test_a_metric_that_is_not_finite_is_kept_as_news(run):
    run.log_metrics(1, {'loss': float('nan'), 'reward': float('-inf'), 'kl': .1})
    line = json.loads(run.metrics_file.read_text(), parse_constant=lambda c: pytest.fail(f'{c} is no JSON'))
    assert line['loss'] is None and line['reward'] is None and line['non_finite'] == ['loss', 'reward']
    assert line['kl'] == .1


def test_numpy_numbers_and_paths_are_written_plainly(run):
    import numpy as np
    run.log_metrics(1, {'reward': np.float32(.5), 'n': np.int64(3), 'bad': np.float64('nan')})
    assert run.metrics()[0]['reward'] == .5 and run.metrics()[0]['n'] == 3 and run.metrics()[0]['bad'] is None


def test_streams_are_appended_and_survive_a_torn_line(run):
    run.log_metrics(1, {'reward': 1.})
    before = run.metrics_file.read_bytes()
    with run.metrics_file.open('ab') as file: file.write(b'{"step": 2, "rew')
    assert run.curve('reward') == [(1, 1.)] and not run.unreadable
    again = RunDir.open(run.path)
    again.log_metrics(3, {'reward': 3.})
    assert again.metrics_file.read_bytes().startswith(before)
    assert again.curve('reward') == [(1, 1.), (3, 3.)] and again.unreadable == {'metrics.jsonl': 1}


def test_a_resumed_run_counts_each_step_once(run):
    for step in range(1, 11):
        run.log_metrics(step, {'reward': 1.})
        run.add_completions(step, batch(step, verdict='first'))
    again = RunDir.open(run.path)
    again.resumed(6)
    for step in range(7, 9):
        again.log_metrics(step, {'reward': 2.})
        again.add_completions(step, batch(step, verdict='second'))
    third = RunDir.open(run.path)
    third.resumed(4)
    third.log_metrics(5, {'reward': 3.})
    third.add_completions(5, batch(5, verdict='third'))
    for reader in (third, RunDir.open(run.path)):
        assert reader.curve('reward') == [(1, 1.), (2, 1.), (3, 1.), (4, 1.), (5, 3.)]
        assert [r['verdict'] for r in reader.read_completions()[::8]] == ['first'] * 4 + ['third']
    assert len(run.metrics_file.read_text().splitlines()) == 13   # nothing was removed


def test_completions_come_back_as_they_were(run):
    written = [r for step in range(1, 200) for r in batch(step)]
    for step in range(1, 200): run.add_completions(step, batch(step))
    assert run.read_completions() == written
    assert run.read_completions(77) == batch(77)
    assert len(list(run.completions.iterdir())) < 70


def test_missing_values_and_changing_rewards(run):
    run.add_completions(1, batch(1, 2, correct=None, verdict=None, advantage=None, rewards={'a': None, 'b': 1.}))
    run.add_completions(2, batch(2, 2, rewards={'c': 2.}, reasons={}))
    run.add_completions(3, [])
    first, *_, last = run.read_completions()
    assert first['correct'] is None and first['advantage'] is None and first['rewards']['b'] == 1.
    assert first['rewards']['a'] is None
    assert last['rewards']['c'] == 2. and last['tokens'] > 0
    assert first['reasons']['gsm8k_answer_check'] and not any(last['reasons'].values())


def test_text_that_no_file_can_hold_is_still_recorded(run):
    run.add_completions(1, batch(1, 1, completion='half a pair \ud800', verdict='\x00'))
    run.log_event('fault', where='x', message='half a pair \ud800')
    assert run.read_completions()[0]['completion'] == 'half a pair ?'
    assert run.read_events('fault')[0]['message'] == 'half a pair ?'


def test_completions_are_readable_while_they_are_written(run):
    "A reader that looks again and again sees whole batches in order, and never fewer than before."
    faults, counts, done = [], [], threading.Event()
    def read():
        while not done.is_set():
            try:
                seen = RunDir(run.path).read_completions()
                if [r['step'] for r in seen[::8]] != list(range(1, len(seen) // 8 + 1)): faults.append('gap')
                counts.append(len(seen))
            except Exception as e: faults.append(repr(e))
    reader = threading.Thread(target=read)
    reader.start()
    for step in range(1, 331): run.add_completions(step, batch(step))
    done.set()
    reader.join()
    assert faults == [] and counts == sorted(counts) and len(counts) > 3
    assert len(run.read_completions()) == 330 * 8


def test_config_and_manifest(run):
    run.write_config(load_config('train.max_steps=7', 'seed=3'))
    run.write_manifest({'data_hash': 'abc'})
    manifest = run.read_manifest()
    assert 'train.max_steps=7' in manifest['command'] and manifest['seed'] == 3 and manifest['data_hash'] == 'abc'
    assert {'python', 'torch', 'trl', 'transformers', 'rlvr_nb'} <= set(manifest['versions'])
    assert manifest['hardware']['cpus'] and len(manifest['commit'] or 'x' * 40) >= 40
    assert 'max_steps: 7' in run.config.read_text()


def test_a_broken_manifest_is_an_error_that_names_it(run):
    run.manifest.write_text('{')
    with pytest.raises(ConfigError, match='manifest.json: not JSON'): run.read_manifest()


def test_evaluations_in_the_order_of_training(run):
    for when in ('after', 'step-100', 'before', 'step-20'):
        evaluation(.5, when, 8, path=run.eval/f'{when}-a--b.jsonl', dataset='a/b')
    assert list(run.evaluations()) == ['before', 'step-20', 'step-100', 'after']
    assert list(run.evaluations()['after']) == ['a/b']


# Observers

class Recorder(Observer):
    def __init__(self): self.heard = []
    def step(self, step, total, metrics): self.heard.append(step)
    def pipeline_end(self, status, result): self.heard.append(status)
    def observer_dropped(self, name, event, error): self.heard.append(f'{name} in {event}')


class Fails(Observer):
    name = 'fails'
    def step(self, step, total, metrics):
        if step == 2: raise RuntimeError('no more\nsecond line')


def test_an_observer_that_raises_is_named_once_and_training_goes_on(run, capsys):
    recorder = Recorder()
    crew = Observers([JsonlObserver(), Fails(), recorder])
    crew.pipeline_start(None, run)
    for step in range(1, 6): crew.step(step, 5, {'reward': 1.})
    crew.pipeline_end('finished', {})
    err = capsys.readouterr().err
    assert err.count('observer fails stopped in step: RuntimeError: no more') == 1 and len(err.splitlines()) == 1
    assert str(run.path) in err
    assert recorder.heard == [1, 'fails in step', 2, 3, 4, 5, 'finished'] and len(run.curve('reward')) == 5
    assert [(e['name'], e['error']) for e in run.read_events('observer_dropped')] == [('fails',
        'RuntimeError: no more\nsecond line')]
    assert crew.dropped[0][:2] == ('fails', 'step')


def test_ctrl_c_in_an_observer_is_not_swallowed():
    class Interrupted(Observer):
        def step(self, *args): raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): Observers([Interrupted()]).step(1, 2, {})


def test_what_a_full_disk_does_not_take_is_written_when_there_is_room(run, capsys, monkeypatch):
    from rlvr_nb import rundir
    is_full = []
    def limited(write):
        def attempt(*args):
            if is_full: raise OSError(28, 'No space left on device')
            return write(*args)
        return attempt
    for name in ('append_line', 'add_part'): monkeypatch.setattr(rundir, name, limited(getattr(rundir, name)))
    crew = Observers([JsonlObserver(), Recorder()])
    crew.pipeline_start(None, run)
    crew.step(1, 4, {'reward': 1.})
    is_full.append(True)
    crew.step(2, 4, {'reward': 2.})
    crew.completions(2, batch(2, 1, verdict='late'))
    crew.fault('rewards', 'raised ValueError')
    is_full.clear()
    crew.step(3, 4, {'reward': 3.})
    assert run.curve('reward') == [(1, 1.), (2, 2.), (3, 3.)] and not crew.dropped
    assert [r['verdict'] for r in run.read_completions()] == ['late']
    assert [e['message'] for e in run.read_events('fault')] == ['raised ValueError']
    assert run.read_events('retried')[0]['message'].startswith('3 records were written late')
    err = capsys.readouterr().err
    assert err.count('No space left on device') == 1 and 'the run goes on' in err


def test_the_record_is_always_there_and_unknown_names_are_errors(monkeypatch):
    for name in ('WANDB_API_KEY', 'WANDB_MODE'): monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('NETRC', '/nonexistent')
    assert [o.name for o in observers_for(None)] == ['jsonl', 'console']
    assert [o.required for o in observers_for(None)] == [True, False]
    assert [o.name for o in observers_for(['tensorboard', 'console'])] == ['jsonl', 'console']
    assert report_to(['tensorboard', 'console']) == ['tensorboard']
    with pytest.raises(ConfigError, match="did you mean 'wandb'"): observers_for(['wanbd'])


def test_a_users_observer_is_one_small_class():
    @observer('shout')
    class Shout(Observer):
        def evaluation(self, when, evaluation): raise AssertionError(f'{when} {evaluation.accuracy}!')
    try: assert [o.name for o in observers_for(['shout'])] == ['jsonl', 'shout']
    finally: del OBSERVERS['shout']


def test_a_log_file_gets_about_twenty_lines():
    for total in (7, 120, 10_000):
        log = io.StringIO()
        console = ConsoleObserver(log)
        for step in range(1, total + 1): console.step(step, total, {'reward': 1., 'accuracy': .5})
        lines = log.getvalue().splitlines()
        assert min(total, 20) <= len(lines) <= 26 and lines[-1].startswith(f'step {total}/{total}')
        assert '\r' not in log.getvalue()


def test_a_terminal_gets_one_line_that_moves():
    "In a pseudo-terminal: carriage returns within training, whole lines for evaluations."
    import fcntl
    import pty
    import termios
    code = '''
from run_factory import evaluation
from rlvr_nb.tracking import ConsoleObserver
console = ConsoleObserver()
for step in range(1, 41):
    console.step(step, 40, {'reward': step / 10, 'accuracy': .5})
    if step == 20: console.evaluation('step-20', evaluation(.5, 'step-20', 8))
console.stage_end('train', 1.5)
'''
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
    done = subprocess.Popen([sys.executable, '-c', code], stdout=slave, stderr=slave,
                            env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path), 'COLUMNS': '100'})
    os.close(slave)
    shown = b''
    while True:
        try: chunk = os.read(master, 4096)
        except OSError: break
        if not chunk: break
        shown += chunk
    assert done.wait(60) == 0
    text = shown.decode()
    assert '40/40' in text and 'reward=4' in text and '\r' in text
    assert 'step-20' in text and '[train] 1.5 s' in text
    assert len([line for line in text.split('\n') if '/40' in line]) <= 3


def test_a_whole_run_through_its_observers(tmp_path):
    run = make_run(tmp_path/'run', steps=12)
    assert run.status() == 'finished' and len(run.curve('reward')) == 12
    assert [s for s, _ in run.curve('eval/arithmetic/accuracy')] == [0, 4, 8, 12]
    after = run.evaluations()['after']['arithmetic']
    accuracy = run.read_result()['after']['arithmetic']['accuracy']
    assert run.curve('eval/arithmetic/accuracy')[-1][1] == after.accuracy == accuracy
    assert [e['kind'] for e in run.read_events()][-1] == 'pipeline_end'


# Weights & Biases

def offline_records(path):
    "The records of a .wandb file: blocks of 32 KiB, pieces with checksum, length and kind (1 whole, 2 first, 4 last)."
    from wandb.proto.wandb_internal_pb2 import Record
    data, at, parts = path.read_bytes(), 7, b''
    assert data[:4] == b':W&B'
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7: at += 32768 - at % 32768; continue
        _, length, kind = struct.unpack('<IHB', data[at:at + 7])
        parts += data[at + 7:at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            record = Record()
            record.ParseFromString(parts)
            parts = b''
            yield record


def history(found):
    lines = [r.history.item for r in found if r.WhichOneof('record_type') == 'history']
    return [{(i.key or '/'.join(i.nested_key)): json.loads(i.value_json) for i in items} for items in lines]


WANDB_RUN = '''
import random, sys
from run_factory import evaluation, records
from rlvr_nb.config import load_config
from rlvr_nb.tracking import RunDir, observers_for
cfg = load_config('train.max_steps=40', 'train.log_completions_to_wandb=' + sys.argv[2])
run = RunDir.create(sys.argv[1])
run.write_config(cfg)
crew, rng = observers_for(None), random.Random(0)
crew.pipeline_start(cfg, run)
crew.evaluation('before', evaluation(.1, 'before'))
for step in range(1, 41):
    crew.completions(step, records(step, .5, rng))
    crew.step(step, 40, {'reward': step * 1.})
crew.evaluation('after', evaluation(.9, 'after'))
crew.pipeline_end('finished', {})
print('DONE', len(crew.dropped), [o.name for o in crew])
'''


def run_wandb(tmp_path, tables='true', **env):
    base = {k: v for k, v in os.environ.items() if not k.startswith('WANDB')}
    done = subprocess.run([sys.executable, '-c', WANDB_RUN, str(tmp_path/'run'), tables], capture_output=True,
                          text=True, timeout=150, stdin=subprocess.DEVNULL,
                          env={**base, 'PYTHONPATH': os.pathsep.join(sys.path), 'NETRC': '/nonexistent', **env})
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize('tables', ['true', 'false'])
def test_an_offline_run_can_be_read_back(tmp_path, tables):
    done = run_wandb(tmp_path, tables, WANDB_MODE='offline')
    assert 'DONE 0' in done.stdout and done.stderr == ''
    [file] = (tmp_path/'run'/'wandb').glob('offline-run-*/*.wandb')
    found = list(offline_records(file))
    lines = history(found)
    assert [x['reward'] for x in lines if 'reward' in x] == [float(s) for s in range(1, 41)]
    histograms = [x for x in lines if x.get('rewards/gsm8k_answer_check/distribution/_type') == 'histogram']
    assert len(histograms) == 40
    for name in ('gsm8k_answer_check', 'match_format_exactly'):
        assert all(sum(x[f'rewards/{name}/distribution/values']) == 32 for x in histograms)
    assert [x['step'] for x in lines if 'eval/arithmetic/accuracy' in x] == [0, 40]
    logged = [x['completions/path'] for x in lines if 'completions/path' in x]
    assert len(logged) == (21 if tables == 'true' else 0)
    if logged:
        table = json.loads((file.parent/'files'/logged[-1]).read_text())
        assert table['columns'][:3] == ['step', 'prompt', 'completion'] and 'gsm8k_answer_check' in table['columns']
        assert len(table['data']) == 32
        assert '<answer>' in table['data'][0][2]
    begun = [r.run.config.update for r in found if r.WhichOneof('record_type') == 'run']
    config = {u.key: json.loads(u.value_json) for updates in begun for u in updates}
    assert config['train']['max_steps'] == 40 and 'DONE' in done.stdout


def test_no_key_means_no_wandb_and_no_prompt(tmp_path):
    done = run_wandb(tmp_path)
    assert "['jsonl', 'console']" in done.stdout and 'DONE 0' in done.stdout and not (tmp_path/'run'/'wandb').exists()


def kept_offline(tmp_path):
    "The steps in the files that W&B's client can send later."
    [file] = (tmp_path/'run'/'wandb').glob('offline-run-*/*.wandb')
    return [x['reward'] for x in history(offline_records(file)) if 'reward' in x]


def test_with_a_malformed_key_everything_is_kept_and_one_line_says_how_it_is_sent(tmp_path):
    done = run_wandb(tmp_path, WANDB_API_KEY='short')
    assert 'DONE 0' in done.stdout and done.stderr.count('\n') == 1
    assert f'sent by: rlvr-nb send {tmp_path}' in done.stderr
    assert 'short' not in done.stderr.replace('invalid', '').replace('too short', '')
    assert len(RunDir.open(tmp_path/'run').curve('reward')) == len(kept_offline(tmp_path)) == 40


def test_a_server_that_never_answers_loses_nothing(tmp_path):
    with socket.socket() as silent:
        silent.bind(('127.0.0.1', 0))
        silent.listen(50)
        waits = dict(WANDB_INIT_TIMEOUT='2', WANDB_LOGIN_TIMEOUT='1', WANDB_FINISH_TIMEOUT='1')
        address = f'http://127.0.0.1:{silent.getsockname()[1]}'
        done = run_wandb(tmp_path, WANDB_API_KEY='a' * 40, WANDB_BASE_URL=address, **waits)
    assert 'DONE 0' in done.stdout and "W&B can't be reached" in done.stderr
    assert 'a' * 40 not in done.stdout + done.stderr
    run = RunDir.open(tmp_path/'run')
    assert len(run.curve('reward')) == len(kept_offline(tmp_path)) == 40
    assert unsent(run)[0] and run.read_events('fault')[0]['where'] == 'wandb'


def test_what_a_server_refuses_in_the_middle_is_told_kept_and_sent_once(tmp_path, monkeypatch):
    "The key is refused after the run was opened, which W&B's client keeps to itself."
    server = Server()
    server.refuses = 401
    done = run_wandb(tmp_path, 'false', WANDB_API_KEY='a' * 40, WANDB_BASE_URL=server.url, WANDB_FINISH_TIMEOUT='5')
    assert 'DONE 0' in done.stdout and done.stderr.count('\n') == 1 and not server.lines
    assert 'has not taken everything (401 Unauthorized); the rest is kept' in done.stderr
    assert f'sent by: rlvr-nb send {tmp_path}' in done.stderr
    server.refuses = 0
    for name, value in dict(WANDB_API_KEY='a' * 40, WANDB_BASE_URL=server.url).items(): monkeypatch.setenv(name, value)
    run = RunDir.open(tmp_path/'run')
    assert len(send_run(run)) == 1 and not send_run(run)
    assert [x['reward'] for x in server.lines.values() if 'reward' in x] == [float(s) for s in range(1, 41)]
    server.shutdown()


def test_a_resumed_run_continues_the_same_wandb_run(tmp_path):
    run_wandb(tmp_path, WANDB_MODE='offline')
    run = RunDir.open(tmp_path/'run')
    first = run.read_manifest()['wandb']['id']
    again = 'import sys; from rlvr_nb.config import load_file; from rlvr_nb.tracking import RunDir, WandbObserver\n' \
            'run = RunDir.open(sys.argv[1]); one = WandbObserver()\n' \
            'one.pipeline_start(load_file(str(run.config)), run)\n' \
            'one.pipeline_end("stopped", {})'
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path), 'WANDB_MODE': 'offline'}
    subprocess.run([sys.executable, '-c', again, str(run.path)], check=True, timeout=150, env=env)
    assert run.read_manifest()['wandb']['id'] == first
    assert len(list((run.path/'wandb').glob(f'offline-run-*-{first}'))) == 2


def test_what_a_dropped_dashboard_missed_is_told_again(run):
    class Flaky(Observer):
        name = 'wandb'
        last_step = 0
        def step(self, step, total, metrics):
            if step == 4: raise ConnectionError('gone')
            self.last_step = step
    crew = Observers([JsonlObserver(), Flaky()])
    crew.pipeline_start(None, run)
    for step in range(1, 8): crew.step(step, 7, {'reward': 1.})
    [(missing, until)], late = unsent(run)[1], Recorder()
    replay(run, late, None, after=missing)
    assert (missing, until) == (3, None) and late.heard == [4, 5, 6, 7, 'running']


def test_wandb_is_on_only_when_configured(tmp_path):
    nothing = {'NETRC': str(tmp_path/'none')}
    assert wandb_mode(nothing) is None
    assert wandb_mode({**nothing, 'WANDB_API_KEY': 'k'}) == 'online'
    assert wandb_mode({**nothing, 'WANDB_API_KEY': 'k', 'WANDB_MODE': 'offline'}) == 'offline'
    assert wandb_mode({**nothing, 'WANDB_API_KEY': 'k', 'WANDB_DISABLED': 'true'}) is None
    assert wandb_mode({**nothing, 'WANDB_API_KEY': ''}) is None
    (tmp_path/'netrc').write_text('machine example.org login u password p\n')
    assert wandb_mode({'NETRC': str(tmp_path/'netrc')}) is None
    (tmp_path/'netrc').write_text('garbage here\n')
    assert wandb_mode({'NETRC': str(tmp_path/'netrc')}) is None


def test_secrets_stay_out_of_the_record(tmp_path, monkeypatch):
    monkeypatch.setenv('WANDB_API_KEY', 'f' * 40)
    run = RunDir.create(tmp_path/'run')
    run.write_config(load_config())
    run.write_manifest()
    assert all('f' * 40 not in p.read_text() for p in run.path.iterdir() if p.is_file())


def test_a_run_without_its_record_ends(run):
    observers = observers_for([])
    observers.emit('pipeline_start', load_config(), run)
    with pytest.raises(RLVRError, match="record of the run can't be kept"):
        observers.emit('completions', 1, [{'completion': ['not', 'text']}])
    assert [o.name for o in observers] == ['jsonl'] and not observers.dropped


def test_evaluations_of_an_abandoned_attempt_are_kept_aside(tmp_path):
    run = make_run(tmp_path/'run', steps=9, finish=False)
    assert list(run.evaluations()) == ['before', 'step-3', 'step-6']
    run.resumed(4)
    assert list(run.evaluations()) == ['before', 'step-3']
    assert (run.eval/'before-resume-1/step-6-arithmetic.jsonl').exists()


def test_what_an_observer_changes_stays_with_it(tmp_path):
    heard = []
    class Meddler(Observer):
        def evaluation(self, when, evaluation): evaluation.rows[0]['correct'] = 'changed'
        def completions(self, step, records): records[0]['completion'] = 'changed'
    class Listener(Observer):
        def evaluation(self, when, evaluation): heard.append(evaluation.rows[0]['correct'])
        def completions(self, step, records): heard.append(records[0]['completion'])
    rows, batch_ = [{'correct': True}], [{'completion': 'said'}]
    crew = Observers([Meddler(), Listener()])
    crew.evaluation('before', Evaluation('d', 'before', rows))
    crew.completions(1, batch_)
    assert heard == [True, 'said'] and rows == [{'correct': True}] and batch_ == [{'completion': 'said'}]
    assert not crew.dropped


def test_an_observer_can_neither_end_the_process_nor_tell_a_key(run, capsys):
    class Exiter(Observer):
        name = 'exiter'
        def step(self, *a): sys.exit(f'hf_{"a" * 34}')
    crew = Observers([Exiter()])
    crew.run_dir = run
    crew.step(1, 2, {})
    told = capsys.readouterr().err + run.events.read_text()
    assert [d[0] for d in crew.dropped] == ['exiter'] and 'hf_aaa' not in told and 'exiter' in told


def test_an_observer_that_cannot_be_made_is_an_error(monkeypatch):
    class Needs(Observer):
        def __init__(self, host): pass
    monkeypatch.setitem(OBSERVERS, 'needs', Needs)
    with pytest.raises(ConfigError, match='needs can\'t be made'): observers_for(['needs'])


def test_damaged_files_are_counted_and_the_rest_is_shown(tmp_path):
    from rlvr_nb.tracking import RunReport
    run = make_run(tmp_path/'run', steps=6)
    for path, text in ((run.metrics_file, '{"no": "step"}\n[1]\n'), (run.events, '"text"\n')):
        with path.open('a') as file: file.write(text)
    part = sorted(run.completions.glob('*.parquet'))[0]
    part.write_bytes(part.read_bytes()[:100])
    run.config.write_text('name: [')
    page = RunReport(run).html()
    for words in ('metrics.jsonl not readable', 'events.jsonl not readable', 'completions, whole parts not readable',
                  'config.yaml not readable'):
        assert words in page
    assert [r.path.name for r in RunDir.list(tmp_path)] == ['run']


def test_wandb_is_given_no_key_of_the_command_line(monkeypatch):
    from rlvr_nb.weights_biases import _redacted_argv
    monkeypatch.setattr(sys, 'argv', ['run_pipeline.py', f'x=hf_{"b" * 34}'])
    with _redacted_argv(): assert 'hf_bbb' not in ' '.join(sys.argv)
    assert sys.argv[1].endswith('bbb')
