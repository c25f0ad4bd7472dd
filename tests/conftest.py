"""What several test files share."""
import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile('repeatable', derandomize=True)  # the same examples every time
settings.register_profile('explore', print_blob=True)      # new ones: HYPOTHESIS_PROFILE=explore bash tests/run.sh tests/test_verify_properties.py
settings.load_profile(os.environ.get('HYPOTHESIS_PROFILE', 'repeatable'))

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN: signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores Ctrl-C, and so would every process it starts

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'))), None)


@pytest.fixture(scope='session')
def root():
    "The root of the repository."
    return ROOT


@pytest.fixture(scope='session')
def browser():
    "A headless Chromium that talks to no host of its own accord."
    if not CHROMIUM: pytest.skip('needs chromium: apt-get install chromium')
    from playwright.sync_api import sync_playwright
    flags = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
    if os.geteuid() == 0: flags.append('--no-sandbox')
    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def tree(tmp_path):
    "A copy of the files that are in the repository or would be, for tests that write."
    import subprocess
    names = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '-z'], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split('\0')):
        source, target = ROOT/name, tmp_path/'tree'/name
        if not source.exists() and not source.is_symlink(): continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
    return tmp_path/'tree'
