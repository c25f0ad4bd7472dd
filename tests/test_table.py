"""A table of one's own: from a file and column names to what a run trains on, and every slip before it."""
import json

import pytest

from small_models import build
from warm import run_command

from rlvr_nb.config import ConfigError, load_config
from rlvr_nb.data import DATASET_PROCESSORS, DefaultDataComponent, register_table
from rlvr_nb.pipeline import Pipeline
from rlvr_nb.preflight import prepare
from rlvr_nb.processors import FinQAProcessor, finqa_steps
from rlvr_nb.table import TableProcessor, in_share


def rows_of(path, split='train', **params):
    data = DefaultDataComponent(dict(dataset_name='table', dataset_path=str(path), params=params))
    return data.train_rows() if split == 'train' else data.eval_rows()


@pytest.fixture
def sums(tmp_path):
    path = tmp_path/'sums.jsonl'
    path.write_text('\n'.join(json.dumps(dict(problem=f'{a}+{b}=?', solution=f'It is {a + b}. #### '
            f'{a + b}', answer=a + b)) for a in range(20) for b in range(20)))
    return path


def test_no_question_is_on_both_sides(sums):
    lines = sums.read_text().splitlines()
    sums.write_text('\n'.join(lines + [line.replace('=?', ' =?').replace(' =?',
            '=? ') for line in lines]))  # each again, spaced otherwise
    train, held = ({' '.join(r['question'].split()) for r in rows_of(sums, s, question='problem',
            eval_fraction=0.25)} for s in ('train', 'eval'))
    assert not train & held and len(train | held) == 400 and 60 < len(held) < 140


def test_the_sides_do_not_depend_on_order_or_neighbours(sums):
    before = {r['question'] for r in rows_of(sums, 'eval', question='problem')}
    sums.write_text('\n'.join(sorted(sums.read_text().splitlines(), reverse=True)[100:]))
    assert {r['question'] for r in rows_of(sums, 'eval', question='problem')} <= before
    assert in_share('x', 1.0) and not in_share('x', 0.0)


def test_what_a_cell_may_hold(tmp_path):
    chat = [dict(role='system', content='Be kind.'), dict(role='user', content='2+2?')]
    rows = [dict(question='NA', answer='007'), dict(question=chat, answer=0.5), dict(question=5, answer='5'),
            dict(question=['a'], answer='5'),
            dict(question='x', answer=True), dict(question='x', answer=[1, 2]), dict(question='x',
            answer=None), dict(question=' ',
            answer='1'),
            dict(answer='1'), dict(question=[dict(role='user', content=[dict(type='text', text='x')])], answer='1'),
            dict(question=[dict(role='robot', content='x')], answer='1'), dict(question=chat + [dict(role='assistant',
            content='4')], answer='4'),
            dict(question='half \ud800', answer='1'), dict(question='x', answer='')]
    for split in ('train', 'test'): (tmp_path/f'{split}.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    found = rows_of(tmp_path)
    assert [(r['question'], r['answer'], len(r['prompt'])) for r in found] == [('NA', '007', 1), ('2+2?', '0.5', 2)]
    assert found.reasons == {
        'question is a number, not text': 1, 'question is a list, not text': 1, 'answer is true or false, not text': 1,
        'answer is a list, not text': 1, 'no answer': 2, 'empty question': 1, 'no question': 1,
        'question has a message whose content is not text': 1, "question has a message of role 'robot'": 1,
        "question doesn't end with a user's message": 1, 'text with half a character (a lone surrogate)': 1}


def test_a_row_of_ten_megabytes_is_dropped_unread(tmp_path):
    class Watched:
        chat_template, longest = 'x', 0
        def apply_chat_template(self, messages, **kw): return messages[-1]['content']
        def __call__(self, texts, **kw):
            self.longest = max(self.longest, *map(len, texts))
            return dict(input_ids=[[0] * (len(t) // 4) for t in texts])
    rows = [dict(question='1+1=?', answer='2'), dict(question='x' * 10_000_000, answer='2'), dict(question='1+2=?',
            answer='3' * 10_000_000)]
    for split in ('train', 'test'): (tmp_path/f'{split}.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    tok = Watched()
    found = DefaultDataComponent(dict(dataset_name='table', dataset_path=str(tmp_path))).train_rows(tok, 512)
    assert found.reasons == {'longer than 512 prompt tokens': 1, 'answer of more than 100,000 '
            'characters': 1} and len(found) == 1 and tok.longest < 100


def test_columns_by_name_by_pattern_and_inside(tmp_path):
    rows = [dict(context='A box holds 12.', qa=dict(q='And two?', a='24'), tone='Be kind.', working='2*12=24')]
    for split in ('train', 'test'): (tmp_path/f'{split}.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    found = rows_of(tmp_path, question='{context} {qa.q}', answer='qa.a', system='tone', worked_solution='working')
    assert found[0]['prompt'] == [dict(role='system', content='Be kind.'), dict(role='user',
            content='A box holds 12. And two?')]
    assert (found[0]['answer'], found.solutions) == ('24', ['2*12=24'])


SLIPS = [
    (dict(), "has no column 'question', it has problem, solution, answer; write data.params.question=problem"),
    (dict(question='problme'), "write data.params.question=problem"),
    (dict(question='problem', answer='gold'), "has no column 'gold'"),
    (dict(question='problem', worked_solution='rationale'), 'write data.params.worked_solution=solution'),
    (dict(question='problem', extract='####'), 'has 0 groups'), (dict(question='problem', extract='('),
        "isn't a regular expression"),
    (dict(question='problem', kind='number'), 'expected one of gsm8k, finqa, math'), (dict(question='problem',
        eval_fraction=20), 'between 0 and 1'),
    (dict(question='problem', eval_fraction=True), 'between 0 and 1'), (dict(qestion='problem'),
        "did you mean 'question'?"),
    (dict(question='problem', eval_path='nowhere.csv'), "nowhere.csv doesn't exist"), (dict(question=3),
        'expected text, got 3'),
]


@pytest.mark.parametrize('params,expected', SLIPS)
def test_slips(sums, params, expected):
    with pytest.raises(ConfigError) as e: rows_of(sums, **params)
    assert expected in str(e.value)


def test_a_frame_by_name():
    import pandas
    register_table('frame', pandas.DataFrame(dict(q=['1+1', '2+2', None], a=[2, float('nan'), 3])), question='q',
                   answer='a')
    try: reasons = [DefaultDataComponent(dict(dataset_name='frame')).train_rows().reasons,
                    DefaultDataComponent(dict(dataset_name='frame')).eval_rows().reasons]
    finally: del DATASET_PROCESSORS['frame']
    assert {k: v for r in reasons for k, v in r.items()} == {'no answer': 1, 'no question': 1}


def test_a_row_that_breaks_a_processor_is_named():
    class Odd(TableProcessor):
        given = [dict(question='1', answer='1'), dict(question='2', answer='2'), dict(question='3', answer='3')]
        def metadata(self, example): return {} if example['question'] != '2' else example['missing']
    DATASET_PROCESSORS['odd'] = Odd
    try:
        with pytest.raises(ConfigError, match=r"data: row \d of odd can't be read: KeyError: 'missing'; mend Odd"):
            for split in ('train_rows', 'eval_rows'): getattr(DefaultDataComponent(dict(dataset_name='odd')), split)()
    finally: del DATASET_PROCESSORS['odd']


@pytest.mark.parametrize('program,result', [
    ('add(const_1, const_m1)', 0), ('subtract(1,200, 5%)', None), ('divide(9, 0)', None), ('exp(2, const_1000000)',
    None), ('table_max(a, none)', None),
    ('subtract(5829, 5735), divide(#0, 5735)', 94 / 5735), ('greater(3, 2)', 1), ('divide(#3, 2)', None), ('', None)])
def test_programs(program, result):
    try: value = float(finqa_steps(program)[1])
    except (ValueError, KeyError, IndexError, ZeroDivisionError): value = None
    assert value == pytest.approx(result) if result is not None else value is None
    gold = dict(qa=dict(program=program, exe_ans=12.5))
    assert FinQAProcessor().get_worked_solution(gold) is None  # none of them leads to this answer


def test_a_run_of_ones_own_file(tmp_path, sums):
    "The documented command; then an error that says what became of the rows."
    build('llama', tmp_path/'model')
    common = ['data_component=table', f'data.dataset_path={sums}', f'model.model_name_or_path={tmp_path/"model"}',
              'model.max_seq_length=512',
              'train.max_prompt_length=400', 'train.max_completion_length=8', 'train.per_device_train_batch_size=4',
              'train.num_generations=4']
    report = Pipeline.check(load_config(*common, 'data.params.question=problem', "data.params.extract='#### "
            "(.*)'", 'data.params.answer=solution'))
    rows = report.prepared.eval_rows['table']
    assert rows[0]['answer'] == str(sum(map(int, rows[0]['question'].removesuffix('=?').split('+'))))
    status, _, err = run_command('--dry-run', *common, 'data.params.question=problem', "data.params.extract='(zzz)'",
                                 cwd=tmp_path)
    assert status == 2 and 'Traceback' not in err and "answer doesn't match data.params.extract" in err


def test_answers_that_nobody_can_read_are_named_before_training(tmp_path):
    build('llama', tmp_path/'model')
    golds = ['1', '2', r'\frac{1}{', '\x0crac{1}{2}', '3', '4', '5']
    for split in ('train', 'test'):
        rows = [dict(question=f'{split} {word}', answer=gold) for word, gold in zip('abcdefg', golds)]
        (tmp_path/f'{split}.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    common = ['data_component=table', f'data.dataset_path={tmp_path}', f'model.model_name_or_path={tmp_path/"model"}',
              'model.max_seq_length=512', 'train.max_prompt_length=400', 'train.max_completion_length=8',
              'train.per_device_train_batch_size=4', 'train.num_generations=4']
    report = Pipeline.check(load_config(*common))
    assert report.prepared.train_rows.reasons == {"answer that can't be read": 1}
    notes = '\n'.join(report.notes)
    assert len(report.prepared.eval_rows['table']) == 6 and 'frac{1}{' in notes
    assert 'data: 1 answers of table have lost or doubled backslashes' in notes
    swapped = ['data.params.kind=gsm8k', 'data.params.question=answer', 'data.params.answer=question']
    words = Pipeline.check(load_config(*common, *swapped))
    assert len(words.prepared.train_rows) == 7
    assert any("most answers of table can't be read as gsm8k" in note for note in words.notes)


def test_difficulty_and_curriculum_follow_measured_rates(tmp_path, sums):
    build('llama', tmp_path/'model')
    common = ['data_component=table', f'data.dataset_path={sums}', f'model.model_name_or_path={tmp_path/"model"}',
              'data.params.question=problem', 'model.max_seq_length=512', 'train.max_prompt_length=400',
              'train.max_completion_length=8', 'train.per_device_train_batch_size=4', 'train.num_generations=4',
              'eval.enabled=false']
    cfg = load_config(*common, 'data.difficulty.min=0.3', 'data.curriculum=true')
    with pytest.raises(ConfigError, match='data.difficulty: no pass rates of this model'): Pipeline.check(cfg)
    rates = {f'{a}+{b}=?': round(b / 20, 2) for a in range(20) for b in range(19)}  # the larger b, the more often right
    p = prepare(cfg, pass_rates=rates)
    found = [rates[row['question']] for row in p.train_rows]
    assert found == sorted(found, reverse=True) and min(found) == 0.3 and p.loop.config.grpo['shuffle_dataset'] is False
    assert set(p.train_rows.reasons) == {'pass rate not measured', 'pass rate not from 0.3 to 1'}
