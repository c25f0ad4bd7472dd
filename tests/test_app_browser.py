"""The app in a real browser: JupyterLab and Notebook 7, as a new user would go through it. Screenshots are kept.

The tests of a front end share its page. Each says by its fixtures what has to be there before it: an app, a run
that was stopped, one that is finished. What is there already is not made again, so every selection of tests works."""
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

pytest.importorskip('playwright')
pytest.importorskip('jupyterlab')
pytest.importorskip('notebook')

ROOT = Path(__file__).resolve().parents[1]
SHOTS = Path(os.environ.get('RLVR_SCREENSHOTS') or ROOT/'outputs'/'screenshots')
CELLS = ["from rlvr_nb.widgets import App\napp = App('train.max_steps=15', 'eval.eval_num_samples=64')\napp",
         "print('kernel', 'answers')",
         "from rlvr_nb.widgets import App\nfrom rlvr_nb.tracking import RunDir\n"
         "again = App.attach(RunDir.list()[0].path)\nagain",
         "import weakref\nfrom rlvr_nb.widgets import App\nseen = globals().get('seen', [])\n"
         "shown = App('train.max_steps=15') if len(seen) < 3 else None\n"
         "if shown: seen.append(weakref.ref(shown))\nshown",
         "import gc\ngc.collect()\nprint('still kept:', sum(app() is not None for app in seen), 'of', len(seen))"]
# what the front ends say by themselves
FOREIGN = re.compile(r'duplicated|yjs#509|favicon|DevTools|ResizeObserver|Not same Y.Doc|widget model not found')


def notebook(path):
    plain = dict(cell_type='code', metadata={}, execution_count=None, outputs=[])
    cells = [dict(plain, id=f'c{i}', source=source) for i, source in enumerate(CELLS)]
    kernel = dict(name='python3', display_name='Python 3', language='python')
    path.write_text(json.dumps(dict(cells=cells, metadata=dict(kernelspec=kernel), nbformat=4, nbformat_minor=5)))


class Server:
    "A Jupyter server with a home of its own."
    def __init__(self, kind, home, theme):
        self.kind, self.work = kind, home/'work'
        settings = home/'config/lab/user-settings/@jupyterlab/apputils-extension'
        self.work.mkdir(parents=True)
        settings.mkdir(parents=True)
        (settings/'notification.jupyterlab-settings').write_text('{"fetchNews": "false", "checkForUpdates": false}')
        (settings/'themes.jupyterlab-settings').write_text(json.dumps(dict(theme=f'JupyterLab {theme}')))
        notebook(self.work/'app.ipynb')
        with socket.socket() as s: s.bind(('127.0.0.1', 0)); self.port = s.getsockname()[1]
        cache = os.environ.get('XDG_CACHE_HOME', str(Path.home()/'.cache'))
        own = {f'JUPYTER_{name.upper()}_DIR': str(home/name) for name in ('config', 'data', 'runtime')}
        env = {**os.environ, **own, 'HOME': str(home), 'XDG_CACHE_HOME': cache, 'PYTHONPATH': str(ROOT),
               'JUPYTERLAB_WORKSPACES_DIR': str(home/'spaces'), 'HF_HUB_OFFLINE': '1'}
        for name in ('WANDB_API_KEY', 'IN_TEST'): env.pop(name, None)
        exposed = dict(lab='LabApp', notebook='JupyterNotebookApp')[kind]
        command = [sys.executable, '-m', 'jupyterlab' if kind == 'lab' else 'notebook', '--no-browser', '--allow-root',
                   f'--port={self.port}', '--IdentityProvider.token=', f'--{exposed}.expose_app_in_browser=True',
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
    def url(self):
        return f"http://127.0.0.1:{self.port}/{dict(lab='lab/tree', notebook='notebooks')[self.kind]}/app.ipynb?reset"

    def close(self):
        self.process.terminate()
        try: self.process.wait(8)
        except subprocess.TimeoutExpired: self.process.kill(); self.process.wait()
        self.log.close()


FRONT_ENDS = [('lab', 'Light', 1400), pytest.param(('notebook', 'Dark', 900), marks=pytest.mark.everything)]


@pytest.fixture(scope='module', params=FRONT_ENDS, ids=['lab', 'notebook'])
def app_page(request, browser, tmp_path_factory):
    "A page with the notebook, before anything runs."
    kind, theme, width = request.param
    server = Server(kind, tmp_path_factory.mktemp(kind), theme)
    page = browser.new_page(viewport=dict(width=width, height=1400))
    page.set_default_timeout(90_000)
    page.server, page.said, page.seen = server, [], set()   # what has happened in it
    page.on('console', lambda m: page.said.append(m.text) if m.type == 'error' else None)
    page.on('pageerror', lambda e: page.said.append(f'{e}\n{getattr(e, "stack", "")}'))
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.shot = lambda name: page.screenshot(path=SHOTS/f'{kind}-{theme.lower()}-{width}-{name}.png')
    try:
        server.ready()
        page.goto(server.url)
        page.wait_for_selector('.jp-CodeCell')
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
    "Wait for a text in any of the elements."
    found = "([at, text]) => [...document.querySelectorAll(at)].some(e => e.textContent.includes(text))"
    page.wait_for_function(found, arg=[at, text], timeout=1000*seconds)


def reaches(page, step, seconds=180):
    "Wait for a step, or a later one: the page shows three states a second, and steps may be faster."
    at = "e => Number((e.textContent.match(/step (\\d+) of/) || [0, 0])[1])"
    found = f"step => [...document.querySelectorAll('.rlvr-status')].map({at}).some(n => n >= step)"
    page.wait_for_function(found, arg=step, timeout=1000*seconds)


def section(page, title): page.locator('.rlvr-sections button', has_text=title).first.click()


def fill(page, name, text):
    "Type into an input and leave it."
    shown = page.locator(f'.rlvr-{name} input:visible')   # a field can be in the simple form and in a group
    shown.fill(text)
    shown.press('Tab')


def can_start(page, yes=True):
    page.wait_for_function(f"document.querySelector('.rlvr-start').disabled === {'false' if yes else 'true'}")


def once(page, name, make):
    "Do what the tests after it need, unless it was done."
    if name not in page.seen: make(page)
    page.seen.add(name)


def show_app(page):
    run_cell(page, 0)
    page.wait_for_selector('.rlvr-source input')
    says(page, 'No run is shown')


def train(page, steps):
    section(page, 'Setup')
    fill(page, 'train-max_steps', str(steps))
    if steps != 15: says(page, f'train.max_steps={steps}', '.rlvr-configuration')
    can_start(page)
    page.locator('.rlvr-start').click()


def stop_one(page):
    train(page, 400)
    reaches(page, 2)
    page.locator('.rlvr-stop').click()
    says(page, 'Stopped')


def finish_one(page):
    train(page, 15)
    says(page, 'Finished')


@pytest.fixture
def with_app(app_page):
    "The page with an app in it."
    once(app_page, 'app', show_app)
    return app_page


@pytest.fixture
def finished(with_app):
    "The page with an app that shows a finished run."
    once(with_app, 'finished', finish_one)
    return with_app


@pytest.fixture
def two_runs(with_app):
    "The page with an app, after a run that was stopped and one that was finished."
    once(with_app, 'stopped', stop_one)
    once(with_app, 'finished', finish_one)
    return with_app


def test_the_form_is_there_and_its_keys_stay_in_it(with_app):
    page = with_app
    says(page, 'Row 1 of', '.rlvr-data-row')   # without a click
    page.shot('1-task')
    section(page, 'Setup')
    page.wait_for_selector('.rlvr-train-max_steps input')
    page.shot('1-setup')
    page.locator('.rlvr-check').scroll_into_view_if_needed()
    assert page.locator('.rlvr-head').bounding_box()['y'] >= 0, 'the header sticks'
    tabs = page.locator('.rlvr-sections [role=tab]')
    assert tabs.nth(1).get_attribute('aria-selected') == 'true'
    assert page.locator('.rlvr-row [aria-describedby]').count() > 10
    tabs.first.focus()
    page.keyboard.press('x')
    assert page.locator('.rlvr-app').count() == 1, 'the cell is still there'
    tab = page.locator('.rlvr-sections button', has_text='Task').bounding_box()
    page.mouse.move(tab['x'] + 9, tab['y'] + 9)
    page.mouse.down()
    taller = '<p id=new style=height:60px>'
    page.evaluate(f"document.querySelector('.rlvr-head').insertAdjacentHTML('afterbegin', '{taller}')")
    page.mouse.up()   # the button has moved away from under the pointer
    page.locator('.rlvr-section-data').wait_for(state='visible')
    page.evaluate("document.querySelector('#new').remove()")
    section(page, 'Setup')
    page.locator('.rlvr-section-setup').wait_for(state='visible')
    fits = 'e => e.scrollWidth <= e.clientWidth + 2'
    assert page.locator('.rlvr-app').evaluate(fits), 'nothing is wider than the page'


def test_inputs_have_labels_and_refuse_tokens(with_app):
    page = with_app
    section(page, 'Setup')
    without = """[...document.querySelectorAll('.rlvr-app :is(input,select,textarea)')]
        .filter(e => ![...(e.labels || [])].some(l => l.textContent.trim())).map(e => e.outerHTML)"""
    assert page.evaluate(without) == []
    fill(page, 'model-model_name_or_path', 'hf_aVerySecretTokenOfNobody0123')
    says(page, 'looks like a token', '.rlvr-section-setup')
    can_start(page, False)
    assert page.locator('.rlvr-model-model_name_or_path input').input_value() == ''
    fill(page, 'model-model_name_or_path', 'builtin-tiny')
    can_start(page)


def test_a_preset_is_chosen_and_the_changes_are_put_back(with_app):
    page = with_app
    section(page, 'Setup')
    presets = page.locator('.rlvr-preset select')
    presets.select_option(label='Qwen 3 0.6B on one T4: GSM8K with LoRA')
    says(page, '+preset=qwen3_0_6b_t4', '.rlvr-configuration')
    assert len(re.findall(r'\d [kMG]B', page.locator('.rlvr-memory').inner_text())) >= 3
    says(page, 'is not on this machine', '.rlvr-blocked')   # the tests have no network
    can_start(page, False)
    page.locator('.rlvr-ready').first.click()
    says(page, '+preset=offline_demo', '.rlvr-configuration')
    can_start(page)
    page.locator('.rlvr-put-back').click()
    says(page, 'train.max_steps=15', '.rlvr-configuration')


def test_a_bad_value_blocks_start_and_its_fix_frees_it(with_app):
    page = with_app
    section(page, 'Setup')
    fill(page, 'train-num_generations', '7')
    page.wait_for_selector('.rlvr-fix')
    can_start(page, False)
    page.locator('.rlvr-train-num_generations input').scroll_into_view_if_needed()
    page.shot('2-wrong')
    section(page, 'Reward lab')
    page.locator('.rlvr-completion textarea').wait_for(state='visible')
    page.locator('.rlvr-facts button', has_text='1 thing to fix').click()   # leads back to the form
    page.locator('.rlvr-section-setup').wait_for(state='visible')
    page.locator('.rlvr-fix').first.click()
    can_start(page)
    page.wait_for_function("!document.querySelector('.rlvr-fix')")
    assert page.locator('.rlvr-train-num_generations input').input_value() == '8'


def test_expert_finds_an_option_and_takes_a_change_back(with_app):
    page = with_app
    section(page, 'Setup')
    page.locator('.rlvr-expert input').click()
    page.locator('.rlvr-find-option input').wait_for(state='visible')
    page.locator('.rlvr-find-option input').press_sequentially('epsilon high')
    says(page, '1 option here', '.rlvr-found-options')
    fill(page, 'train-grpo-epsilon_high', '-1')
    page.wait_for_selector('.rlvr-wrong .rlvr-train-grpo-epsilon_high')
    can_start(page, False)
    fill(page, 'train-grpo-epsilon_high', '0.28')
    says(page, 'train.grpo.epsilon_high=0.28', '.rlvr-configuration')
    page.locator('.rlvr-find-option input').fill('')
    page.locator('.rlvr-only-changed input').click()
    page.locator('.rlvr-reset-train-grpo-epsilon_high').click()
    page.wait_for_function("!document.querySelector('.rlvr-configuration').textContent.includes('epsilon_high')")
    for name in ('only-changed', 'expert'): page.locator(f'.rlvr-{name} input').click()
    page.locator('.rlvr-section-setup .rlvr-train-max_steps input').first.wait_for(state='visible')


def test_the_lab_scores_what_is_typed(with_app):
    page = with_app
    section(page, 'Reward lab')
    says(page, 'Total 6', '.rlvr-scores')
    page.locator('.rlvr-completion textarea').fill('<reasoning>a guess</reasoning><answer>1</answer>')
    says(page, 'Total 2', '.rlvr-scores')
    page.locator('.rlvr-audit').click()
    page.wait_for_selector('.rlvr-audit-report table')
    page.shot('3-lab')


def test_rows_are_shown_as_the_model_sees_them(with_app):
    page = with_app
    section(page, 'Task')
    page.wait_for_selector('.rlvr-load-rows')
    page.locator('.rlvr-load-rows').click()
    says(page, 'tokens', '.rlvr-data-row')
    page.locator('.rlvr-next').click()
    says(page, 'Row 2 of', '.rlvr-data-row')
    page.shot('4-data')
    (page.server.work/'mine.jsonl').write_text('{"ask": "Ann has 2 apples. How many?", "is": "2"}\n'*9)
    page.locator('.rlvr-source input').click()
    page.keyboard.type('mine.jsonl')
    page.keyboard.press('Enter')   # acts on the whole name, which the kernel hasn't heard of before
    says(page, '9 rows', '.rlvr-first-rows')


def test_a_training_is_followed_paused_and_stopped(with_app):
    page = with_app
    section(page, 'Setup')
    fill(page, 'train-max_steps', '400')
    says(page, 'train.max_steps=400', '.rlvr-configuration')
    top = "(e => document.querySelector(e).getBoundingClientRect().top)"
    scrolled = f"{top}('.rlvr-head') - {top}('.rlvr-app') > 8"
    page.locator('.rlvr-section-setup .rlvr-row:visible').last.scroll_into_view_if_needed()
    page.wait_for_function(scrolled)
    page.locator('.rlvr-start').click()
    page.wait_for_function(f'!({scrolled})')   # the section that is opened is shown from its beginning
    page.wait_for_selector('.rlvr-completions details')
    page.wait_for_selector('.rlvr-curves svg')
    reaches(page, 3)
    page.shot('5-training')
    for x in range(40, 80, 2):   # a chart that is drawn again under a still pointer has no tip until the pointer moves
        page.locator('.rlvr-curves svg[data-chart]').nth(1).hover(position=dict(x=x, y=40))
        if page.locator('.rlvr-tip').count(): break
    else: raise AssertionError('no values under the pointer')
    opened = page.locator('.rlvr-completions details[open]')
    calm = 0
    for _ in range(40):   # a table that was on its way when one was opened closes it
        calm = calm + 1 if opened.count() and not page.locator('.rlvr-follow input').is_checked() else 0
        if calm == 4: break
        if not opened.count(): page.locator('.rlvr-completions summary').first.click()
        page.wait_for_timeout(500)
    shown = page.locator('.rlvr-completions').inner_text()
    reaches(page, 8)
    assert opened.count() == 1, 'what is being read does not move away'
    assert page.locator('.rlvr-completions').inner_text() == shown
    page.locator('.rlvr-follow input').click()
    page.wait_for_function("text => document.querySelector('.rlvr-completions').innerText !== text", arg=shown)
    page.locator('.rlvr-pause').click()
    says(page, 'Paused')
    page.locator('.rlvr-resume').click()
    says(page, 'Running')
    page.locator('.rlvr-stop').click()
    says(page, 'Stopped')
    page.seen.add('stopped')
    page.shot('6-stopped')


def test_a_training_ends_with_a_comparison(finished):
    page = finished
    section(page, 'Results')
    says(page, 'of 64', '.rlvr-comparison')
    page.locator('.rlvr-prompt textarea').fill('123+456=?')
    page.locator('.rlvr-try').click()
    says(page, 'after training', '.rlvr-answers')
    page.shot('7-results')
    says(page, 'before', '.rlvr-summary')


def test_a_run_is_downloaded_as_one_file(two_runs, tmp_path):
    page = two_runs
    section(page, 'Runs')
    page.wait_for_function("document.querySelectorAll('.rlvr-run-row input').length === 2")
    page.locator('.rlvr-run-row input').first.focus()
    page.keyboard.press('Space')   # a row is ticked by key, and read with its cells
    says(page, '1 ticked', '.rlvr-run-count')
    read = page.locator('.rlvr-run-row input').first.get_attribute('aria-describedby')
    assert 'before' in page.locator(f'#{read}').inner_text()
    page.locator('.rlvr-pack').click()
    with page.expect_download() as download: page.locator('.rlvr-download').click()
    download.value.save_as(tmp_path/'run.zip')
    packed = zipfile.ZipFile(tmp_path/'run.zip')
    page.locator('.rlvr-rescore').click()
    says(page, 'nothing differs', '.rlvr-section-runs')
    page.locator('.rlvr-run-row input').nth(1).check()
    page.locator('.rlvr-compare').click()
    dark = page.evaluate("document.body.dataset.jpThemeLight") == 'false'
    page.wait_for_function("rule => document.querySelector('.rlvr-compared iframe')?.srcdoc.includes(rule)",
                           arg='@media all {' if dark else '@media not all {')   # a framed page has the same colours
    framed = page.locator('.rlvr-compared iframe').element_handle().content_frame()
    assert framed.evaluate('document.body.scrollHeight') > 100, 'it is not blank'
    whole = 'document.documentElement.scrollHeight <= innerHeight + 1'   # the wheel moves the notebook, not a box in it
    for _ in range(20):
        if framed.evaluate(whole): break
        page.wait_for_timeout(250)
    assert framed.evaluate(whole), framed.evaluate('[document.documentElement.scrollHeight, innerHeight]')
    page.shot('8-compared')
    assert packed.testzip() is None and {'config.yaml', 'result.json'} <= {Path(n).name for n in packed.namelist()}


def test_a_cell_that_is_run_again_leaves_nothing_of_its_apps(with_app):
    page = with_app
    cell, before = page.locator('.jp-CodeCell').nth(3), page.locator('.rlvr-app').count()
    for _ in range(3):
        run_cell(page, 3)
        cell.locator('.rlvr-start').wait_for(state='visible')
    assert page.locator('.rlvr-app').count() == before + 1, 'each takes the place of the one before'
    run_cell(page, 3)   # shows none
    cell.locator('.rlvr-app').wait_for(state='detached')
    for _ in range(20):   # they are closed when the kernel has been idle for a second
        run_cell(page, 4)
        says(page, 'of 3', '.jp-OutputArea-output')
        if page.locator('.jp-OutputArea-output', has_text='still kept: 0').count(): break
        page.wait_for_timeout(1500)
    else: raise AssertionError(page.locator('.jp-OutputArea-output').all_inner_texts())


def test_the_notebook_keeps_a_summary_and_the_kernel_answers(finished):
    page = finished
    run_cell(page, 1)
    says(page, 'kernel answers', '.jp-OutputArea-output')
    page.locator('.rlvr-sections [role=tab]').first.focus()
    page.keyboard.press('Control+s')   # the one key that the app leaves to the notebook
    deadline = time.time() + 30
    while 'rlvr-summary' not in (text := (page.server.work/'app.ipynb').read_text()) or 'Finished' not in text:
        assert time.time() < deadline, 'the saved notebook has no summary'
        time.sleep(.5)


@pytest.mark.everything   # test_widgets.py goes on with a run whose process is gone, without a browser
def test_a_run_goes_on_after_the_kernel_was_restarted(with_app):
    page = with_app
    section(page, 'Setup')
    fill(page, 'train-max_steps', '400')
    page.locator('.rlvr-expert input').click()
    page.locator('.rlvr-more-train').click()
    fill(page, 'train-save_steps', '2')
    says(page, 'train.save_steps=2', '.rlvr-configuration')
    page.locator('.rlvr-start').click()
    says(page, 'of 400')
    reaches(page, 4)
    page.seen.add('restarted')
    page.evaluate("() => { window.jupyterapp.commands.execute('kernelmenu:restart') }")
    page.locator('.jp-Dialog button', has_text='Restart').last.click()
    page.wait_for_selector('.jp-Dialog', state='detached')
    told = "getComputedStyle(document.querySelector('.rlvr-head'), '::before').content"
    page.wait_for_function(f"{told}.includes('kernel of this app has ended')")   # "Running" is said of no dead run
    run_cell(page, 2)
    page.wait_for_function("document.querySelectorAll('.rlvr-app').length === 2")
    second = page.locator('.rlvr-app').last
    second.locator('.rlvr-continue').wait_for(state='visible', timeout=20_000)   # the process is known to be gone
    second.locator('.rlvr-is-killed').wait_for(state='attached')
    second.locator('.rlvr-section-train').wait_for(state='visible')
    assert 'Continue goes on from its checkpoint of step' in second.locator('.rlvr-blocked').inner_text()
    second.locator('.rlvr-continue').click()
    second.locator('.rlvr-completions details').first.wait_for(state='attached')
    status = "[...document.querySelectorAll('.rlvr-status')].pop().textContent"
    page.wait_for_function(f"{status}.includes('Running: training, step')")
    second.locator('.rlvr-stop').click()
    page.wait_for_function(f"{status}.includes('Stopped')", timeout=60_000)
    chart = json.loads(second.locator('.rlvr-curves svg[data-chart]').nth(1).get_attribute('data-chart'))
    steps = [point[0] for point in chart['series'][0]['points']]
    assert steps == sorted(set(steps)) and steps[0] == 1, 'the curve goes on where it was, and never back'
    page.shot('8-continued')


def test_a_notebook_without_a_kernel_says_what_became_of_the_run(with_app):
    page = with_app
    if 'restarted' not in page.seen: once(page, 'finished', finish_one)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:shutdown-kernel')")
    page.goto(page.server.url)
    # the app whose kernel was restarted, and the one that went on; else the only one
    told = ('App.attach', 'Stopped') if 'restarted' in page.seen else ('Finished',)
    for text in told: page.locator('.rlvr-summary', has_text=text).first.wait_for(state='visible')
    page.shot('9-reopened')
    ours = [s for s in page.said if not FOREIGN.search(s) and any(w in s.lower() for w in ('rlvr', 'widget', 'comm'))]
    assert not ours, ours
