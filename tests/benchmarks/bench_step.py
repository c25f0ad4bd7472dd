"""How long a GRPO step takes, ours beside TRL's stock trainer, on the same work in the same process.

    python tests/benchmarks/bench_step.py      a CPU: the built-in model, 64 completions
    python tests/benchmarks/bench_step.py --model smollm2 --sequences 128 --tokens 256 --lora
    python tests/benchmarks/bench_step.py --model gemma3_1b --sequences 16 --tokens 512 --lora
    python tests/benchmarks/bench_step.py --model smollm2 --sequences 128 --tokens 256 --lora --only ours --each
        what each part brings

Random weights that sample no end token, so every completion has its full length; rewards are random, so every
group is live.
"""
import argparse
import gc
import json
import random
import statistics
import tempfile
import time
import traceback
from types import SimpleNamespace

import torch
import transformers
import trl
from bench_rollout import SHAPES, load
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, TrainerCallback

from rlvr_nb.clock import STEP_PARTS, seconds_name
from rlvr_nb.onetoken import TokenStep
from rlvr_nb.passes import Passes
from rlvr_nb.rollout import RolloutEngine
from rlvr_nb.training import DefaultTrainingLoopComponent
from rlvr_nb.updates import Sliced

SWITCHES = dict(
    fused=(RolloutEngine, 'fuse'),
    kernels=(TokenStep, 'used'),
    slices=(Sliced, 'slices_vocabulary'),
    lean=(Sliced, 'lean_adapters'),
    passes=(Passes, 'keeps'),
)


def letters(vocab):
    "A tokenizer of single characters that fills the model's vocabulary; the built-in model has its own."
    if vocab < 100:
        from rlvr_nb.tiny import build_tiny_tokenizer
        return build_tiny_tokenizer()
    words = {w: i for i, w in enumerate(['<pad>', '<eos>', '<unk>', *map(chr, range(32, 127))])}
    words |= {f'<w{i}>': i for i in range(len(words), vocab)}
    tok = Tokenizer(models.WordLevel(words, unk_token='<unk>'))
    tok.pre_tokenizer, tok.decoder = pre_tokenizers.Split('', 'isolated'), decoders.Fuse()
    fast = PreTrainedTokenizerFast(tokenizer_object=tok, pad_token='<pad>', eos_token='<eos>', unk_token='<unk>',
                                   padding_side='left')
    fast.chat_template = (
        "{% for m in messages %}{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}={% endif %}"
    )
    return fast


def chance(completions, **kwargs): return [random.random() for _ in completions]


class Clock(TrainerCallback):
    "Times every step."
    def __init__(self, profiled=None): self.steps, self.profiled, self.profile = [], profiled, None

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == self.profiled:
            self.profile = torch.profiler.profile()
            self.profile.start()
        self.start = self.now()

    def on_step_end(self, *args, **kwargs):
        self.steps.append(self.now() - self.start)
        if self.profile is None: return
        self.profile.stop()
        key = 'self_device_time_total' if torch.cuda.is_available() else 'self_cpu_time_total'
        print(self.profile.key_averages().table(sort_by=key, row_limit=24, max_name_column_width=70), flush=True)
        self.profile = None

    def now(self):
        if torch.cuda.is_available(): torch.cuda.synchronize()
        return time.perf_counter()


def rows(n, length):
    draw = random.Random(0)
    return [dict(prompt=[dict(role='user', content=''.join(draw.choice('0123456789+') for _ in range(length)))],
                 answer='1') for _ in range(n)]


def settings(a, steps):
    return SimpleNamespace(learning_rate=1e-6, max_steps=steps, max_prompt_length=a.prompt,
                           max_completion_length=a.tokens, per_device_train_batch_size=a.micro or a.sequences,
                           gradient_accumulation_steps=a.sequences // (a.micro or a.sequences), warmup_ratio=0.,
                           lr_scheduler_type='constant', optim_name='adamw_torch_fused',
                           num_generations=a.group, save_steps=0, logging_steps=1, seed=0, bf16=None, rollout='auto',
                           grpo=dict(beta=0., temperature=1., loss_type='dapo', mask_truncated_completions=False))


def run(a, ours, without=()):
    "Seconds of each step, the peak of memory in GiB, and how far sampler and trainer are apart."
    for name, (owner, switch) in SWITCHES.items(): setattr(owner, switch, name not in without)
    gc.collect()
    if torch.cuda.is_available(): torch.cuda.empty_cache(); torch.cuda.reset_peak_memory_stats()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = load(a.model, device, a.lora)
    if a.float32: model = model.float()
    steps = a.steps if ours else a.trl_steps or a.steps
    profiled = steps - 1 if a.profile and ours and not without else None
    tok, clock = letters(model.config.get_text_config().vocab_size), Clock(profiled)
    loop = DefaultTrainingLoopComponent(settings(a, steps), seed=0)
    if ours: trainer = loop.make_trainer(model, tok, rows(64, a.prompt), [chance], [1.], tempfile.mkdtemp(),
                                         callbacks=[clock])
    else:
        from datasets import Dataset
        args = loop._trl_config(tempfile.mkdtemp(), [1.])
        trainer = trl.GRPOTrainer(model=model, processing_class=tok, reward_funcs=[chance], args=args,
                                  train_dataset=Dataset.from_list(rows(64, a.prompt)), callbacks=[clock])
    trainer.train()
    if ours: facts(trainer)
    parts = [{part: round(line[seconds_name(part)], 2) for part in STEP_PARTS if seconds_name(part) in line}
             for line in trainer.state.log_history[1:-1]]
    if any(parts): print('  ', parts[-1])
    log = [line for line in trainer.state.log_history if 'sampler/mean_difference' in line]
    peak = torch.cuda.max_memory_allocated() / 2**30 if device == 'cuda' else 0
    if profiled is not None: clock.steps.pop()
    return clock.steps, peak, log[0]['sampler/mean_difference'] if log else None


def facts(trainer):
    "What a training of ours has chosen."
    for note in trainer.engine.notes if trainer.engine else []: print('  ', note)
    sampler = trainer.engine.decoder.sampler if trainer.engine and trainer.engine.decoder else None
    fused = 'no engine' if sampler is None else 'own' if sampler.fuse is None else sampler.unfused or 'fused'
    if sampler is not None: print(f'   kernels: {sampler.unstepped or "used"}')
    print(f'   layers: {fused}; lean adapters: {trainer.lean_layers}; tokens a pass: {trainer.pass_tokens}', flush=True)


def measure(a, name, found, without=()):
    "Run once, print a line; a failure is printed and the next run goes on."
    title = name + ''.join(f' without {w}' for w in without)
    try: steps, peak, gap = run(a, name == 'ours', without)
    except Exception:
        traceback.print_exc()
        return print(f'{title:22} FAILED', flush=True)
    found[title] = dict(first=steps[0], step=statistics.median(steps[1:] or steps), peak_gib=peak, sampler_gap=gap)
    print(f'{title:22} {found[title]["step"]:8.2f} s a step, first {steps[0]:.1f} s, peak {peak:.1f} GiB'
          + (f', sampler and trainer {gap:.1e} apart' if gap is not None else ''), flush=True)


def main():
    "Measure both, and print the ratio."
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument('--model', default='tiny', help='tiny, a shape (' + ', '.join(SHAPES) + ') or a folder')
    args.add_argument('--sequences', type=int, default=64, help='completions of a step')
    args.add_argument('--micro', type=int, help='completions of a micro-batch; all unless given')
    args.add_argument('--group', type=int, default=8)
    args.add_argument('--prompt', type=int, default=12, help='tokens')
    args.add_argument('--tokens', type=int, default=40, help='new tokens')
    args.add_argument('--steps', type=int, default=4)
    args.add_argument('--lora', action='store_true')
    args.add_argument('--float32', action='store_true',
                      help='float32 weights under mixed precision, as full fine-tuning trains')
    args.add_argument('--only', choices=['ours', 'trl'])
    args.add_argument('--trl-steps', type=int, help='steps of TRL, where they should be fewer')
    args.add_argument('--each', action='store_true', help='measure again without each of ' + ', '.join(SWITCHES))
    args.add_argument('--profile', action='store_true', help='print where the time of one more step of ours goes')
    args.add_argument('--out', help='a JSON file')
    a = args.parse_args()
    what = torch.cuda.get_device_name() if torch.cuda.is_available() else f'{torch.get_num_threads()} CPU threads'
    print(
        f'{a.model}{" + LoRA" if a.lora else ""}, {a.sequences} x {a.tokens}, {what}, torch {torch.__version__}, '
        f'transformers {transformers.__version__}, trl {trl.__version__}'
    )
    found = {}
    if a.only != 'trl':
        measure(a, 'ours', found)
        broken = 'ours' not in found   # then which part is it?
        if a.each or broken:
            for switch in SWITCHES: measure(a, 'ours', found, (switch,))
        if broken: measure(a, 'ours', found, tuple(SWITCHES))
    if a.only != 'ours': measure(a, 'trl', found)
    if {'ours', 'trl'} <= set(found): print(f'ratio {found["trl"]["step"] / found["ours"]["step"]:.1f}', flush=True)
    if a.out:
        with open(a.out, 'w') as f: json.dump(dict(**vars(a), device=what, found=found), f, indent=1)


if __name__ == '__main__': main()
