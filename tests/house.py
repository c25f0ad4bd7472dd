"""How the notebooks are written, counted: python tests/house.py [PART OF A NAME ...]

For every notebook of nbs/api, and for all of them together:
example   share of the exported cells that the next code cell follows with an example or a test
lines     of an exported cell, the median
wide      lines of code over 120 columns
words     of prose for each definition
bare      headings without a sentence after them
machine   saved outputs that name a folder of the machine they were made on, or hold a progress bar
untyped   public functions with a parameter whose type isn't said
module    lines of the module that it exports

Behind them stand the functions of the package with the most branches (McCabe's cyclomatic complexity, counted by ruff:
one, and one more for each branch, loop, exception and nested function), the ten worst and how many are above ten.

`python tests/house.py --neutral` takes folders of the machine and progress bars out of all saved outputs.
"""
import ast
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
API = ROOT/'nbs/api'
WIDTH = 120
GOALS = dict(example=.85, lines=12,   # of one notebook; the median of all of them is at most 10
              wide=0, words=20, bare=0, machine=0, untyped=0, module=450)
AT_LEAST = 'example', 'words'   # the others are at most
MANY, MOST = 10, 12   # branches of a function: above ten they are counted, above twelve it has to be split
FUNCTIONS = ast.FunctionDef, ast.AsyncFunctionDef
DEFINITIONS = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef
IMPORTS = ast.Import, ast.ImportFrom
TEMPORARY = re.compile(r'/(?:tmp|var/folders/\w+/\w+/T)/tmp\w+')   # what `tempfile` makes
INSTALLED = re.compile(r'/(?:site-packages|dist-packages|python3\.\d+)/')
BAR = re.compile(r'\d+%\|.{10}\||\d(?:it/s|s/it)')


@dataclass
class House:
    "What was counted in a notebook, or in several."
    name: str
    cells: int = 0       # exported cells that hold more than imports
    followed: int = 0    # of those, the ones with an example or a test behind them
    sizes: list = field(default_factory=list)  # lines of each
    wide: int = 0
    words: int = 0
    definitions: int = 0
    bare: int = 0
    machine: int = 0
    untyped: int = 0
    module: int = 0

    @property
    def example(self): return self.followed / self.cells if self.cells else 1.
    @property
    def lines(self): return median(self.sizes) if self.sizes else 0
    @property
    def words_each(self): return self.words / max(1, self.definitions)

    def __str__(self):
        return (
            f'{self.name:24} example {self.example:4.0%} of {self.cells:3}  lines {self.lines:4g}  wide {self.wide:3}  '
            f'words {self.words_each:4.0f}  bare {self.bare}  machine {self.machine}  untyped {self.untyped}  '
            f'module {self.module}'
        )


def prose(text):
    "The words of Markdown, code blocks left out."
    return len(re.findall(r"[A-Za-z][\w'-]*", re.sub(r'```.*?```', '', text, flags=re.S)))

def bare_headings(text, last):
    "Headings of a cell with no sentence before the next one; `last`: no Markdown follows the cell directly."
    parts = re.split(r'(?m)^#+ .*$', re.sub(r'```.*?```', 'code', text, flags=re.S))
    return sum(not part.strip() for part in parts[1:] if last or part is not parts[-1])

def shown(output):
    "The text of a saved output, errors and pages included."
    parts = [output.get('text', ''), output.get('traceback', ''), *output.get('data', {}).values()]
    return '\n'.join(''.join(part) for part in parts if isinstance(part, (str, list)))

def names_machine(output):
    "Whether an output depends on where it was made: a folder of the machine, or how far a bar had come."
    text = shown(output)
    return any(pattern.search(text) for pattern in (TEMPORARY, INSTALLED, BAR))

def parameters(function):
    "What is passed to a function, without `self` and `cls`."
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [a for i, a in enumerate(given) if not (i == 0 and a.arg in ('self', 'cls')) and not a.arg.startswith('_')]

def untyped(tree):
    "The public functions of a module, and methods of its public classes, with parameters that have no annotation."
    named = [(node.name, node) for node in tree.body if isinstance(node, FUNCTIONS)]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith('_')]
    named += [(node.name, node) for cls in classes for node in cls.body if getattr(node, 'name', '') == '__init__']
    return [name for name, node in named if name == '__init__' or not name.startswith('_')
            if any(a.annotation is None for a in parameters(node))]

def kind_of(source):
    "Whether a code cell exports a definition, exports imports, or shows something; None for what is neither."
    if re.match(r'#\| ?default_exp', source): return None
    if not re.match(r'#\| ?exports?i?\b', source): return 'shows'
    return 'imports' if all(isinstance(node, IMPORTS) for node in ast.parse(source).body) else 'exports'

def read(path):
    "Count one notebook."
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    house, kinds = House(path.stem), []
    for i, cell in enumerate(cells):
        source = ''.join(cell['source'])
        if cell['cell_type'] == 'markdown':
            following = cells[i + 1]['cell_type'] if i + 1 < len(cells) else None
            house.words += prose(source)
            house.bare += bare_headings(source, last=following != 'markdown')
            continue
        house.wide += sum(len(line) > WIDTH for line in source.splitlines())
        house.machine += sum(map(names_machine, cell.get('outputs', [])))
        kinds.append(kind_of(source))
        if kinds[-1] in ('exports', 'imports'):
            house.definitions += sum(isinstance(node, DEFINITIONS) for node in ast.parse(source).body)
        if kinds[-1] == 'exports':
            house.sizes.append(sum(bool(line.strip()) and not line.startswith('#|') for line in source.splitlines()))
    kinds = [kind for kind in kinds if kind]
    exported = [i for i, kind in enumerate(kinds) if kind == 'exports']
    house.cells = len(exported)
    house.followed = sum(kinds[i + 1:i + 2] == ['shows'] for i in exported)
    module = module_of(path).read_text(encoding='utf-8')
    house.untyped, house.module = len(untyped(ast.parse(module))), len(module.splitlines())
    return house

def module_of(path):
    "The file that a notebook exports."
    return ROOT/'rlvr_nb'/f"{path.stem.split('_', 1)[1]}.py"

def notebooks():
    "The notebooks of the package, in the order in which they may import each other."
    return sorted(API.glob('*.ipynb'))

def total(houses):
    "All of them as one."
    every = House('all')
    for house in houses:
        every.sizes += house.sizes
        for name in ('cells', 'followed', 'wide', 'words', 'definitions', 'bare', 'machine', 'untyped'):
            setattr(every, name, getattr(every, name) + getattr(house, name))
        every.module = max(every.module, house.module)
    return every

def imported(path):
    "The modules of this package that a notebook's module imports, at its top or inside a function."
    found = []
    for node in ast.walk(ast.parse(module_of(path).read_text(encoding='utf-8'))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found += [node.module] if node.module else [a.name for a in node.names]
        if isinstance(node, ast.ImportFrom) and (node.module
                                                 or '').startswith('rlvr_nb.'): found.append(node.module.split('.')[1])
    return sorted(set(found))

def complexities(modules=None):
    "The branches of every function of the package, or of some of its modules: (number, name, file, line), most first."
    command = [sys.executable, '-m', 'ruff', 'check', '--no-cache', '--exit-zero', '--select', 'C901',
               '--config', 'lint.mccabe.max-complexity=0', '--output-format', 'json']
    done = subprocess.run([*command, *map(str, modules or [ROOT/'rlvr_nb'])], cwd=ROOT, capture_output=True, text=True,
                          check=True)
    found = []
    for said in json.loads(done.stdout):
        name, number = re.match(r'`(.+)` is too complex \((\d+) > 0\)', said['message']).groups()
        found.append((int(number), name, Path(said['filename']).name, said['location']['row']))
    return sorted(found, reverse=True)

def short_of(house):
    "Where a notebook misses the goals: measure -> what it has."
    has = dict(bare=house.bare, wide=house.wide, machine=house.machine)
    if house.cells:   # others only gather names
        has |= dict(example=round(house.example, 2), lines=house.lines, words=round(house.words_each),
                    untyped=house.untyped, module=house.module)
    return {name: value for name, value in has.items()
            if (value < GOALS[name] if name in AT_LEAST else value > GOALS[name])}


def neutral(notebook):
    "Name temporary folders alike in the saved outputs of a notebook, and take progress bars out."
    for cell in notebook['cells']:
        kept = [output for output in cell.get('outputs', []) if not BAR.search(shown(output))]
        if cell['cell_type'] == 'code': cell['outputs'] = kept
        for output in kept:
            if 'text' in output: output['text'] = [TEMPORARY.sub('...', line) for line in output['text']]
            for kind, text in output.get('data', {}).items():
                if isinstance(text, list): output['data'][kind] = [TEMPORARY.sub('...', line) for line in text]

def write_neutral():
    "The same for every notebook."
    for path in sorted((ROOT/'nbs').rglob('*.ipynb')):
        before = path.read_text(encoding='utf-8')
        notebook = json.loads(before)
        neutral(notebook)
        after = json.dumps(notebook, ensure_ascii=False, indent=1) + '\n'
        if after != before: path.write_text(after, encoding='utf-8')


if __name__ == '__main__':
    if sys.argv[1:] == ['--neutral']: raise SystemExit(write_neutral())
    wanted = [p for p in notebooks() if not sys.argv[1:] or any(part in p.name for part in sys.argv[1:])]
    houses = [read(path) for path in wanted]
    print(*houses, total(houses), sep='\n')
    branches = complexities([module_of(path) for path in wanted])
    print(f'\n{sum(number > MANY for number, *_ in branches)} of {len(branches)} functions with more than {MANY} '
          'branches; the most:')
    for number, name, file, line in branches[:10]: print(f'{number:4} {name} {file}:{line}')
