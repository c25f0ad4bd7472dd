"""Sphinx configuration of the documentation site. The pages come from `pages.py`; `build.sh` runs both."""
import os
import re
from pathlib import Path
from posixpath import split

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.builders.html import StandaloneHTMLBuilder

here = Path(__file__).parent
project = 'rlvr_nb'
author = 'The rlvr_nb authors'
copyright = author
release = version = re.search(r'__version__ = "(.+)"', (here.parent/'rlvr_nb/__init__.py').read_text()).group(1)

extensions = ['myst_nb']
root_doc = 'index'
source_suffix = {'.ipynb': 'myst-nb', '.md': 'myst-nb'}
exclude_patterns = []

myst_enable_extensions = ['attrs_block', 'attrs_inline', 'colon_fence', 'deflist', 'dollarmath', 'strikethrough',
                          'tasklist']
nb_execution_mode = 'off'             # what is shown is what was saved
nb_render_markdown_format = 'myst'
nb_merge_streams = True
nb_ipywidgets_js = {}                 # would be fetched from another host
suppress_warnings = ['misc.highlighting_failure', 'myst.header', 'mystnb.unknown_mime_type', 'myst.strikethrough']

html_theme = 'furo'
html_title = 'rlvr_nb'
html_static_path = ['_static']
html_css_files = ['site.css']
html_additional_pages = {'search': 'search.html'}   # over the index that finish.py writes
templates_path = ['_templates']
html_favicon = '_static/favicon.svg'
html_copy_source = False
html_use_index = False
html_show_sphinx = False
html_show_copyright = False
html_math_renderer = 'mathml'
pygments_style = 'friendly'
pygments_dark_style = 'github-dark'
html_theme_options = dict(
    sidebar_hide_name=False,
    light_css_variables={'color-brand-primary': '#0b6e6e', 'color-brand-content': '#0b6e6e',
                         'color-brand-visited': '#5a4a8a'},
    dark_css_variables={'color-brand-primary': '#5cc8c0', 'color-brand-content': '#5cc8c0',
                        'color-brand-visited': '#b3a3e6'},
)


def mathml(display):
    "Write a formula as MathML, which browsers draw themselves: no script and no font is fetched."
    def visit(translator, node):
        translator.body.append(convert(node.astext(), display='block' if display else 'inline'))
        raise nodes.SkipNode
    return visit


ENTRY = '<li class="toctree-l1"><a class="reference internal" href="{}">'
CURRENT = '<li class="toctree-l1 current"><a class="current reference internal" href="#">'
trees = {}   # folder -> the sidebar of its pages, where none of them is marked as the current one


def sidebar(app, pagename, template, context, doctree):
    "Make the sidebar once for a folder and mark the current page in it; Sphinx would copy all headings for each page."
    folder, name = split(pagename)
    entry, make = ENTRY.format(f'{name}.html'), context['toctree']

    def tree(**asked):
        if folder not in trees:
            trees[folder] = make(**asked).replace('<ul class="current">', '<ul>').replace(CURRENT, entry)
        before, found, after = trees[folder].partition(entry)
        if not found: return before   # the search
        start, _, items = before.rpartition('<ul>')
        return f'{start}<ul class="current">{items}{CURRENT}{after}'
    context['toctree'] = tree


def leave_out(app, config):
    "With API_PAGES, such as `prompts verify`, the other pages of the API are left out; links to them become text."
    kept = os.environ.get('API_PAGES', '').split()
    if not kept: return
    pages = sorted(Path(app.srcdir).glob('api/*.ipynb'))
    if unknown := set(kept) - {page.stem for page in pages}: raise ValueError(f'API_PAGES names {sorted(unknown)}')
    config.exclude_patterns += [f'api/{page.name}' for page in pages if page.stem not in kept]
    config.suppress_warnings += ['toc.excluded', 'myst.xref_missing']
    app.connect('doctree-resolved', unlink)


def unlink(app, doctree, docname):
    "Turn links to what is on none of the pages, which MyST leaves as links within the page, into text."
    here = {name for element in doctree.findall(nodes.Element) for name in element['ids']}
    for link in list(doctree.findall(nodes.reference)):
        if link.get('refid', '') not in here | {''}: link.replace_self(link.children)


def setup(app):
    app.connect('config-inited', leave_out)
    app.connect('html-page-context', sidebar, priority=400)   # before the theme asks for it
    StandaloneHTMLBuilder.search = False   # its index knows pages, ours knows sections
    app.add_html_math_renderer('mathml', inline_renderers=(mathml(False), None), block_renderers=(mathml(True), None))
