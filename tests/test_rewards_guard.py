"""The guard: rewards that hang, raise, return nonsense or touch the random numbers."""

import os
import random
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from rlvr_nb.config import RLVRError, UnavailableError
from rlvr_nb.prompts import PLAIN
from rlvr_nb.rewards import REWARDS, DefaultRewardComponent, RewardError, dataset_judge, reward, with_deadline

TEXTS = ['first', 'second', 'third', 'fourth']


def score(function, texts=TEXTS, deadline=0.4, max_bad_samples=8, thread=False, keep=None):
    "What a batch function comes to: its values, or the error that stops the run."

    class Component(DefaultRewardComponent):
        def _build_custom_reward_fn(self, fn_config, markers):
            return function

    component = Component(
        dict(reward_functions=[dict(type='mine')], deadline_seconds=deadline, max_bad_samples=max_bad_samples), PLAIN
    )
    if keep is not None:
        keep.append(component)
    results = []

    def call():
        try:
            results.append(component.build()[0](completions=texts, answer=['1'] * len(texts)))
        except RLVRError as e:
            results.append(e)

    if thread:
        t = threading.Thread(target=call)
        t.start()
        t.join(30)
    else:
        call()
    return results[0]


@pytest.mark.parametrize('thread', [False, True])
@pytest.mark.parametrize(
    'hang', [lambda completions: time.sleep(60), lambda completions: [i for i in iter(int, 1)]], ids=['sleeps', 'loops']
)
def test_a_hang_stops_the_run_with_its_name(hang, thread):
    error = score(hang, thread=thread)
    assert (
        isinstance(error, RewardError)
        and str(error).startswith('mine: still running after 0.4 s')
        and 'deadline_seconds' in str(error)
    )


def test_a_loop_is_ended_not_only_left():
    ticks = []

    def loop(completions):
        while True:
            ticks.append(0)

    score(loop)
    time.sleep(0.2)
    seen = len(ticks)
    time.sleep(0.2)
    assert len(ticks) == seen


def test_the_hanging_sample_is_named():
    @reward('slow_on_third')
    def slow_on_third(parsed):
        if parsed.text == 'third':
            time.sleep(60)
        return 1.0

    try:
        component = DefaultRewardComponent(
            dict(reward_functions=[dict(type='slow_on_third')], deadline_seconds=0.4), PLAIN
        )
        with pytest.raises(
            RewardError, match="slow_on_third: still running after 0.4 s on sample 2, which begins 'third'"
        ):
            component.build()[0](completions=TEXTS, answer=['1'] * 4)
    finally:
        del REWARDS['slow_on_third']


def test_the_deadline_is_of_a_sample_not_of_the_batch():
    @reward('steady')
    def steady(parsed):
        time.sleep(0.15)
        return 1.0

    try:
        component = DefaultRewardComponent(dict(reward_functions=[dict(type='steady')], deadline_seconds=0.4), PLAIN)
        assert component.build()[0](completions=TEXTS, answer=['1'] * 4) == [1.0] * 4
    finally:
        del REWARDS['steady']


def test_a_call_that_freezes_the_interpreter_ends_with_its_stack():
    code = textwrap.dedent('''
        import re, threading
        import rlvr_nb.guard as rewards
        rewards._FROZEN = 1.
        def catastrophic(): re.match(r'(a+)+$', 'a'*50 + 'b')
        threading.Thread(target=lambda: rewards.with_deadline(catastrophic, 0.5)).start()
    ''')
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1 and 'Timeout' in run.stderr and 'in catastrophic' in run.stderr


def test_with_deadline_passes_results_and_errors_on():
    assert with_deadline(lambda: 42, 1) == 42
    with pytest.raises(KeyError, match='x'):
        with_deadline(lambda: {}['x'], 1)


def picky(completions):
    return [1 / (len(c) - 5) for c in completions]


def test_the_sample_that_raises_is_named_and_the_others_are_paid():
    keep = []
    assert score(picky, keep=keep) == [None, 1.0, None, 1.0]
    faults = list(keep[0].faults)
    assert [(f.function, f.sample, f.text) for f in faults] == [('mine', 0, 'first'), ('mine', 2, 'third')]
    assert 'ZeroDivisionError' in faults[0].problem and 'picky' in str(faults[0]) or 'listcomp' in str(faults[0])
    assert keep[0].counts['bad_samples'] == 2 and keep[0].counts['mine/bad_samples'] == 2


def test_too_many_bad_samples_stop_the_run():
    error = score(picky, texts=['12345'] * 9)
    assert (
        isinstance(error, RewardError)
        and '9 bad samples' in str(error)
        and 'mine: sample 8' in str(error)
        and 'max_bad_samples=8' in str(error)
    )
    assert score(picky, texts=['12345'] * 8 + ['x'])[-1] == -0.25


@pytest.mark.parametrize(
    'result, text',
    [
        ([1.0] * 3, 'returned 3 values for 4 completions'),
        ([1.0] * 5, 'returned 5 values'),
        (1.0, 'returned 1.0'),
        (None, 'returned None'),
        ('1234', "returned '1234'"),
        ({0: 1}, 'should return a list'),
    ],
)
def test_a_wrong_shape_stops_the_run(result, text):
    error = score(lambda completions: result)
    assert isinstance(error, RewardError) and str(error).startswith('mine: ') and text in str(error)


@pytest.mark.parametrize(
    'value, text',
    [
        (float('nan'), 'returned nan'),
        (float('inf'), 'returned inf'),
        (float('-inf'), 'returned -inf'),
        ('1.0', "returned '1.0'"),
        ([1.0], 'returned [1.0]'),
        (object, 'no number'),
        (1j, 'returned 1j'),
    ],
)
def test_a_value_that_is_no_number_is_named_and_never_paid(value, text, caplog):
    assert score(lambda completions: [1.0, value, 2.0, 3.0]) == [1.0, None, 2.0, 3.0]
    assert 'mine: sample 1 ' in caplog.text and text in caplog.text and "'second'" in caplog.text


def test_numbers_of_other_libraries_are_numbers():
    np = pytest.importorskip('numpy')
    torch = pytest.importorskip('torch')
    assert score(lambda completions: np.arange(4.0)) == [0.0, 1.0, 2.0, 3.0]
    assert score(lambda completions: torch.ones(4)) == [1.0] * 4
    assert score(lambda completions: [True, np.float32(0.5), torch.tensor(2.0), np.int64(3)]) == [1.0, 0.5, 2.0, 3.0]
    assert score(lambda completions: [np.ones(2), torch.ones(2), np.ones(1), torch.ones(1, 1)]) == [
        None,
        None,
        1.0,
        1.0,
    ]


def test_none_for_all_is_named():
    error = score(lambda completions: [None] * 4)
    assert isinstance(error, RewardError) and 'mine' in str(error) and "'first'" in str(error)


def test_none_for_all_of_one_reward_among_others_warns_once(caplog):
    class Component(DefaultRewardComponent):
        def _build_custom_reward_fn(self, fn_config, markers):
            return lambda completions: [None] * len(completions)

    component = Component(dict(reward_functions=[dict(type='mine'), dict(type='match_format_exactly')]), PLAIN)
    for text in ('a', 'b', 'c'):
        for f in component.build():
            f(completions=[text], answer=['1'])
    assert caplog.text.count('mine: scored none') == 1


def test_a_batch_of_unreadable_golds_is_counted_and_does_not_stop_the_run():
    component = DefaultRewardComponent(
        dict(reward_functions=[dict(type='gsm8k_answer_check'), dict(type='check_numbers')]), PLAIN
    )
    step = dict(completions=['<answer>1</answer>', '<answer>?</answer>', 'no block'], answer=['?'] * 3)
    for f in component.build():
        assert f(**step) == [None] * 3
    assert component.counts['unreadable_gold'] == 3


def test_leaving_python_is_a_fault_like_any_other():
    assert score(lambda completions: sys.exit(0) if 'first' in completions else [2.0] * len(completions)) == [
        None,
        2.0,
        2.0,
        2.0,
    ]


def test_a_missing_column_is_named():
    error = score(lambda completions, difficulty: [1.0] * len(completions))
    assert isinstance(error, RewardError) and "'difficulty'" in str(error) and 'answer' in str(error)


def test_an_error_of_ours_passes_through():
    def unavailable(completions):
        raise UnavailableError('the service is away')

    error = score(unavailable)
    assert isinstance(error, UnavailableError) and error.status == 3


def test_async_functions_are_awaited():
    async def later(completions):
        return [1.0] * len(completions)

    assert score(later) == [1.0] * 4


# Random numbers


def test_the_trainers_random_numbers_are_untouched():
    np, torch = pytest.importorskip('numpy'), pytest.importorskip('torch')

    def reseeds(completions):
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        return [random.random() + np.random.rand() + torch.rand(()).item() for _ in completions]

    random.seed(7)
    np.random.seed(7)
    torch.manual_seed(7)
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    score(reseeds)
    assert random.getstate() == before[0] and torch.equal(torch.get_rng_state(), before[2])
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), before[1]))


def test_a_reward_that_draws_gets_new_numbers_at_every_step():
    class Component(DefaultRewardComponent):
        def _build_custom_reward_fn(self, fn_config, markers):
            return lambda completions: [random.random() for _ in completions]

    random.seed(3)
    built = Component(dict(reward_functions=[dict(type='mine')]), PLAIN).build()[0]
    steps = [built(completions=[str(i)], answer=['1']) for i in range(3)]
    assert len({s[0] for s in steps}) == 3


def test_a_hang_leaves_the_random_numbers_as_they_were():
    def seeds_and_hangs(completions):
        random.seed(0)
        time.sleep(60)

    random.seed(11)
    before = random.getstate()
    assert isinstance(score(seeds_and_hangs), RewardError)
    assert random.getstate() == before


# Leaving, moving and breaking the process


class Strange(BaseException):
    "An exception that is no Exception."


def leave(how):
    "A batch function that leaves on the first text."

    def function(completions):
        if 'first' in completions:
            how()
        return [1.0] * len(completions)

    return function


def strange():
    raise Strange('gone')


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    'how', [lambda: sys.exit(0), lambda: os._exit(0), interrupt, strange], ids=['exit', '_exit', 'interrupt', 'strange']
)
@pytest.mark.parametrize('thread', [False, True])
def test_no_way_of_leaving_ends_the_run(how, thread, caplog):
    assert score(leave(how), thread=thread) == [None, 1.0, 1.0, 1.0]
    assert 'mine: sample 0 raised' in caplog.text


def test_a_sample_function_cannot_leave_either():
    @reward('leaves')
    def leaves(parsed):
        if parsed.text == 'second':
            os._exit(0)
        return 1.0

    try:
        component = DefaultRewardComponent(dict(reward_functions=[dict(type='leaves')]), PLAIN)
        assert component.build()[0](completions=TEXTS, answer=['1'] * 4) == [1.0, None, 1.0, 1.0]
        assert 'os._exit(0)' in component.faults[0].problem
    finally:
        del REWARDS['leaves']


def test_a_process_of_its_own_still_ends():
    code = 'import os, sys, rlvr_nb.guard as g; g.with_deadline(lambda: 1, 5); sys.stdout.flush(); os._exit(7)'
    assert subprocess.run([sys.executable, '-c', code]).returncode == 7


def test_the_working_directory_and_the_streams_are_put_back(tmp_path, caplog):
    torch = pytest.importorskip('torch')
    before = os.getcwd(), sys.stdout, torch.get_default_dtype()

    def moves(completions):
        os.chdir(tmp_path)
        sys.stdout = open(os.devnull, 'w')
        torch.set_default_dtype(torch.float64)
        return [1.0] * len(completions)

    keep = []
    for _ in range(2):
        assert score(moves, keep=keep) == [1.0] * 4
    assert (os.getcwd(), sys.stdout, torch.get_default_dtype()) == before
    assert 'mine: changed the working directory and sys.stdout' in caplog.text


def test_a_directory_that_is_gone_is_left(tmp_path, monkeypatch):
    here = os.getcwd()

    def removes(completions):
        os.mkdir(tmp_path / 'gone')
        os.chdir(tmp_path / 'gone')
        os.rmdir(tmp_path / 'gone')
        return [1.0] * len(completions)

    assert score(removes) == [1.0] * 4 and os.getcwd() == here


@pytest.mark.parametrize('value', [10**400, -(10**400), 1e308, -1e308, 2e9])
def test_a_number_that_the_trainer_cannot_add_up_is_named(value, caplog):
    assert score(lambda completions: [1.0, value, 2.0, 3.0]) == [1.0, None, 2.0, 3.0]
    assert 'mine: sample 1 returned a number beyond 1e+09' in caplog.text


@pytest.mark.parametrize(
    'entry',
    [
        dict(type='exact_match', params=dict(reward_value=1e308)),
        dict(type='exact_match', params=dict(reward_value=10**400)),
        dict(type='exact_match', weight=1e308),
    ],
)
def test_so_is_one_of_a_configuration(entry):
    faults = DefaultRewardComponent(dict(reward_functions=[entry]), PLAIN).check()
    assert len(faults) == 1 and 'up to 1e+09' in str(faults[0])


# A dataset's own scorer


def hang(answer, row):
    time.sleep(60)


def judged(scorer, deadline=0.3):
    "What a scorer comes to, for one right answer, in a reward that takes the dataset's judge."
    judge = dataset_judge(None, scorer, PLAIN, deadline=deadline)
    component = DefaultRewardComponent(
        dict(reward_functions=[dict(type='verified_answer', params=dict(wrong_penalty=-1.0))]), PLAIN, judge
    )
    return component, component.build()[0](completions=['<answer>4</answer>', 'nothing'], answer=['4', '4'])


def test_a_scorer_that_never_returns_stops_the_run_with_its_name():
    with pytest.raises(RewardError, match="hang: the dataset's scorer is still running after 0.3 s on the answer '4'"):
        judged(hang)


@pytest.mark.parametrize(
    'scorer',
    [lambda a, r: None, lambda a, r: float('nan'), lambda a, r: 'yes', lambda a, r: 1 / 0, lambda a, r: sys.exit(0)],
)
def test_a_scorer_that_gives_no_number_pays_nothing_and_is_counted(scorer, caplog):
    component, paid = judged(scorer)
    assert paid == [None, 0.0] and component.counts['internal_error'] == 1 and component.counts['unreadable_gold'] == 0
    assert 'not scored' in caplog.text


def test_a_scorer_draws_random_numbers_of_its_own():
    random.seed(5)
    before = random.getstate()
    assert judged(lambda a, r: float(random.random() >= 0))[1] == [1.0, 0.0]
    assert random.getstate() == before


# TRL's own signature


def test_a_function_of_a_batch_is_registered_as_it_is():
    @reward('as_in_trl')
    def as_in_trl(completions, answer, bonus=1.0, **kwargs):
        return [bonus * (a in c) + (level - level) for c, a, level in zip(completions, answer, kwargs['level'])]

    try:
        entry = dict(type='as_in_trl', params=dict(bonus=2.0))
        component = DefaultRewardComponent(dict(reward_functions=[entry]), PLAIN)
        assert component.check() == []
        assert component.build()[0](completions=['a 4', 'b'], answer=['4', '4'], level=[1, 2]) == [2.0, 0.0]
    finally:
        del REWARDS['as_in_trl']


def test_a_signature_that_cannot_be_met_says_what_to_write():
    @reward('asks_much')
    def asks_much(response, gold):
        return 1.0

    try:
        faults = DefaultRewardComponent(dict(reward_functions=[dict(type='asks_much')]), PLAIN).check()
        assert 'response: missing' in str(faults[0]) and '(completions, answer, **kwargs)' in str(faults[0])
    finally:
        del REWARDS['asks_much']
