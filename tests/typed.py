"""What pyright says of the package: python tests/typed.py [MODULE ...]

The notebooks grow their classes by `@patch`, a method a cell, and pyright looks for methods inside a class alone. So it
reads a copy of the package in which each patched method stands inside its class. Methods that another module adds to a
class are imported into the body of the class there. What pyright finds is told with the lines of the package itself.
"""
import ast
import builtins
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FUNCTIONS = ast.FunctionDef, ast.AsyncFunctionDef
INSIDE = {'as_prop': '@property', 'cls_method': '@classmethod'}   # keyword of `patch` -> the decorator inside a class
HEADER = ['from __future__ import annotations', 'import builtins']   # a class may be named before it is there


@dataclass
class Method:
    "A function under `@patch`, and the class it is for."
    module: str
    function: ast.FunctionDef
    patch: ast.expr   # the decorator

    @property
    def parameters(self): return [*self.function.args.posonlyargs, *self.function.args.args]
    @property
    def cls(self): return getattr(self.parameters[0].annotation, 'id', None)
    @property
    def numbers(self): return range(self.patch.lineno, self.function.end_lineno + 1)

    @property
    def decorator(self):
        "What stands for `@patch` inside a class."
        keywords = [k.arg for k in getattr(self.patch, 'keywords', [])]
        return next((INSIDE[name] for name in keywords if name in INSIDE), '')

    def annotated(self):
        "The names in the annotations, the one of the class left out."
        given = [*self.parameters[1:], *self.function.args.kwonlyargs]
        trees = [tree for tree in (*(a.annotation for a in given), self.function.returns) if tree]
        return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)]

    def edited(self, lines, edits):
        "The lines with some nodes written otherwise: number -> text."
        text = {n: lines[n - 1] for n in self.numbers}
        for node, new in sorted(edits, key=lambda edit: (edit[0].lineno, edit[0].col_offset), reverse=True):
            line = text[node.lineno].encode()   # pyright and ast count bytes
            before = line[:node.col_offset] if new else line[:node.col_offset].rstrip().rstrip(b':')
            text[node.lineno] = (before + new.encode() + line[node.end_col_offset:]).decode()
        return text | {self.patch.lineno: self.decorator}

    def inside(self, lines, own):
        "Its lines inside the class, with their numbers; `own` are the names of the class, which hide built-in ones."
        hidden = [name for name in self.annotated() if name.id in own and hasattr(builtins, name.id)]
        text = self.edited(lines, [(self.parameters[0].annotation, ''), *((n, f'builtins.{n.id}') for n in hidden)])
        return [('    ' + line if line.strip() else '', n) for n, line in text.items()]

    def outside(self, lines):
        "Its lines where it is, for a class of another module."
        first, of_class = self.parameters[0].annotation, self.decorator == '@classmethod'
        return list(self.edited(lines, [(first, f'type[{self.cls}]' if of_class else self.cls)]).items())


def methods_of(module, tree):
    "The patched functions of a module."
    decorated = [(node, d) for node in tree.body if isinstance(node, FUNCTIONS) for d in node.decorator_list]
    return [Method(module, node, d) for node, d in decorated if getattr(getattr(d, 'func', d), 'id', None) == 'patch']

def classes_of(tree):
    "The classes of a module by name."
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}

def merged(source, module, added):
    "A module with the patched methods in its classes, each line with its number before; `added` come from elsewhere."
    tree, lines = ast.parse(source), source.splitlines()
    classes, methods = classes_of(tree), methods_of(module, tree)
    here = [m for m in methods if m.cls in classes]
    moved = {n for m in here for n in m.numbers}
    changed = {n: line for m in methods if m.cls not in classes for n, line in m.outside(lines)}
    ends, out = {cls.end_lineno: name for name, cls in classes.items()}, []
    for n, line in enumerate(lines, 1):
        if n not in moved: out.append((changed.get(n, line), n))
        if n not in ends: continue
        grown = [m for m in here if m.cls == ends[n]]
        for m in grown: out += m.inside(lines, {m.function.name for m in grown})
        out += [(f'    from .{m.module} import {m.function.name}', n) for m in added if m.cls == ends[n]]
    at = tree.body[0].end_lineno if ast.get_docstring(tree) else 0
    return out[:at] + [(line, 1) for line in HEADER] + out[at:]

def copy_package(folder):
    "The package with its methods in their classes; file -> the number that each line had."
    shutil.copytree(ROOT/'rlvr_nb', folder/'rlvr_nb', ignore=shutil.ignore_patterns('__pycache__', 'conf'))
    shutil.copytree(ROOT/'tests/typings', folder/'typings')
    sources = {path: path.read_text(encoding='utf-8') for path in (folder/'rlvr_nb').glob('*.py')}
    trees = {path.stem: ast.parse(source) for path, source in sources.items()}
    added = [m for module, tree in trees.items() for m in methods_of(module, tree) if m.cls not in classes_of(tree)]
    numbers = {}
    for path, source in sources.items():
        lines = merged(source, path.stem, added)
        path.write_text('\n'.join(line for line, _ in lines) + '\n', encoding='utf-8')
        numbers[path.name] = [n for _, n in lines]
    return numbers

def said(modules=()):
    "What pyright says of these modules, or of all, a line each."
    settings = tomllib.loads((ROOT/'pyproject.toml').read_text(encoding='utf-8'))['tool']['pyright']
    settings |= {'stubPath': 'typings', 'include': [f'rlvr_nb/{name}.py' for name in modules] or ['rlvr_nb']}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder).resolve()
        numbers = copy_package(folder)
        (folder/'pyrightconfig.json').write_text(json.dumps(settings))
        done = subprocess.run([sys.executable, '-m', 'pyright', '--pythonpath', sys.executable, '--outputjson'],
                              cwd=folder, capture_output=True, text=True)
    if not done.stdout.startswith('{'): return [done.stdout + done.stderr]   # it couldn't start
    return [one_line(one, folder, numbers) for one in json.loads(done.stdout)['generalDiagnostics']]

def one_line(found, folder, numbers):
    "Something that pyright found, with its place in the package."
    name, at = Path(found['file']).relative_to(folder), found['range']['start']['line']
    moved = len(name.parts) == 2   # files in folders of the package are as they were
    number = numbers[name.name][at] if moved else at + 1
    return f"{name}:{number}: {' '.join(found['message'].split())} ({found.get('rule', found['severity'])})"


if __name__ == '__main__':
    lines = said(sys.argv[1:])
    print(*lines, f'{len(lines)} found', sep='\n')
    sys.exit(bool(lines))
