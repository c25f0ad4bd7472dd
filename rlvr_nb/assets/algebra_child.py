"""The program of the algebra process: python algebra_child.py STEPS CPU_SECONDS WALL_SECONDS

Reads questions from standard input, one JSON list [number, gold, answer] a line, and writes [number, reply] for each.
A reply is match, mismatch, unparseable, too_expensive (the budget of steps ran out) or timed_out (a clock ran out).
Every question is answered in a fork of its own, taken after everything was loaded and warmed up, so that what was
asked before changes neither the answer nor the number of steps that it takes. The process ends with its parent.
"""
import gc, json, logging, os, select, signal, sys

from latex2sympy2_extended.latex2sympy2 import _Latex2Sympy
from latex2sympy2_extended.math_normalization import NormalizationConfig, normalize_latex
from math_verify import verify
from math_verify.parser import should_treat_as_complex

logging.disable(logging.CRITICAL)

STEPS, CPU_SECONDS, WALL_SECONDS = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
EXTRA_MEMORY = 2**29
SPELLING = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none",
                               equations=False)
WARM = [(r"\int_0^1 x dx", r"\frac{1}{2}"), (r"\sum_{k=1}^{10} k", "55"),
        (r"\lim_{x\to 0} \frac{\sin x}{x}", "1"), (r"\frac{d}{dx} x^2", "2x"),
        (r"x^3+\sqrt{x}", r"x^{1/2}+x^3"), (r"\int x^2 dx", r"\frac{x^3}{3}"),
        (r"\det\begin{pmatrix}1&2\\3&4\end{pmatrix}", "-2"),
        (r"\lfloor 3.7\rfloor", "3"), (r"\gcd(12,18)", "6"), (r"\max(3,5)", "|5|"),
        (r"\log_2 x + e^{\pi i}", r"\ln(x)/\ln(2) - 1"),
        (r"\int_0^{\pi} \sin x\,dx", "2"), (r"\sum_{k=1}^n k^2", r"\frac{n(n+1)(2n+1)}{6}")]


class TooLong(BaseException):
    "A question has used up its steps or its time."


class Budget:
    "Counts the calls of Python functions, and gives up after so many."
    def __init__(self, steps): self.left, self.spent = steps, False

    def __call__(self, frame, event, argument):
        self.left -= 1  # as a trace function that returns None it hears of calls only
        if self.left < 0:
            self.spent = True
            raise TooLong


def read_whole(text):
    "The expression that a text is; a text that goes on behind the expression raises."
    text = normalize_latex(text, SPELLING)
    converter = _Latex2Sympy(is_real=not should_treat_as_complex(text))
    parser = converter.create_parser(text)
    parser.math()
    if (token := parser.getCurrentToken()) and token.type != -1: raise ValueError("the grammar stops before the end")
    return converter.parse(text)


def judge(gold, answer):
    "Whether two texts are equal expressions."
    sides: list[list] = [[read_whole(side)] for side in (gold, answer)]
    return "match" if verify(*sides, float_rounding=15, timeout_seconds=None, raise_on_error=False) else "mismatch"


def limited(gold, answer):
    "The judgement within the budget of steps, the processor time and the memory of one question."
    def expire(*_): raise TooLong
    signal.signal(signal.SIGPROF, expire)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS * 1.5)  # kills, where the other isn't heard
    budget = Budget(STEPS)
    sys.settrace(budget)
    try: reply = judge(gold, answer)
    except TooLong: reply = "timed_out"
    except (Exception, MemoryError): reply = "unparseable"
    finally: sys.settrace(None)
    return "too_expensive" if budget.spent else reply


def limit_memory():
    "Let a question use some memory beyond what is loaded."
    try:
        import resource
        with open("/proc/self/statm") as f: size = int(f.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (size + EXTRA_MEMORY, size + EXTRA_MEMORY))
    except (ImportError, OSError, ValueError): pass


def asked(gold, answer):
    "The reply of a fork to one question; a fork that says nothing in time is killed."
    out, into = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(out)
        limit_memory()
        os.write(into, limited(gold, answer).encode())
        os._exit(0)
    os.close(into)
    try:
        heard = select.select([out], [], [], WALL_SECONDS)[0]
        return (os.read(out, 64) if heard else b"").decode() or "timed_out"
    finally:
        os.close(out)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def serve():
    "Answer questions until the parent is gone."
    parent, buffer = os.getppid(), b""
    print("ready", flush=True)
    while True:
        if not select.select([0], [], [], 1.0)[0]:
            if os.getppid() != parent: return
            continue
        chunk = os.read(0, 65536)
        if not chunk: return
        buffer += chunk
        while b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            number, gold, answer = json.loads(line)
            print(json.dumps([number, asked(gold, answer)]), flush=True)


if __name__ == "__main__":
    for pair in WARM: judge(*pair)
    gc.collect()
    gc.freeze()
    serve()
