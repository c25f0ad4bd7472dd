"""Everything that is worth a few minutes of a GPU, the most valuable first, in one command that keeps to its time.

    python tests/gpu/gpu_day.py                        450 seconds
    python tests/gpu/gpu_day.py --seconds 900
    python tests/gpu/gpu_day.py --list                 what would run
    python tests/gpu/gpu_day.py profile forecasts      these parts

Each part is a process of its own with a limit of its own. What it prints is seen as it comes, a part that fails or
runs out of time doesn't keep the next from starting, and a part for which too little time is left is named and
skipped. The exit status is the number of parts that failed.
"""
import argparse
import os
import select
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEP, CHECKS = [str(ROOT/'tests/benchmarks/bench_step.py')], ROOT/'tests/gpu'
SMOLLM2 = [*STEP, '--model', 'smollm2', '--sequences', '128', '--tokens', '256', '--lora']
GEMMA = [*STEP, '--model', 'gemma3_1b', '--tokens', '512', '--lora', '--group', '16']
PARTS = {  # name: arguments, seconds at most, seconds without which it isn't worth starting
    'smollm2_128': ([*SMOLLM2, '--steps', '5', '--trl-steps', '2'], 100, 40),
    'gemma3_16': ([*GEMMA, '--sequences', '16', '--steps', '4', '--trl-steps', '2'], 130, 60),
    'gemma3_256': ([*GEMMA, '--sequences', '256', '--micro', '16', '--steps', '3', '--trl-steps', '2'], 170, 60),
    'updates': ([str(CHECKS / 'check_updates.py')], 90, 30),
    'profile': ([*SMOLLM2, '--tokens', '48', '--steps', '3', '--only', 'ours', '--profile'], 60, 30),
    'rollout': ([str(CHECKS / 'check_rollout.py'), 'llama', 'gemma3'], 120, 40),
    'forecasts': (
        [
            str(CHECKS / 'run_gpu.py'),
            'forecast_smollm2_lora',
            'forecast_gemma3_16',
            'forecast_smollm2_full',
            '--timeout',
            '90',
        ],
        280,
        60,
    ),
    'each': ([*SMOLLM2, '--steps', '3', '--only', 'ours', '--each'], 120, 60),
}


def run(name, arguments, limit):
    "Run a part; whether it ended well."
    print(
        f'\n=== {name}: {" ".join(str(Path(a).name) if "/" in a else a for a in arguments)} (at most {limit:.0f} s)',
        flush=True,
    )
    start = time.perf_counter()
    path = os.pathsep.join(
        [str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])]
    )  # the caller's packages stay in reach
    quiet = os.environ | dict(HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false', PYTHONPATH=path, PYTHONUNBUFFERED='1')
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=quiet,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    status = follow(process, start + limit)
    print(f'=== {name}: {status} after {time.perf_counter() - start:.0f} s', flush=True)
    return status == 'ok'


def follow(process, end):
    "Print what a process prints until it ends or its time is up; how it ended."
    pipe, rest = process.stdout.fileno(), b''
    while True:
        if select.select([pipe], [], [], 1)[0]:
            some = os.read(pipe, 2**16)
            if not some: break
            *lines, rest = (rest + some).split(b'\n')
            for line in lines: show(line.decode(errors='replace'))
        if time.perf_counter() > end:
            os.killpg(process.pid, 9)
            process.wait()
            return 'out of time'
    show(rest.decode(errors='replace'))
    return 'ok' if process.wait() == 0 else f'failed with status {process.returncode}'


def show(line):
    "Print a line, unless it is one of a trainer's own log."
    if line and not line.startswith("{'") and 'tokenizer has new PAD' not in line: print(line[:300], flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', help='parts; all unless given')
    parser.add_argument('--seconds', type=float, default=450, help='for everything together')
    parser.add_argument('--list', action='store_true')
    a = parser.parse_args()
    if unknown := set(a.names) - set(PARTS):
        parser.error(f'no part {", ".join(sorted(unknown))}; there are {", ".join(PARTS)}')
    if a.list: return print('\n'.join(f'{name:14} {" ".join(arguments)}' for name, (arguments, *_) in PARTS.items()))
    end, failed, started = time.perf_counter() + a.seconds, 0, time.perf_counter()
    for name in a.names or PARTS:
        arguments, most, least = PARTS[name]
        left = end - time.perf_counter()
        if left < least: print(f'\n=== {name}: skipped, {left:.0f} s are left', flush=True)
        else: failed += not run(name, arguments, min(most, left))
    print(f'\n=== {failed} failed, {time.perf_counter() - started:.0f} s', flush=True)
    return failed


if __name__ == '__main__': sys.exit(main())
