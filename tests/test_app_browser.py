"""The app in a real browser: JupyterLab and Notebook 7, as a new user would go through it. Screenshots are kept."""
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip('playwright')
pytest.importorskip('jupyterlab')
pytest.importorskip('notebook')

ROOT = Path(__file__).resolve().parents[1]
SHOTS = Path(os.environ.get('RLVR_SCREENSHOTS') or ROOT/'outputs'/'screenshots')
CELLS = ["from rlvr_nb.widgets import App\napp = App('train.max_steps=15', 'eval.eval_num_samples=64')\napp", "print('kernel', 'answers')",
         "from rlvr_nb.widgets import App\nfrom rlvr_nb.tracking import RunDir\nagain = App.attach(RunDir.list()[0].path)\nagain"]
FOREIGN = re.compile(r'duplicated|yjs#509|favicon|DevTools|ResizeObserver|Not same Y.Doc|widget model not found')  # what the front ends say by themselves


def notebook(path):
    cells = [dict(cell_type='code', id=f'c{i}', metadata={}, execution_count=None, outputs=[], source=s) for i, s in enumerate(CELLS)]
    path.write_text(json.dumps(dict(cells=cells, metadata=dict(kernelspec=dict(name='python3', display_name='Python 3', language='python')), nbformat=4, nbformat_minor=5)))


class Server:
    "A Jupyter server with a home of its own."
    def __init__(self, kind, home, theme):
        self.kind, self.work, settings = kind, home/'work', home/'config/lab/user-settings/@jupyterlab/apputils-extension'
        self.work.mkdir(parents=True)
        settings.mkdir(parents=True)
        (settings/'notification.jupyterlab-settings').write_text('{"fetchNews": "false", "checkForUpdates": false}')
        (settings/'themes.jupyterlab-settings').write_text(json.dumps(dict(theme=f'JupyterLab {theme}')))
        notebook(self.work/'app.ipynb')
        with socket.socket() as s: s.bind(('127.0.0.1', 0)); self.port = s.getsockname()[1]
        env = {**os.environ, 'HOME': str(home), 'XDG_CACHE_HOME': os.environ.get('XDG_CACHE_HOME', str(Path.home()/'.cache')), 'PYTHONPATH': str(ROOT),
               'JUPYTER_CONFIG_DIR': str(home/'config'), 'JUPYTER_DATA_DIR': str(home/'data'), 'JUPYTER_RUNTIME_DIR': str(home/'runtime'), 'JUPYTERLAB_WORKSPACES_DIR': str(home/'spaces')}
        for name in ('WANDB_API_KEY', 'IN_TEST'): env.pop(name, None)
        expose = dict(lab='--LabApp.expose_app_in_browser=True', notebook='--JupyterNotebookApp.expose_app_in_browser=True')[kind]
        command = [sys.executable, '-m', 'jupyterlab' if kind == 'lab' else 'notebook', '--no-browser', '--allow-root', f'--port={self.port}', '--IdentityProvider.token=', expose,
                   f'--ServerApp.root_dir={self.work}', '--ServerApp.disable_check_xsrf=True']
        self.log = open(home/'log', 'w')
        self.process = subprocess.Popen(command, env=env, cwd=self.work, stdout=self.log, stderr=subprocess.STDOUT)

    def ready(self, seconds=90):
        for _ in range(2*seconds):
            assert self.process.poll() is None, Path(self.log.name).read_text()[-3000:]
            try: return urllib.request.urlopen(f'http://127.0.0.1:{self.port}/api/status', timeout=2)
            except OSError: time.sleep(.5)
        raise AssertionError('the server does not answer: ' + Path(self.log.name).read_text()[-3000:])

    @property
    def url(self): return f"http://127.0.0.1:{self.port}/{'lab/tree' if self.kind == 'lab' else 'notebooks'}/app.ipynb?reset"

    def close(self):
        self.process.terminate()
        try: self.process.wait(20)
        except subprocess.TimeoutExpired: self.process.kill(); self.process.wait()
        self.log.close()


@pytest.fixture(params=[('lab', 'Light', 1400), ('notebook', 'Dark', 900)], ids=['lab-light-1400', 'notebook-dark-900'])
def app_page(request, browser, tmp_path):
    "A page with the notebook, before anything runs."
    kind, theme, width = request.param
    server = Server(kind, tmp_path, theme)
    page = browser.new_page(viewport=dict(width=width, height=1400))
    page.kind = kind
    page.set_default_timeout(90_000)
    page.said = []
    page.on('console', lambda m: page.said.append(m.text) if m.type == 'error' else None)
    page.on('pageerror', lambda e: page.said.append(f'{e}\n{getattr(e, "stack", "")}'))
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.shot = lambda name: page.screenshot(path=SHOTS/f'{request.node.callspec.id}-{name}.png')
    try:
        server.ready()
        page.goto(server.url)
        page.wait_for_selector('.jp-CodeCell')
        page.server = server
        yield page
    finally:
        page.close()
        server.close()


def run_cell(page, i):
    "Run a cell, once the kernel is there to take it."
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', state='attached')
    prompt = page.locator('.jp-CodeCell').nth(i).locator('.jp-InputPrompt')
    for _ in range(10):
        page.keyboard.press('Escape')
        page.locator('.jp-CodeCell .jp-InputArea-editor').nth(i).click()
        page.keyboard.press('Shift+Enter')
        for _ in range(20):
            if re.search(r'[\d*]', prompt.inner_text()): return
            time.sleep(.2)
    raise AssertionError(f'cell {i} does not run')


def says(page, text, at='.rlvr-status', seconds=180):
    page.wait_for_function("([at, text]) => [...document.querySelectorAll(at)].some(e => e.textContent.includes(text))", arg=[at, text], timeout=1000*seconds)


def reaches(page, step, seconds=180):
    "Wait for a step, or a later one: the page shows three states a second, and steps may be faster."
    page.wait_for_function("step => [...document.querySelectorAll('.rlvr-status')].some(e => Number((e.textContent.match(/step (\\d+) of/) || [0, 0])[1]) >= step)", arg=step, timeout=1000*seconds)


def section(page, title): page.locator('.rlvr-sections button', has_text=title).first.click()


def test_a_new_user_goes_through_the_app(app_page):
    page = app_page
    run_cell(page, 0)
    page.wait_for_selector('.rlvr-status')
    page.wait_for_selector('.rlvr-train-max_steps input')
    says(page, 'Nothing has been trained')
    page.shot('1-setup')

    # the header stays in view, the buttons of the sections are tabs, and a key belongs to the app
    page.locator('.rlvr-check').scroll_into_view_if_needed()
    assert page.locator('.rlvr-head').bounding_box()['y'] >= 0, 'the header sticks'
    tabs = page.locator('.rlvr-sections [role=tab]')
    assert tabs.first.get_attribute('aria-selected') == 'true' and page.locator('.rlvr-row [aria-describedby]').count() > 10
    tabs.first.focus()
    page.keyboard.press('x')
    assert page.locator('.rlvr-app').count() == 1, 'the cell is still there'
    assert page.locator('.rlvr-app').evaluate('e => e.scrollWidth <= e.clientWidth + 2'), 'nothing is wider than the page'

    # every input has a label that is read aloud, and a token that is typed is taken out
    assert page.evaluate("[...document.querySelectorAll('.rlvr-app :is(input,select,textarea)')].filter(e => ![...(e.labels || [])].some(l => l.textContent.trim())).map(e => e.outerHTML)") == []
    model = page.locator('.rlvr-model-model_name_or_path input')
    model.fill('hf_aVerySecretTokenOfNobody0123')
    model.press('Tab')
    says(page, 'looks like a token', '.rlvr-section-setup')
    page.wait_for_function("document.querySelector('.rlvr-start').disabled")
    assert model.input_value() == ''
    model.fill('builtin-tiny')
    model.press('Tab')
    page.wait_for_function("!document.querySelector('.rlvr-start').disabled")

    # a preset, and back
    page.locator('.rlvr-preset select').select_option(label='Qwen 3 0.6B on one T4: GSM8K with LoRA')
    says(page, '+preset=qwen3_0_6b_t4', '.rlvr-configuration')
    assert len(re.findall(r'\d [kMG]B', page.locator('.rlvr-memory').inner_text())) >= 3
    page.locator('.rlvr-preset select').select_option(index=1)
    says(page, '+preset=offline_demo', '.rlvr-configuration')
    page.locator('.rlvr-put-back').click()
    says(page, 'train.max_steps=15', '.rlvr-configuration')

    # a bad value blocks Start, its fix frees it
    number = page.locator('.rlvr-train-num_generations input')
    number.fill('7')
    number.press('Tab')
    page.wait_for_selector('.rlvr-fix')
    page.wait_for_function("document.querySelector('.rlvr-start').disabled")
    number.scroll_into_view_if_needed()
    page.shot('2-wrong')
    page.locator('.rlvr-fix').first.click()
    page.wait_for_function("!document.querySelector('.rlvr-start').disabled")
    page.wait_for_function("!document.querySelector('.rlvr-fix')")
    assert number.input_value() == '8'
    for path, value in {'train-max_steps': '400', 'eval-eval_num_samples': '64'}.items():
        page.locator(f'.rlvr-{path} input').fill(value)
        page.locator(f'.rlvr-{path} input').press('Tab')
    says(page, 'train.max_steps=400', '.rlvr-configuration')

    # the reward lab
    section(page, 'Reward lab')
    says(page, 'Total 6', '.rlvr-scores')
    page.locator('.rlvr-completion textarea').fill('<reasoning>a guess</reasoning><answer>1</answer>')
    says(page, 'Total 2', '.rlvr-scores')
    page.locator('.rlvr-audit').click()
    page.wait_for_selector('.rlvr-audit-report table')
    page.shot('3-lab')

    # the data
    section(page, 'Task')
    page.wait_for_selector('.rlvr-load-rows')
    page.locator('.rlvr-load-rows').click()
    says(page, 'tokens', '.rlvr-data-row')
    page.locator('.rlvr-next').click()
    says(page, 'Row 2 of', '.rlvr-data-row')
    page.shot('4-data')

    # training, pause, resume, stop
    page.locator('.rlvr-start').click()
    page.wait_for_selector('.rlvr-completions details')
    page.wait_for_selector('.rlvr-curves svg')
    reaches(page, 3)
    page.shot('5-training')
    chart = page.locator('.rlvr-curves svg[data-chart]').nth(1)
    chart.hover()
    page.wait_for_selector('.rlvr-tip', state='attached')
    page.locator('.rlvr-completions summary').first.click()     # what is being read does not move away
    page.wait_for_function("!document.querySelector('.rlvr-follow input').checked")
    shown = page.locator('.rlvr-completions').inner_text()
    reaches(page, 8)
    assert page.locator('.rlvr-completions details[open]').count() == 1 and page.locator('.rlvr-completions').inner_text() == shown
    page.locator('.rlvr-follow input').click()
    page.wait_for_function("text => document.querySelector('.rlvr-completions').innerText !== text", arg=shown)
    page.locator('.rlvr-pause').click()
    says(page, 'Paused')
    page.locator('.rlvr-resume').click()
    says(page, 'Running')
    page.locator('.rlvr-stop').click()
    says(page, 'Stopped')
    page.shot('6-stopped')

    # to the end, and what it was good for
    section(page, 'Setup')
    page.locator('.rlvr-train-max_steps input').fill('15')
    page.locator('.rlvr-train-max_steps input').press('Tab')
    says(page, 'train.max_steps=15', '.rlvr-configuration')
    page.locator('.rlvr-start').click()
    says(page, 'Finished')
    section(page, 'Results')
    says(page, 'of 64', '.rlvr-comparison')
    page.locator('.rlvr-prompt textarea').fill('123+456=?')
    page.locator('.rlvr-try').click()
    says(page, 'tuned', '.rlvr-answers')
    page.shot('7-results')
    says(page, 'before', '.rlvr-summary')

    # the kernel still answers, and the notebook keeps a summary
    run_cell(page, 1)
    says(page, 'kernel answers', '.jp-OutputArea-output')
    page.locator('.rlvr-prompt textarea').focus()
    page.keyboard.press('Control+s')   # the one key that the app leaves to the notebook
    deadline = time.time() + 30
    while 'rlvr-summary' not in (text := (page.server.work/'app.ipynb').read_text()) or 'Finished' not in text:
        assert time.time() < deadline, 'the saved notebook has no summary'
        time.sleep(.5)

    # a kernel restart in the middle of a training: the run is shown again from disk, and goes on
    section(page, 'Setup')
    page.locator('.rlvr-train-max_steps input').fill('400')
    page.locator('.rlvr-train-max_steps input').press('Tab')
    page.locator('.rlvr-expert input').click()
    page.locator('.rlvr-more-train').click()
    page.locator('.rlvr-train-save_steps input').fill('2')
    page.locator('.rlvr-train-save_steps input').press('Tab')
    says(page, 'train.save_steps=2', '.rlvr-configuration')
    page.locator('.rlvr-start').click()
    says(page, 'of 400')
    reaches(page, 4)
    page.evaluate("() => { window.jupyterapp.commands.execute('kernelmenu:restart') }")
    page.locator('.jp-Dialog button', has_text='Restart').last.click()
    page.wait_for_selector('.jp-Dialog', state='detached')
    run_cell(page, 2)
    page.wait_for_function("document.querySelectorAll('.rlvr-app').length === 2")
    second = page.locator('.rlvr-app').last
    second.locator('.rlvr-completions details').first.wait_for(state='attached')
    second.locator('.rlvr-continue').wait_for(state='visible', timeout=20_000)   # the process is known to be gone
    second.locator('.rlvr-continue').click()
    page.wait_for_function("document.querySelectorAll('.rlvr-status')[1].textContent.includes('Running: training, step')")
    second.locator('.rlvr-stop').click()
    page.wait_for_function("[...document.querySelectorAll('.rlvr-status')].pop().textContent.includes('Stopped')", timeout=60_000)
    page.shot('8-continued')

    # reopened without a kernel, the notebook says what was going on, and what became of it
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:shutdown-kernel')")
    page.goto(page.server.url)
    page.locator('.rlvr-summary', has_text='App.attach').first.wait_for(state='visible')
    page.locator('.rlvr-summary', has_text='Stopped').first.wait_for(state='visible')
    page.shot('9-reopened')
    ours = [s for s in page.said if not FOREIGN.search(s) and ('rlvr' in s or 'widget' in s.lower() or 'comm' in s.lower())]
    assert not ours, ours
