"""A training that was killed at any moment and resumed ends exactly as one that never was.

Compared are weights, metrics, completions, and what comes next.
"""
import random
import re
from types import SimpleNamespace

import numpy
import pytest
import torch
from transformers import TrainerCallback

from rlvr_nb.checkpoint import newest_checkpoint
from rlvr_nb.control import TrainingControl
from rlvr_nb.data import ArithmeticProcessor
from rlvr_nb.prompts import build_messages
from rlvr_nb.tiny import build_tiny_model
from rlvr_nb.training import DefaultTrainingLoopComponent

STEPS = 7
TIMES = re.compile('seconds|step_time|tokens/per_second|memory|runtime|per_second')


class Killed(BaseException):
    "Ends a training where it stands, as SIGKILL would."


class Drawing:
    "A reward with a generator of its own, as the reward component has."
    __name__ = 'drawing'
    def __init__(self): self.own = random.Random(5)
    def state_dict(self): return dict(own=self.own.getstate())
    def load_state_dict(self, state): self.own.setstate(state['own'])
    def __call__(self, completions, **columns):
        return [
            self.own.random() + random.random() + numpy.random.rand() + sum(ch.isdigit() for ch in c[0]['content'])
            for c in completions
        ]


class Often(Drawing):
    "Pays a group all the same now and then, so that it has to be replaced."
    def __call__(self, completions, **columns):
        return [float(self.own.random() < 0.2) for c in completions]


def settings(lora=True, dropout=0., **changes):
    grpo = {
        k: changes.pop(k)
        for k in list(changes)
        if k
        in ('beta', 'sync_ref_model', 'ref_model_sync_steps', 'steps_per_generation', 'num_iterations', 'loss_type')
    }
    train = dict(
        learning_rate=3e-3,
        max_steps=STEPS,
        max_completion_length=6,
        per_device_train_batch_size=8,
        gradient_accumulation_steps=1,
        warmup_ratio=0.1,
        lr_scheduler_type='linear',
        optim_name='adamw_torch',
        num_generations=4,
        logging_steps=1,
        save_steps=1,
        seed=None,
        bf16=None,
    )
    return SimpleNamespace(
        lora=lora, dropout=dropout, train=SimpleNamespace(**{**train, **changes}, grpo={'beta': 0.0, **grpo})
    )


def rows(n):
    return [
        dict(prompt=build_messages(r['question']), **r)
        for r in ArithmeticProcessor(num_train=n).load_raw_dataset('train')
    ]


def model_of(chosen):
    model, tokenizer = build_tiny_model()
    if not chosen.lora: return model, tokenizer
    from peft import LoraConfig, get_peft_model
    torch.manual_seed(0)
    return get_peft_model(
        model,
        LoraConfig(
            r=4, lora_alpha=8, lora_dropout=chosen.dropout, target_modules=['q_proj', 'v_proj'], task_type='CAUSAL_LM'
        ),
    ), tokenizer


def train(chosen, folder, kill_at=None, stop_at=None, resume=False, prompts=6, kill_in='step', stop_in_generation=None):
    "One process's share of a run: what it left, or `Killed`."
    random.seed(99); numpy.random.seed(99); torch.manual_seed(99)  # a new process starts anywhere
    model, tokenizer = model_of(chosen)
    dynamic = getattr(chosen.train, 'dynamic_sampling', 0)
    log, seen, control, reward = [], [], TrainingControl(), Often() if dynamic else Drawing()

    def on_step(step, total, metrics):
        log.append((step, {k: v for k, v in metrics.items() if not TIMES.search(k)}))
        if kill_in == 'step' and step == kill_at: raise Killed
        if step == stop_at: control.stop()

    def on_completions(step, records):
        seen.extend((r['step'], r['prompt'], r['completion'], r['reward'], r['advantage']) for r in records)
        if kill_in == 'generation' and step >= (kill_at or STEPS + 9): raise Killed

    class Stopping(TrainerCallback):
        def on_step_begin(self, args, state, control_, **kwargs):
            if state.global_step + 1 == stop_in_generation: control.stop()

    resume_from = newest_checkpoint(folder) if resume else None
    outcome = DefaultTrainingLoopComponent(chosen.train, seed=1).train(
        model,
        tokenizer,
        rows(prompts),
        [reward],
        [1.0],
        folder,
        resume_from=resume_from,
        control=control,
        on_step=on_step,
        on_completions=on_completions,
        stateful=dict(rewards=reward),
        callbacks=[Stopping()],
    )
    weights = {name: p.detach().clone() for name, p in model.named_parameters()}
    return SimpleNamespace(
        outcome=outcome,
        log=log,
        seen=seen,
        weights=weights,
        draw=reward.own.random(),
        start=int(resume_from.name[11:]) if resume_from else 0,
    )


def assert_same(whole, second):
    "What a resumed run did is what the whole run did from there on."
    start = second.start
    assert second.log == [entry for entry in whole.log if entry[0] > start]
    assert set(second.weights) == set(whole.weights)
    for name in whole.weights: assert torch.equal(second.weights[name], whole.weights[name]), name
    assert second.draw == whole.draw, 'the reward draws other numbers'
    assert [s for s in whole.seen if s[0] > start] == [s for s in second.seen if s[0] > start]


MATRIX = {
    'an adapter': dict(),
    'all weights': dict(lora=False),
    'an adapter with beta': dict(beta=0.1),
    'all weights with beta': dict(lora=False, beta=0.1),
    'a reference that follows': dict(lora=False, beta=0.1, sync_ref_model=True, ref_model_sync_steps=2),
    'four steps a generation': dict(steps_per_generation=4, per_device_train_batch_size=4),
    'two passes over a generation': dict(num_iterations=2),
    'four steps, two passes, beta': dict(
        steps_per_generation=4, per_device_train_batch_size=4, num_iterations=2, beta=0.1
    ),
    'accumulation': dict(gradient_accumulation_steps=4, per_device_train_batch_size=4),
    'accumulation within a generation': dict(
        gradient_accumulation_steps=2, per_device_train_batch_size=4, steps_per_generation=4, num_iterations=2
    ),
    'a log every four steps': dict(logging_steps=4),
    'dropout': dict(dropout=0.2),
    'another loss': dict(loss_type='dr_grpo', lora=False),
    'dynamic sampling, an adapter': dict(dynamic_sampling=2),
    'dynamic sampling, all weights': dict(dynamic_sampling=2, lora=False, num_iterations=2),
}


@pytest.mark.parametrize('name', MATRIX)
def test_a_killed_training_ends_as_if_it_never_was(name, tmp_path):
    "Killed in the first, second and third epoch, at the end of a step and inside one."
    chosen = settings(**MATRIX[name])
    prompts = 4 if chosen.train.gradient_accumulation_steps > 1 else 6
    whole = train(chosen, tmp_path/'whole', prompts=prompts)
    assert whole.outcome.steps == STEPS and not whole.outcome.stopped
    if 'dynamic' in name: assert any(metrics['dynamic/drawn'] > 2 for _, metrics in whole.log), 'no group was replaced'
    for kill_at, kill_in in ((1, 'step'), (3, 'step'), (4, 'generation'), (5, 'step'), (7, 'step')):
        folder = tmp_path/f'{kill_in}-{kill_at}'
        try: train(chosen, folder, kill_at=kill_at, kill_in=kill_in, prompts=prompts)
        except Killed: pass
        second = train(chosen, folder, resume=True, prompts=prompts)
        assert second.outcome.steps == STEPS
        assert_same(whole, second)


def test_a_stop_and_a_second_kill_change_nothing(tmp_path):
    chosen = settings(steps_per_generation=4, per_device_train_batch_size=4, save_steps=100)
    whole = train(chosen, tmp_path/'whole')
    first = train(chosen, tmp_path/'parts', stop_at=2)
    assert (
        first.outcome.stopped
        and first.outcome.steps == 2
        and newest_checkpoint(tmp_path / 'parts').name == 'checkpoint-2'
    )
    second = train(chosen, tmp_path/'parts', resume=True, stop_at=5)
    third = train(chosen, tmp_path/'parts', resume=True)
    assert first.log + second.log + third.log == whole.log
    for name in whole.weights: assert torch.equal(third.weights[name], whole.weights[name]), name


@pytest.mark.parametrize('at', [3, 4, 6, 7])
def test_a_stop_inside_a_generation_saves_the_step_before(at, tmp_path):
    "Also where the generation is the first of an epoch, of three steps each."
    chosen = settings(save_steps=100)
    whole = train(chosen, tmp_path/'whole')
    first = train(chosen, tmp_path/'parts', stop_in_generation=at)
    assert (
        first.outcome.stopped
        and first.outcome.steps == at - 1
        and newest_checkpoint(tmp_path / 'parts').name == f'checkpoint-{at - 1}'
    )
    second = train(chosen, tmp_path/'parts', resume=True)
    assert first.log + second.log == whole.log
    for name in whole.weights: assert torch.equal(second.weights[name], whole.weights[name]), name


def test_after_the_last_step_nothing_is_trained(tmp_path):
    chosen = settings(lora=False)
    whole = train(chosen, tmp_path/'run')
    again = train(chosen, tmp_path/'run', resume=True)
    assert again.log == [] and again.seen == [] and again.outcome.steps == STEPS and not again.outcome.stopped
    for name in whole.weights: assert torch.equal(again.weights[name], whole.weights[name]), name
