"""How the notebooks are written, counted: python tests/house.py [PART OF A NAME ...]
`python tests/house.py --known` writes tests/house.json anew, the list of what misses a goal.

For every notebook of nbs/api, and for all of them together:
example   share of the exported cells that the next code cell follows with an example or a test
lines     of an exported cell, the median
wide      lines of code over 120 columns
words     of prose for each definition
bare      headings without a sentence after them
module    lines of the module that it exports
"""
import ast
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
API = ROOT/'nbs/api'
WIDTH = 120
GOALS = dict(example=.85, lines=10, wide=0, words=20, bare=0, module=450)
AT_LEAST = 'example', 'words'   # the others are at most
DEFINITIONS = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef
IMPORTS = ast.Import, ast.ImportFrom


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
            f'words {self.words_each:4.0f}  bare {self.bare}  module {self.module}'
        )


def prose(text):
    "The words of Markdown, code blocks left out."
    return len(re.findall(r"[A-Za-z][\w'-]*", re.sub(r'```.*?```', '', text, flags=re.S)))

def bare_headings(text, last):
    "Headings of a cell with no sentence before the next one; `last`: no Markdown follows the cell directly."
    parts = re.split(r'(?m)^#+ .*$', re.sub(r'```.*?```', 'code', text, flags=re.S))
    return sum(not part.strip() for part in parts[1:] if last or part is not parts[-1])

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
        kinds.append(kind_of(source))
        if kinds[-1] in ('exports', 'imports'):
            house.definitions += sum(isinstance(node, DEFINITIONS) for node in ast.parse(source).body)
        if kinds[-1] == 'exports':
            house.sizes.append(sum(bool(line.strip()) and not line.startswith('#|') for line in source.splitlines()))
    kinds = [kind for kind in kinds if kind]
    exported = [i for i, kind in enumerate(kinds) if kind == 'exports']
    house.cells = len(exported)
    house.followed = sum(kinds[i + 1:i + 2] == ['shows'] for i in exported)
    house.module = len(module_of(path).read_text(encoding='utf-8').splitlines())
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
        for name in ('cells', 'followed', 'wide', 'words', 'definitions', 'bare'):
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

def short_of(house):
    "Where a notebook misses the goals: measure -> what it has."
    has = dict(bare=house.bare, wide=house.wide)
    if house.cells:   # others only gather names
        has |= dict(example=round(house.example, 2), lines=house.lines, words=round(house.words_each),
                    module=house.module)
    return {name: value for name, value in has.items()
            if (value < GOALS[name] if name in AT_LEAST else value > GOALS[name])}


def write_known():
    "Write down which notebooks miss a goal, and by how much."
    missed = {path.stem: short for path in notebooks() if (short := short_of(read(path)))}
    lines = [f' {json.dumps(name)}: {json.dumps(short)}' for name, short in missed.items()]
    (ROOT/'tests/house.json').write_text('{\n' + ',\n'.join(lines) + '\n}\n')


if __name__ == '__main__':
    if sys.argv[1:] == ['--known']: raise SystemExit(write_known())
    wanted = [p for p in notebooks() if not sys.argv[1:] or any(part in p.name for part in sys.argv[1:])]
    houses = [read(path) for path in wanted]
    print(*houses, total(houses), sep='\n')
