"""What several test files share."""
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time; new ones with HYPOTHESIS_PROFILE=explore bash tests/run.sh
# tests/test_verify_properties.py
settings.register_profile('repeatable', derandomize=True)
settings.register_profile('explore', print_blob=True)
settings.load_profile(os.environ.get('HYPOTHESIS_PROFILE', 'repeatable'))

# A background job ignores Ctrl-C, and so would every process that it starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN: signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)

# Several processes share the tests (pytest-xdist). A file stays in one of them, so that what its tests share, such as a
# trained model or the built site, is made once. The tests of these files share nothing and spread.
SPREAD = {'test_notebooks', 'test_house', 'test_pipeline_options', 'test_probe'}
# What takes longest begins first, so that no process is left alone with it at the end: files, and tests that spread.
LONGEST = ['test_app_browser', 'test_pipeline', 'test_howto', 'test_resume_run', 'test_widgets', 'test_processes',
           'test_pipeline_models', 'test_faults_training', 'test_tracking', 'test_widgets_colab', 'test_site',
           'test_warmstart', 'test_resume', 'test_strangers', 'test_faults', 'test_cli']
SLOW = ['test_pipeline_options', 'test_probe', '84_pipeline', 'colab_grpo', '53_updates', '55_old_logprobs',
        '28_algebra', '92_live', '57_warmstart', '54_passes']
# How many tests were left out that only EVERYTHING=1 runs: those with the marker `everything`.
LEFT_OUT = pytest.StashKey[int]()
# What takes longest begins first, so that no process is left alone with it at the end.
LONGEST = ['test_pipeline', 'test_app_browser', 'test_site', 'test_resume_run', 'test_resume', 'test_widgets_colab',
           'test_tracking', 'test_faults', 'test_faults_training', 'test_widgets', 'test_strangers', 'test_howto']


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    "Hand out the tests a file at a time, in the order in which they were collected, and single tests at the end."
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition('::')[0]
            return nodeid if Path(file).stem in SPREAD else file

    config.option.loadscopereorder = False
    return ByFile(config, log)


def place(item):
    "Where a test stands in the order: the longest files, the other files, the tests that spread, slow ones first."
    file = item.path.stem
    if file not in SPREAD: return LONGEST.index(file) if file in LONGEST else len(LONGEST)
    found = (i for i, name in enumerate(SLOW) if name in item.nodeid)
    return len(LONGEST) + 1 + next(found, len(SLOW))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    "Leave the slower checks out, and put the longest files in front: single tests at the end fill what is left."
    slower = [] if os.environ.get('EVERYTHING') else [item for item in items if item.get_closest_marker('everything')]
    if slower: config.hook.pytest_deselected(items=slower)
    config.stash[LEFT_OUT] = len(slower)
    items[:] = sorted((item for item in items if item not in slower), key=place)


def pytest_sessionfinish(session):
    "A process that shares the tests tells the first one how many it has left out."
    if hasattr(session.config, 'workeroutput'): session.config.workeroutput['left_out'] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    "All processes have collected the same tests: what one of them says counts, also where another has crashed."
    told = getattr(node, 'workeroutput', {}).get('left_out', 0)
    node.config.stash[LEFT_OUT] = max(told, node.config.stash.get(LEFT_OUT, 0))


def pytest_unconfigure(config):
    "The last line of all, so that nobody takes the shorter run for the whole."
    left_out = config.stash.get(LEFT_OUT, 0)
    if left_out and not hasattr(config, 'workerinput'):
        print(f'{left_out} slower checks left out, and fewer random examples tried: EVERYTHING=1 bash tests/run.sh')


@pytest.fixture(scope='session')
def root():
    "The root of the repository."
    return ROOT


@pytest.fixture(scope='session')
def browser():
    "A headless Chromium that talks to no host of its own accord."
    if not CHROMIUM: pytest.skip('needs chromium: apt-get install chromium')
    from playwright.sync_api import sync_playwright
    flags = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
             '--disable-component-update',
             '--disable-sync']
    if os.geteuid() == 0: flags.append('--no-sandbox')
    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def tree(tmp_path):
    "A copy of the files that are in the repository or would be, for tests that write."
    command = ['git', 'ls-files', '-co', '--exclude-standard', '-z']
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split('\0')):
        source, target = ROOT/name, tmp_path/'tree'/name
        if not source.exists() and not source.is_symlink(): continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
    return tmp_path/'tree'
