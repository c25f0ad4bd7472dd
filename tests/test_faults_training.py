"""What goes wrong inside a training: non-finite numbers, full memory and disks, rewards that end the process."""
import errno
import math
import os
from types import SimpleNamespace

import pytest
import torch

from rlvr_nb.checkpoint import checkpoints, damage, newest_checkpoint
from rlvr_nb.grammar import ConfigError, RLVRError, UnavailableError
from rlvr_nb.health import TrainingDiverged
from rlvr_nb.pipeline import Pipeline
from rlvr_nb.report import RunReport
from rlvr_nb.rundir import RunDir
from rlvr_nb.tiny import build_tiny_model
from rlvr_nb.training import DefaultTrainingLoopComponent
from test_resume import rows, settings
from test_resume_run import SHORT, run_of
from warm import Command


def digits(completions, **columns): return [float(sum(ch.isdigit() for ch in c[0]['content'])) for c in completions]


def train(folder, chosen=None, model=None, callbacks=(), resume_from=None, **more):
    "A training of the untrained built-in model; the model, what was told, and the outcome."
    chosen, told = chosen or settings(lora=False), []
    model = model or build_tiny_model()[0]
    tokenizer = build_tiny_model()[1]
    log = []
    outcome = DefaultTrainingLoopComponent(chosen.train, seed=1).train(
        model,
        tokenizer,
        rows(16),
        [digits],
        [1.0],
        folder,
        callbacks=callbacks,
        resume_from=resume_from,
        on_step=lambda step, total, m: log.append((step, m)),
        on_fault=lambda where, text: told.append((where, text)),
        **more,
    )
    return SimpleNamespace(model=model, told=told, outcome=outcome, log=log)


# ---- numbers

def poison(model, at, value=float('nan')):
    "Let the gradient of the given micro-steps be no number."
    count = iter(range(1, 10_000))
    weight = model.model.norm.weight
    weight.register_hook(lambda grad: grad * value if next(count) in at else grad)
    return model


def test_a_step_without_numbers_is_skipped_and_told(tmp_path):
    done = train(tmp_path, model=poison(build_tiny_model()[0], {3}))
    assert done.outcome.steps == 7 and done.outcome.skipped == [3]
    assert [where for where, _ in done.told] == ['training'] and 'step 3: the gradient is no number' in done.told[0][1]
    assert all(torch.isfinite(p).all() for p in done.model.parameters())
    assert math.isfinite(done.log[3][1]['grad_norm'])


def test_a_skipped_step_changes_neither_weights_nor_optimizer(tmp_path):
    from transformers import TrainerCallback
    kept = {}
    class Keep(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            optimizer = self.trainer.optimizer.state_dict()['state']
            kept[state.global_step] = (
                [p.detach().clone() for p in self.trainer.model.parameters()],
                [s['exp_avg'].clone() for s in optimizer.values()],
            )
    train(tmp_path, model=poison(build_tiny_model()[0], {3}), callbacks=[Keep()])
    for before, after in zip(kept[2], kept[3]): assert all(torch.equal(a, b) for a, b in zip(before, after))
    assert not all(torch.equal(a, b) for a, b in zip(kept[3][0], kept[4][0]))


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_three_in_a_row_end_the_training_with_the_cause(value, tmp_path):
    with pytest.raises(TrainingDiverged, match='3 steps in a row, up to step 5; .*train.learning_rate=0.0003'):
        train(tmp_path, model=poison(build_tiny_model()[0], {3, 4, 5}, value))
    assert damage(newest_checkpoint(tmp_path)) is None


def test_two_in_a_row_do_not(tmp_path):
    assert train(tmp_path, model=poison(build_tiny_model()[0], {2, 3, 5, 6})).outcome.skipped == [2, 3, 5, 6]


def test_weights_that_are_no_numbers_are_never_saved(tmp_path):
    from transformers import TrainerCallback
    class Break(TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, **kwargs):
            if state.global_step == 3:
                with torch.no_grad(): next(self.trainer.model.parameters()).fill_(float('inf'))

    with pytest.raises(TrainingDiverged, match='after step 4 the weights are no numbers'):
        train(tmp_path, callbacks=[Break()])
    from safetensors.torch import load_file

    for path in checkpoints(tmp_path):
        assert all(torch.isfinite(t).all() for t in load_file(path / 'model.safetensors').values())
    assert newest_checkpoint(tmp_path).name == 'checkpoint-3'


def test_a_model_that_cannot_answer_sets_its_checkpoint_aside(tmp_path):
    from transformers import TrainerCallback
    class Overflow(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == 3:
                with torch.no_grad(): self.trainer.model.model.norm.weight.fill_(3e38)

    with pytest.raises(TrainingDiverged, match="after step 3 the model's probabilities are no numbers"):
        train(tmp_path, callbacks=[Overflow()])
    assert newest_checkpoint(tmp_path).name == 'checkpoint-2' and (tmp_path/'unusable-checkpoint-3').exists()


def test_a_run_with_a_mad_learning_rate_is_not_called_finished_in_silence(tmp_path):
    "It ends with the cause, or says that the model has come apart."
    path = tmp_path/'run'
    try:
        result = run_of(
            path, 'train.learning_rate=1.0', 'train.max_steps=6', 'train.warmup_ratio=0', 'eval.eval_num_samples=4'
        )
    except TrainingDiverged as e:
        assert 'learning_rate=0.1' in str(e)
        assert RunDir.open(path).status() == 'failed'
        return
    assert result.status == 'finished'
    told = [e['message'] for e in RunDir.open(path).read_events('fault')]
    assert any('not one answer' in text for text in told) or result.after['arithmetic'].accuracy > 0


# ---- memory

def hungry(model, most, generating=None):
    "Memory for so many sequences in a pass with gradients, and so many without."
    inner = model.base_model  # an update asks it for hidden states, TRL and generation go through it too
    forward = inner.forward
    def run(*args, **kwargs):
        ids = kwargs.get('input_ids', args[0] if args else None)
        limit = most if torch.is_grad_enabled() else generating
        if limit and len(ids) > limit: raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB.')
        return forward(*args, **kwargs)
    inner.forward = run
    return model


def test_memory_that_runs_out_halves_the_micro_batch_and_changes_nothing_else(tmp_path):
    plain = train(tmp_path/'plain', model=hungry(build_tiny_model()[0], 99))
    retried = []
    small = train(tmp_path/'small', model=hungry(build_tiny_model()[0], 2), on_retry=retried.append)
    assert small.outcome.steps == 7 and (
        small.outcome.batches.micro,
        small.outcome.batches.accumulation,
        small.outcome.batches.per_generation,
    ) == (2, 4, 4)
    assert [where for where, _ in small.told] == ['memory', 'memory'] and retried == [0, 0]
    assert small.log[0][1]['reward'] == plain.log[0][1]['reward'], 'the same prompts and completions'
    for (_, a), (_, b) in zip(small.log[:2], plain.log[:2]):
        assert a['loss'] == pytest.approx(b['loss'], abs=1e-4) and a['num_tokens'] == b['num_tokens']


def test_smaller_batches_are_remembered(tmp_path):
    train(tmp_path, chosen=settings(lora=False, max_steps=3), model=hungry(build_tiny_model()[0], 4))
    again = train(tmp_path, model=hungry(build_tiny_model()[0], 4), resume_from=newest_checkpoint(tmp_path))
    assert again.told == [] and again.outcome.batches.micro == 4 and again.outcome.steps == 7


def test_memory_that_runs_out_later_continues_from_the_last_step(tmp_path):
    model = build_tiny_model()[0]
    forward, passes, retried, seen = model.base_model.forward, iter(range(10_000)), [], []
    def run(*args, **kwargs):
        if torch.is_grad_enabled() and len(kwargs['input_ids']) > 4 and next(passes) >= 3:
            raise torch.OutOfMemoryError('CUDA out of memory.')
        return forward(*args, **kwargs)
    model.base_model.forward = run
    done = train(
        tmp_path,
        model=model,
        on_retry=retried.append,
        on_completions=lambda step, records: seen.append((step, [r['completion'] for r in records])) or {},
    )
    assert retried == [3] and done.outcome.steps == 7 and [step for step, _ in done.log] == [1, 2, 3, 4, 5, 6, 7]
    twice = [texts for step, texts in seen if step == 4]
    assert len(twice) == 2 and twice[0] == twice[1], 'the step begins again with the same completions'


@pytest.fixture
def generates(monkeypatch):
    "Room for so many completions at once in the rollout engine."
    from rlvr_nb.rollout import RolloutEngine
    made, whole = [], RolloutEngine.generate_ids
    def limit(most):
        def generate(self, prompts, num_generations=1, *args, **kwargs):
            if len(prompts) * num_generations > most: raise torch.OutOfMemoryError('CUDA out of memory.')
            out = whole(self, prompts, num_generations, *args, **kwargs)
            made.append([r.token_ids for same in out for r in same])
            return out
        monkeypatch.setattr(RolloutEngine, 'generate_ids', generate)
        return made
    return limit


def test_a_generation_is_made_in_parts_that_draw_differently(tmp_path, generates):
    made = generates(2)
    done = train(tmp_path, model=build_tiny_model()[0])
    assert made[0] != made[1], 'two halves of a group are alike'
    assert done.outcome.batches.parts == 4 and done.outcome.batches.micro == 8 and done.outcome.steps == 7


def test_at_the_minimum_the_error_says_what_to_lower(tmp_path, generates):
    with pytest.raises(
        RLVRError, match='with a single completion in a pass; lower train.max_completion_length from 6 to 3'
    ):
        train(tmp_path/'update', model=hungry(build_tiny_model()[0], 0.5))
    generates(0)
    with pytest.raises(
        RLVRError, match='while a single completion is generated; lower train.max_completion_length from 6 to 3'
    ): train(tmp_path/'generation')


def test_an_evaluation_goes_on_in_smaller_parts_where_memory_runs_out(tmp_path, monkeypatch):
    from rlvr_nb.rollout import RolloutEngine
    generate = RolloutEngine.generate_ids
    def tight(engine, prompts, group=1, *args, **kwargs):
        if group == 1 and len(prompts) > 4: raise torch.OutOfMemoryError('CUDA out of memory.')
        return generate(engine, prompts, group, *args, **kwargs)
    monkeypatch.setattr(RolloutEngine, 'generate_ids', tight)
    assert run_of(tmp_path/'run', 'train.max_steps=1').status == 'finished'
    told = [(e['where'], e['message']) for e in RunDir.open(tmp_path/'run').read_events('retried')]
    said = 'memory ran out while 8 problems were evaluated; they are done in smaller parts'
    assert told == [('evaluation', said)] * 2


# ---- the disk

def test_a_full_disk_keeps_the_last_whole_checkpoint(tmp_path, monkeypatch):
    save, count = torch.save, iter(range(10_000))
    def full(*args, **kwargs):
        if next(count) >= 12: raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return save(*args, **kwargs)
    monkeypatch.setattr(torch, 'save', full)
    with pytest.raises(
        UnavailableError, match='checkpoint of step 3 .*No space left on device.*checkpoint-2 is whole.*--resume'
    ): train(tmp_path)
    assert (
        sorted(p.name for p in tmp_path.iterdir()) == ['checkpoint-1', 'checkpoint-2']
        and damage(newest_checkpoint(tmp_path)) is None
    )


def test_a_writer_that_fails_is_told_and_the_training_goes_on(tmp_path, monkeypatch):
    "TensorBoard's disk is full from the second line on; the run's own record has every step, and is sent later."
    events = pytest.importorskip('tensorboard.backend.event_processing.event_accumulator')
    from rlvr_nb.cli import main
    from torch.utils.tensorboard import SummaryWriter
    add, count = SummaryWriter.add_scalar, iter(range(10_000))
    def full(*args, **kwargs):
        if next(count) > 40: raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return add(*args, **kwargs)
    monkeypatch.setattr(SummaryWriter, 'add_scalar', full)
    monkeypatch.setenv('TENSORBOARD_LOGGING_DIR', str(tmp_path/'board'))
    assert run_of(tmp_path/'run', 'observers=[tensorboard]', 'eval.enabled=false').status == 'finished'
    run = RunDir.open(tmp_path/'run')
    told = [e['message'] for e in run.read_events('fault') if e['where'] == 'tensorboard']
    assert len(told) == 1 and 'stopped in on_log' in told[0] and 'No space left on device' in told[0]
    assert len(run.curve('loss')) == 4 and told[0].split(' (')[0] in run.report.read_text()
    monkeypatch.setattr(SummaryWriter, 'add_scalar', add)
    assert main(['send', str(run.path)]) == 0
    board = events.EventAccumulator(str(tmp_path/'board'/run.path.name)).Reload()
    assert {e.step: e.value for e in board.Scalars('train/reward')} == pytest.approx(dict(run.curve('reward')))
    assert [(e['name'], e['step']) for e in run.read_events('sent')] == [('tensorboard', 4)]


def test_a_run_whose_end_cannot_be_written_is_told_at_the_next_look(tmp_path, monkeypatch):
    def full(*args): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with monkeypatch.context() as patched:
        patched.setattr(RunDir, 'write_result', full)
        with pytest.raises(UnavailableError, match="result.json can't be written .No space left"):
            run_of(tmp_path/'run', 'eval.enabled=false')
    run = RunDir.open(tmp_path/'run')
    assert run.status() == 'killed' and not run.result.exists()
    assert Pipeline.resume(run.path).steps == 4 and run.status() == 'finished'


def test_too_little_room_is_told_before_the_first_step(tmp_path, monkeypatch):
    monkeypatch.setattr('rlvr_nb.checkpoint.free_space', lambda path: 1000)
    with pytest.raises(
        UnavailableError,
        match='about 0.05 GiB are needed for the checkpoints of this run, two kept and one being written, and 0.00 GiB',
    ): train(tmp_path)
    assert not list(tmp_path.iterdir())


def test_room_that_runs_out_between_two_saves_ends_the_run_in_a_sentence(tmp_path, monkeypatch):
    room = iter([2**40] * 3 + [1000] * 1000)
    monkeypatch.setattr('rlvr_nb.checkpoint.free_space', lambda path: next(room))
    with pytest.raises(UnavailableError, match='are needed for the next checkpoint'): run_of(tmp_path/'run')
    found = RunDir.open(tmp_path/'run')
    assert (
        found.status() == 'failed'
        and 'the next checkpoint' in found.read_result()['error']
        and newest_checkpoint(found.checkpoints)
    )


# ---- rewards that do what they shouldn't

@pytest.fixture
def rewarded(tmp_path):
    "Run with a reward of one line."
    from rlvr_nb.rewards import REWARDS, reward
    def run(body, *overrides):
        names = dict(reward=reward, os=os)
        exec(
            compile(
                f"import os\n@reward('mine', category='custom')\ndef mine(parsed, gold):\n    {body}\n",
                'mine.py',
                'exec',
            ),
            names,
        )
        return run_of(
            tmp_path / 'run',
            'reward.reward_functions=[{category: custom, type: mine}]',
            'train.max_steps=2',
            *overrides,
        )
    here = os.getcwd()
    yield run
    os.chdir(here)
    REWARDS.pop('mine', None)


def test_a_reward_that_ends_the_process_is_a_fault_of_the_reward(rewarded, tmp_path):
    with pytest.raises(RLVRError, match='os._exit'): rewarded('os._exit(0)')
    assert RunDir.open(tmp_path/'run').status() == 'failed' if (tmp_path/'run').exists() else True


def test_a_reward_that_raises_on_every_row_is_told_by_the_dry_run(rewarded, tmp_path):
    with pytest.raises(ConfigError, match="raised KeyError: 'colour' in mine, line 4, first on the row '.*=.' with the "
                                          "answer '.*'; mend the reward"): rewarded("raise KeyError('colour')")
    assert not (tmp_path/'run').exists()


def test_a_reward_that_changes_the_working_directory_moves_nothing(rewarded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = rewarded("os.chdir('/'); return 1.", 'model.save_model_path=kept', 'train.output_dir=steps')
    assert (
        result.status == 'finished'
        and (tmp_path / 'kept/model.safetensors').exists()
        and newest_checkpoint(tmp_path / 'steps')
    )


FREEZES = """import ctypes
from pathlib import Path
from rlvr_nb import guard
from rlvr_nb.rewards import reward

guard._FROZEN = 1.  # seconds, as the test can't wait long

@reward('freezes', category='custom')
def freezes(parsed, gold):
    if Path('run/metrics.jsonl').exists(): ctypes.PyDLL(None).sleep(600)  # sleeps and holds the interpreter
    return float(len(parsed.text))
"""


def test_a_reward_that_freezes_the_interpreter_ends_the_run_and_is_told_at_the_next_look(tmp_path):
    "Nothing in Python can run then, so no result is written; the mark of its writer tells what became of it."
    (tmp_path/'freezes.py').write_text(FREEZES)
    process = Command('--plugin', 'freezes.py', 'run_dir=run', *SHORT, 'eval.enabled=false',
                      'reward.deadline_seconds=1', 'reward.reward_functions=[{category: custom, type: freezes}]',
                      cwd=tmp_path)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1 and 'freezes.py' in err, 'it ends with the stack of the reward'
    run = RunDir.open(tmp_path/'run')
    assert run.status() == 'killed' and not run.result.exists()
    assert run.ending() == 'killed after step 1, in the stage train'
    assert damage(newest_checkpoint(run.checkpoints)) is None
    assert 'killed after step 1, in the stage train' in str(RunReport(run).checks())
