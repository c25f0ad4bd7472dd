"""How fast a warm start trains, ours beside TRL's stock trainer, on the same rows in the same process.

    python tests/benchmarks/bench_warm.py      a CPU: the built-in model
    python tests/benchmarks/bench_warm.py --model smollm2 --batch 64 --steps 30
    python tests/benchmarks/bench_warm.py --model smollm2 --batch 64 --only ours --profile

Random weights and random rows: a prompt of 60 to 180 tokens and a completion of 50 to 160. Both train on the same
rows in the same order, so the losses of both are printed beside each other too.
"""
import argparse
import gc
import hashlib
import json
import statistics
import tempfile
import time
from types import SimpleNamespace

import torch
import transformers
import trl
from bench_rollout import SHAPES, load
from bench_step import letters
from datasets import Dataset
from transformers import PrinterCallback, ProgressCallback, TrainerCallback

from rlvr_nb.warmstart import WarmExamples, sft_arguments, warm_start

FIRST, LAST = 10, 15   # the steps that are profiled


def examples(n, vocabulary, small):
    "Rows of random tokens, the same for the same number of rows."
    draw = torch.Generator().manual_seed(0)
    asked, said = ((4, 12), (4, 20)) if small else ((60, 180), (50, 160))
    rows = []
    for _ in range(n):
        a, b = (int(torch.randint(*bounds, (1,), generator=draw)) for bounds in (asked, said))
        ids = torch.randint(3, vocabulary, (a + b,), generator=draw).tolist()
        rows.append(dict(input_ids=ids, labels=[-100] * a + ids[a:]))
    return WarmExamples(rows, 0, 0)


class Clock(TrainerCallback):
    "The moment at which each step ended, and the profile of some."
    def __init__(self, profiled): self.ends, self.profiled, self.profile = [], profiled, None

    def on_step_begin(self, args, state, control, **kwargs):
        if self.profiled and state.global_step == FIRST:
            self.profile = torch.profiler.profile()
            self.profile.start()

    def on_step_end(self, args, state, control, **kwargs):
        if torch.cuda.is_available(): torch.cuda.synchronize()
        self.ends.append(time.perf_counter())
        if self.profile is not None and state.global_step == LAST:
            self.profile.stop()
            show(self.profile, LAST - FIRST)
            self.profile = None


def show(profile, steps):
    "Where the time of a step goes on the GPU and on the CPU."
    averages = profile.key_averages()
    for key in ('self_device_time_total', 'self_cpu_time_total'):
        if key.startswith('self_device') and not torch.cuda.is_available(): continue
        print(averages.table(sort_by=key, row_limit=32, max_name_column_width=90), flush=True)
    busy = sum(e.self_device_time_total for e in averages) / steps / 1e3
    starts = sum(e.count for e in averages if 'aunchKernel' in e.key) / steps
    print(f'a step: GPU busy {busy:.1f} ms, {starts:.0f} kernel launches', flush=True)


def run(a, ours):
    "Seconds a step, losses, and the peak of memory in GiB."
    gc.collect()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if device == 'cuda': torch.cuda.empty_cache(); torch.cuda.reset_peak_memory_stats()
    model = load(a.model, device, a.lora)
    if not a.lora: model = model.float()
    tok, clock, folder = letters(model.config.get_text_config().vocab_size), Clock(a.profile), tempfile.mkdtemp()
    shown = examples(a.steps * a.batch, model.config.get_text_config().vocab_size, a.model == 'tiny')
    warm, losses = SimpleNamespace(epochs=1, learning_rate=1e-4, batch_size=a.batch), []
    args = trl.SFTConfig(**sft_arguments(warm, None, folder, 0, False))
    if ours:
        warm_start(model, tok, shown, warm, folder, checkpointing=False, callbacks=[clock], on_note=print,
                   on_step=lambda step, total, log: losses.append(log['loss']))
    else:
        trainer = trl.SFTTrainer(model=model, processing_class=tok, args=args,
                                 train_dataset=Dataset.from_list(shown.rows), callbacks=[clock])
        for unwanted in (PrinterCallback, ProgressCallback): trainer.remove_callback(unwanted)
        trainer.train()
        losses = [line['loss'] for line in trainer.state.log_history if 'loss' in line]
    skip = LAST if a.profile else 3
    steps = [b - a for a, b in zip(clock.ends, clock.ends[1:])][skip:]
    tokens = sum(len(row['input_ids']) for row in shown.rows) / a.steps
    peak = torch.cuda.max_memory_allocated() / 2**30 if device == 'cuda' else 0
    weights = b''.join(p.detach().float().cpu().numpy().tobytes() for p in model.parameters())
    return dict(step=statistics.median(steps), rate=tokens / statistics.median(steps), losses=losses, peak_gib=peak,
                digest=hashlib.sha256(weights).hexdigest()[:12])


def main():
    "Measure both, and print the ratio."
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument('--model', default='tiny', help='tiny, a shape (' + ', '.join(SHAPES) + ') or a folder')
    args.add_argument('--batch', type=int, default=64, help='rows of a step')
    args.add_argument('--steps', type=int, default=30)
    args.add_argument('--lora', action='store_true')
    args.add_argument('--only', choices=['ours', 'trl'])
    args.add_argument('--profile', action='store_true', help=f'print where the time of steps {FIRST} to {LAST} goes')
    args.add_argument('--out', help='a JSON file')
    a = args.parse_args()
    what = torch.cuda.get_device_name() if torch.cuda.is_available() else f'{torch.get_num_threads()} CPU threads'
    print(f'{a.model}{" + LoRA" if a.lora else ""}, {a.batch} rows, {what}, torch {torch.__version__}, '
          f'transformers {transformers.__version__}, trl {trl.__version__}')
    found = {}
    for name in ('ours', 'trl'):
        if a.only in (None, name): found[name] = one = run(a, name == 'ours')
        else: continue
        losses = [round(x, 4) for x in one['losses'][::max(1, a.steps // 6)]]
        print(f'{name:5} {one["step"] * 1e3:8.1f} ms a step, {one["rate"]:,.0f} tokens/s, '
              f'peak {one["peak_gib"]:.1f} GiB, losses {losses}, weights {one["digest"]}', flush=True)
    if len(found) == 2:
        gap = max(abs(x - y) for x, y in zip(found['ours']['losses'], found['trl']['losses'], strict=True))
        print(f'ratio {found["trl"]["step"] / found["ours"]["step"]:.1f}, losses at most {gap:.1e} apart', flush=True)
    if a.out:
        with open(a.out, 'w') as f: json.dump(dict(**vars(a), device=what, found=found), f, indent=1)


if __name__ == '__main__': main()
