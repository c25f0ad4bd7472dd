"""`python_tests`: programs are judged by the values they return, and can neither harm nor lie."""

import os
import threading

import pytest

import rlvr_nb.rewards as rewards
import rlvr_nb.sandbox as sandbox
from rlvr_nb.config import UnavailableError
from rlvr_nb.prompts import PLAIN, parse_completion
from rlvr_nb.rewards import DefaultRewardComponent, run_python_tests, sandbox_problem

from tricks import HOSTILE, TRICKS

PROBLEM = sandbox_problem()
needs_sandbox = pytest.mark.skipif(PROBLEM is not None, reason=f'no sandbox on this machine: {PROBLEM}')
TESTS = ['assert double(2) == 4', 'assert double([1]) == [1, 1]']


def pay(code, tests, **params):
    component = DefaultRewardComponent(dict(reward_functions=[dict(type='python_tests', params=params)]), PLAIN)
    return component.build()[0](completions=[f'<answer>{code}</answer>'], answer=[tests])[0]


@needs_sandbox
@pytest.mark.parametrize(
    'code, passed',
    [
        ('def double(x): return x + x', 2),
        ('def double(x): return 2*x if x == 2 else None', 1),
        ('def double(x): return 5', 0),
        ('def double(x) return x', 0),
        ('', 0),
        ('double = 3', 0),
        ('def double(x): return double(x)', 0),
        ('def double(x): print("4"); return x + x', 2),
        ('import sys\nprint(sys.stdin.read())\ndef double(x): return x + x', 2),
    ],
)
def test_programs(code, passed):
    assert run_python_tests(code, TESTS)[0] == passed


@needs_sandbox
def test_values_objects_exceptions_and_callbacks_cross_the_pipe():
    code = '''
from collections import Counter, namedtuple
Point = namedtuple('Point', 'x y')
class Full(ValueError): pass
class Stack:
    size = 2
    def __init__(self, items=()): self.items = list(items)
    def push(self, item):
        if len(self) == self.size: raise Full('no room')
        self.items.append(item)
        return self
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
    def __eq__(self, other): return self.items == other.items
    def __getitem__(self, i): return self.items[i]
def identity(x): return x
def count(s): return Counter(s)
def point(): return Point(1, 2)
def numbers(n):
    for i in range(n): yield i
def fill(xs, d): xs.sort(); d['new'] = 1
def each(f, xs): return [f(x) for x in xs]
'''
    units = [
        'values = (1, -1.5, "é", b"x", None, True, (1, [2]), {1: {2}}, 10**5000, float("inf"), frozenset({1}), 2j)\n'
        'for v in values: assert identity(v) == v and type(identity(v)) is type(v)',
        'assert count("aab") == {"a": 2, "b": 1}',
        'assert point() == (1, 2)',
        'assert list(numbers(3)) == [0, 1, 2]',
        's = Stack([1]).push(2)\nassert len(s) == 2 and list(s) == [1, 2] and s[1] == 2 and s.size == 2',
        'assert s == Stack([1, 2]) and s != Stack([1])',
        'try: s.push(3)\nexcept Full as e: assert "no room" in str(e)\nelse: assert False',
        'try: s.push(3)\nexcept ValueError: pass',
        'xs, d = [3, 1], {}\nfill(xs, d)\nassert xs == [1, 3] and d == {"new": 1}',
        'assert each(lambda x: x + 1, [1, 2]) == [2, 3]',
        'assert identity(s).items == [1, 2]',
        'it = iter(numbers(2))\nassert next(it) == 0 and next(it) == 1\n'
        'try: next(it)\nexcept StopIteration: pass\nelse: assert False',
    ]
    assert run_python_tests(code, units) == (len(units), '')


FORGERY = '''
import json, os
names = {"__builtins__": ["dict", [["abs", ["object", 1]]]], "f": ["object", 2]}
lines = [["ok", names], ["ok", 0.0, ["list", []]], ["ok", 0.0, ["list", []]]]
lines[1][1] = lines[2][1] = ["float", "0x0.0p+0"]
for fd in range(256):
    try: os.write(fd, "".join(json.dumps(line) + "\\n" for line in lines).encode())
    except OSError: pass
'''


@needs_sandbox
@pytest.mark.parametrize('what', TRICKS)
def test_a_known_trick_passes_no_test(what):
    code, test = TRICKS[what]
    passed, problem = run_python_tests(code, [test], timeout=30)
    assert passed == 0 and problem and 'not finished' not in problem


@needs_sandbox
def test_answers_written_before_the_question_are_plain_values():
    assert run_python_tests(FORGERY, ['assert abs(f(2) - 1.41) < 0.01'])[0] == 0


@needs_sandbox
def test_a_class_is_tested_by_its_own_operators():
    code = '''
class Money:
    def __init__(self, cents): self.cents = cents
    def __add__(self, other): return Money(self.cents + other.cents)
    def __lt__(self, other): return self.cents < other.cents
    def __eq__(self, other): return self.cents == other.cents
    def __bool__(self): return self.cents > 0
    def __contains__(self, coin): return coin <= self.cents
    def spend(self, cents):
        self.cents -= cents
        return self
def change(): return Money(5)'''
    units = [
        'm = Money(7)\nassert m.cents == 7 and m and not Money(0)',
        'assert Money(1) + Money(2) == Money(3) != Money(4)',
        'assert Money(1) < Money(2) and 1 in Money(2)',
        'assert m.spend(2) is m and m.cents == 5',
        'assert change() == Money(5) and change() != Money(6)',
        'assert isinstance(change(), Money)',
        'assert sorted([Money(2), Money(1)])[0].cents == 1',
    ]
    assert run_python_tests(code, units, timeout=30) == (len(units), '')


@needs_sandbox
def test_values_of_the_standard_library_are_values():
    code = '''
from collections import Counter, OrderedDict, deque
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
def identity(x): return x
def dec(): return Decimal("0.10")
def half(): return Fraction(1, 2)
def day(): return date(2026, 1, 2)
def when(): return datetime(2026, 1, 2, 3) - timedelta(hours=1)
def queue(): return deque([1, 2])
def three(): return range(3)
def squares(n): return (i * i for i in range(n))
def counted(s): return Counter(s)'''
    units = [
        'from decimal import Decimal\nassert dec() == Decimal("0.10") and str(dec()) == "0.10"',
        'assert half() * 2 == 1',
        'from datetime import date\nassert day() == date(2026, 1, 2)',
        'assert when().hour == 2',
        'assert list(queue()) == [1, 2]',
        'assert three() == range(3) and 2 in three()',
        'assert list(squares(3)) == [0, 1, 4] and sum(squares(3)) == 5',
        'assert counted("aab") == {"a": 2, "b": 1}',
        'assert math.isclose(identity(0.1) + 0.2, 0.3)',
    ]
    assert run_python_tests(code, units, timeout=30) == (len(units), '')


@needs_sandbox
@pytest.mark.parametrize('what', HOSTILE)
def test_a_hostile_program_is_not_paid_and_ends(what):
    assert run_python_tests(HOSTILE[what], TESTS, timeout=2, memory_mb=256)[0] == 0


def sees(expression, monkeypatch=None):
    "Whether an expression is true inside the sandbox, told through the value of a function."
    return (
        run_python_tests(f'import os, sys, socket\ndef f():\n    return bool({expression})', ['assert f() is True'])[0]
        == 1
    )


@needs_sandbox
def test_what_a_program_sees(tmp_path, monkeypatch):
    secret = tmp_path / 'secret'
    secret.write_text('key')
    monkeypatch.setenv('WANDB_API_KEY', 'key')
    assert sees('True') and not sees('False')
    assert not sees(f'os.path.exists({str(secret)!r})')
    assert not sees(f'os.path.exists({os.path.dirname(rewards.__file__)!r})')
    assert not sees('[k for k in os.environ if "KEY" in k]') and not sees('len(os.environ) > 5')
    assert not sees(
        'any(map(os.path.exists, ("/etc/passwd", "/proc/1", "/home", "/var")))'
    )
    assert not sees('[p for p in os.listdir("/tmp")]')
    assert not sees('any(("is " + "True") in a for a in sys.argv)')


@needs_sandbox
@pytest.mark.parametrize(
    'statement',
    [
        'socket.socket()',
        'socket.create_connection(("127.0.0.1", 22), 1)',
        'os.fork()',
        'os.system("true") == 0 or 1/0',
        'open("/usr/lib/x", "w")',
        'open("/x", "w")',
        'open("/dev/x", "w")',
        'os.kill(-1, 0)',
        'unshare',
        'ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0 or 1/0',
        'resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))',
        'open("/tmp/x", "wb").write(b"0" * 20_000_000)',
        'os.setuid(12345)',
        '[open(f"/tmp/{i}", "wb").write(b"0" * 900_000) for i in range(20)]',
    ],
)
def test_what_a_program_cannot_do(statement):
    if 'unshare' in statement:
        statement = 'ctypes.CDLL(None).unshare(0x10000000) == 0 or 1/0'
    code = f'''import os, socket, ctypes, resource
def f():
    try: {statement}
    except BaseException: return "refused"
    return "done"'''
    assert run_python_tests(code, ['assert f() == "refused"']) == (1, '')


@needs_sandbox
def test_nothing_is_left_behind():
    import subprocess

    before = set(os.listdir('/proc/self/fd'))
    for code in ('while True: pass', 'def double(x): return 2*x', 'import os\nos._exit(1)'):
        run_python_tests(code, TESTS, timeout=1)
    assert len(os.listdir('/proc/self/fd')) <= len(before) + 1
    assert not [
        p
        for p in subprocess.run(['ps', '-eo', 'args'], capture_output=True, text=True).stdout.splitlines()
        if p.startswith('bwrap') and 'be_program' in p and 'while True: pass' in p
    ]


def test_a_batch_runs_side_by_side_in_a_thread(monkeypatch):
    both = threading.Barrier(2, timeout=30)  # breaks where the second program waits for the first to end

    def run(code, units, timeout, memory_mb, unsafe):
        both.wait()
        return len(units), ''

    monkeypatch.setattr(sandbox, 'run_python_tests', run)
    component = DefaultRewardComponent(
        dict(reward_functions=[dict(type='python_tests', params=dict(unsafe=True))]), PLAIN
    )
    results, tests = [], ['assert f() == 1'] * 2

    def score():
        results.append(component.build()[0](completions=['<answer>def f(): return 1</answer>'] * 2, answer=tests))

    thread = threading.Thread(target=score)
    thread.start()
    thread.join()
    assert results == [[1.0, 1.0]]


@needs_sandbox
def test_prices_and_forms_of_tests():
    good, half = 'def double(x): return x + x', 'def double(x): return 4'
    listed, check = (
        '["assert double(2) == 4", "assert double(3) == 6"]',
        'def check(f):\n    assert f(2) == 4\n    assert f(3) == 6\ncheck(double)',
    )
    named = 'def test_two(): assert double(2) == 4\ndef test_three(): assert double(3) == 6'
    for tests in (listed, check, named, 'import math\nassert double(2) == 4\nassert double(3) == math.floor(6.5)'):
        assert (pay(good, tests), pay(half, tests)) == (1.0, 0.0)
    assert pay(half, listed, partial=True) == pay(half, named, partial=True) == 0.5
    assert pay(half, listed, passed_reward=2.0, failed_reward=-1.0) == -1.0
    assert pay(f'```python\n{good}\n```', listed) == 1.0
    assert pay(good, 'not tests at all') is None


def test_without_a_sandbox_it_refuses(monkeypatch):
    monkeypatch.setattr(sandbox, '_sandbox_problem_once', lambda: 'bubblewrap is not installed')
    component = DefaultRewardComponent(dict(reward_functions=[dict(type='python_tests')]), PLAIN)
    assert [str(fault) for fault in component.check()] == [
        'reward.reward_functions[0].params.unsafe: bubblewrap is not installed; '
        'install it, or set unsafe: true to run programs with your own rights'
    ]
    with pytest.raises(UnavailableError, match='unsafe: true'):
        rewards.REWARDS['python_tests'].pay(
            rewards.Sample(parse_completion('<answer>x</answer>'), 'assert x', dict(answer='assert x'))
        )


def test_a_machine_without_bubblewrap_says_what_to_install(monkeypatch):
    monkeypatch.setenv('PATH', '')
    assert 'apt-get install bubblewrap' in sandbox_problem()


def test_unsafe_runs_without_the_sandbox_and_keeps_the_deadline():
    assert pay('def double(x): return x + x', 'assert double(2) == 4', unsafe=True) == 1.0
    assert pay('while True: pass', 'assert double(2) == 4', unsafe=True, timeout=1.0) == 0.0


def test_the_filter_is_a_program_of_whole_instructions():
    for machine in ('x86_64', 'aarch64'):
        program = sandbox._system_call_filter(machine)
        assert program and len(program) % 8 == 0
        count = len(program) // 8
        for i in range(count):
            code, yes, no = int.from_bytes(program[8 * i : 8 * i + 2], 'little'), program[8 * i + 2], program[8 * i + 3]
            if code & 7 == 5:
                assert i + 1 + max(yes, no) < count
    assert sandbox._system_call_filter('riscv64') == b''
