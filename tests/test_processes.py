"""Two processes that train together: they resume exactly, stop together, agree where memory runs out in one, and notice
where one is killed."""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rlvr_nb.checkpoint import newest_checkpoint
from rlvr_nb.rundir import RunDir
from slower import some
from warm import run_together

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope='module')
def found(tmp_path_factory):
    "What each of two processes found; everything is run in one pair of them."
    folder = tmp_path_factory.mktemp('together')
    status, _, err = run_together(folder, cwd=folder, program='tests/two_processes.py')
    assert status == 0, err[-4000:]
    return [json.loads((folder/f'found-{rank}.json').read_text()) for rank in (0, 1)]


def test_both_processes_end_with_the_same_weights(found):
    for name, here in found[0].items():
        if name != 'killed': assert here['weights'] == found[1][name]['weights'], name


RESUMED = [('from 1', 'whole'), ('from 3', 'whole'), ('from 4', 'whole'), ('from 2, all weights', 'whole, all weights'),
           ('resumed', 'whole'), ('stopped, resumed', 'whole')]


@pytest.mark.parametrize('name, whole', some(RESUMED, *RESUMED[3:]))
def test_a_resumed_part_ends_as_the_whole_run(name, whole, found):
    for mine in found:
        assert mine[name]['weights'] == mine[whole]['weights'] and mine[name]['draw'] == mine[whole]['draw']
        first = mine[name]['log'][0][0] if mine[name]['log'] else 9
        assert mine[name]['log'] == [entry for entry in mine[whole]['log'] if entry[0] >= first]
    assert found[0]['killed'] == [2, 1] and found[0]['resumed']['log'][0][0] == 3


def test_a_stop_asked_for_in_one_process_stops_both_after_the_pass(found):
    assert [mine['stopped']['steps'] for mine in found] == [2, 2]
    assert found[0]['stopped']['newest'] == 2
    assert found[0]['stopped']['noted'][0][1].startswith('stopped in step 3, after 1 of its 2 passes')


@pytest.mark.parametrize('name, batches', [('halved', dict(micro=2, accumulation=4, per_generation=4, parts=1)),
                                           ('parted', dict(micro=4, accumulation=2, per_generation=2, parts=2)),
                                           ('backward', dict(micro=2, accumulation=4, per_generation=4, parts=1))])
def test_memory_that_runs_out_in_one_process_makes_both_go_on_with_smaller_batches(name, batches, found):
    for mine in found: assert (mine[name]['batches'], mine[name]['steps']) == (batches, 5)
    assert [kind for kind, _ in found[0][name]['noted']] == ['retried']
    rewards = [[metrics['reward'] for _, metrics in found[0][run]['log']][0] for run in (name, 'whole')]
    if name != 'parted': assert rewards[0] == rewards[1], 'the first step has the same prompts and completions'


def test_a_warm_start_begins_again_in_both_where_memory_runs_out_in_one(found):
    for mine in found:
        whole, halved = mine['warm'], mine['warm, halved']
        assert halved['halved'] == ['2 completions in a pass, 2 passes in a step'] and not whole['halved']
        assert (whole['passes'], halved['passes']) == ([4] * 4, [4] * 2 + [2] * 8) and halved['steps'] == whole['steps']
        assert halved['apart'] < 1e-4, 'the same rows in each step'
    assert found[0]['warm, halved']['losses'][1:] == pytest.approx(found[0]['warm']['losses'], abs=1e-4)


KILLS = """import os, signal
from pathlib import Path
from rlvr_nb.rewards import reward

@reward('kills', category='custom')
def kills(parsed, gold):
    late, once = Path('run/checkpoints/checkpoint-2').exists(), Path('killed')
    if late and os.environ['RANK'] == '1' and not once.exists():
        once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return float(len(parsed.text))
"""


def by_torchrun(*words, cwd):
    "Two processes of the command line, started by torchrun: the status, output and errors."
    environ = os.environ | dict(OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')
    done = subprocess.run([sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2',
                           str(HERE.parent/'run_pipeline.py'), *words], cwd=cwd, env=environ, capture_output=True,
                          text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize('start', some([by_torchrun, run_together], run_together), ids=['torchrun', 'by hand'])
def test_a_process_that_is_killed_ends_the_other_with_a_sentence_and_the_run_goes_on(start, tmp_path):
    (tmp_path/'kills.py').write_text(KILLS)
    status, _, err = start('--plugin', 'kills.py', 'run_dir=run',
                           'reward.reward_functions=[{category: custom, type: kills}]', 'train.max_steps=3',
                           'train.per_device_train_batch_size=4', 'train.num_generations=4', 'train.save_steps=1',
                           'eval.enabled=false', 'observers=[]', cwd=tmp_path)
    assert (tmp_path/'killed').exists() and status == (1 if start is by_torchrun else signal.SIGKILL)
    ours = err.split('Traceback')[0]  # torchrun itself ends in one
    assert 'train: another process of this training has ended' in ours and '--resume' in ours
    run = RunDir.open(tmp_path/'run')
    assert run.status() == 'failed' and newest_checkpoint(run.checkpoints).name == 'checkpoint-2'
    status, _, err = run_together('--plugin', 'kills.py', '--resume', 'run', cwd=tmp_path)
    assert status == 0, err[-3000:]
    assert run.read_events('resume')[-1]['step'] == 2 and run.read_result()['steps'] == 3
    assert [m['step'] for m in run.metrics() if 'loss' in m] == [1, 2, 3]
