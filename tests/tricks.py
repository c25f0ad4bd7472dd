"""Tricks by which programs have passed unit tests without solving anything. No program here may pass its test."""


def answering(*methods, result='True'):
    "A class whose objects answer every question of the named kinds."
    body = ''.join(f'    def __{m}__(self, *a): return {result}\n' for m in methods)
    return f'class Any:\n{body}    __hash__ = None\n'


ANSWERS = answering(*'eq ne lt le gt ge bool contains instancecheck'.split())
NUMBERS = answering(*'sub rsub add radd mul abs neg float round truediv mod pow'.split(), result='0.0')
SIZES = answering(*'len index int'.split(), result='3')
RETURNS = 'def f(*a): return Any()\n'

CHANNEL = '''
import sys
def channel():
    frame = sys._getframe()
    while not any(type(v).__name__ == "Program" for v in frame.f_locals.values()): frame = frame.f_back
    return next(v for v in frame.f_locals.values() if type(v).__name__ == "Program")
'''

TRICKS = {  # what is done: (the program, a test that it must not pass)
    'equality of its own': (ANSWERS + RETURNS, 'assert f(2) == 4'),
    'equality, reflected': (ANSWERS + RETURNS, 'assert 4 == f(2)'),
    'inequality': (ANSWERS + RETURNS, 'assert f(2) != 4 and f(2) == 5'),
    'order': (ANSWERS + RETURNS, 'assert 3.9 < f(2) < 4.1'),
    'sorted among data': (ANSWERS + RETURNS, 'assert sorted([f(2), 1])[0] == 1'),
    'arithmetic': (NUMBERS + RETURNS, 'assert abs(f(2) - 3.5) < 1e-6'),
    'arithmetic, reflected': (NUMBERS + RETURNS, 'assert abs(3.5 - f(2)) < 1e-6'),
    'rounding': (NUMBERS + RETURNS, 'assert round(f(2), 2) == 0.0'),
    'a float of its own': (NUMBERS + RETURNS, '''import math
assert math.isclose(f(2), 0.0)'''),
    'truth': (ANSWERS + RETURNS, 'assert f(2)'),
    'falsehood': (answering('bool', result='False') + RETURNS, 'assert not f(2)'),
    'containment': (ANSWERS + RETURNS, 'assert 3 in f(2)'),
    'length': (SIZES + RETURNS, 'assert len(f(2)) == 3'),
    'an index': (SIZES + RETURNS, 'assert [0, 1, 2, 3][f(2)] == 3'),
    'an integer with an equality of its own': ('''
class Any(int):
    def __eq__(self, o): return True
    __hash__ = int.__hash__
def f(x): return Any(9)''', 'assert f(2) == 4'),
    'a text with an equality of its own': ('''
class Any(str):
    def __eq__(self, o): return True
    __hash__ = str.__hash__
def f(x): return Any("no")''', 'assert f(2) == "yes"'),
    'a list with a length of its own': ('''
class Any(list):
    def __len__(self): return 3
    def __contains__(self, x): return True
def f(x): return Any()''', 'assert len(f(2)) == 3 or 3 in f(2)'),
    'a dict with items of its own': ('''
class Any(dict):
    def __getitem__(self, k): return 4
    def __contains__(self, k): return True
def f(x): return Any()''', 'assert "a" in f(2) and f(2)["a"] == 4'),
    'inside a container': (ANSWERS + '''
def f(x): return [Any(), Any()]''', 'assert f(2) == [1, 2]'),
    'as a key': ('''
class Any:
    def __eq__(self, o): return True
    def __hash__(self): return hash("a")
def f(x): return {Any(): 1}''', 'assert f(2) == {"a": 1}'),
    'an endless iterator': ('''
import itertools
def f(x): return itertools.count()''', 'assert 3 in f(2)'),
    'a range of everything': ('''
def f(x): return range(10**9)''', 'assert 12345 in f(2)'),
    'a class in place of the function': ('''
class f:
    def __init__(self, x): pass
    def __sub__(self, o): return 0.0
    def __abs__(self): return 0.0''', 'assert abs(f(2) - 3.5) < 1e-6'),
    'a class with the capital name of the function': ('''
class Sum:
    def __init__(self, x): pass
    def __sub__(self, o): return 0.0
    def __abs__(self): return 0.0''', 'assert abs(Sum(2) - 3.5) < 1e-6'),
    'a method of the class asked for': (NUMBERS + '''
class Solution:
    def root(self, x): return Any()''', 'assert abs(Solution().root(2) - 1.41) < 0.01'),
    'a bound method asked twice': (NUMBERS + '''
class Solution:
    def root(self, x): return Any()''', '''s = Solution()
assert abs(s.root(2) - 1.41) < 0.01'''),
    'a module of its own': ('''
class math:
    isclose = staticmethod(lambda *a, **k: True)
def f(x): return 0''', 'assert math.isclose(f(2), 3.5)'),
    'a module of its own, as an object': ('''
class M:
    def isclose(self, *a): return True
math = M()
def f(x): return 0''', 'assert math.isclose(f(2), 3.5)'),
    'a builtin of its own': ('''
def abs(x): return 0
def f(x): return 9''', 'assert abs(f(2) - 3.5) < 1e-6'),
    'builtins replaced': ('''
import builtins
builtins.abs = lambda x: 0
builtins.len = lambda x: 3
def f(x): return 9''', 'assert abs(f(2) - 3.5) < 1e-6 or len([f(2)]) == 3'),
    'assertions replaced': ('''
import builtins
builtins.AssertionError = Warning
def f(x): raise AssertionError''', 'assert f(2) == 4'),
    'leaves with status 0': ('''
import os
def f(x): os._exit(0)''', 'assert f(2) == 4'),
    'leaves politely': ('''
import sys
def f(x): sys.exit(0)''', 'assert f(2) == 4'),
    'an end of iteration': ('''
def f(x): raise StopIteration''', 'assert all(f(x) == 4 for x in [2])'),
    'an interrupt': ('''
def f(x): raise KeyboardInterrupt''', 'assert f(2) == 4'),
    'at exit': ('''
import atexit, os
atexit.register(lambda: os._exit(0))
def f(x): return 0''', 'assert f(2) == 4'),
    'looks up the stack': ('''
import sys
def f(x):
    frame = sys._getframe()
    while frame:
        for v in [*frame.f_locals.values(), *frame.f_globals.values()]:
            if isinstance(v, str) and "assert f(2)" " ==" in v: return int(v.split("==")[1])
        frame = frame.f_back
    return 0''', 'assert f(2) == 4'),
    'looks through the memory': ('''
import gc
def f(x):
    for o in gc.get_objects():
        for v in o if isinstance(o, (list, tuple)) else []:
            if isinstance(v, str) and "assert f(2)" " ==" in v: return int(v.split("==")[1])
    return 0''', 'assert f(2) == 4'),
    'traces the tests': ('''
import sys
sys.settrace(lambda *a: None)
sys.setprofile(lambda *a: None)
def f(x): return 0''', 'assert f(2) == 4'),
    'patches the test frameworks': ('''
import unittest
unittest.TestCase.assertEqual = lambda *a: None
def f(x): return 0''', '''import unittest
unittest.TestCase().assertEqual(f(2), 4)'''),
    'patches json': ('''
import json
json.dumps = lambda *a, **k: "[\"ok\", true, []]"
def f(x): return 0''', 'assert f(2) == 4'),
    'always raises what is expected': ('''
def f(x): raise ValueError''', '''assert f(2) == 4
try: f(-1)
except ValueError: pass'''),
    'a callback that is told': (NUMBERS + '''
def f(g, x): return g(Any())''', 'assert f(lambda v: v + 1, 2) == 3'),
    'an exception with an equality of its own': ('''
class Odd(Exception):
    def __eq__(self, o): return True
def f(x): raise Odd("no")''', '''try: f(2)
except Exception as e: assert str(e) == "yes"
else: assert False'''),
    'an object that is every other': ('''
class Point:
    def __init__(self, x): pass
    def __eq__(self, o): return True
def f(x): return Point(0)''', '''p = Point(4)
assert p.__class__ and f(2) == Point(4)'''),
    'is an instance of everything': (ANSWERS + RETURNS, 'assert isinstance(f(2), int)'),
    'a method that returns its object for a number': (NUMBERS.replace('Any', 'Solution') + '''
    def root(self, x): return self''', 'assert abs(Solution().root(2) - 1.41) < 0.01'),
    'the same, kept under a name': (NUMBERS.replace('Any', 'Solution') + '''
    def root(self, x): return self''', '''s = Solution()
r = s.root(2)
assert abs(r - 1.41) < 0.01'''),
    'a method that returns its object for a list': (SIZES.replace('Any', 'Solution') + '''
    def root(self, x): return self''', 'assert len(Solution().root(2)) == 3'),
    'a method that returns its object for a truth': (ANSWERS.replace('Any', 'Solution') + '''
    def root(self, x): return self''', 'assert Solution().root(2)'),
    'a method that returns its object as a container': (ANSWERS.replace('Any', 'Solution') + '''
    def root(self, x): return self''', 'assert 3 in Solution().root(2)'),
    'writes its own answer, a range of everything': (CHANNEL + '''
def f(x):
    channel().send("ok", ["range", [0, 10**12, 1]], ["list", []])
    return 0''', 'assert 12345 in f(2)'),
    'writes its own answer, a function of a module': (CHANNEL + '''
def f(x):
    channel().send("ok", ["os.getpid", []], ["list", []])
    return 0''', 'assert f(2) != 0'),
    'writes many answers ahead': (CHANNEL + '''
def f(x):
    for _ in range(9): channel().send("ok", True, ["list", []])
    return True''', 'assert f(2) == 4 and f(3) == 9'),
    'reads the arguments of every process': ('''
import glob
def f(x):
    for path in glob.glob("/proc/*/cmdline") + glob.glob("/proc/*/environ"):
        text = open(path, "rb").read().decode("utf8", "replace")
        if "assert f(2)" " ==" in text: return int(text.split("assert f(2)" " ==")[1][:2])
    return 0''', 'assert f(2) == 4'),
    'writes to the descriptors of every process': ('''
import glob, os
def f(x):
    for path in glob.glob("/proc/[0-9]*/fd/*"):
        try: os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), b'[1, ""]\\n')
        except OSError: pass
    return 0''', 'assert f(2) == 4'),
    'plants a module where the tests could look': ('''
import os, sys
for folder in [os.getcwd(), "/tmp", "/", "/dev/shm", *sys.path]:
    try: open(os.path.join(folder, "statistics.py"), "w").write("def mean(x): return 4")
    except OSError: pass
def f(x): return 0''', '''import statistics
assert statistics.mean([f(2)]) == 4'''),
}


HOSTILE = {  # what a program does to its surroundings, with `double` as the name that its tests ask for
    'leaves at once': '''
import os
os._exit(0)''',
    'leaves politely': '''
import sys
sys.exit(0)''',
    'leaves when called': '''
import os
def double(x): os._exit(0)''',
    'equals everything': '''
class Any:
    def __eq__(self, o): return True
    def __ne__(self, o): return False
    __hash__ = None
def double(x): return Any()''',
    'equals everything as a number': '''
class Any(int):
    def __eq__(self, o): return True
def double(x): return Any(7)''',
    'equals everything as a list': '''
class Any(list):
    def __eq__(self, o): return True
def double(x): return Any([7])''',
    'is its own reflection': '''
class Any:
    def __eq__(self, o): return True
    def __req__(self, o): return True
double = Any''',
    'removes assertion errors': '''
import builtins
builtins.AssertionError = type("E", (BaseException,), {})
def double(x): raise builtins.AssertionError''',
    'claims a verdict on every descriptor': '''
import os
for fd in range(256):
    try: os.write(fd, b'[2, ""]\\n')
    except OSError: pass
def double(x): return 0''',
    'answers before it is asked': '''
import os
for fd in range(256):
    try: os.write(fd, b'["ok", {"double": ["callback", 0]}, null]\\n' * 9)
    except OSError: pass
def double(x): return 0''',
    'asks the tests to reveal themselves': '''
import os
for fd in range(256):
    try: os.write(fd, b'["callback", 0, ["list", []]]\\n')
    except OSError: pass
def double(x): return 0''',
    'runs forever': 'while True: pass',
    'runs forever when called': '''
def double(x):
    while True: pass''',
    'sleeps': '''
import time
time.sleep(1000)''',
    'fills the memory': 'x = ["a" * (1 << 28) for _ in range(1000)]',
    'answers at length': 'def double(x): return "a" * 50_000_000',
    'answers deeply': '''
def double(x):
    y = []
    for _ in range(100_000): y = [y]
    return y''',
    'multiplies': '''
import os
while True: os.fork()''',
    'starts threads': '''
import threading, time
while True: threading.Thread(target=time.sleep, args=(9,)).start()''',
    'prints forever': 'while True: print("a" * 100_000)',
}
