"""Where CONTRIBUTING.md sends somebody: the places are there, and a change in one of them is enough."""
import re
from fractions import Fraction
from importlib import import_module
from types import SimpleNamespace

import pytest
from fastcore.xml import to_xml

from rlvr_nb import commands, curves, defaults, finance, flags, grpo_fields, identity, rules
from rlvr_nb.charts import charts
from rlvr_nb.config import ConfigError, PipelineConfig, load_config
from rlvr_nb.data import DATASET_PROCESSORS, AbstractDatasetProcessor, DefaultDataComponent, dataset_processor
from rlvr_nb.entries import options
from rlvr_nb.fields import make_input
from rlvr_nb.grammar import Fault, path_text, walk
from rlvr_nb.option import Section, option
from rlvr_nb.registry import REWARDS, reward
from rlvr_nb.report import _training_charts
from rlvr_nb.verify import verify


def test_every_place_that_is_named_is_there(root):
    text = (root/'CONTRIBUTING.md').read_text(encoding='utf-8')
    named = re.findall(r'`((?:nbs|rlvr_nb|tests)/[\w./-]+\.\w+)`', text)
    there = [name for name in named if 'NAME' not in name and not name.startswith('nbs/api/61_comparison.py')]
    assert len(there) > 12 and [name for name in there if not (root/name).exists()] == []


def test_every_name_in_the_table_is_in_the_place_beside_it(root):
    "`_units` in `nbs/api/24_finance.ipynb`: the module that this notebook exports has the name."
    text = (root/'CONTRIBUTING.md').read_text(encoding='utf-8')
    places = re.findall(r'((?:`@?\w+`(?:, | and | or )?)+)(?: in|, in| of) `nbs/api/\d+_(\w+)\.ipynb`', text)
    named = [(name, module) for names, module in places for name in re.findall(r'`@?(\w+)`', names)]
    assert {'_units', 'check_resumable', 'BY_TOKENS', 'CHARTS', 'FLAGS'} <= {name for name, _ in named}
    gone = [f'{module}.{name}' for name, module in named if not hasattr(import_module(f'rlvr_nb.{module}'), name)]
    assert gone == []


def test_a_default_is_the_same_in_the_schema_and_in_the_default_files():
    def values(cfg):
        plain = {path_text(path): value for path, value in walk(cfg.model_dump(by_alias=True)) if path}
        return {key: value.strip() if isinstance(value, str) else value for key, value in plain.items()
                if not isinstance(value, (dict, list)) and not key.endswith('._target_')}
    assert values(load_config()) == values(PipelineConfig())


def test_a_loss_is_one_word(monkeypatch):
    monkeypatch.setitem(grpo_fields.GRPO_CHOICES, 'loss_type', ['dapo', 'made_up'])
    assert grpo_fields._with_choices({'loss_type': dict(type='str')})['loss_type']['choices'] == ['dapo', 'made_up']


def test_a_rule_about_percentages_is_one_function(monkeypatch):
    before = verify('<answer>12.5</answer>', '0.125', 'finqa').ok
    usual = finance._units
    monkeypatch.setattr(finance, '_units', lambda q, gold: [*usual(q, gold), Fraction(1, 100)])
    assert (before, verify('<answer>12.5</answer>', '0.125', 'finqa').ok) == (False, True)


def test_an_option_that_may_differ_in_a_resumed_run_is_one_word(monkeypatch):
    facts = identity.configuration_facts(load_config())
    monkeypatch.setattr(identity, 'FREE', (*identity.FREE, 'seed'))
    assert set(facts) - set(identity.configuration_facts(load_config())) == {'config seed'}


def test_a_plot_is_one_line(monkeypatch):
    monkeypatch.setattr(curves, 'CHARTS', (*curves.CHARTS, curves.Chart('Made up', {'x': 'made/up'})))
    found = {'made/up': [(1, 2.), (2, 3.)]}
    run = SimpleNamespace(metrics=[{'made/up': 2.}], curve=lambda name: found.get(name, []))
    assert 'Made up' in to_xml(charts(found)) and 'Made up' in to_xml(_training_charts(run))


def test_a_family_is_one_line(monkeypatch):
    monkeypatch.setitem(defaults.MODEL_MARKERS, 'owl', dict(zip(defaults.MARKER_NAMES, ('<a>', '</a>', '<b>', '</b>'))))
    monkeypatch.setattr(defaults, 'MODEL_MARKERS', {'owl': defaults.MODEL_MARKERS['owl'], **defaults.MODEL_MARKERS})
    assert load_config('model.model_name_or_path=some/Owl-1B').model.markers.reasoning_start == '<a>'


def test_a_reward_is_one_function():
    @reward('made_up', category='custom')
    def made_up(parsed, gold, bonus: float = 1.):
        "Pay for nothing."
        return bonus
    try:
        cfg = load_config('reward.reward_functions=[{type: made_up, params: {bonus: 2.0}}]')
        assert cfg.reward.reward_functions[0].type == 'made_up' and 'made_up' in REWARDS
    finally: del REWARDS['made_up']


def test_a_flag_is_one_line(monkeypatch):
    monkeypatch.setattr(flags, 'FLAGS', [*flags.FLAGS, (('--made-up',), 'WORD', 'do what was made up')])
    assert flags.parse_args(['--made-up', 'x']).made_up == 'x'
    with pytest.raises(ConfigError, match='--made-up'): flags.parse_args(['--made-upp', 'x'])


def test_a_dataset_is_one_class(monkeypatch):
    monkeypatch.setattr('rlvr_nb.processors.DATASET_PROCESSORS', DATASET_PROCESSORS)
    @dataset_processor('made_up')
    class MadeUp(AbstractDatasetProcessor):
        options = {'largest': 3}

        def load_raw_dataset(self, split): return [dict(n=n) for n in range(self.params['largest'] + 1)]
        def get_question_text(self, example): return f"What follows {example['n']}?"
        def extract_ground_truth_answer_from_example(self, example): return str(example['n'] + 1)
    try:
        cfg = load_config('data.dataset_name=made_up', 'data.params.largest=5', 'data.max_train_samples=4')
        rows = DefaultDataComponent(cfg.data).train_rows()
        assert sorted({(row['question'], row['answer']) for row in rows}) <= [(f'What follows {n}?', str(n + 1))
                                                                            for n in range(6)] and len(rows) == 4
    finally: del DATASET_PROCESSORS['made_up']


def test_an_option_is_one_line_and_so_is_its_field_in_the_app():
    class MadeUp(Section):
        patience: int = option(3, 'How long to wait.', unit='steps', common=True, ge=1, le=9)
    made, = options(MadeUp)
    assert (made.help, made.common, made.bounds) == ('How long to wait.', True, 'steps, at least 1, at most 9')
    field = make_input(made, 4)
    assert (field.value, field.description) == (4, 'patience')


def test_a_rule_is_one_function(monkeypatch):
    monkeypatch.setattr(rules, 'RULES', list(rules.RULES))
    @rules.rule('seed')
    def no_seven(cfg, world_size):
        return [Fault('seed', '7', 'another number', (('seed', 8),))] if cfg.seed == 7 else []
    load_config('seed=8')
    with pytest.raises(ConfigError, match='seed.*another number'): load_config('seed=7')


def test_a_command_is_one_function(monkeypatch):
    monkeypatch.setattr(commands, 'RUN_COMMANDS', dict(commands.RUN_COMMANDS))
    @commands.command('WORD', help='repeat a word')
    def _made_up(word): return word * 2
    known = commands.RUN_COMMANDS['made_up']
    assert (known.run('ab'), known.least, known.help) == ('abab', 1, 'repeat a word')
