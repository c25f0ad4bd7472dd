"""Runs that are stopped, shared by processes, controlled or faulty: each a short training of its own."""
import json
import re
import signal
import time

import pytest

from warm import Command, run_command as command, run_together
from whole_runs import TINY, completions, result_of


# ---- stopping, several processes, faults

def wait_for(path, words, process, seconds=300):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and words in path.read_text(): return
        if process.poll() is not None: pytest.fail(f'ended early: {process.communicate()}')
        time.sleep(0.1)
    process.kill()
    pytest.fail(f'{words!r} never appeared in {path}')


def test_an_interrupted_run_saves_and_goes_on(tmp_path):
    process = Command('run_dir=run', 'train.max_steps=12', 'eval.eval_num_samples=16', cwd=tmp_path)
    wait_for(tmp_path/'run/metrics.jsonl', '"step": 3', process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    stopped = result_of(tmp_path/'run')
    assert stopped['status'] == 'stopped' and 3 <= stopped['steps'] < 12
    assert '--resume' in out + err and 'Traceback' not in err
    status, out, err = command('--resume', 'run', cwd=tmp_path)
    assert status == 0, err[-3000:]
    finished = result_of(tmp_path/'run')
    assert finished['status'] == 'finished' and finished['steps'] == 12
    from rlvr_nb.tracking import RunDir
    assert [m['step'] for m in RunDir.open(tmp_path/'run').metrics() if 'reward' in m] == list(range(1, 13))
    assert len(completions(tmp_path/'run')) == 12 * 64


def test_an_interrupt_during_the_first_evaluation_leaves_a_record(tmp_path):
    process = Command('run_dir=run', 'eval.eval_batch_size=1', cwd=tmp_path)
    wait_for(tmp_path/'run/events.jsonl', 'evaluate before', process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130 and 'Traceback' not in err and '--resume' in out + err
    assert result_of(tmp_path/'run')['status'] == 'stopped'


def test_processes_share_one_run(tmp_path):
    status, out, err = run_together('train.per_device_train_batch_size=4', 'train.gradient_accumulation_steps=2',
                                    'train.max_steps=3', 'eval.eval_num_samples=16', cwd=tmp_path)
    assert status == 0, err[-4000:]
    runs = list((tmp_path/'outputs').iterdir())
    assert len(runs) == 1, runs
    result = result_of(runs[0])
    assert result['status'] == 'finished' and result['steps'] == 3 and result['after']['arithmetic']['n'] == 16
    recorded = completions(runs[0])
    assert len(recorded) == 3 * 16
    for step in (1, 2, 3):
        prompts = [r['prompt'] for r in recorded if r['step'] == step]
        assert len(set(prompts)) == 2 and all(len(set(prompts[i:i + 8])) == 1 for i in (0, 8)), 'a group mixes prompts'
    assert out.count('McNemar') == 1, 'more than one process speaks'


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


def test_a_failing_reward_leaves_a_record(tmp_path):
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


def check_clock(run):
    "Each step's parts add up to it, evaluations stand apart, and nothing is counted twice."
    from rlvr_nb.clock import STEP_PARTS, seconds_name
    lines = [m for m in run.metrics() if 'step_time' in m]
    for m in lines: assert abs(sum(m[seconds_name(part)] for part in STEP_PARTS) - m['step_time']) < 1e-9
    assert [m['step'] for m in lines if 'seconds/evaluation' in m] == [3]
    assert all(m['seconds/generate'] > 0 and m['seconds/update'] > 0 for m in lines)
    counted = sum(m['step_time'] + m.get('seconds/evaluation', 0) + m.get('seconds/checkpoint', 0) for m in lines)
    whole = next(e['seconds'] for e in run.read_events('stage_end') if e['name'] == 'train')
    assert 0 < counted < whole


def test_the_same_run_again_has_the_same_metrics(tmp_path):
    status, _, err = command('run_dir=first', *TINY, 'observers=[console,tensorboard]', 'eval.eval_steps=3',
                             'eval.samples_per_prompt=2', 'eval.eval_num_samples=16', cwd=tmp_path)
    assert status == 0, err[-3000:]
    status, _, err = command('--from', 'first', 'run_dir=again', 'observers=[console,tensorboard]', cwd=tmp_path)
    assert status == 0, err[-3000:]
    def measured(run): return [{k: v for k, v in json.loads(line).items() if k != 'time'
                                and not re.match('seconds|step_time|tokens/per_second|memory', k)}
                               for line in (tmp_path/run/'metrics.jsonl').read_text().splitlines()]
    from rlvr_nb.tracking import RunDir
    check_clock(RunDir.open(tmp_path/'first'))
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


@pytest.mark.everything   # the same run again, above, begins with --from too
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
