"""Turn the notebooks into Sphinx pages for the site, and `index.ipynb` into README.md.

    python nbs/pages.py pages FOLDER    write the pages of the site, as Sphinx reads them, into FOLDER
    python nbs/pages.py readme          write README.md
    python nbs/pages.py address URL     write where the repository is, such as https://github.com/me/rlvr_nb, into
                                        settings.ini and wherever a page names it

`nbdev.serve.proc_nbs` has already hidden what is hidden and marked what is documented. What is left is to
describe every exported name from the package, to link names to their definitions with relative links, and to put the
pages in order. No cell of a notebook runs: outputs are the saved ones.
"""
import ast
import inspect
import json
import posixpath
import re
import shutil
import sys
import textwrap
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path

from fastcore.docments import docments
from fastcore.nbio import read_nb
from nbdev.doclinks import nbglob
from nbdev.showdoc import showdoc_nm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))   # the package beside the notebooks, wherever another one is installed
NBS = ROOT/'nbs'
sys.path.insert(1, str(NBS))
PACKAGE = 'rlvr_nb'
SECTIONS = {'start': 'Start here', 'tutorials': 'Tutorials', 'howto': 'How-to', 'guide': 'Configuration',
            'explanations': 'Explanations', 'api': 'API'}
PARTS = {   # the tens of the numbers of nbs/api -> the title of that part, and what it does
    0: ('Reading a configuration',
        'What a user writes, from the grammar of an override to a checked configuration, and how results are shown.'),
    1: ('Prompts and data', 'From the rows of a dataset to prompts, and from the text of a completion to its parts.'),
    2: ('Verdicts', 'Whether an answer is right: numbers, amounts, formulas and sets, read and compared.'),
    3: ('Rewards', 'What a completion is paid, by functions that can be checked, and what tries to cheat them.'),
    4: ('Model and rollouts', 'The model that is trained, and the completions that it gives.'),
    5: ('Training', 'GRPO itself, its checkpoints, and how a stopped run resumes exactly.'),
    6: ('Evaluation', 'How good a model is, how sure that is, what training changed, and what a run will need.'),
    7: ('Record and report', 'The directory that holds all of a run, and the pages that are made from it.'),
    8: ('The run', 'Every check before a run, the run from beginning to end, and its command line.'),
    9: ('The app', 'The same in a notebook, with everything to set and to watch.'),
}
HIDDEN = {'hide', 'default_exp', 'exporti'}
WIDGETS = ('application/vnd.jupyter.widget-view+json', 'application/vnd.jupyter.widget-state+json')
DEFS = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef


# Reading notebooks

def public(name):
    "Is `name` part of what a module offers?"
    last = name.rpartition('.')[2]
    return not last.startswith('_') or last.startswith('__')

def names_of(node):
    "The names, `Class.method` where patched, that a definition or an assignment gives."
    if isinstance(node, DEFS):
        found = showdoc_nm(node)
        return found if isinstance(found, list) else [found]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [t.id for t in targets if isinstance(t, ast.Name)]

def label(module, name, node):
    "Where a link to `name` points; labels ignore case, and a class may have the letters of a function."
    kind = '-class' if isinstance(node, ast.ClassDef) else '' if isinstance(node,
                                                                            DEFS) or not name.isupper() else '-constant'
    return f"{module.removeprefix(PACKAGE + '.')}.{name}{kind}"

@dataclass
class Page:
    "A notebook, and what it exports."
    path: Path                                      # of the notebook, relative to nbs/
    module: str = None                              # the module it exports, if any
    directives: dict = field(default_factory=dict)  # of every cell, by cell id
    names: dict = field(default_factory=dict)       # label of every exported name

    @property
    def doc(self):
        "The page's path in the site, without suffix: numbers that order the files are left out."
        return self.path.with_name(re.sub(r'^\d+[a-zA-Z0-9]*_', '', self.path.stem.lower())).as_posix()

def read_page(path):
    "Find out what the notebook at `path` exports."
    page = Page(path.relative_to(NBS))
    exported = []
    for cell in read_nb(path).cells:
        directives = cell.directives if cell.cell_type == 'code' else {}
        page.directives[cell.id] = directives
        if 'default_exp' in directives: page.module = f"{PACKAGE}.{directives['default_exp']}"
        if directives.keys() & {'export', 'exports'}: exported += ast.parse(cell.source).body
    for node in exported:
        for name in filter(public, names_of(node)):
            page.names[name] = label(page.module, name, node)
            for sub in getattr(node, 'body', []) if isinstance(node, ast.ClassDef) else []:
                if documented_method(sub): page.names[f'{name}.{sub.name}'] = label(page.module, f'{name}.{sub.name}',
                                                                                    sub)
    return page

def documented_method(node):
    "Is this member of a class body described under its class?"
    return (isinstance(node, DEFS) and not isinstance(node, ast.ClassDef) and ast.get_docstring(node)
            and public(node.name))

def read_pages():
    "Every notebook, in the order of the sidebar."
    order = [None, *SECTIONS]
    paths = [p for p in nbglob(NBS, as_path=True)]
    def key(p):
        folder = p.relative_to(NBS).parts[0] if len(p.relative_to(NBS).parts) > 1 else None
        if folder not in order: raise SystemExit(f"{p}: notebooks live in nbs/ itself or in one of {list(SECTIONS)}")
        return order.index(folder), p.name != 'index.ipynb', p.name
    pages = [read_page(p) for p in sorted(paths, key=key)]
    seen = {}
    for page in pages:
        if other := seen.setdefault(page.doc, page.path) is not page.path and seen[page.doc]:
            raise SystemExit(f"{page.path} and {other} would both become {page.doc}.html; rename one")
    return pages


# Links

CODE_SPAN = re.compile(r'(?<![`\[])`([^`\s]+?)(\(\))?`(?![`\]])')
NOTEBOOK_LINK = re.compile(r'\]\(([^)\s#]+)\.ipynb(#[^)\s]*)?\)')

class Links:
    "Links `backticked` names to their definitions."
    def __init__(self, pages, options=None):
        self.pages, self.bare, self.full, self.options = pages, {}, {}, options or {}
        for page in pages:
            if not page.module: continue
            self.full[page.module] = page
            short = page.module.removeprefix(f'{PACKAGE}.')
            for name, to in page.names.items():
                self.bare.setdefault(name, to)
                self.full[f'{page.module}.{name}'] = self.full[f'{short}.{name}'] = to

    def target(self, name, page):
        "Where `name` leads when it is mentioned on `page`, or None."
        to = page.names.get(name) or self.bare.get(name) or self.full.get(name) or self.options.get(name)
        if not isinstance(to, Page): return to and f'#{to}'
        return f"{'../' * (len(page.path.parts) - 1)}{to.doc}.ipynb"

    def line(self, text, page):
        "Link the names in one line of prose."
        def link(m):
            to = self.target(m[1], page)
            return f"[{m[0]}]({to})" if to else m[0]
        return CODE_SPAN.sub(link, text)

    def text(self, text, page):
        "Link the names in Markdown `text`, leaving headings, code blocks and existing links alone."
        fence, out = None, []
        for line in text.splitlines():
            mark = re.match(r' {0,3}(```+|~~~+)', line)
            if mark and not fence: fence = mark[1]
            elif mark and fence and mark[1].startswith(fence): fence = None
            elif not fence:
                line = NOTEBOOK_LINK.sub(lambda m: f"]({self.notebook(m[1], page)}{m[2] or ''})", line)
                if page.doc == 'index': line = line.replace('](../CHANGELOG.md)', '](changelog.md)')
                if not line.startswith(('#', '    ')): line = self.line(line, page)
            out.append(line)
        return '\n'.join(out)

    def notebook(self, to, page):
        "The page that a relative link to a notebook leads to."
        if '://' in to: return f'{to}.ipynb'
        path = (NBS/page.path.parent/f'{to}.ipynb').resolve()
        found = next((p for p in self.pages if NBS/p.path == path), None)
        if not found: raise SystemExit(f"{page.path}: links to {to}.ipynb, and there is no such notebook")
        return f"{'../' * (len(page.path.parts) - 1)}{found.doc}.ipynb"


# Describing exported names

def plain(text):
    "Text from a comment or docstring as Markdown that shows it as it was written; code spans stay code."
    parts = re.split(r'(`+[^`]+`+)', text)
    return ''.join(p if i % 2 else re.sub(r'([\\*_<>$\[\]~{}^])', r'\\\1', p) for i, p in enumerate(parts))

def cell_text(text):
    "Fit Markdown into a cell of a table."
    return ' '.join(text.split()).replace('|', '\\|')

def shown_type(anno):
    "An annotation as source code."
    if anno in (inspect.Parameter.empty, None, type(None)): return ''
    if getattr(anno, '__metadata__', None): anno = anno.__origin__
    text = anno if isinstance(anno, str) else inspect.formatannotation(anno)
    return re.sub(r'\b(?:typing|collections\.abc|rlvr_nb\.\w+|__main__)\.', '', text).strip('\'"')

def shown_default(value):
    "A default value as source code, cut where it is long."
    if value is inspect.Parameter.empty: return ''
    text = getattr(value, '__name__', None) or re.sub(r' at 0x[0-9a-f]+', '', repr(value)).replace('<factory>', '...')
    return textwrap.shorten(text, 60, placeholder=' ...') if len(text) > 60 else text

def by_bases(obj):
    "Is `obj` a class that is better known by its bases than by how it is called: a schema, an exception?"
    return inspect.isclass(obj) and (is_schema(obj) or issubclass(obj, BaseException)
                                     and not inspect.isfunction(obj.__init__))

def is_schema(obj):
    "Is `obj` a pydantic model? Its fields document themselves."
    return inspect.isclass(obj) and hasattr(obj, 'model_fields')

def field_meaning(f):
    "A field's description, its unit and its bounds."
    bounds = [f'{sign} {getattr(m, what)}' for m in f.metadata for what,
              sign in dict(gt='>', ge='>=', lt='<', le='<=').items() if hasattr(m, what)]
    unit = f.json_schema_extra.get('unit') if isinstance(f.json_schema_extra, dict) else None
    extra = ', '.join([*([unit] if unit else []), *bounds])
    return (f.description or '') + (f' ({extra})' if extra else '')

def parameters(obj):
    "(name, type, default, meaning) of every parameter or field of `obj`, and of what it returns."
    if is_schema(obj):
        for name, f in obj.model_fields.items():
            default = inspect.Parameter.empty if f.is_required() else f.get_default(call_default_factory=True)
            yield (
                name,
                shown_type(f.annotation),
                '' if is_schema(type(default)) else shown_default(default),
                field_meaning(f),
            )
    if by_bases(obj): return
    if hasattr(obj, '_field_defaults'):   # a NamedTuple: the comments are in its source
        said = dict(re.findall(r'^ +(\w+) *:[^#\n]*#\s*(.+)$', inspect.getsource(obj), flags=re.M))
        for name in obj._fields:
            yield (name, shown_type(obj.__annotations__.get(name)),
                   shown_default(obj._field_defaults.get(name, inspect.Parameter.empty)), said.get(name, ''))
        return
    for name, p in docments(obj, full=True).items():
        if name in ('self', 'cls'): continue
        star = {inspect.Parameter.VAR_POSITIONAL: '*', inspect.Parameter.VAR_KEYWORD: '**'}.get(p.get('kind'), '')
        yield star + name, shown_type(p.anno), shown_default(p.default), p.docment or ''

def signature(name, obj):
    "How `obj` is called, short enough to read; types are in the table of its parameters."
    head = f"class {name}" if inspect.isclass(obj) else name
    if by_bases(obj):
        return f"{head}({', '.join(b.__name__ for b in obj.__bases__ if b is not object)})".removesuffix('()')
    sig, parts, star = inspect.signature(obj), [], False
    for p in sig.parameters.values():
        if p.name in ('self', 'cls') and not parts and '.' in name: continue
        if p.kind is p.KEYWORD_ONLY and not star: parts.append('*'); star = True
        if p.kind is p.VAR_POSITIONAL: star = True
        mark = {p.VAR_POSITIONAL: '*', p.VAR_KEYWORD: '**'}.get(p.kind, '')
        parts.append(mark + p.name + ('' if p.default is p.empty else f'={shown_default(p.default)}'))
    returns = shown_type(sig.return_annotation) if not inspect.isclass(obj) else ''
    text = f"{head}({', '.join(parts)})" + (f' -> {returns}' if returns else '')
    return text if len(text) <= 88 else f"{head}(\n    " + ',\n    '.join(parts) + '\n)' + (f' -> {returns}' if returns
                                                                                            else '')

def table(rows, link):
    "Parameters as a table, without the columns that say nothing; `link` links the names in a line."
    rows = [r for r in rows if r[0] != 'return'] + [('returns', *r[1:]) for r in rows if r[0] == 'return'
                                                    and (r[1] or r[3])]
    if not any(r[1] or r[3] for r in rows): return []
    keep = [i for i in range(4) if i == 0 or any(r[i] for r in rows)]
    titles = ('', 'Type', 'Default', 'Meaning')
    def shown(i, value):
        if not value: return ''
        if i == 3: return cell_text(link(plain(value)))
        if value == 'returns': return '*returns*'
        span = f'`{value}`' if '`' not in value else f'`` {value} ``'
        return cell_text(link(span) if i == 1 else span)
    lines = [[titles[i] for i in keep], ['---'] * len(keep), *([shown(i, r[i]) for i in keep] for r in rows)]
    return ['{.parameters}', *(f"| {' | '.join(line)} |" for line in lines)]

def described(name, page, links, level):
    "Markdown that documents the exported `name`, a heading first."
    obj = import_module(page.module)
    try:
        for part in name.split('.'): obj = getattr(obj, part)
    except AttributeError:
        raise SystemExit(
            f"{page.module} has no {name!r}: its notebook and the package differ, run nbdev-export"
        ) from None
    lines = [f'({page.names[name]})=', f"{'#' * min(level, 6)} `{name}`", '']
    if isinstance(obj, property):
        obj = obj.fget
        returns = shown_type(inspect.signature(obj).return_annotation)
        lines += ['```python', f'{name}: {returns}' if returns else name, '```', '']
    elif callable(obj): lines += ['```python', signature(name, obj), '```', '']
    doc = inspect.cleandoc(obj.__doc__ or '')
    # a dataclass without a docstring repeats its signature
    if doc and not doc.startswith(f'{name}('): lines += [links.text(plain(doc), page), '']
    rows = [r for r in parameters(obj) if r[0] != 'return' or r[3]]   # the signature has its type
    return [*lines, *table(rows, lambda text: links.line(text, page)), '']

def folded(source):
    "The source of a definition, folded."
    fence = '```' if '```' not in source else '````'
    return f'<details class="source"><summary>Source</summary>\n\n{fence}python\n{source}\n{fence}\n\n</details>'


# From nbdev's processed notebooks to pages

def markdown(text): return dict(cell_type='markdown', metadata={}, source=text)

def code(source, outputs, tags=()):
    return dict(cell_type='code', execution_count=None, metadata=dict(tags=list(tags)) if tags else {}, source=source,
                outputs=outputs)

def without_directives(source):
    "`source` without its `#|` lines."
    return re.sub(r'^#\|.*\n?', '', source, flags=re.M).strip('\n')

def tags_of(directives):
    "What nbdev's directives about display are called in MyST-NB."
    def off(name): return str(directives.get(name, '')).lower() == 'false'
    return [tag for tag, on in {'remove-input': off('echo'), 'remove-output': off('output'),
                                'hide-input': 'code-fold' in directives}.items() if on]

def clean_output(out, links, page):
    "An output that shows without a kernel, or None."
    if 'text' in out:   # keep what a progress bar showed last
        text = out['text'] if isinstance(out['text'], str) else ''.join(out['text'])
        return {**out, 'text': re.sub(r'^.*\r(?!\n)', '', text, flags=re.M)}
    data = out.get('data')
    if data is None: return out
    if data.keys() & set(WIDGETS):
        data = {k: v for k, v in data.items() if k not in (*WIDGETS, 'text/plain')}
        if not data: return None
    if 'text/markdown' in data: data = {**data, 'text/markdown': links.text(''.join(data['text/markdown']), page)}
    return {**out, 'data': data}

def titled(text):
    "A title cell: the quoted line under the title becomes the page's lead."
    return re.sub(r'\A(# .+\n)\s*>\s*(.+)', r'\1\n{.lead}\n\2', text)

def page_cells(page, nb, links):
    "The cells of one page."
    level, out, cells = 1, [], list(nb.cells)
    while cells:
        cell = cells.pop(0)
        directives = page.directives.get(cell.get('id'), {})
        if cell.cell_type == 'raw' or directives.keys() & HIDDEN or directives.get('include') == 'false': continue
        if cell.cell_type == 'markdown':
            for m in re.finditer(r'^(#+) ', re.sub(r'^```.*?^```', '', cell.source, flags=re.M | re.S),
                                 flags=re.M): level = len(m[1])
            text = links.text(titled(cell.source) if not out else cell.source, page)
            out.append(markdown(text.replace('```console\n', '```bash\n')))   # commands look alike everywhere
            continue
        source = without_directives(cell.source)
        if m := re.match(r'show_doc\(\s*([\w.]+)', source):
            if m[1] not in page.names:
                raise SystemExit(f"{page.path}: show_doc({m[1]}), which this notebook does not export")
            out.append(markdown('\n'.join(described(m[1], page, links, level + 1))))
        elif not directives.keys() & {'export', 'exports'}:
            outputs = [o for o in (clean_output(o, links, page) for o in cell.get('outputs', [])) if o]
            if source or outputs: out.append(code(source, outputs, tags_of(directives)))
        else:
            shown = []
            while cells and cells[0].get('id') not in page.directives and re.match(r'(#\|.*\n)*show_doc\(',
                                                                                   cells[0].get('source', '')):
                shown.insert(0, re.search(r'show_doc\(\s*([\w.]+)', cells.pop(0).source)[1])
            out += exported(source, shown, page, links, 'exports' in directives, level)
    return out

def exported(source, shown, page, links, unfold, level):
    "An exported cell: each definition described, then the source; constants are shown, imports are not."
    body = ast.parse(source).body
    if all(isinstance(n, (ast.Import, ast.ImportFrom)) for n in body): return []
    lines = []
    for name in shown:
        lines += described(name, page, links, level + 1)
        node = next(n for n in body if isinstance(n, DEFS) and name in names_of(n))
        for sub in node.body if isinstance(node, ast.ClassDef) else []:
            if documented_method(sub):
                lines += described(f'{name}.{sub.name}', page, links, level + 2)
    constants = [page.names[n] for node in body if not isinstance(node, DEFS) for n in names_of(node)
                 if n in page.names]
    if constants: lines += [*(f'({to})=' for to in constants), '{.anchors}', '&#8203;']
    text = [markdown('\n'.join(lines))] if lines else []
    if unfold or constants and not any(isinstance(n, DEFS) for n in body): return [*text, code(source, [])]
    return [*text, markdown(folded(source))]

def parts_of(pages):
    "The pages of the package, part by part: (title, what the part does, its pages)."
    found = {ten: [p for p in pages if p.path.parts[0] == 'api' and p.path.name.startswith(str(ten))] for ten in PARTS}
    return [(*PARTS[ten], pages_of) for ten, pages_of in found.items() if pages_of]

def toctree(pages):
    "The sidebar."
    groups = [('', ['self'] + [p.doc for p in pages if len(p.path.parts) == 1 and p.doc != 'index'])]
    groups += [(title, [p.doc for p in pages if p.path.parts[0] == folder] + ['configuration']*(folder == 'guide'))
               for folder, title in SECTIONS.items() if folder != 'api']
    parts = [(title, [p.doc for p in found]) for title, _, found in parts_of(pages)]
    groups += [(SECTIONS['api'], ['parts', 'api_list']), *parts, ('Project', ['changelog'])]
    def tree(title, docs): return '\n'.join(['```{toctree}', ':hidden:', *([f':caption: {title}'] if title else []), '',
                                             *docs, '```'])
    return markdown('\n\n'.join(tree(title, docs) for title, docs in groups if docs))

def lead_of(page):
    "The quoted line under a notebook's title."
    first = read_nb(NBS/page.path).cells[0].source
    found = re.search(r'^>\s*(.+)$', first, re.M)
    return found[1].strip() if found else ''

def parts_page(pages):
    "A page that says what each part of the package does, and lists its notebooks."
    lines = [
        '# The package, part by part',
        '',
        'Each notebook defines, explains and tests one module. They import one another in this order, never backward.',
    ]
    for title, about, found in parts_of(pages):
        lines += ['', f'## {title}', '', about, '']
        lines += [f"- [`{p.module.removeprefix(f'{PACKAGE}.')}`]({p.doc}): {lead_of(p)}" for p in found]
    return '\n'.join(lines) + '\n'

def first_sentence(obj):
    "What a docstring begins with, or nothing."
    found = re.split(r'(?<=[.!?:])\s', inspect.cleandoc(obj.__doc__ or '').strip(), maxsplit=1)
    return ' '.join(found[0].split())

def described_line(page, name, to):
    "A name of the API on one line: link and first sentence; None for a constant."
    obj = import_module(page.module)
    for part in name.split('.'): obj = getattr(obj, part)
    if not callable(obj): return None
    said = first_sentence(obj)
    if said.startswith(f'{name}('): said = ''   # a dataclass without a docstring repeats its signature
    return f'- [`{name}`](#{to})' + (f': {plain(said)}' if said else '')

def api_list(pages):
    "Every documented name of the package on one page, module by module."
    lines = ['# Every name of the API', '', '{.lead}', 'Functions and classes by module, each with its first sentence.',
             '', 'The modules stand in the order in which they import one another. A name leads to its parameters and '
             'its source.']
    for page in (p for p in pages if p.module):
        named = [described_line(page, name, to) for name, to in page.names.items() if '.' not in name]
        found = [line for line in named if line]
        if found: lines += ['', f'## `{page.module}`', '', *found]
    return '\n'.join(lines) + '\n'

def undocumented(pages):
    "Public names that are exported without a docstring; one that overrides another has that one's."
    silent = []
    for page in (p for p in pages if p.module):
        for name in page.names:
            obj = import_module(page.module)
            for part in name.split('.'): obj = getattr(obj, part)
            if isinstance(obj, property): obj = obj.fget
            own = getattr(obj, '__module__', None) == page.module and hasattr(obj, '__qualname__')   # no alias
            shown = all(public(part) for part in name.split('.')) and '__' not in name
            if own and shown and not inspect.getdoc(obj): silent.append(f'{page.path}: {name}')
    return silent

def shows(source):
    "Does this cell surely show something: does it print, or end in a value that is not the result of a call?"
    body = ast.parse(re.sub(r'(?m)^(\s*)[%!].*', r'\1pass', source)).body  # magics aren't Python
    if not body: return False
    called = [n.value for n in body if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
    prints = any(getattr(call.func, 'id', '') == 'print' for call in called)
    ends = isinstance(body[-1], ast.Expr) and not isinstance(body[-1].value, (ast.Call, ast.Constant))
    return prints or ends and not source.rstrip().endswith(';')

SILENT = {'hide', 'export', 'exporti', 'exports', 'eval', 'notest'}

def without_output(path):
    "Cells of a notebook that show something and have no saved output."
    return [cell.id for cell in read_nb(path).cells if cell.cell_type == 'code' and not cell.outputs
            and not cell.directives.keys() & SILENT and not cell.source.lstrip().startswith(('%', '!'))
            and shows(cell.source)]

def check(pages):
    "Refuse to build what is not whole: a name without a docstring, a cell without its output."
    faults = [f'{fault} has no docstring' for fault in undocumented(pages)]
    faults += [f'{page.path}: cell {cell} has no saved output, run nbdev-test --save on it'
               for page in pages for cell in without_output(NBS/page.path)]
    if faults: raise SystemExit('\n'.join(faults))

def write_pages(dest):
    "Write every page of the site into the folder `dest`."
    from configuration import configuration_page, labels
    from nbdev import config
    from nbdev.serve import proc_nbs
    config._load_toml = cache(config._load_toml)   # nbdev reads pyproject.toml again for every cell
    proc = proc_nbs(str(NBS), n_workers=0, force=True)
    pages = read_pages()
    check(pages)
    links = Links(pages, labels())
    dest = Path(dest)
    shutil.rmtree(dest, ignore_errors=True)
    for page in pages:
        cells = page_cells(page, read_nb(proc/page.path), links)
        if page.doc == 'index': cells.append(toctree(pages))
        for i, cell in enumerate(cells): cell['id'] = f'cell-{i}'
        target = (dest/page.doc).with_suffix('.ipynb')
        target.parent.mkdir(parents=True, exist_ok=True)
        metadata = dict(kernelspec=dict(name='python3', display_name='python3', language='python'),
                        language_info=dict(name='python'))
        target.write_text(json.dumps(dict(cells=cells, metadata=metadata, nbformat=4, nbformat_minor=5)),
                          encoding='utf-8')
    (dest/'configuration.md').write_text(configuration_page(), encoding='utf-8')
    (dest/'parts.md').write_text(parts_page(pages), encoding='utf-8')
    (dest/'api_list.md').write_text(api_list(pages), encoding='utf-8')
    shutil.copy2(ROOT/'CHANGELOG.md', dest/'changelog.md')
    for image in NBS.rglob('*'):
        if image.suffix in ('.png', '.svg', '.jpg', '.gif') and not any(p[0] in '_.'
                                                                        for p in image.relative_to(NBS).parts):
            target = dest/image.relative_to(NBS)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(image, target)


# README

def readme():
    "README.md's text, and the pictures in it by path, from the processed index notebook."
    import nbformat
    from nbconvert import MarkdownExporter
    from nbdev.processors import FilterDefaults
    from traitlets.config import Config
    nb = read_nb(NBS/'index.ipynb')
    directives = {c.id: c.directives for c in nb.cells}
    FilterDefaults()(nb)
    cells = []
    for cell in nb.cells:
        if cell.cell_type == 'code': cell.source = without_directives(cell.source)
        tags = tags_of(directives.get(cell.get('id'), {}))
        if 'remove-output' in tags: cell.outputs = []
        cells.append({**json.loads(json.dumps(cell)), 'metadata': dict(tags=tags)})
    node = nbformat.from_dict(dict(cells=cells, metadata={}, nbformat=4, nbformat_minor=5))
    config = Config(TagRemovePreprocessor=dict(enabled=True, remove_input_tags={'remove-input'}),
                    ExtractOutputPreprocessor=dict(output_filename_template='nbs/images/{unique_key}_{cell_index}_{index}{extension}'))
    text, resources = MarkdownExporter(config=config).from_notebook_node(node, resources=dict(unique_key='index'))
    text = re.sub(r'(\]\(|src=")(?!nbs/|#|/|\w+:)([^)"]+)', lambda m: m[1] + posixpath.normpath(f'nbs/{m[2]}'), text)
    return re.sub(r'\n{3,}', '\n\n', text).strip() + '\n', resources.get('outputs') or {}

def write_readme():
    "Write README.md and the pictures it shows."
    text, pictures = readme()
    (ROOT/'README.md').write_text(text, encoding='utf-8')
    for path, data in pictures.items():
        (ROOT/path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT/path).write_bytes(data)


# The address of the repository

ADDRESSED = ('settings.ini', 'nbs/index.ipynb', 'nbs/start/01_install.ipynb', 'nbs/tutorials/colab_grpo.ipynb')

def address():
    "Where the repository is, as settings.ini has it."
    return re.search(r'^git_url = (\S+)$', (ROOT/'settings.ini').read_text(encoding='utf-8'), flags=re.M)[1]

def spellings(url):
    "An address as it is written on pages: whole, and in a link to Colab, which names owner and repository only."
    return url, f"colab.research.google.com/github/{url.split('/', 3)[3]}/"

def move(url):
    "Write a new address in place of the old one: settings.ini, the pages that name it, and the README."
    if not re.fullmatch(r'https://[\w.-]+/[\w./-]+[\w-]', url): raise SystemExit(f'{url}: expected https://HOST/OWNER/NAME')
    changes = list(zip(spellings(address()), spellings(url)))
    for name in ADDRESSED:
        text = (ROOT/name).read_text(encoding='utf-8')
        for old, new in changes: text = text.replace(old, new)
        (ROOT/name).write_text(text, encoding='utf-8')
    write_readme()


if __name__ == '__main__':
    match sys.argv[1:]:
        case ['pages', folder]: write_pages(folder)
        case ['readme']: write_readme()
        case ['address', url]: move(url)
        case _: raise SystemExit(__doc__)
