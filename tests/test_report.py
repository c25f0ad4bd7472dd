"""The report: complete, legible at every width, and deaf to whatever a completion tries."""
import re

import pytest
from run_factory import make_run

from rlvr_nb.evaluation import Evaluation, compare
from rlvr_nb.tracking import RunDir, RunReport, pick_completions


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp('report')/'run', 'train.learning_rate=1e-3', samples=4)


@pytest.fixture(scope='module')
def hostile(tmp_path_factory):
    "Whatever a model, a dataset or a file from elsewhere might say."
    run = make_run(tmp_path_factory.mktemp('hostile')/'run', steps=12, hostile=True)
    run.config.write_text(run.config.read_text().replace('name: rlvr', "name: '<script>document.title=1</script>'", 1))
    return run


def text_of(page):
    return re.sub(r'\s+', ' ', re.sub('<[^>]+>', ' ', re.sub('<style>.*?</style>', '', page, flags=re.S)))


def test_headline_says_what_the_files_say(run):
    before, after = (Evaluation.load(run.eval/f'{when}-arithmetic.jsonl') for when in ('before', 'after'))
    c, text = compare(before, after), text_of(RunReport(run).html())
    for e in (before, after):
        assert f'{100 * e.correct / e.n:.1f} %' in text
        assert f'{100 * e.interval[0]:.1f} to {100 * e.interval[1]:.1f} %' in text
    assert f'{c.gains} problems were gained and {c.losses} lost' in text
    assert 'more than the choice of problems explains' in text and 'other seeds' in text
    assert f'{100 * c.interval[0]:+.1f} to {100 * c.interval[1]:+.1f}' in text


def test_luck_is_not_called_progress(tmp_path):
    text = text_of(RunReport(make_run(tmp_path/'run', steps=6, skill=(.5, .5))).html())
    assert 'which the choice of problems alone could explain' in text and 'more than the choice' not in text


def test_every_section_is_there(run):
    page = RunReport(run).html()
    for title in ('Training', 'Evaluations', 'Completions', 'Problems whose outcome changed', 'Checks and faults',
                  'Time and memory', 'Configuration'):
        assert f'<h2>{title}</h2>' in page
    for chart in ('Accuracy', 'Reward', 'Each reward, mean', 'Groups without spread', 'Entropy', 'Seconds a step',
                  'Peak memory'):
        assert f'<figcaption>{chart}' in page
    text = text_of(page)
    assert 'KL to the start: off (beta 0)' in text and 'told apart by side rewards only' in text
    assert 'python run_pipeline.py train.max_steps=120 seed=0 train.learning_rate=1e-3' in text
    assert 'train.learning_rate 0.003 0.001' in text
    assert 'ZeroDivisionError' in text and 'prompt longer than 20 tokens 3' in text
    assert 'pass@4' in text and 'maj@4' in text
    cut = sum(r['truncated'] for r in run.read_completions())
    assert f'completion cut off of {len(run.read_completions()):,} recorded {cut}' in text


def test_what_takes_the_value_from_a_number_stands_beside_it(tmp_path):
    from rlvr_nb.tracking import model_card
    run = make_run(tmp_path/'run', steps=6)
    text = text_of(RunReport(run).html())
    assert 'None' not in text and 'trained on' not in model_card(run)
    assert re.search(r'gsm8k_answer_check -?[\d.]+ \d+ is (not )?\d+', text), 'a payment has its reason'
    run.write_manifest({'caveats': ['5 of the 256 <b>problems</b> are also in the training data'],
                        'overlap': {'arithmetic': 5}})
    run.log_event('audit',
                  findings=[{'severity': 'danger', 'finding': "'empty' earns as much"},
                            {'severity': 'note', 'finding': 'harmless'}])
    page = RunReport(run).html()
    head = page[:page.index('<h2>Training')]
    for words in ('5 of the 256 &lt;b&gt;problems', "earns as much"): assert words in head
    assert 'harmless' not in head and 'harmless' in page and '5 of the 256' in model_card(run)
    run.write_manifest({'overlap': {'arithmetic': 0}})
    assert 'none of them trained on' in model_card(run)


def test_answers_cut_off_and_early_stops_are_said_at_the_head(tmp_path):
    run = make_run(tmp_path/'run', steps=6)
    path = run.eval/'after-arithmetic.jsonl'
    e = Evaluation.load(path)
    for r in e.rows: r['truncated'] = True
    e.save(path)
    run.log_event('early_stop', step=6, best={'step': 2, 'accuracy': .5})
    page = RunReport(run).html()
    head = page[:page.index('<h2>Training')]
    assert '100.0 % of the answers after training were cut off at 44 tokens' in head
    assert 'eval.early_stopping_patience' in head
    assert 'answer cut off' in page


def test_a_run_without_evaluation_or_training_says_so(tmp_path):
    run = RunDir.create(tmp_path/'run')
    run.log_event('stage_start', name='model')
    run.write_result({'status': 'finished'})
    page = RunReport(run).html()
    assert 'This run has no evaluation.' in page and '<h2>Training' not in page


def test_shown_completions_are_the_extremes_of_the_last_quarter(run):
    late = [r['reward'] for r in run.read_completions() if r['step'] >= 90]
    picked = pick_completions(run.read_completions())
    assert [r['reward'] for r in picked['best']] == sorted(late)[::-1][:2]
    assert picked['worst'][0]['reward'] == min(late)
    shown = [(r['prompt'], r['completion']) for found in picked.values() for r in found]
    assert len(shown) == len(set(shown)) == 6


def test_a_run_still_going_and_one_that_failed_have_a_page(tmp_path):
    going = make_run(tmp_path/'going', steps=9, finish=False)
    with going.metrics_file.open('a') as file: file.write('{"step": 10, "rew')
    assert 'running, 9 of 9 steps' in text_of(RunReport(going).html())
    going.write_result({'status': 'failed', 'error': 'OutOfMemoryError: 3 GiB short'})
    assert 'The run failed: OutOfMemoryError: 3 GiB short' in text_of(RunReport(going).html())
    empty = RunDir.create(tmp_path/'empty')
    empty.log_event('stage_start', name='model')
    assert 'No evaluation is finished yet' in RunReport(empty).html()


def test_a_report_loads_nothing(run):
    page = RunReport(run).html()
    assert not re.search(r'(?i)(src|href|url|action)\s*=?\s*["\'(]?\s*(https?:|//)', page)
    assert "default-src 'none'" in page and '<script' not in page


def test_saving_is_one_step(run):
    path = RunReport(run).save()
    assert path == run.report and path.read_text(encoding='utf-8').startswith('<!doctype html>')
    assert not list(run.path.glob('.*partial'))


def test_a_long_run_has_a_short_page(tmp_path):
    run = RunDir.create(tmp_path/'long')
    rest = '"time": 0, "accuracy": 0.5, "kl": 0.1, "entropy": 1.0'
    run.metrics_file.write_text(''.join(f'{{"step": {i}, "reward": {i % 7}, {rest}}}\n' for i in range(1, 50_001)))
    page = RunReport(run).html()
    assert len(page) < 200_000 and '50000 steps' in page


def opened(browser, run, width=1400, scheme='light'):
    "The report in a page that records what it asked for and what it said."
    page = browser.new_page(viewport={'width': width, 'height': 900}, color_scheme=scheme)
    page.asked, page.said = [], []
    page.on('request', lambda request: page.asked.append(request.url))
    page.on('console', lambda message: page.said.append(message.text))
    page.on('dialog', lambda dialog: page.said.append(dialog.message))
    page.goto(RunReport(run).save().resolve().as_uri())
    for details in page.query_selector_all('details'): details.evaluate('e => e.open = true')
    return page


def test_hostile_completions_change_nothing(browser, hostile):
    page = opened(browser, hostile)
    assert page.title() == '<script>document.title=1</script>: report'
    assert len(page.asked) == 1 and page.said == []
    acting = 'script, iframe, img, link, object, form, base, a, input'
    assert page.evaluate(f"document.querySelectorAll('{acting}').length") == 0
    assert page.evaluate("document.querySelectorAll('meta').length") == 4
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).display") == 'block'
    assert '<script>document.title="owned"</script>' in page.inner_text('body')   # shown as the text that it is
    page.close()


def test_the_policy_alone_stops_scripts(browser, tmp_path, run):
    "The second lock: a script that got into the page all the same isn't run."
    path = tmp_path/'broken.html'
    path.write_text(RunReport(run).html().replace('<h1>',
        '<script>document.title="owned"</script><img src=x onerror=\'document.title="owned"\'><h1>', 1))
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_timeout(200)
    assert page.title() != 'owned'
    page.close()


def test_hostile_completions_in_a_notebook_frame(browser, hostile, tmp_path):
    path = tmp_path/'notebook.html'
    path.write_text('<title>notebook</title>' + RunReport(hostile)._repr_html_(), encoding='utf-8')
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_timeout(200)
    assert page.title() == 'notebook' and len(page.frames) == 2
    assert page.evaluate("document.querySelectorAll('body > *').length") == 1
    page.close()


@pytest.mark.parametrize('width', [400, 1400])
@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_legible_at_every_width(browser, run, width, scheme):
    page = opened(browser, run, width, scheme)
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    outside = page.evaluate('''w => [...document.querySelectorAll('h1,h2,h3,p,figure,.tile,article,pre,svg')]
        .filter(e => {
        const r = e.getBoundingClientRect(); return r.width && (r.right > w + 1 || r.left < -1)}).length''', width)
    assert outside == 0
    smallest = page.evaluate('''() => Math.min(...[...document.querySelectorAll('svg text')]
        .map(t => t.getBoundingClientRect().height))''')
    assert smallest >= 9
    contrast = page.evaluate('''() => {
        const light = c => { const [r, g, b] = c.match(/\\d+/g).map(v => {
            v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 });
            return .2126*r + .7152*g + .0722*b };
        const ratio = (a, b) => { [a, b] = [light(a), light(b)].sort((x, y) => y - x); return (a + .05) / (b + .05) };
        const page = getComputedStyle(document.body).backgroundColor;
        const all = selector => [...document.querySelectorAll(selector)].map(e => getComputedStyle(e));
        return Math.min(...all('p, h1, td, .note, .tile span').map(look => ratio(look.color, page)),
                        ...all('mark').map(look => ratio(look.color, look.backgroundColor)))}''')
    assert contrast >= 4.5
    page.close()
