"""Two processes that train together, as torchrun starts them:
python -m torch.distributed.run --standalone --nproc_per_node=2
tests/two_processes.py FOLDER. Each process writes what it found into FOLDER/found-RANK.json, for test_processes.py.

All parts of all runs happen in these two processes, since starting them is what takes long. With --gpus behind the
folder each process has a GPU, where there are some, and they talk through NCCL; a line says when a part is done."""
import hashlib
import json
import os
import sys
import time
from pathlib import Path

import torch
from accelerate import PartialState

import test_resume
from rlvr_nb.checkpoint import checkpoints, newest_checkpoint, step_of
from rlvr_nb.rollout import RolloutEngine

RANK = int(os.environ['RANK'])
ON_GPUS = '--gpus' in sys.argv
KEPT = {}   # name of a folder -> the weights that its part ended with
TOGETHER = dict(per_device_train_batch_size=4, gradient_accumulation_steps=2, max_steps=5, save_total_limit=9)


def train(folder, lora=True, **more):
    "One training; what this process saw of it."
    chosen = test_resume.settings(lora=lora, **TOGETHER)
    found = test_resume.train(chosen, folder, prompts=8, **more)
    weights = kept(folder.name, found.weights)
    PartialState().wait_for_everyone()
    return dict(weights=weights, log=found.log, draw=found.draw, steps=found.outcome.steps, noted=found.noted,
                batches=found.outcome.batches.__dict__, newest=step_of(newest_checkpoint(folder) or ''),
                apart=apart(folder.name, 'full' if 'full' in folder.name else 'whole'))


def kept(name, weights):
    "The digest of the weights that a part ended with; they are kept to be compared."
    KEPT[name] = {key: tensor.detach().cpu() for key, tensor in sorted(weights.items())}
    h = hashlib.sha256()
    for key, tensor in KEPT[name].items(): h.update(key.encode() + tensor.numpy().tobytes())
    return h.hexdigest()


def apart(name, other):
    "How far two parts have ended from each other."
    pairs = [(tensor, KEPT[other][key]) for key, tensor in KEPT[name].items()]
    return sum(float((a - b).float().pow(2).sum()) for a, b in pairs)**.5


def killed(folder, at):
    "A part that is killed while completions are scored; the steps of the checkpoints that it leaves."
    try: train(folder, kill_at=at, kill_in='reward')
    except test_resume.Killed: pass
    PartialState().wait_for_everyone()
    return [step_of(path) for path in checkpoints(folder)]


class Little:
    "Memory for so many sequences in a pass of the second process, and so many completions in its generation."
    def __init__(self, update=99, generation=99): self.update, self.generation = update, generation

    def __enter__(self):
        from transformers import LlamaModel
        self.kept = LlamaModel.forward, RolloutEngine.generate_ids
        forward, generate = self.kept
        limits = self

        def tight_forward(model, *args, **kwargs):
            full = torch.is_grad_enabled() and len(kwargs['input_ids']) > limits.update
            if RANK == 1 and full: raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB.')
            return forward(model, *args, **kwargs)

        def tight_generate(engine, prompts, group=1, *args, **kwargs):
            full = len(prompts) * group > limits.generation
            if RANK == 1 and full: raise torch.OutOfMemoryError('CUDA out of memory.')
            return generate(engine, prompts, group, *args, **kwargs)

        LlamaModel.forward, RolloutEngine.generate_ids = tight_forward, tight_generate

    def __exit__(self, *error):
        from transformers import LlamaModel
        LlamaModel.forward, RolloutEngine.generate_ids = self.kept


class BackwardFails(torch.autograd.Function):
    "The loss as it is, and memory that runs out in the first backward pass of the second process."
    left = 1

    @staticmethod
    def forward(ctx, loss): return loss.clone()

    @staticmethod
    def backward(ctx, grad):
        if RANK == 1 and BackwardFails.left:
            BackwardFails.left -= 1
            raise torch.OutOfMemoryError('CUDA out of memory.')
        return grad


def with_failing_backward(folder):
    from rlvr_nb.updates import Frugal
    kept = Frugal._compute_loss
    Frugal._compute_loss = lambda self, model, inputs: BackwardFails.apply(kept(self, model, inputs))
    try: return train(folder)
    finally: Frugal._compute_loss = kept


def warm(folder, most=99):
    "A warm start, with memory for so many sequences in a pass of the second process, from its second step on."
    from types import SimpleNamespace
    from rlvr_nb.model import build_tiny_model
    from rlvr_nb.warmstart import WarmExamples, warm_start
    torch.manual_seed(0)
    model, tokenizer = build_tiny_model()
    forward, halved, passes, losses = model.base_model.forward, [], [], []

    def tight(*args, **kwargs):
        passes.append(len(kwargs['input_ids']))
        if RANK == 1 and len(passes) > 1 and passes[-1] > most: raise torch.OutOfMemoryError('CUDA out of memory.')
        return forward(*args, **kwargs)

    model.base_model.forward = tight
    rows = [dict(input_ids=[1, 2, 3 + n, 4], labels=[-100, -100, 3 + n, 4]) for n in range(16)]
    options = SimpleNamespace(epochs=2., learning_rate=5e-3, batch_size=4)
    outcome = warm_start(model, tokenizer, WarmExamples(rows, 0, 0), options, folder, seed=1,
                         on_smaller=halved.append, on_step=lambda step, total, log: losses.append(log['loss']))
    weights = kept(folder.name, dict(model.named_parameters()))
    return dict(weights=weights, passes=passes, halved=[str(b) for b in halved], steps=outcome.steps, losses=losses,
                apart=apart(folder.name, 'warm'))


def parts(folder):
    "The name of each part, and what does it; in this order."
    yield 'whole', lambda: train(folder/'whole')
    yield 'whole, all weights', lambda: train(folder/'full', lora=False)
    for step in (1, 3, 4) if os.environ.get('EVERYTHING') or ON_GPUS else ():
        yield f'from {step}', lambda: train(folder/f'from-{step}', resume=folder/f'whole/checkpoint-{step}')
    yield 'from 2, all weights', lambda: train(folder/'from-full', lora=False, resume=folder/'full/checkpoint-2')
    yield 'killed', lambda: killed(folder/'killed', 3)
    yield 'resumed', lambda: train(folder/'killed', resume=True)
    stop = (3, 1) if RANK == 1 else (None, 0)  # asked for in one process only
    yield 'stopped', lambda: train(folder/'stopped', stop_in=stop)
    yield 'stopped, resumed', lambda: train(folder/'stopped', resume=True)
    yield 'halved', lambda: with_little(folder/'halved', update=2)
    yield 'parted', lambda: with_little(folder/'parted', generation=4)
    yield 'backward', lambda: with_failing_backward(folder/'backward')
    yield 'warm', lambda: warm(folder/'warm')
    yield 'warm, halved', lambda: warm(folder/'warm-halved', most=2)
    if ON_GPUS:
        yield 'again', lambda: train(folder/'again')
        yield 'again, all weights', lambda: train(folder/'full-again', lora=False)


def with_little(folder, **limits):
    with Little(**limits): return train(folder)


def main(folder):
    state = PartialState(cpu=not torch.cuda.is_available())
    if ON_GPUS and RANK == 0: print(f'{state.num_processes} processes, {state.backend}, {state.device}', flush=True)
    found = {}
    for name, part in parts(folder):
        start = time.perf_counter()
        found[name] = part()
        if ON_GPUS and RANK == 0: print(f'{name}: {time.perf_counter() - start:.1f} s', flush=True)
    (folder/f'found-{RANK}.json').write_text(json.dumps(found))
    torch.distributed.destroy_process_group()


if __name__ == '__main__': main(Path(sys.argv[1]))
