"""A training that was killed or stopped at any moment and resumed ends exactly as one that never was:
weights, metrics, completions, and what comes next."""
import random
import re
from functools import cache
from types import SimpleNamespace

import numpy
import pytest
import torch
from transformers import TrainerCallback

from rlvr_nb.checkpoint import newest_checkpoint, step_of
from rlvr_nb.control import TrainingControl
from rlvr_nb.data import ArithmeticProcessor
from rlvr_nb.prompts import build_messages
from rlvr_nb.tiny import build_tiny_model
from rlvr_nb.training import DefaultTrainingLoopComponent
from slower import some

STEPS = 7
TIMES = re.compile('seconds|step_time|tokens/per_second|memory|runtime|per_second')


class Killed(BaseException):
    "Ends a training where it stands, as SIGKILL would."


class Drawing:
    "A reward with a generator of its own, as the reward component has."
    __name__ = 'drawing'
    def __init__(self, kill_at=None): self.own, self.calls, self.kill_at = random.Random(5), 0, kill_at
    def state_dict(self): return dict(own=self.own.getstate())
    def load_state_dict(self, state): self.own.setstate(state['own'])

    def __call__(self, completions, **columns):
        self.calls += 1
        if self.calls == self.kill_at: raise Killed
        return [self.own.random() + random.random() + numpy.random.rand() + sum(ch.isdigit() for ch in c[0]['content'])
                for c in completions]


class Often(Drawing):
    "Pays a group all the same now and then, so that it has to be replaced."
    def __call__(self, completions, **columns):
        return [float(self.own.random() < 0.2) for c in completions]


OF_GRPO = ('beta', 'sync_ref_model', 'ref_model_sync_steps', 'steps_per_generation', 'num_iterations', 'loss_type',
           'save_total_limit')


def settings(lora=True, dropout=0., **changes):
    grpo = {k: changes.pop(k) for k in list(changes) if k in OF_GRPO}
    train = dict(learning_rate=3e-3, max_steps=STEPS, max_completion_length=6, per_device_train_batch_size=8,
                 gradient_accumulation_steps=1, warmup_ratio=0.1, lr_scheduler_type='linear',
                 optim_name='adamw_torch', num_generations=4, logging_steps=1, save_steps=1, seed=None, bf16=None)
    return SimpleNamespace(lora=lora, dropout=dropout,
                           train=SimpleNamespace(**{**train, **changes}, grpo={'beta': 0., **grpo}))


def rows(n):
    return [dict(prompt=build_messages(r['question']), **r)
            for r in ArithmeticProcessor(num_train=n).load_raw_dataset('train')]


def model_of(chosen):
    model, tokenizer = build_tiny_model()
    if not chosen.lora: return model, tokenizer
    from peft import LoraConfig, get_peft_model
    torch.manual_seed(0)
    adapter = LoraConfig(r=4, lora_alpha=8, lora_dropout=chosen.dropout, target_modules=['q_proj', 'v_proj'],
                         task_type='CAUSAL_LM')
    return get_peft_model(model, adapter), tokenizer


class Stopping(TrainerCallback):
    "Asks for a stop where a step begins, or after one of its passes."
    def __init__(self, control, step, passes):
        self.steering, self.step, self.passes, self.done = control, step, passes, 0

    def on_step_begin(self, args, state, control, **kwargs):
        self.done = 0
        if state.global_step + 1 == self.step and not self.passes: self.steering.stop()

    def on_substep_end(self, args, state, control, **kwargs):
        self.done += 1
        if (state.global_step + 1, self.done) == (self.step, self.passes): self.steering.stop()


def train(chosen, folder, kill_at=None, stop_at=None, resume=False, prompts=6, kill_in='step', stop_in=(None, 0)):
    "One process's share of a run: what it left, or `Killed`. `resume` is a checkpoint, or True for the newest."
    random.seed(99); numpy.random.seed(99); torch.manual_seed(99)  # a new process starts anywhere
    model, tokenizer = model_of(chosen)
    dynamic = getattr(chosen.train, 'dynamic_sampling', 0)
    log, seen, noted, control = [], [], [], TrainingControl()
    reward = Often() if dynamic else Drawing(kill_at if kill_in == 'reward' else None)

    def on_step(step, total, metrics):
        log.append((step, {k: v for k, v in metrics.items() if not TIMES.search(k)}))
        if kill_in == 'step' and step == kill_at: raise Killed
        if step == stop_at: control.stop()

    def on_completions(step, records):
        seen.extend((r['step'], r['prompt'], r['completion'], r['reward'], r['advantage']) for r in records)
        if kill_in == 'generation' and step >= (kill_at or STEPS + 9): raise Killed

    def on_event(kind, **facts): noted.append((kind, facts.get('text') or facts.get('what')))
    checkpoint = newest_checkpoint(folder) if resume is True else resume or None
    outcome = DefaultTrainingLoopComponent(chosen.train, seed=1).train(
        model, tokenizer, rows(prompts), [reward], [1.], folder, resume_from=checkpoint, control=control,
        on_step=on_step, on_completions=on_completions, on_event=on_event, stateful=dict(rewards=reward),
        callbacks=[Stopping(control, *stop_in)])
    weights = {name: p.detach().clone() for name, p in model.named_parameters()}
    return SimpleNamespace(outcome=outcome, log=log, seen=seen, weights=weights, draw=reward.own.random(),
                           start=step_of(checkpoint) if checkpoint else 0, noted=noted)


def assert_same(whole, second):
    "A resumed part ends as the whole run, and has logged and generated what comes after its start."
    assert second.outcome.steps == STEPS
    assert second.log == [entry for entry in whole.log if entry[0] > second.start]
    assert set(second.weights) == set(whole.weights)
    for name in whole.weights: assert torch.equal(second.weights[name], whole.weights[name]), name
    assert second.draw == whole.draw, 'the reward draws other numbers'
    assert [s for s in whole.seen if s[0] > second.start] == [s for s in second.seen if s[0] > second.start]


FOUR = dict(per_device_train_batch_size=4)
MATRIX = {
    'an adapter':                       dict(),
    'all weights':                      dict(lora=False),
    'an adapter with beta':             dict(beta=0.1),
    'all weights with beta':            dict(lora=False, beta=0.1),
    'a reference that follows':         dict(lora=False, beta=0.1, sync_ref_model=True, ref_model_sync_steps=2),
    'four steps a generation':          dict(steps_per_generation=4, **FOUR),
    'two passes over a generation':     dict(num_iterations=2),
    'four steps, two passes, beta':     dict(steps_per_generation=4, num_iterations=2, beta=0.1, **FOUR),
    'accumulation':                     dict(gradient_accumulation_steps=4, **FOUR),
    'accumulation within a generation': dict(gradient_accumulation_steps=2, steps_per_generation=4, num_iterations=2,
                                             **FOUR),
    'a log every four steps':           dict(logging_steps=4),
    'dropout':                          dict(dropout=0.2),
    'another loss':                     dict(loss_type='dr_grpo', lora=False),
    'dynamic sampling, an adapter':     dict(dynamic_sampling=2),
    'dynamic sampling, all weights':    dict(dynamic_sampling=2, lora=False, num_iterations=2),
}


@pytest.fixture(scope='module')
def whole_of(tmp_path_factory):
    "Name of a setting -> settings, number of prompts, the uninterrupted run, the folder with all its checkpoints."
    @cache
    def run(name):
        chosen = settings(save_total_limit=9, **MATRIX[name])
        prompts, folder = 4 if chosen.train.gradient_accumulation_steps > 1 else 6, tmp_path_factory.mktemp('whole')
        return chosen, prompts, train(chosen, folder, prompts=prompts), folder
    return run


@pytest.mark.parametrize('name', some(MATRIX, 'all weights with beta', 'four steps, two passes, beta',
                                       'accumulation within a generation', 'dynamic sampling, an adapter'))
def test_a_killed_training_ends_as_if_it_never_was(name, whole_of, tmp_path):
    "Killed inside the generation of the fourth step; resumed from checkpoints of the first, second and third epoch."
    chosen, prompts, whole, folder = whole_of(name)
    assert whole.outcome.steps == STEPS and not whole.outcome.stopped
    if 'dynamic' in name: assert any(metrics['dynamic/drawn'] > 2 for _, metrics in whole.log), 'no group was replaced'
    kill_in = (
        'step' if name == 'four steps, two passes, beta' else 'generation'
    )  # its one generation serves eight steps
    with pytest.raises(Killed): train(chosen, tmp_path/'killed', kill_at=4, kill_in=kill_in, prompts=prompts)
    assert_same(whole, train(chosen, tmp_path/'killed', resume=True, prompts=prompts))
    for step in (1, 5, 7):
        assert_same(whole, train(chosen, tmp_path/f'{step}', resume=folder/f'checkpoint-{step}', prompts=prompts))


def test_a_stop_and_a_second_kill_change_nothing(whole_of, tmp_path):
    _, _, whole, _ = whole_of('four steps a generation')
    chosen = settings(save_steps=100, **MATRIX['four steps a generation'])
    first = train(chosen, tmp_path, stop_at=2)
    assert first.outcome.stopped and first.outcome.steps == 2 and newest_checkpoint(tmp_path).name == 'checkpoint-2'
    second = train(chosen, tmp_path, resume=True, stop_at=5)
    third = train(chosen, tmp_path, resume=True)
    assert first.log + second.log + third.log == whole.log
    assert_same(whole, third)


@pytest.mark.parametrize('at', some([4, 7], 7))
def test_a_stop_inside_a_generation_saves_the_step_before(at, whole_of, tmp_path):
    "Also where the generation is the first of an epoch, of three steps each."
    _, _, whole, _ = whole_of('an adapter')
    chosen = settings(save_steps=100)
    first = train(chosen, tmp_path, stop_in=(at, 0))
    assert first.outcome.stopped and first.outcome.steps == at - 1
    assert newest_checkpoint(tmp_path).name == f'checkpoint-{at - 1}'
    second = train(chosen, tmp_path, resume=True)
    assert first.log + second.log == whole.log
    assert_same(whole, second)


WITHIN = ('accumulation within a generation', 4, 1)


@pytest.mark.parametrize('name, step, passes', some([('accumulation', 3, 1), ('accumulation', 5, 3), WITHIN], WITHIN))
def test_a_stop_inside_a_step_ends_with_its_pass(name, step, passes, whole_of, tmp_path):
    "What the passes have computed is given up, said, and computed again."
    _, prompts, whole, _ = whole_of(name)
    chosen = settings(save_steps=100, **MATRIX[name])
    first = train(chosen, tmp_path, stop_in=(step, passes), prompts=prompts)
    assert first.outcome.stopped and first.outcome.steps == step - 1
    of = chosen.train.gradient_accumulation_steps
    said = f'stopped in step {step}, after {passes} of its {of} passes; a resumed run does them again, '
    assert first.noted[-1:] == [('note', f'{said}from the checkpoint of step {step - 1}')]
    second = train(chosen, tmp_path, resume=True, prompts=prompts)
    assert first.log + second.log == whole.log
    assert_same(whole, second)


def test_a_stop_inside_the_first_step_begins_anew(tmp_path):
    first = train(settings(**MATRIX['accumulation']), tmp_path, stop_in=(1, 2), prompts=4)
    assert first.outcome.steps == 0 and newest_checkpoint(tmp_path) is None
    assert 'stopped in step 1, after 2 of its 4 passes; a resumed run begins anew' in first.noted[0][1]


def test_other_batches_are_taken_up_and_said(whole_of, tmp_path):
    "A batch that was changed on purpose: the position in the data is no longer exact, and that is counted."
    _, _, _, folder = whole_of('an adapter')
    chosen = settings(per_device_train_batch_size=4)
    second = train(chosen, tmp_path, resume=folder/'checkpoint-5')
    assert second.outcome.steps == STEPS
    assert second.noted == [('changed', 'the size of the batches; the position in the data is approximate: '
                                        'some prompts come twice or not at all')]


def test_after_the_last_step_nothing_is_trained(whole_of):
    _, _, whole, folder = whole_of('all weights')
    again = train(settings(lora=False), folder, resume=True)
    assert again.log == [] and again.seen == [] and again.outcome.steps == STEPS and not again.outcome.stopped
    for name in whole.weights: assert torch.equal(again.weights[name], whole.weights[name]), name
