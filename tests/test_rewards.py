"""The rewards: what they pay, how TRL's trainer calls them, and what the configuration may say."""

import json
import pickle
import subprocess
import sys
import threading
from functools import partial
from types import SimpleNamespace

import pytest

from rlvr_nb.completion import Completion
from rlvr_nb.config import ConfigError, RLVRError, load_config
from rlvr_nb.prompts import GEMMA, PLAIN
from rlvr_nb.rewards import REWARDS, DefaultRewardComponent, RewardMonitor, audit_rewards, reward, score_completions
from rlvr_nb.verify import Judge

RIGHT = '<reasoning>9+9</reasoning><answer>18</answer>'
COMPLETIONS = [RIGHT, '<answer> 18.0 </answer>', '<reasoning>9+9</reasoning><answer>19</answer>', 'I give up']
GUIDE = [dict(type='gsm8k_answer_check'), dict(type='match_format_exactly')]


def component(*functions, cls=DefaultRewardComponent, markers=PLAIN, judge=None, prefilled=False, **config):
    return cls(dict(reward_functions=[dict(category='x') | f for f in functions], **config), markers, judge, prefilled)


def pay(kind, completions, answer='18', markers=PLAIN, judge=None, prefilled=False, columns=None, **params):
    "What one reward pays."
    n = len(completions)
    built = component(dict(type=kind, params=params), markers=markers, judge=judge, prefilled=prefilled).build()
    return built[0](
        prompts=['?'] * n,
        completions=completions,
        answer=[answer] * n,
        **{k: [v] * n for k, v in (columns or {}).items()},
    )


def problems(*functions, **kwargs):
    "What is wrong with a configuration, in words."
    return [str(fault) for fault in component(*functions, **kwargs).check()]


def answers(*texts):
    return [f'<answer>{t}</answer>' for t in texts]


# The five types of the guide


def test_defaults_are_the_guides():
    defaults = {
        name: {n: p.default for n, p in REWARDS[name].parameters.items()}
        for name in (
            'gsm8k_answer_check',
            'finqa_numerical_match',
            'check_numbers',
            'match_format_exactly',
            'match_format_approximately',
        )
    }
    assert defaults['gsm8k_answer_check'] == dict(
        correct_reward=3.0,
        stripped_match_reward=None,
        numerical_close_reward_strong=0.5,
        numerical_close_reward_weak=0.25,
        wrong_penalty=-1.0,
        unparseable_penalty=-1.0,
    )
    assert defaults['finqa_numerical_match'] == dict(
        exact_match_reward=3.0, approx_match_reward=1.0, no_answer_penalty=-1.0, tolerance=None, relative_tolerance=None
    )
    assert defaults['check_numbers']['match_score'] == 1.5 and set(defaults['check_numbers']) == {
        'match_score',
        'no_match_score',
        'conversion_error_score',
    }
    assert defaults['match_format_exactly'] == dict(reward_value=3.0)
    assert defaults['match_format_approximately'] == dict(per_marker_reward=0.5, per_marker_penalty=-0.5)


@pytest.mark.parametrize(
    'answer, value',
    [
        ('18', 3),
        ('  18\n', 3),
        ('$18.00', 3),
        ('**18**', 3),
        ('19.8', 0.5),
        ('16.2', 0.5),
        ('19.81', 0.25),
        ('21.6', 0.25),
        ('14.4', 0.25),
        ('21.61', -1),
        ('-18', -1),
        ('18 or 19', -1),
        ('18, 19, 20', -1),
        ('', -1),
        ('a few', -1),
        ('see above', -1),
    ],
)
def test_gsm8k_answer_check(answer, value):
    assert pay('gsm8k_answer_check', answers(answer)) == [value]


def test_gsm8k_each_price_has_its_parameter():
    prices = dict(
        correct_reward=10.0,
        numerical_close_reward_strong=5.0,
        numerical_close_reward_weak=4.0,
        wrong_penalty=-7.0,
        unparseable_penalty=-9.0,
    )
    assert pay('gsm8k_answer_check', [*answers('18', '19', '21', '40', 'banana'), 'nothing'], **prices) == [
        10.0,
        5.0,
        4.0,
        -7.0,
        -9.0,
        -9.0,
    ]


def test_a_list_of_guesses_is_never_a_near_miss():
    assert pay('gsm8k_answer_check', ['<answer>19</answer><answer>18</answer>', *answers('17 19')]) == [-1.0, -1.0]


def test_gold_zero_is_not_paid_to_text():
    assert pay('gsm8k_answer_check', answers('0', 'banana', 'none', '0.001'), answer='0') == [3.0, -1.0, -1.0, -1.0]


def test_stripped_match_reward_has_no_effect_and_says_so(caplog):
    assert pay('gsm8k_answer_check', answers('18', ' 18 '), stripped_match_reward=1.5) == [3.0, 3.0]
    assert 'stripped_match_reward' in caplog.text and 'no effect' in caplog.text


def test_finqa():
    assert pay('finqa_numerical_match', answers('9.5%', '0.095', '9.55%', '10.5%', 'yes', ''), answer='0.095') == [
        3.0,
        3.0,
        1.0,
        -1.0,
        -1.0,
        -1.0,
    ]
    assert pay('finqa_numerical_match', answers('9.55%', '10.4%'), answer='0.095', tolerance=0.1) == [1.0, 1.0]
    assert pay('finqa_numerical_match', answers('9.55%', '10.4%'), answer='0.095', relative_tolerance=0.1) == [1.0, 1.0]
    assert pay('finqa_numerical_match', answers('Yes', 'no', 'yes and no'), answer='yes') == [3.0, -1.0, -1.0]
    assert pay('finqa_numerical_match', answers('-9.55%', '(9.55%)'), answer='0.095') == [-1.0, -1.0]


def test_check_numbers():
    assert pay(
        'check_numbers',
        [*answers('1,000', '1', 'banana'), ''],
        answer='1000',
        no_match_score=-0.5,
        conversion_error_score=-0.75,
    ) == [1.5, -0.5, -0.75, -0.75]


def test_match_format_exactly():
    good, r, a = RIGHT, '<reasoning>', '<answer>18</answer>'
    bad = [
        f'So. {good}',
        f'{good} That is it.',
        good * 2,
        f'{a}{r}x</reasoning>',
        f'{r}{r}x</reasoning>{a}',
        f'{r}x</reasoning><answer>18',
        f'{r}</reasoning>{a}',
        f'line\n{good}\nline',
        '',
    ]
    assert pay('match_format_exactly', [good, f'\n {good} \n', good + '<end_of_turn>']) == [3.0] * 3
    assert pay('match_format_exactly', bad) == [0.0] * len(bad)


def test_match_format_approximately_counts_a_marker_once():
    assert pay('match_format_approximately', [RIGHT, RIGHT * 2, '<answer>18</answer>', '', '<answer>' * 9 + RIGHT]) == [
        2.0,
        -2.0,
        0.0,
        -2.0,
        1.0,
    ]
    assert pay('match_format_approximately', [RIGHT], per_marker_reward=1.0, per_marker_penalty=-9.0) == [4.0]


@pytest.mark.parametrize(
    'kind, value', [('match_format_exactly', 3.0), ('match_format_approximately', 2.0), ('gsm8k_answer_check', 3.0)]
)
def test_a_prefilled_opening_marker_is_honoured(kind, value):
    continuation = '9+9<end_working_out><SOLUTION>18</SOLUTION>'
    assert pay(kind, [continuation], markers=GEMMA, prefilled=True) == [value]
    if kind != 'gsm8k_answer_check':
        assert pay(kind, [continuation], markers=GEMMA)[0] < value


# More types


def test_verified_answer_follows_the_datasets_scorer():
    judge = Judge(markers=PLAIN, scorer=contains_the_gold)
    for kind, right, wrong in (
        ('verified_answer', 1.0, 0.0),
        ('gsm8k_answer_check', 3.0, -1.0),
        ('check_numbers', 1.5, 0.0),
        ('finqa_numerical_match', 3.0, -1.0),
    ):
        assert pay(kind, answers('x y z', 'q'), answer='y', judge=judge) == [right, wrong], kind


def contains_the_gold(answer, row):
    return float(answer is not None and row['answer'] in answer)


def test_think_format():
    assert pay(
        'think_format',
        ['<think>a</think>b', '<think>a</think>', 'b', '<think>a<think>b</think>c', 'x<think>a</think>b'],
    ) == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_length_counts_tokens():
    built = component(dict(type='length', params=dict(max_length=100, soft_zone=50, penalty=2.0))).build()[0]
    assert built(completions=['x'] * 4, completion_ids=[[0] * n for n in (50, 75, 100, 200)], answer=['1'] * 4) == [
        0.0,
        -1.0,
        -2.0,
        -2.0,
    ]
    assert built(completions=['x'], answer=['1']) == [None]


def test_repetition():
    once, again = pay('repetition', ['one two three four five six seven', 'one two three four ' * 20])
    assert once == 0.0 and again < -0.9


def test_exact_match_and_multiple_choice():
    assert pay('exact_match', answers('New York', ' New\nYork ', 'new york', 'York'), answer='New York') == [
        1.0,
        1.0,
        0.0,
        0.0,
    ]
    assert pay('multiple_choice', answers('C', '(c)', 'C. Paris', 'A', 'A or C', 'Cats', ''), answer='C') == [
        1.0,
        1.0,
        1.0,
        0.0,
        0.0,
        0.0,
        0.0,
    ]
    assert pay('multiple_choice', answers('C'), answer='Paris') == [None]


def test_json_schema():
    schema = dict(
        type='object',
        required=['a'],
        properties=dict(a=dict(type='array', items=dict(type='integer', maximum=3), maxItems=2)),
        additionalProperties=False,
    )
    good, bad = (
        ['{"a": []}', '{"a": [1, 3]}', '```json\n{"a": [2]}\n```'],
        [
            '{"a": [4]}',
            '{"a": [1,1,1]}',
            '{"a": [true]}',
            '{"a": ["1"]}',
            '{}',
            '{"a": [], "b": 1}',
            '[]',
            '{"a": [NaN]}',
            'a: []',
        ],
    )
    assert pay('json_schema', answers(*good), schema=schema) == [1.0] * 3
    assert pay('json_schema', answers(*bad), schema=schema) == [0.0] * len(bad)


@pytest.mark.parametrize(
    'schema, word',
    [
        (dict(pattern='(a+)+$'), 'pattern'),
        (dict(type='text'), 'text'),
        (dict(minimum='3'), 'minimum'),
        (dict(items=dict(kind=1)), 'kind'),
    ],
)
def test_a_schema_that_would_be_half_obeyed_is_refused(schema, word):
    errors = problems(dict(type='json_schema', params=dict(schema=schema)))
    assert len(errors) == 1 and 'reward.reward_functions[0].params.schema' in errors[0] and word in errors[0]


# TRL's signature


def test_trl_calls_them_and_skips_what_cannot_be_scored():
    torch = pytest.importorskip('torch')
    from accelerate import Accelerator
    from trl import GRPOTrainer

    built = component(
        *GUIDE,
        dict(type='gsm8k_answer_check', params=dict(correct_reward=1.0)),
        dict(type='length', params=dict(max_length=10)),
    ).build()
    trainer = GRPOTrainer.__new__(GRPOTrainer)
    trainer.__dict__.update(
        accelerator=Accelerator(cpu=True),
        state=SimpleNamespace(global_step=0),
        environments=None,
        reward_funcs=built,
        reward_processing_classes=[None] * 4,
        reward_func_names=[f.__name__ for f in built],
        args=SimpleNamespace(report_to=[]),
        _pending_extra_logs={},
        _pending_metrics={},
    )
    prompts = [[dict(role='user', content='9+9?')]] * 4
    completions = [[dict(role='assistant', content=c)] for c in COMPLETIONS]
    inputs = [dict(prompt=p, answer=a, level=1) for p, a in zip(prompts, ['18', '18', 'unknown', '18'])]
    rewards = trainer._calculate_rewards(inputs, prompts, completions, [[1] * n for n in (1, 2, 10, 4)])
    assert torch.equal(
        torch.nan_to_num(rewards, 99),
        torch.tensor([[3.0, 3.0, 1.0, 0.0], [3.0, 0.0, 1.0, 0.0], [99.0, 3.0, 99.0, -1.0], [-1.0, 0.0, -1.0, 0.0]]),
    )
    assert trainer.reward_func_names == ['gsm8k_answer_check', 'match_format_exactly', 'gsm8k_answer_check_2', 'length']
    whole = built[0].component
    assert whole.counts['unreadable_gold'] == 1 and whole.counts['batches'] == 1
    assert [v.reason for v in whole.last_batch.verdicts] == ['match', 'match', 'bad_gold', 'no_block']


def test_they_pickle():
    built = pickle.loads(
        pickle.dumps(
            component(
                *GUIDE, dict(type='json_schema', params=dict(schema={})), dict(type='custom'), cls=WithCustom
            ).build()
        )
    )
    assert [f.__name__ for f in built] == ['gsm8k_answer_check', 'match_format_exactly', 'json_schema', 'custom']
    assert built[0](completions=COMPLETIONS, answer=['18'] * 4) == [3.0, 3.0, 0.5, -1.0]
    assert built[0].component is built[1].component and built[3](completions=['a', 'bb'], answer=['', '']) == [1.0, 2.0]


def lengths(completions, **kwargs):
    return [float(len(c)) for c in completions]


class WithCustom(DefaultRewardComponent):
    def _build_custom_reward_fn(self, fn_config, markers):
        if fn_config['type'] == 'custom':
            return partial(lengths, **fn_config.get('params', {}))


def test_a_batch_is_parsed_once_and_never_mixed_up(monkeypatch):
    import rlvr_nb.registry as module

    parses = []
    real = module.parse_completion
    monkeypatch.setattr(
        module, 'parse_completion', lambda *args, **kwargs: parses.append(args[0]) or real(*args, **kwargs)
    )
    built = component(*GUIDE, dict(type='check_numbers'), dict(type='repetition')).build()
    texts, golds = list(COMPLETIONS), ['18'] * 4
    for f in built:
        f(completions=texts, answer=golds)
    assert len(parses) == 4
    texts[0] = 'changed in place'
    assert built[0](completions=texts, answer=golds)[0] == -1.0
    assert built[0](completions=texts, answer=['19'] * 4)[2] == 3.0


def test_threads_do_not_mix_batches():
    built, wrong = component(*GUIDE).build(), []

    def score(number):
        for _ in range(100):
            text = [f'<reasoning>r</reasoning><answer>{number}</answer>'] * 3
            if [f(completions=text, answer=[str(number)] * 3) for f in built] != [[3.0] * 3] * 2:
                wrong.append(number)

    threads = [threading.Thread(target=score, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


# Users' functions


def test_answers_answer_and_columns_reach_a_function_that_asks():
    seen = {}

    def both(prompts, completions, answers, **kwargs):
        seen['both'] = (prompts, completions, answers, kwargs['answer'], kwargs['level'])

    def one(completions, answer):
        seen['one'] = answer

    def column(completions, level):
        seen['column'] = level

    class Component(DefaultRewardComponent):
        def _build_custom_reward_fn(self, fn_config, markers):
            def scored(function=dict(both=both, one=one, column=column)[fn_config['type']]):
                import functools

                @functools.wraps(function)
                def call(*args, **kwargs):
                    function(*args, **kwargs)
                    return [1.0]

                return call

            return scored()

    built = component(dict(type='both'), dict(type='one'), dict(type='column'), cls=Component).build()
    for f in built:
        assert f(
            prompts=['p'],
            completions=[[dict(role='assistant', content='c')]],
            answer=['18'],
            level=[5],
            trainer_state=None,
        ) == [1.0]
    assert seen == dict(both=(['p'], ['c'], ['18'], ['18'], [5]), one=['18'], column=[5])


def test_registered_function_of_a_user():
    @reward('starts_with', category='style')
    def starts_with(parsed, gold, row, prefix: str = 'So', bonus: float = 1.0):
        return bonus if parsed.text.startswith(prefix) else (0.0, f'begins with something else on level {row["level"]}')

    try:
        assert pay('starts_with', ['So it is', 'It is so'], columns=dict(level=3), bonus=2) == [2.0, 0.0]
        assert 'level 3' in str(score_completions(component(dict(type='starts_with')), 'x', '1', columns=dict(level=3)))
        assert "did you mean 'bonus'" in problems(dict(type='starts_with', params=dict(bonsu=1)))[0]
    finally:
        del REWARDS['starts_with']


def test_a_built_in_cannot_be_replaced_by_accident():
    with pytest.raises(ConfigError, match='already has a reward of this name'):
        reward('match_format_exactly')(lambda parsed: 0.0)


# The configuration


def test_all_errors_at_once_with_the_nearest_name():
    errors = problems(
        dict(type='gsm8k_answer_chek'),
        dict(type='match_format_exactly', params=dict(reward_valeu=1)),
        dict(type='check_numbers', params=dict(match_score=float('nan'))),
        dict(type='length'),
        dict(type='repetition', params=dict(ngram_size=True)),
        dict(type='exact_match', gate_on='length_'),
        dict(type='finqa_numerical_match', params=dict(tolerance=0.1, relative_tolerance=0.2)),
    )
    assert len(errors) == 7
    said = ["'gsm8k_answer_check'", "'reward_value'", 'match_score', 'max_length', 'a whole number', 'tolerance',
            "'length'"]
    for error, text in zip(errors, said):
        assert text in error
    assert all(e.startswith('reward.reward_functions[') for e in errors)


def test_weights():
    assert component(GUIDE[0] | dict(weight=0.0), GUIDE[1]).check() == []
    assert 'every weight is 0' in problems(GUIDE[0] | dict(weight=0.0), GUIDE[1] | dict(weight=0.0))[0]
    assert component(GUIDE[0] | dict(weight=0.5), GUIDE[1]).weights == [0.5, 1.0]


def test_the_hook_comes_before_the_rejection():
    assert component(dict(type='custom'), cls=WithCustom).check() == []
    assert 'unknown reward' in problems(dict(type='custm'), cls=WithCustom)[0]

    class Broken(DefaultRewardComponent):
        def _build_custom_reward_fn(self, fn_config, markers):
            return 1 / 0 if fn_config['type'] == 'raises' else 'text'

    raises, text = problems(dict(type='raises'), dict(type='text'), cls=Broken)
    assert 'ZeroDivisionError' in raises and 'expected a function of a batch' in text


def test_the_whole_configuration():
    cfg = load_config('reward.reward_functions[0].params.correct_reward=5.0', 'reward.reward_functions[1].weight=0.5')
    table = score_completions(cfg, [RIGHT, 'no'], '18')
    assert table.totals == [5.0 + 0.5 * 3, -1.0]
    json.dumps(table.rows)


# Gates


def test_gate():
    gated = component(
        dict(type='match_format_exactly', gate_on='gsm8k_answer_check'), dict(type='gsm8k_answer_check')
    ).build()
    assert gated[0](completions=COMPLETIONS, answer=['18'] * 4) == [
        3.0,
        0.0,
        0.0,
        0.0,
    ]  # 19 is a near miss: paid, not satisfied
    assert gated[0](completions=COMPLETIONS, answer=['?'] * 4) == [None] * 4


def test_a_gate_also_holds_back_penalties_and_may_be_chained():
    chain = component(
        dict(type='match_format_approximately', gate_on='exact_match'),
        dict(type='exact_match', gate_on='gsm8k_answer_check'),
        dict(type='gsm8k_answer_check'),
    ).build()
    assert chain[0](completions=COMPLETIONS, answer=['18'] * 4) == [2.0, 0.0, 0.0, 0.0]
    circle = problems(
        dict(type='exact_match', gate_on='check_numbers'), dict(type='check_numbers', gate_on='exact_match')
    )
    assert any('waits for' in e for e in circle)


@pytest.mark.parametrize(
    'gate, opens',
    [
        (dict(type='match_format_approximately'), [1.0, 0.0, 1.0, 0.0]),
        (dict(type='match_format_exactly', params=dict(reward_value=-1.0)), [1.0, 0.0, 1.0, 0.0]),
        (dict(type='exact_match', params=dict(wrong_penalty=0.5)), [1.0, 0.0, 0.0, 0.0]),
        (dict(type='check_numbers', params=dict(no_match_score=0.5, conversion_error_score=0.5)), [1.0, 1.0, 0.0, 0.0]),
        (dict(type='verified_answer', params=dict(correct_reward=0.0)), [1.0, 1.0, 0.0, 0.0]),
        (dict(type='multiple_choice', params=dict(wrong_penalty=0.5)), [None] * 4),
        (dict(type='think_format', params=dict(start='<reasoning>', end='</reasoning>')), [1.0, 0.0, 1.0, 0.0]),
    ],
)
def test_what_satisfies_a_gate(gate, opens):
    "Being right, or wholly well formed; not being paid a little, nor being paid for being wrong."
    always = component(dict(type='always', gate_on=gate['type']), gate, cls=Always).build()[0]
    assert always(completions=COMPLETIONS, answer=['18'] * 4) == opens


def test_a_choice_that_cannot_be_read_opens_no_gate():
    built = component(
        dict(type='always', gate_on='multiple_choice'),
        dict(type='multiple_choice', params=dict(wrong_penalty=0.5)),
        cls=Always,
    ).build()[0]
    assert built(completions=answers('A', 'B', 'A or B', ''), answer=['A'] * 4) == [1.0, 0.0, 0.0, 0.0]


class Always(DefaultRewardComponent):
    def _build_custom_reward_fn(self, fn_config, markers):
        return (lambda completions: [1.0] * len(completions)) if fn_config['type'] == 'always' else None


# The table


def test_score_completions_says_why():
    table = score_completions(
        component(*GUIDE),
        [RIGHT, '<reasoning>a</reasoning><answer>18', [dict(role='assistant', content='<answer>20</answer>')]],
        '18',
    )
    reasons = [[r['reason'] for r in table.rows if r['completion'] == i] for i in range(3)]
    assert reasons[0] == ['extracted 18 = gold 18', 'format is exact']
    assert reasons[1] == ['missing </answer>', 'missing </answer>']
    assert reasons[2][0] == 'extracted 20, gold 18 (within 20%)'
    assert (
        table.totals == [6.0, -1.0, 0.25]
        and '<script>' not in score_completions(component(*GUIDE), '<script>', '18')._repr_html_()
    )


@pytest.mark.parametrize(
    'kind, text, reason',
    [
        ('match_format_exactly', '<reasoning>a</reasoning><answer>1', 'missing </answer>'),
        ('match_format_exactly', RIGHT + '<answer>', '<answer> occurs 2 times'),
        ('match_format_exactly', RIGHT + ' x', 'text after </answer>'),
        ('match_format_exactly', 'x ' + RIGHT, 'text around the markers'),
        ('match_format_exactly', '<answer>1</answer><reasoning>a</reasoning>', 'markers out of order'),
        ('match_format_exactly', '<reasoning> </reasoning><answer>1</answer>', 'nothing between the markers'),
        ('match_format_approximately', RIGHT, '4 of 4 markers occur once'),
        ('think_format', 'x', 'missing <think>'),
        ('think_format', '<think><think></think>', '<think> occurs 2 times'),
        ('think_format', 'a <think>b</think>c', 'text before <think>'),
        ('think_format', '<think>b</think>', 'nothing after </think>'),
        ('gsm8k_answer_check', 'x', 'missing <answer>'),
        ('gsm8k_answer_check', '<answer>18', 'missing </answer>'),
        ('gsm8k_answer_check', '<reasoning><answer>18</answer></reasoning>', 'no closed <answer> after the reasoning'),
        ('gsm8k_answer_check', '<answer></answer>', 'nothing between <answer> and </answer>'),
        ('gsm8k_answer_check', '<answer>1</answer><answer>18</answer>', '2 solution blocks disagree'),
        ('gsm8k_answer_check', '<answer>1 or 18</answer>', 'more than one answer in "1 or 18"'),
        ('gsm8k_answer_check', '<answer>banana</answer>', 'can\'t read "banana" as an answer'),
        ('exact_match', '<answer>a</answer>', 'extracted a is not gold 18'),
        ('exact_match', '<answer>a</answer><answer>b</answer>', '2 different solution blocks'),
        ('repetition', 'a', 'too short to repeat itself'),
    ],
)
def test_reasons_in_words(kind, text, reason):
    assert score_completions([dict(type=kind)], text, '18').rows[0]['reason'] == reason


def test_a_table_made_in_between_disturbs_nothing():
    whole = component(*GUIDE)
    whole.build()[0](completions=COMPLETIONS, answer=['18'] * 4)
    batch = whole.last_batch
    score_completions(whole, 'x', '?')
    assert whole.last_batch is batch and whole.counts['completions'] == 4 and whole.counts['unreadable_gold'] == 0


# The audit

ROWS = [
    dict(question='Tom has 16 apples and eats 3, then buys 5. How many?', answer='18'),
    dict(question='2 bolts, twice?', answer='4'),
    dict(question='250 times 4 is?', answer='1,000'),
]


def test_the_guides_rewards_pass_the_audit():
    report = audit_rewards(component(*GUIDE), ROWS)
    assert report.ok and report.format_share == pytest.approx(3 / 7)
    assert {t['probe'] for t in report.table if not t['right']} >= {
        'empty',
        'question copied',
        'markers only',
        'markers repeated',
        'every number of the question',
        'right or wrong',
        'right in the reasoning only',
        'huge padding',
        'prompt injection',
        'wrong, in perfect format',
    }
    mean = {t['probe']: t['mean'] for t in report.table}
    assert report.best_wrong == dict(
        probe='near miss, in perfect format', right=False, mean=3.5, highest=3.5, as_much=0.0
    )
    assert mean['right, in perfect format'] == 6 and mean['right, solution block only'] == 3
    assert (
        max(
            v
            for p, v in mean.items()
            if p.startswith(('wrong', 'right or', 'every', 'huge', 'prompt', 'markers', 'empty', 'question'))
        )
        == 2
    )


@pytest.mark.parametrize(
    'functions, severity, text',
    [
        ([dict(type='match_format_exactly')], 'danger', 'as much as a perfect completion'),
        ([dict(type='gsm8k_answer_check', params=dict(correct_reward=1.0, wrong_penalty=1.0))], 'danger', 'as much as'),
        (
            [
                dict(type='gsm8k_answer_check', params=dict(correct_reward=1.0, wrong_penalty=0.0)),
                dict(type='match_format_exactly'),
            ],
            'warning',
            'gate_on',
        ),
        (
            [dict(type='gsm8k_answer_check'), dict(type='exact_match', params=dict(reward_value=0.0))],
            'warning',
            'teaches nothing',
        ),
        ([dict(type='gsm8k_answer_check'), dict(type='multiple_choice')], 'danger', "can't score any"),
    ],
)
def test_the_audit_flags(functions, severity, text):
    findings = audit_rewards(component(*functions), ROWS).findings
    assert any(s == severity and text in t for s, t in findings), findings


def test_the_audit_leaves_out_what_a_reward_cannot_score():
    class Unsure(DefaultRewardComponent):
        def _build_custom_reward_fn(self, fn_config, markers):
            return lambda completions, answer: [None if not c else float(a in c) for c, a in zip(completions, answer)]

    table = audit_rewards(component(dict(type='unsure'), cls=Unsure), ROWS).table
    assert 'empty' not in {t['probe'] for t in table} and 'markers only' in {t['probe'] for t in table}


def test_the_audit_finds_the_question_in_the_prompt():
    class Copied(DefaultRewardComponent):
        def _build_custom_reward_fn(self, fn_config, markers):
            return lambda completions: [9.0 * ('How many?' in c and 'system' not in c) for c in completions]

    rows = [
        dict(
            prompt=[dict(role='system', content='You are a system'), dict(role='user', content=f'{k}. How many?')],
            answer=str(k),
        )
        for k in (3, 7)
    ]
    assert [
        t['mean']
        for t in audit_rewards(component(dict(type='copied'), cls=Copied), rows).table
        if t['probe'] == 'question copied'
    ] == [9.0]


def test_the_gold_of_another_row_is_really_another():
    same = [dict(question='a', answer='1,000'), dict(question='b', answer='1000'), dict(question='c', answer='1000.0')]
    with pytest.raises(RLVRError, match='two rows with different answers'):
        audit_rewards(component(*GUIDE), same)
    assert audit_rewards(component(*GUIDE), [*same, dict(question='d', answer='999')]).ok


def test_an_audit_that_cannot_be_made_says_so():
    with pytest.raises(RLVRError, match='two rows with different answers'):
        audit_rewards(component(*GUIDE), ROWS[:1])
    with pytest.raises(RLVRError, match='can score these rows'):
        audit_rewards(component(GUIDE[0]), [dict(question='a', answer='b'), dict(question='c', answer='d')])


def test_a_gate_takes_the_pay_from_format_alone():
    gated = component(GUIDE[0], dict(type='match_format_exactly', gate_on='gsm8k_answer_check'))
    assert audit_rewards(gated, ROWS).format_share == 0


class OpensTheReasoning:
    chat_template = 'x'

    def apply_chat_template(self, messages, **kwargs):
        return f'{messages[-1]["content"]}\n<reasoning>\n'


def test_the_audit_finds_a_format_reward_out_of_reach():
    deaf = audit_rewards(component(*GUIDE), ROWS, OpensTheReasoning())
    assert any(
        s == 'danger' and t.startswith('match_format_exactly wants the opening marker') for s, t in deaf.findings
    )
    assert audit_rewards(component(*GUIDE, prefilled=True), ROWS, OpensTheReasoning()).ok


def test_audit_on_real_rows_of_the_whole_configuration():
    assert audit_rewards(load_config(), [dict(question=f'{a}+{a}=?', answer=str(2 * a)) for a in range(100, 140)]).ok


# Monitoring


def observe(monitor, texts, gold='18', size=4, steps=1):
    whole = component(*GUIDE)
    for _ in range(steps):
        golds = [gold] * len(texts)
        for f in whole.build():
            f(completions=texts, answer=golds)
        records = whole.last_batch.records
        for r in records:
            r.tokens = len(r.completion)
        result = monitor.observe(records, size)
    return result


def test_monitor_metrics():
    wrong = '<reasoning>a</reasoning><answer>7</answer>'
    metrics, warnings = observe(RewardMonitor(), [RIGHT, wrong, wrong, 'x', *[RIGHT] * 4])
    assert not warnings
    assert (
        metrics['monitor/format_only'] == 2 / 8
        and metrics['verdict/match'] == 5 / 8
        and metrics['verdict/no_block'] == 1 / 8
    )
    assert (
        metrics['monitor/duplicate_completions'] == (1 / 4 + 3 / 4) / 2
        and metrics['monitor/groups_without_spread'] == 1 / 2
    )
    assert metrics['monitor/unique_answers_per_group'] == (3 + 1) / 2
    assert sum(v for k, v in metrics.items() if k.startswith('verdict/')) == 1


@pytest.mark.parametrize(
    'texts, text',
    [
        (
            [
                '<reasoning>a</reasoning><answer>7</answer>',
                '<reasoning>b</reasoning><answer>8</answer>',
                '<reasoning>c</reasoning><answer>9</answer>',
                RIGHT,
            ],
            'wrong and paid for their format',
        ),
        ([RIGHT + ' and so on', RIGHT, RIGHT + ' so', 'x'], 'go on after their solution'),
        ([RIGHT] * 4, 'too easy'),
        (['no'] * 4, 'too hard'),
        (['no'] * 4, 'repeat another'),
        (['x', 'x' * 100, RIGHT + 'x' * 300, RIGHT + 'x' * 400], 'reward goes with length'),
        (['x', 'y', 'z', 'u'], 'no solution block'),
    ],
)
def test_monitor_says_each_thing_once(texts, text):
    monitor = RewardMonitor(window=3)
    assert observe(monitor, texts, steps=2)[1] == {}
    said = observe(monitor, texts)[1]
    assert sum(text in s for s in said.values()) == 1, said
    assert observe(monitor, texts, steps=5)[1] == {}


def test_monitor_reads_completions_itself_where_it_must():
    text = '9+9<end_working_out><SOLUTION>7</SOLUTION>'

    def format_only(**kwargs):
        record = Completion('9+9?', text, '18', rewards=dict(r=1.0), verdict='mismatch', correct=False, tokens=5)
        return RewardMonitor(formats=['r'], **kwargs).observe([record], 1)[0]['monitor/format_only']

    assert format_only(markers=GEMMA, prefilled=True) == 1.0
    assert format_only(markers=GEMMA) == 0.0 and format_only(markers=PLAIN, prefilled=True) == 0.0


def test_monitor_warns_of_formats_only_where_they_are_paid():
    wrong = ['<reasoning>a</reasoning><answer>7</answer>'] * 4
    gated = component(GUIDE[0], dict(GUIDE[1], gate_on='gsm8k_answer_check'))
    for rewards, paid in ((component(*GUIDE), 1.), (component(GUIDE[0]), None), (gated, 0.)):
        for f in rewards.build():
            f(completions=wrong, answer=['18'] * 4)
        metrics, _ = RewardMonitor(window=1).observe(rewards.last_batch.records, 4)
        assert metrics.get('monitor/format_only') == paid


def test_monitor_counts_golds_that_cannot_be_read():
    monitor = RewardMonitor(window=1)
    metrics, warnings = observe(monitor, [RIGHT] * 4, gold='see below')
    assert metrics['verdict/bad_gold'] == 1 and "can't be read" in warnings['verdict/bad_gold']


def test_monitor_refuses_a_metric_that_there_is_not():
    with pytest.raises(RLVRError, match='monitor/format_only'):
        RewardMonitor(thresholds={'monitor/format_onl': 1})


def test_importing_is_light():
    heavy = 'torch', 'transformers', 'trl', 'peft', 'datasets', 'pandas', 'matplotlib', 'jsonschema'
    code = f'import sys, rlvr_nb.rewards; print([m for m in {heavy} if m in sys.modules])'
    assert (
        subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip() == '[]'
    )


# Scoring the completions of a run again

def test_a_run_scored_again_under_its_own_rewards_changes_nothing():
    from rlvr_nb.rewards import rescore

    whole, records = component(*GUIDE), []
    for step in (1, 2):
        golds = ['18'] * 4
        for f in whole.build():
            f(completions=COMPLETIONS, answer=golds)
        for record in whole.last_batch.records:
            record.step, record.group, record.tokens = step, 0, len(record.completion)
            record.reward = sum(record.rewards.values())
            records.append(record)
    same = rescore(records, component(*GUIDE))
    assert same.changed == [] and same.summary()['winners_changed'] == 0 and len(same.groups) == 2
    assert [s.total for s in same.scored] == [r.reward for r in records]
    other = rescore(records, [dict(type='match_format_exactly')])
    assert [s.sign_now for s in other.scored[:4]] == [1, -1, 1, -1] and len(other.changed) == 2
    assert 'in 2 of 2 groups another completion would earn the most' in str(other)
