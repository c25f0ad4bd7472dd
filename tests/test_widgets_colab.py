"""The app in kernels: this environment's, and one with Colab's versions of what a notebook is made of."""
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from fastcore.nbio import read_nb, write_nb

ROOT = Path(__file__).resolve().parents[1]
PINS = dict(ipykernel='6.17.1', ipywidgets='7.7.1', ipython='7.34.0', traitlets='5.7.1', notebook='6.5.7')
TUTORIAL = ROOT/'nbs/tutorials/colab_grpo.ipynb'
SMALL = [
    'data.dataset_config_name=null',
    'train.max_steps=2',
    'train.max_prompt_length=700',
    'model.max_seq_length=724',
    'train.max_completion_length=24',
    'train.per_device_train_batch_size=8',
    'train.gradient_accumulation_steps=1',
    'eval.eval_num_samples=8',
    'eval.eval_max_new_tokens=24',
]


def clean(**more):
    "The environment without what belongs to this process's own notebooks and trackers."
    return {**{k: v for k, v in os.environ.items() if k not in ('IN_TEST', 'WANDB_API_KEY')},
            'PYDEVD_DISABLE_FILE_VALIDATION': '1', **more}


@pytest.fixture(scope='session')
def colab():
    "The Python of an environment with Colab's versions, on top of this one's heavy libraries."
    folder = ROOT/'.venv-test-colab'
    python, ready, wanted = folder/'bin/python', folder/'ready', json.dumps([PINS, sys.version])
    if not ready.exists() or ready.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        # Without a pip of its own: not every Python can install one into an environment (`ensurepip` is taken out by
        # some
        # distributions), and the pip of this environment can install into another.
        install = [sys.executable, '-m', 'pip', '--python', python, 'install', '-q', '--no-compile',
                   '--disable-pip-version-check',
                   'pytest', 'nbconvert', *(f'{k}=={v}' for k, v in PINS.items())]
        for command in ([sys.executable, '-m', 'venv', '--without-pip', folder], install):
            made = subprocess.run(command, capture_output=True, text=True, timeout=900)
            if made.returncode: break
        if made.returncode:
            pytest.skip(
                "an environment with Colab's versions can't be built here: "
                f'{(made.stderr or made.stdout).strip()[-300:]}'
            )
        site = next(folder.glob('lib/python*/site-packages'))
        (site/'zz_heavy.pth').write_text(f"{sysconfig.get_paths()['purelib']}\n{ROOT}\n")   # behind its own packages
        ready.write_text(wanted)
    return python


def kernel_session(python, *args):
    env = clean(PATH=f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}", PYTHONPATH=str(ROOT))
    done = subprocess.run([str(python), str(ROOT/'tests/kernel_session.py'), *args], env=env, capture_output=True,
                          text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_interrupting_the_kernel_stops_and_saves():
    out = kernel_session(sys.executable)
    assert 'Traceback' not in out['shown'] and 'end stopped' in out['interrupt text'], out
    assert out['after'] == ['stopped', 'stopped', 'True']


@pytest.mark.everything
def test_stop_works_while_the_cell_runs_on_colabs_versions(colab):
    out = kernel_session(colab, 'click')
    assert out['versions'] == [PINS[k] for k in ('ipykernel', 'ipywidgets', 'ipython', 'traitlets')]
    assert out['running when the click was seen'] and 'end stopped' in out['click text'], out
    assert out['later'] == 'later\n', 'a cell that waited runs afterwards'
    assert 'end stopped' in out['interrupt text'] and out['after'] == ['stopped', 'stopped', 'True'], out


# What depends on the versions of the widgets: inputs, their traits and events, uploads, what is escaped. What follows
# from a configuration or happens in a training is the same with any of them, and is tested once.
WIRED = [
    'every_option_of_the_schema_has_a_field_with_help_bounds_and_class',
    'showing_a_form_edits_nothing',
    'typing_is_the_same_as_assigning',
    'a_text_that_cannot_be_read_stays_with_its_reason',
    'edits_that_another_preset_forgets_can_be_put_back',
    'the_header_counts_what_is_to_fix_and_mends_it',
    'a_message_stands_beside_its_button_and_in_the_header',
    'the_simple_form_is_plain_and_expert_shows_everything',
    'a_file_of_ones_own_becomes_a_configuration',
    'a_file_from_excel_is_read_with_what_the_app_offers',
    'rewards_are_added_removed_and_reproduced',
    'lab_scores_what_is_typed_and_follows_the_weights',
    'hostile_text_is_escaped_everywhere',
    'a_token_that_is_typed_is_taken_out',
]


def test_wiring_on_colabs_versions(colab):
    tests = [f'tests/test_widgets.py::test_{name}' for name in WIRED]
    done = subprocess.run([str(colab), '-m', 'pytest', '-q', '-p', 'no:cacheprovider', *tests],
                          cwd=ROOT, env=clean(), capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert int(done.stdout.split(' passed')[0].split()[-1]) >= len(WIRED), done.stdout[-2000:]


@pytest.fixture(scope='session')
def model_folder(tmp_path_factory):
    "A small random model of a real architecture, and GSM8K-like rows."
    from small_models import build
    folder = tmp_path_factory.mktemp('colab')
    build('qwen3', folder/'model')
    rows = [json.dumps(dict(question=f'Ann has {i} apples and buys {i + 2}. How many has she?',
                            answer=f'{i} + {i + 2} = {2*i + 2}\n#### {2*i + 2}')) for i in range(24)]
    (folder/'data').mkdir()
    for split in ('train', 'test'): (folder/f'data/{split}.jsonl').write_text('\n'.join(rows))
    return folder


def run_tutorial(python, folder, work):
    "Run the tutorial from top to bottom with a local model in place of a large one; returns its text."
    nb = read_nb(TUTORIAL)
    cells = {c.id: c for c in nb.cells}
    changed = [f'model.model_name_or_path={folder}/model', f'data.dataset_path={work}/data', *SMALL]
    cells['c-choose'].source = f"preset = 'qwen3_0_6b_t4'\noverrides = {changed!r}"
    nb.cells = [c for c in nb.cells if c.id not in ('c-push', 'c-resume')]   # they need an account and a Drive
    work.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder/'data', work/'data', dirs_exist_ok=True)   # a run reads data from below its folder unasked
    write_nb(nb, work/'tutorial.ipynb')
    env = clean(PATH=f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}", PYTHONPATH=str(ROOT), HF_HUB_OFFLINE='1')
    done = subprocess.run([str(python), '-m', 'nbconvert', '--to', 'notebook', '--execute',
                           '--ExecutePreprocessor.timeout=900', '--output', 'done.ipynb', str(work/'tutorial.ipynb')],
                          cwd=work, env=env, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-6000:]
    return {c.id: json.dumps(c.outputs) for c in read_nb(work/'done.ipynb').cells if c.cell_type == 'code'}


@pytest.mark.everything   # test_notebooks.py runs the tutorial too, outside a kernel
@pytest.mark.parametrize('where', ['here', 'colab'])
def test_the_tutorial_runs_from_top_to_bottom(where, request, model_folder, tmp_path):
    python = sys.executable if where == 'here' else request.getfixturevalue('colab')
    out = run_tutorial(python, model_folder, tmp_path/'work')
    assert 'finished' in out['c-train'] and 'before' in out['c-compare'] and 'tuned' in out['c-ask']
    assert 'widget-view' in out['c-app'] and 'Finished' in out['c-app'], 'the summary below the app is the final one'
    assert list((tmp_path/'work/models').glob('*/adapter_config.json'))
    assert list((tmp_path/'work/outputs').glob('*/report.html'))
