"The child process behind symbolic answers: it may be killed, forked around and left behind, and must not show."
import json, os, pickle, signal, subprocess, sys, threading, time

import pytest
from rlvr_nb import algebra as module
from rlvr_nb.prompts import GEMMA
from rlvr_nb.verify import Judge, verify
from slower import some

INTEGRAL, HALF = r'<answer>\int_0^1 x\,dx</answer>', r'\frac{1}{2}'


def fresh(): module._remembered.cache_clear()
def run(code, **kw): return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=120,
                                           **kw)


def test_import_is_light():
    done = run("import sys, rlvr_nb.verify; print(sorted({'torch', 'transformers', 'trl', 'peft', 'datasets', "
               "'pandas', 'matplotlib', 'sympy', 'math_verify', 'mpmath'} & set(sys.modules)))")
    assert done.stdout.strip() == '[]', done.stderr


def test_plain_answers_start_no_child():
    code = r"""
import rlvr_nb.algebra as a, rlvr_nb.verify as v
v.verify('<answer>18</answer>', '18', 'gsm8k')
v.verify(r'<answer>\sqrt{12}</answer>', r'2\sqrt3', 'math')
print(a._algebra.child)"""
    assert run(code).stdout.strip() == 'None'


def test_symbolic_answers_in_any_thread():
    fresh()
    seen = []
    def ask(): seen.append((verify(INTEGRAL, HALF, 'math').ok, verify(INTEGRAL, '1', 'math').ok))
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert seen == [(True, False)] * 4


@pytest.mark.parametrize('hostile', [r'\int_0^{\pi} e^{\sin x}\cos^3(x^2)\tan(x^5) dx',
                                     r'\sum_{n=1}^{999} \sin(n^3) \cos(n)',
                                     r'\int \int \int x^{99} y^{99} \sin(xyz) dx dy dz'])
def test_a_worker_that_takes_too_long_is_given_up(hostile):
    module._algebra.ask('1', '1')
    assert module._algebra.ask('1', hostile) == 'too_expensive'
    assert module._algebra.ask(HALF, r'\int_0^1 x\,dx') == 'match'


def test_a_killed_child_is_replaced():
    module._algebra.ask('1', '1')
    old = module._algebra.child.pid
    os.kill(old, signal.SIGKILL)
    module._algebra.child.wait()
    assert module._algebra.ask(HALF, r'\int_0^1 x\,dx') == 'match' and module._algebra.child.pid != old


def test_the_same_text_costs_the_same_whatever_was_asked_before():
    "Texts near the budget: their replies don't depend on the order, on caches or on the process."
    near = [r'\int_0^1 x^2\,dx', r'\sum_{k=1}^n k^2', r'\int x^2 dx', r'\lim_{n\to\infty}(1+\frac1n)^n',
            r'\log_2 x + \lfloor 3.7 \rfloor', r'\frac{d}{dx} x^2', r'\gcd(12,18)']
    other = module._Algebra()
    first = [module._algebra.ask('1', text) for text in near]
    second = [other.ask('1', text) for text in reversed(near)][::-1]
    other.stop()
    assert first == second and 'too_expensive' in first and 'timed_out' not in first


ASKED = [('math', gold, answer) for gold, *answers in (
    (HALF, r'\int_0^1 x\,dx', r'\int_0^1 x^2\,dx', '0.5', r'\frac{2}{4}', r'-\frac12'),
    ('55', r'\sum_{k=1}^{10} k', r'\sum_{k=1}^{9} k', r'\sum_{k=1}^{10^8} k', r'\prod_{k=1}^{99} k'),
    (r'\sum_{k=0}^{n} 2^k', r'2^{n+1}-1', r'\sum_{k=0}^n 2^k', r'2^n', r'\sum_{k=1}^{n} 2^k'),
    ('e', r'\lim_{n\to\infty}(1+\frac1n)^n', r'\int x^2 dx', r'9^{9^{9}}'),
    ('3', r'\lfloor 3.7 \rfloor', r'\gcd(12,18)', r'\log_2 8', r'\frac{d}{dx} 3x', r'\max(1,3)'),
    (r'\binom{n}{k}', r'\frac{n!}{k!(n-k)!}', r'\binom{n}{n-k}', r'\binom{k}{n}')) for answer in answers]

IN_ANY_ORDER = """
import json, random, sys
from rlvr_nb.verify import verify
asked = json.load(sys.stdin)
order = list(enumerate(asked))
random.Random(int(sys.argv[1])).shuffle(order)
found = {i: verify(f'<answer>{answer}</answer>', gold, kind) for i, (kind, gold, answer) in order}
print(json.dumps([(found[i].ok, found[i].reason) for i in range(len(asked))]))"""


def verdicts_under_load(asked, processes, load=2):
    "What each of several processes says of the same texts, each in its own order, beside others that only compute."
    loads = [subprocess.Popen([sys.executable, '-c', 'while True: pass']) for _ in range(load)]
    try:
        askers = [subprocess.Popen([sys.executable, '-c', IN_ANY_ORDER, str(seed)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True) for seed in range(processes)]
        for asker in askers:
            json.dump(asked, asker.stdin)
            asker.stdin.close()
        said = [json.loads(asker.stdout.read()) for asker in askers]
        for asker in askers: asker.wait()
        return said
    finally:
        for load in loads: load.kill()


@pytest.mark.parametrize('processes, load', some([(2, 0), (4, 2)], (2, 0)))
def test_processes_under_load_agree(processes, load):
    said = verdicts_under_load(ASKED, processes, load)
    assert all(verdicts == said[0] for verdicts in said)
    assert {reason for _, reason in said[0]} >= {'match', 'mismatch', 'too_expensive'}


def test_what_the_clock_ended_is_marked_and_not_remembered(monkeypatch):
    "The answer of a child that hangs is given up, and asked again the next time."
    replies = iter(['timed_out', 'match'])
    monkeypatch.setattr(module._Algebra, 'ask', lambda self, gold, answer: next(replies))
    fresh()
    assert [verify(INTEGRAL, HALF, 'math').reason for _ in range(3)] == ['timed_out', 'match', 'match']
    fresh()


def test_a_hung_child_is_given_up(monkeypatch):
    child = module._Algebra()
    child.ask('1', '1')
    monkeypatch.setattr(module, '_WALL_SECONDS', -4.5)
    os.kill(child.child.pid, signal.SIGSTOP)
    assert child.ask('1', '2') == 'timed_out' and child.child is None
    monkeypatch.undo()
    assert child.ask(HALF, r'\int_0^1 x\,dx') == 'match'
    child.stop()


def test_a_fork_gets_its_own_child():
    code = """
import os, rlvr_nb.algebra as v
assert v._algebra.ask('1', '1') == 'match'
mine, pid = v._algebra.child.pid, os.fork()
if not pid:
    fresh = v._algebra.child is None
    ok = fresh and v._algebra.ask('55', r'\\sum_{k=1}^{10} k') == 'match' and v._algebra.child.pid != mine
    v._algebra.stop()
    os._exit(0 if ok else 1)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(code, v._algebra.ask('55', r'\\sum_{k=1}^{10} k'), v._algebra.child.pid == mine)
"""
    done = run(code)
    assert done.stdout.split() == ['0', 'match', 'True'], done.stderr


@pytest.mark.parametrize('end', ['', 'os.kill(os.getpid(), 9)'], ids=['exits', 'is killed'])
def test_the_child_ends_with_us(end):
    done = run(f"import os, rlvr_nb.algebra as v\nv._algebra.ask('1', '1'); print(v._algebra.child.pid, "
               f"flush=True)\n{end}")
    pid = int(done.stdout)
    for _ in range(100):
        if not os.path.exists(f'/proc/{pid}') or open(f'/proc/{pid}/stat').read().rsplit(')',
                                                                                         1)[1].split()[0] == 'Z': break
        time.sleep(0.1)
    else: pytest.fail(f'process {pid} outlived its parent')


def test_scripts_need_no_main_guard(tmp_path):
    (tmp_path / 'math_verify.py').write_text("raise SystemExit('a file of the working directory was imported')")
    script = tmp_path / 'script.py'
    script.write_text(f"from rlvr_nb.verify import verify\nprint(verify(r'{INTEGRAL}', r'{HALF}', 'math'))")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert "reason='match'" in done.stdout, done.stderr


def test_without_math_verify_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(module, '_algebra', module._Algebra())
    monkeypatch.setattr(module, '_ALGEBRA_CHILD', tmp_path / 'program.py')
    (tmp_path / 'program.py').write_text('import a_module_that_is_not_there')
    fresh()
    with pytest.warns(RuntimeWarning, match="math-verify didn't start"): verdict = verify(INTEGRAL, HALF, 'math')
    fresh()
    assert verdict.reason == 'unparseable'


def test_a_judge_travels_in_a_pickle():
    judge = pickle.loads(pickle.dumps(Judge('math', GEMMA, prefilled=True)))
    assert judge('draft <SOLUTION>3</SOLUTION><end_working_out><SOLUTION>0.5</SOLUTION>', {'answer': HALF})
