"""How the code is written: the counts of house.py, one direction of imports, one meaning a name, ruff and pyright."""
import ast
import json
import subprocess
import sys

import pytest

import house
import typed

NOTEBOOKS = house.notebooks()


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_written_like_the_others(path):
    missed = house.short_of(house.read(path))
    assert missed == {}, f'{path.name} misses {missed}; the goals are {house.GOALS}'


def test_a_cell_is_short():
    every = house.total([house.read(path) for path in NOTEBOOKS])
    assert every.lines <= 10 and every.example >= house.GOALS['example']


def test_no_function_has_too_many_branches():
    assert [said for said in house.complexities() if said[0] > house.MOST] == []


def test_branches_are_counted(tmp_path):
    (tmp_path/'two.py').write_text('def plain(): pass\ndef forked(x):\n    if x: return 1\n    return 2\n')
    assert house.complexities([tmp_path/'two.py']) == [(2, 'forked', 'two.py', 2), (1, 'plain', 'two.py', 1)]


def test_imports_run_one_way():
    modules = [house.module_of(path).stem for path in NOTEBOOKS]
    backward = [f'{path.stem} imports {name}' for at, path in enumerate(NOTEBOOKS) for name in house.imported(path)
                if name in modules and modules.index(name) >= at]
    assert backward == []


def test_no_module_hides_a_standard_one():
    assert {house.module_of(path).stem for path in NOTEBOOKS} & sys.stdlib_module_names == set()


def given_names(node):
    "The names that a statement at the top of a module gives; a method of `@patch` is its class's, not the module's."
    if isinstance(node, (*house.FUNCTIONS, ast.ClassDef)):
        return [] if any('patch' in ast.unparse(d) for d in node.decorator_list) else [node.name]
    if not isinstance(node, (ast.Assign, ast.AnnAssign)): return []
    if is_alias(node.value): return []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [n.id for target in targets for n in ast.walk(target)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def is_alias(value):
    "Whether a value is one or several names: what they mean is said where they are defined."
    return isinstance(value, ast.Name) or isinstance(value, ast.Tuple) and all(is_alias(one) for one in value.elts)


def named_twice(sources):
    "The names that several modules define; each program may have its `main`, and each module its logger."
    found = {}
    for module, source in sources.items():
        for node in ast.parse(source).body:
            for name in given_names(node): found.setdefault(name, set()).add(module)
    return {name: sorted(modules) for name, modules in found.items()
            if len(modules) > 1 and name not in ('main', '_log', '_all_') and not name.startswith('__')}


def test_a_name_means_one_thing(root):
    assert named_twice({path.stem: path.read_text() for path in (root/'rlvr_nb').glob('*.py')}) == {}


def test_names_that_mean_two_things_are_found():
    one = 'def read(): pass\nclass Box: pass\nA, B = 1, 2\nsize: int = 1\n@patch\ndef far(self:Box): pass\n_log = 1'
    two = 'A = {}\nread = size = 2\nBox = Other\nB, C = D, E\ndef far(): pass\n_log = 2'
    both = ['one', 'two']
    assert named_twice(dict(one=one, two=two)) == {'A': both, 'read': both, 'size': both}


def test_the_counts_count(tmp_path):
    cells = [('markdown', '# Title\n\nTwo words.'), ('markdown', '## Bare'), ('code', '#| default_exp intervals'),
             ('code', '#| export\nimport os'),
             ('code', '#| export\ndef f():\n    return 1'), ('code', 'f()'),
             ('code', '#| export\nX = 1  #' + ' x' * 60), ('markdown', 'It is one.')]
    path = tmp_path/'60_intervals.ipynb'
    path.write_text(json.dumps(dict(cells=[dict(cell_type=kind, source=[source]) for kind, source in cells])))
    read = house.read(path)
    assert (read.cells, read.followed, read.sizes, read.wide, read.words, read.definitions, read.bare) == (2, 1, [2, 1],
                                                                                                           1, 7, 1, 1)
    assert {'example', 'wide', 'words', 'bare'} == house.short_of(read).keys()


def run(root, *command):
    "A tool's status and what it said."
    done = subprocess.run([sys.executable, '-m', *command], cwd=root, capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout + done.stderr


def test_ruff_finds_nothing(root):
    status, said = run(root, 'ruff', 'check', '--no-cache')
    assert status == 0, said


PATCHED = '''"A module."
class Box:
    "Holds a number."
    def __init__(self, number:int): self.number = number

@patch(as_prop=True)
def twice(self:Box)->int: return 2 * self.number

@patch(cls_method=True)
def list(cls:Box, *numbers:int)->list[Box]:
    return [cls(n) for n in numbers]

@patch
def far(self:Elsewhere, near:str)->str: return near
'''

def test_patched_methods_are_read_inside_their_class():
    added = typed.methods_of('house', ast.parse('@patch\ndef tall(self:Box): return 1'))
    lines = typed.merged(PATCHED, 'boxes', added)
    inside = ast.parse('\n'.join(line for line, _ in lines)).body[3]
    assert [node.name for node in inside.body if isinstance(node, ast.FunctionDef)] == ['__init__', 'twice', 'list']
    assert ast.unparse(inside.body[3]) == ('@classmethod\ndef list(cls, *numbers: int) -> builtins.list[Box]:\n'
                                           '    return [cls(n) for n in numbers]')
    assert ast.unparse(inside.body[-1]) == 'from .house import tall'
    assert ('def far(self:Elsewhere, near:str)->str: return near', 14) in lines
    assert [n for line, n in lines if line.strip() == 'return [cls(n) for n in numbers]'] == [11]
