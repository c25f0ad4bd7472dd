"""Where CONTRIBUTING.md sends somebody: the places are there, and a change in one of them is enough."""
import re
from types import SimpleNamespace

import pytest
from fastcore.xml import to_xml

from rlvr_nb import curves, defaults, flags
from rlvr_nb.charts import charts
from rlvr_nb.config import ConfigError, load_config
from rlvr_nb.registry import REWARDS, reward
from rlvr_nb.report import _charts


def test_every_place_that_is_named_is_there(root):
    text = (root/'CONTRIBUTING.md').read_text(encoding='utf-8')
    named = re.findall(r'`((?:nbs|rlvr_nb|tests)/[\w./-]+\.\w+)`', text)
    there = [name for name in named if 'NAME' not in name and not name.startswith('nbs/api/61_comparison.py')]
    assert len(there) > 12 and [name for name in there if not (root/name).exists()] == []


def test_a_plot_is_one_line(monkeypatch):
    monkeypatch.setattr(curves, 'CHARTS', (*curves.CHARTS, curves.Chart('Made up', {'x': 'made/up'})))
    found = {'made/up': [(1, 2.), (2, 3.)]}
    run = SimpleNamespace(metrics=[{'made/up': 2.}], curve=lambda name: found.get(name, []))
    assert 'Made up' in to_xml(charts(found)) and 'Made up' in to_xml(_charts(run))


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
