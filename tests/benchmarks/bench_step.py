"""How long a GRPO step takes, ours beside TRL's stock trainer, on the same work in the same process.

    python tests/benchmarks/bench_step.py      a CPU: the built-in model, 64 completions
    python tests/benchmarks/bench_step.py --model smollm2 --sequences 128 --tokens 256 --lora
    python tests/benchmarks/bench_step.py --model gemma3_1b --sequences 16 --tokens 512 --lora

Random weights that sample no end token, so every completion has its full length; rewards are random, so every
group is live.
"""
import argparse
import json
import random
import statistics
import tempfile
import time
from types import SimpleNamespace

import torch
import transformers
import trl
from bench_rollout import SHAPES, load
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, TrainerCallback

from rlvr_nb.training import DefaultTrainingLoopComponent


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
    def __init__(self): self.steps = []

    def on_step_begin(self, *args, **kwargs): self.start = self.now()
    def on_step_end(self, *args, **kwargs): self.steps.append(self.now() - self.start)

    def now(self):
        if torch.cuda.is_available(): torch.cuda.synchronize()
        return time.perf_counter()


def rows(n, length):
    draw = random.Random(0)
    return [dict(prompt=[dict(role='user', content=''.join(draw.choice('0123456789+') for _ in range(length)))],
                 answer='1') for _ in range(n)]


def settings(a):
    return SimpleNamespace(learning_rate=1e-6, max_steps=a.steps, max_prompt_length=a.prompt,
                           max_completion_length=a.tokens, per_device_train_batch_size=a.micro or a.sequences,
                           gradient_accumulation_steps=a.sequences // (a.micro or a.sequences), warmup_ratio=0.,
                           lr_scheduler_type='constant', optim_name='adamw_torch_fused',
                           num_generations=a.group, save_steps=0, logging_steps=1, seed=0, bf16=None, rollout='auto',
                           grpo=dict(beta=0., temperature=1., loss_type='dapo', mask_truncated_completions=False))


def run(a, ours):
    "Seconds of each step."
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = load(a.model, device, a.lora)
    if a.float32: model = model.float()
    tok, clock = letters(model.config.get_text_config().vocab_size), Clock()
    loop = DefaultTrainingLoopComponent(settings(a), seed=0)
    if ours: trainer = loop.make_trainer(model, tok, rows(64, a.prompt), [chance], [1.], tempfile.mkdtemp(),
                                         callbacks=[clock])
    else:
        from datasets import Dataset
        args = loop._trl_config(tempfile.mkdtemp(), [1.])
        trainer = trl.GRPOTrainer(model=model, processing_class=tok, reward_funcs=[chance], args=args,
                                  train_dataset=Dataset.from_list(rows(64, a.prompt)), callbacks=[clock])
    trainer.train()
    if ours and trainer.engine:
        for note in trainer.engine.notes: print('  ', note)
    parts = [{k: round(line[k], 2) for k in ('seconds/generate', 'seconds/reward', 'seconds/update') if k in line}
             for line in trainer.state.log_history[1:-1]]
    if any(parts): print('  ', parts[-1])
    log = [line for line in trainer.state.log_history if 'sampler/mean_difference' in line]
    peak = torch.cuda.max_memory_allocated() / 2**30 if device == 'cuda' else 0
    if device == 'cuda': torch.cuda.reset_peak_memory_stats()
    return clock.steps, peak, log[0]['sampler/mean_difference'] if log else None


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
    args.add_argument('--out', help='a JSON file')
    a = args.parse_args()
    what = torch.cuda.get_device_name() if torch.cuda.is_available() else f'{torch.get_num_threads()} CPU threads'
    print(
        f'{a.model}{" + LoRA" if a.lora else ""}, {a.sequences} x {a.tokens}, {what}, torch {torch.__version__}, '
        f'transformers {transformers.__version__}, trl {trl.__version__}'
    )
    found = {}
    for name in [a.only] if a.only else ['ours', 'trl']:
        steps, peak, gap = run(a, name == 'ours')
        found[name] = dict(first=steps[0], step=statistics.median(steps[1:] or steps), peak_gib=peak, sampler_gap=gap)
        print(f'{name:5} {found[name]["step"]:8.2f} s a step, first {steps[0]:.1f} s, peak {peak:.1f} GiB'
              + (f', sampler and trainer {gap:.1e} apart' if gap is not None else ''), flush=True)
        if torch.cuda.is_available(): torch.cuda.empty_cache()
    if len(found) == 2: print(f'ratio {found["trl"]["step"] / found["ours"]["step"]:.1f}')
    if a.out:
        with open(a.out, 'w') as f: json.dump(dict(**vars(a), device=what, found=found), f, indent=1)


if __name__ == '__main__': main()
