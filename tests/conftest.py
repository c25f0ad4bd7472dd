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
SPREAD = {'test_notebooks', 'test_house'}
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
    "Where a test stands in the order: the longest files, the other files, the tests that spread."
    file = item.path.stem
    if file in LONGEST: return LONGEST.index(file)
    return len(LONGEST) + (file in SPREAD)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    "Put the longest files in front; the single tests at the end even out who has done how much."
    items.sort(key=place)


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
