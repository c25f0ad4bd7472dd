"""The documentation site: complete, linked, readable in light and dark, and silent towards other hosts."""
import fcntl
import functools
import http.server
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT/'nbs'))
import finish  # noqa: E402
import pages as site_pages  # noqa: E402
from slower import some  # noqa: E402


class Document(HTMLParser):
    "What the tests ask of one page."
    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads, self.text, self.skip = set(), [], [], [], 0
        self.feed(path.read_text(encoding='utf-8'))
        self.text = ' '.join(' '.join(self.text).split())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if 'id' in attrs: self.ids.add(attrs['id'])
        if tag == 'a' and attrs.get('href'): self.links.append(attrs['href'])
        if tag in ('script', 'img', 'iframe', 'source', 'video') and attrs.get('src'): self.loads.append(attrs['src'])
        if tag == 'link' and attrs.get('href'): self.loads.append(attrs['href'])
        if tag in ('script', 'style'): self.skip += 1

    def handle_endtag(self, tag):
        if tag in ('script', 'style'): self.skip -= 1

    def handle_data(self, data):
        if not self.skip: self.text.append(data)


NOTEBOOKS = site_pages.read_pages()
EXPLAINED = [p for p in NOTEBOOKS if p.module]
# Of the pages of the API, one of each part; every page is the same kind of work, and EVERYTHING=1 builds them all.
FEW = 'redaction show prompts verify rewards tiny control comparison rundir pipeline app'.split()
BUILT = [p for p in NOTEBOOKS
         if os.environ.get('EVERYTHING') or p.path.parts[0] != 'api' or p.doc.removeprefix('api/') in FEW]


def build(out):
    "Build the site into `out`."
    environ = {**os.environ, 'PYTHON': sys.executable}
    if not os.environ.get('EVERYTHING'): environ['API_PAGES'] = ' '.join(FEW)
    return subprocess.run(['bash', 'nbs/build.sh', str(out)], cwd=ROOT, env=environ, capture_output=True, text=True,
                          timeout=900)


@pytest.fixture(scope='session')
def site(tmp_path_factory):
    "The built site: once, however many processes share the tests."
    shared = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ: shared = shared.parent
    with open(shared/'site.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared/'_docs').exists():
            done = build(shared/'_docs')
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    return shared/'_docs'


@pytest.fixture(scope='session')
def documents(site):
    return {p.relative_to(site).as_posix(): Document(p) for p in site.rglob('*.html')}


def test_every_notebook_is_a_page_in_the_order_of_the_sidebar(site, documents):
    wanted = [f'{p.doc}.html' for p in BUILT]
    assert set(wanted) <= set(documents)
    html = (site/'index.html').read_text()
    tree = html[html.index('class="sidebar-tree"'):]
    tree = tree[:tree.index('</div>')]
    first_of_api = next(p for p in wanted if p.startswith('api/'))
    wanted[wanted.index(first_of_api):wanted.index(first_of_api)] = ['parts.html', 'api_list.html']
    first_explanation = next(p for p in wanted if p.startswith('explanations/'))
    wanted.insert(wanted.index(first_explanation), 'configuration.html')
    assert re.findall(r'class="reference internal" href="([^"#]+)"',
                      tree) == [p for p in wanted if p != 'index.html'] + ['changelog.html']


def test_the_package_is_shown_part_by_part(site, documents):
    parts = site_pages.parts_of(NOTEBOOKS)
    captions = re.findall(r'class="caption-text">([^<]+)<', (site/'index.html').read_text())
    assert [title for title, *_ in parts] == [c for c in captions
                                              if c in dict((title, about) for title, about, _ in parts)]
    listed = [p.doc for *_, found in parts for p in found]
    assert listed == [p.doc for p in NOTEBOOKS if p.path.parts[0] == 'api'], 'a notebook stands in no part'
    for _, about, found in parts:
        assert about in documents['parts.html'].text
        for page in found: assert page not in BUILT or f'{page.doc}.html' in documents['parts.html'].links


def test_a_broken_link_ends_the_build(tmp_path):
    index = tmp_path/'index.html'
    index.write_text('<a href="other.html"></a><a href="#there"></a><a href="#not"></a><b id="there">')
    (tmp_path/'page.html').write_text('<a href="index.html#there"></a><img src="gone.png"><a href="https://a.b/c"></a>')
    assert finish.broken_links(tmp_path, finish.read_site(tmp_path)) == [
        'index.html: other.html leads nowhere', 'index.html: #not: index.html has no such anchor',
        'page.html: gone.png leads nowhere']


def test_a_missing_output_or_docstring_ends_the_build(monkeypatch, tmp_path):
    cell = dict(cell_type='code', id='c-shown', metadata={}, execution_count=None, outputs=[], source=['1 + 1'])
    (tmp_path/'bare.ipynb').write_text(json.dumps(dict(cells=[cell], metadata={}, nbformat=4, nbformat_minor=5)))
    assert site_pages.without_output(tmp_path/'bare.ipynb') == ['c-shown']
    page = next(p for p in NOTEBOOKS if p.doc == 'api/prompts')
    assert site_pages.undocumented([page]) == []
    monkeypatch.setattr(importlib.import_module('rlvr_nb.prompts').parse_completion, '__doc__', None)
    assert site_pages.undocumented([page]) == ['api/11_prompts.ipynb: parse_completion']


def test_llms_txt_names_every_page(site):
    text = (site/'llms.txt').read_text()
    assert text.startswith('# rlvr_nb\n\n> Train reasoning language models')
    named = set(re.findall(r'\]\(([^)]+)\)', text))
    assert {f'{p.doc}.html' for p in BUILT} - {'index.html'} <= named
    assert text.index('start/install.html') < text.index('tutorials/') < text.index('api/redaction.html')


def test_every_name_is_on_the_list_of_the_api(documents):
    listed = documents['api_list.html'].text
    for page in NOTEBOOKS:
        for name in page.names:
            if '.' in name or name.isupper(): continue
            obj = getattr(importlib.import_module(page.module), name)
            assert not inspect.isfunction(obj) or name in listed, f'{page.module}.{name}'


def test_the_address_is_written_in_one_command(tree):
    moved = 'https://example.org/ann/reasoning'
    subprocess.run([sys.executable, 'nbs/pages.py', 'address', moved], cwd=tree, check=True, capture_output=True)
    text = {p: p.read_text(encoding='utf-8') for p in (tree/name for name in (*site_pages.ADDRESSED, 'README.md'))}
    assert all(moved in t for t in text.values()) and not any('github.com/OWNER' in t for t in text.values())
    assert 'research.google.com/github/ann/reasoning/blob' in text[tree/'nbs/tutorials/colab_grpo.ipynb']
    old = site_pages.address()
    found = subprocess.run(['git', 'grep', '-l', '-F', old], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert set(found) == {*site_pages.ADDRESSED, 'README.md'}, 'a file names it that the command does not change'


def test_nothing_is_loaded_from_another_host(documents, site):
    remote = [f'{name}: {load}' for name, doc in documents.items() for load in doc.loads
              if urlsplit(load).scheme not in ('', 'data') or load.startswith('//')]
    remote += [f'{p.name}: {m}' for p in site.rglob('*.css')
               for m in re.findall(r'(?:url\(["\']?|@import ["\'])(https?:[^)"\']+)', p.read_text(encoding='utf-8'))]
    assert not remote, '\n'.join(remote[:20])


def squeezed(text):
    "Text without blanks, as highlighting puts some between the words of code."
    return re.sub(r'\s', '', text)


@pytest.mark.parametrize('page', some(EXPLAINED, *(p for p in EXPLAINED if p in BUILT)), ids=lambda p: p.doc)
def test_exported_names_are_documented_and_hidden_cells_are_hidden(page, documents):
    doc = documents[f'{page.doc}.html']
    for name, to in page.names.items():
        assert re.sub(r'[^a-z0-9]+', '-', to.lower()).strip('-') in doc.ids, f'{name} has no place on {page.doc}.html'
    shown, hidden = set(), set()
    for cell in json.loads((ROOT/'nbs'/page.path).read_text(encoding='utf-8'))['cells']:
        away = page.directives[cell['id']].keys() & {'hide', 'default_exp'}
        (hidden if away else shown).update(squeezed(line) for line in cell['source'] if not line.startswith('#|'))
    text, elsewhere = squeezed(doc.text), ''.join(shown)
    for line in hidden:
        if len(line) > 20 and line not in elsewhere: assert line not in text, f'hidden: {line}'
    assert not re.search(r'#\|(export|hide|default_exp|echo|output|eval|code-fold|slow|cuda)', text)


def test_parameters_are_documented_and_names_are_linked(tmp_path):
    "On a page made for the purpose: what each kind of cell becomes."
    page = next(p for p in NOTEBOOKS if p.doc == 'api/prompts')
    links = site_pages.Links(NOTEBOOKS)
    text = '\n'.join(site_pages.described('parse_completion', page, links, 3))
    assert '(prompts.parse_completion)=' in text and '\n### `parse_completion`\n' in text
    assert re.search(r'^\| `prefilled` \| .*`bool.*\| `False` \| .*\S.* \|$', text, re.M), text
    assert links.text('see `parse_completion()` and `nothing`',
                      page) == 'see [`parse_completion()`](#prompts.parse_completion) and `nothing`'
    assert links.text('`rlvr_nb.prompts`', page) == '[`rlvr_nb.prompts`](../api/prompts.ipynb)'
    kept = '# `parse_completion`\n[`parse_completion`](x)\n```\n`parse_completion`\n```'
    assert links.text(kept, page) == kept
    assert site_pages.plain('pays `<answer>` for <b>, $1_000') == r'pays `<answer>` for \<b\>, \$1\_000'


def test_outputs_that_need_a_kernel_are_left_out():
    page, links = NOTEBOOKS[0], site_pages.Links(NOTEBOOKS)
    widget = dict(output_type='display_data',
                  data={'application/vnd.jupyter.widget-view+json': {}, 'text/plain': 'IntProgress()'})
    assert site_pages.clean_output(widget, links, page) is None
    bar = dict(output_type='stream', name='stderr', text=' 0%|  |\r 50%|# |\r100%|##|\nnext\n')
    assert site_pages.clean_output(bar, links, page)['text'] == '100%|##|\nnext\n'


def opened(browser, url, allowed, **context):
    "The page at `url`, and the requests and script errors that opening it caused."
    ctx = browser.new_context(**context)
    seen = []
    ctx.route('**/*', lambda route: route.continue_() if route.request.url.startswith(allowed)
              else (seen.append(route.request.url), route.abort()))
    page = ctx.new_page()
    page.on('pageerror', lambda e: seen.append(f'script error: {e}'))
    page.goto(url)
    return page, seen


def test_pages_fit_the_window_and_ask_no_other_host(site, documents, browser):
    page, seen = opened(browser, (site/'index.html').as_uri(), ('file:', 'data:'))
    bad = {}
    for name in sorted(documents):   # in one tab: a new one for each page takes longer than the pages do
        page.goto((site/name).as_uri())
        for width in (1400, 400):
            page.set_viewport_size(dict(width=width, height=900))
            wide = page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
            if seen or wide > 0: bad[name, width] = [*seen], f'{wide} px too wide'
        seen.clear()
    page.context.close()
    assert not bad


def contrast(a, b):
    "The WCAG contrast ratio of two colours as browsers write them."
    def light(c):
        parts = [int(x)/255 for x in re.findall(r'\d+', c)[:3]]
        r, g, b = (x/12.92 if x <= .03928 else ((x + .055)/1.055)**2.4 for x in parts)
        return .2126*r + .7152*g + .0722*b
    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + .05)/(low + .05)


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_text_and_links_are_readable(site, browser, scheme):
    page, _ = opened(browser, (site/'api/prompts.html').as_uri(), ('file:', 'data:'), color_scheme=scheme)
    def colour(selector, what):
        return page.locator(selector).first.evaluate(f'e => getComputedStyle(e)["{what}"]')

    ground = colour('body', 'backgroundColor')
    assert (contrast(ground, 'rgb(0, 0, 0)') > 10) == (scheme == 'light')
    assert contrast(ground, colour('article p:not(.lead)', 'color')) >= 7
    for selector in ('.lead', 'article a.reference', '.sidebar-tree a.reference', 'details.source summary'):
        assert contrast(ground, colour(selector, 'color')) >= 4.5, selector
    page.context.close()


@pytest.mark.parametrize('served', [False, True], ids=['from files', 'from a server'])
def test_search_finds_a_name(site, browser, served):
    base, server = site.as_uri(), None
    if served:
        handler = type('Quiet', (http.server.SimpleHTTPRequestHandler,), dict(log_message=lambda *a: None))
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(handler, directory=site))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f'http://127.0.0.1:{server.server_port}'
    try:
        page, seen = opened(browser, f'{base}/index.html', (base, 'data:'), viewport=dict(width=1400, height=900))
        page.get_by_placeholder('Search').first.fill('learning_rate')
        page.keyboard.press('Enter')
        found = page.locator('#search-results li')
        found.first.wait_for(timeout=10_000)
        assert found.first.locator('a').text_content() == 'train.learning_rate', 'the option itself comes first'
        assert 'in Configuration' in found.first.text_content()
        assert found.first.locator('mark').first.text_content() == 'learning_rate'
        page.locator('form.find input').fill('parse_completion prefilled')
        name = found.locator('a', has_text='parse_completion').first
        name.click()
        page.wait_for_url('**/api/prompts.html#*')
        assert not seen
        page.context.close()
    finally:
        if server: server.shutdown(); server.server_close()
