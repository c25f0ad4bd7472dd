"""Several runs: curves over each other, what differs, and the mean over seeds."""
import re

import pytest
from run_factory import make_run
from scipy import stats

from rlvr_nb.config import ConfigError, load_config
from rlvr_nb.run_labels import label_facts, run_labels
from rlvr_nb.tracking import RunDir, compare_runs, differences, flatten, runs_table, summarise_seeds


@pytest.fixture(scope='module')
def sweep(tmp_path_factory):
    root = tmp_path_factory.mktemp('sweep')
    return [make_run(root/f'2026-01-0{seed + 1}_10-00-{rate[0]}0_rlvr', f'train.learning_rate={rate}', seed=seed,
                     skill=(.2, top), steps=6) for rate, top in (('1e-3', .6), ('3e-3', .9)) for seed in (0, 1, 2)]


def test_a_comparison_shows_only_what_differs(sweep):
    found = compare_runs([sweep[0], sweep[3]])
    assert found.differences == {'train.learning_rate': [1e-3, 3e-3]}
    assert 'train.learning_rate' in str(found) and str(found).count('arithmetic') == 3, 'two results and the pair'
    assert [(one, other) for one, other, _ in found.pairs] == [tuple(found.names)]
    page = found.html()
    assert page.count('<figure>') >= 4 and "default-src 'none'" in page and '<script' not in page
    assert found.names == ['lr 0.001', 'lr 0.003'], 'what differs, and no time'
    [keys] = {tuple(re.findall(r'title="([^"]+)"', legend)) for legend in re.findall('class="legend".*?</div>', page)}
    assert keys == ('2026-01-01_10-00-10_rlvr: lr 0.001', '2026-01-01_10-00-30_rlvr: lr 0.003'), 'under the pointer'
    assert 'arithmetic: “lr 0.003” is right on ' in page and 'Only “lr 0.003” is right: ' in page
    assert str(found).splitlines()[1].endswith('/2026-01-01_10-00-10_rlvr'), 'the command line says the folder'
    assert compare_runs(sweep).names[:2] == ['lr 0.001, seed 0', 'lr 0.001, seed 1']
    assert [row[-1] for row in runs_table(sweep[0].path.parent).rows[:2]] == ['lr 0.003, seed 2', 'lr 0.003, seed 1']


def test_runs_of_the_same_name_are_told_apart(tmp_path):
    runs = [make_run(tmp_path/part/'run', steps=3, finish=False) for part in 'ab']
    found = compare_runs(runs)
    assert len(set(found.names)) == 2 and 'The configurations are the same.' in str(found)
    assert all(name in str(found) for name in found.names)
    with pytest.raises(ConfigError, match='at least one'): compare_runs([])


def test_a_comparison_fits_a_narrow_screen(browser, sweep, tmp_path):
    (tmp_path/'page.html').write_text(compare_runs(sweep).html())
    page = browser.new_page(viewport={'width': 400, 'height': 800})
    page.goto((tmp_path/'page.html').as_uri())
    assert page.evaluate('document.documentElement.scrollWidth') <= 400
    page.close()


def test_means_over_seeds_agree_with_scipy(sweep, tmp_path):
    unfinished = make_run(tmp_path/'unfinished', 'train.learning_rate=3e-3', seed=3, steps=6, finish=False)
    rows = {r[0]: r for r in summarise_seeds([*sweep, unfinished]).rows}
    assert set(rows) == {'lr 0.001', 'lr 0.003'}
    for rate, runs, count in (('0.001', sweep[:3], '3 of 3'), ('0.003', sweep[3:], '3 of 4')):
        values = [r.evaluations()['after']['arithmetic'].accuracy for r in runs]
        mean = sum(values) / 3
        low, high = stats.t.interval(.95, 2, loc=mean, scale=stats.sem(values))
        assert rows[f'lr {rate}'][2] == count
        interval = f'({100 * max(0, low):.1f} to {100 * min(1, high):.1f})'
        assert rows[f'lr {rate}'][4] == f'{100 * mean:.1f} % {interval}'


def test_paths_are_those_of_the_overrides():
    assert flatten({'a': {'b': [1, {'c': 2}]}, 'd': [], 'e': {}}) == {'a.b[0]': 1, 'a.b[1].c': 2, 'd': [], 'e': {}}
    assert differences([{'a': 1}, {'a': 1, 'b': None}]) == {'b': ['-', None]}


def test_a_seed_counts_once_and_observers_are_no_experiment(tmp_path):
    runs = [make_run(tmp_path/str(i), f'observers=[{"console,tensorboard" if i == 0 else "console"}]', seed=min(i, 1),
                     steps=3) for i in range(3)]
    found = summarise_seeds(runs)
    assert len(found.rows) == 1 and found.rows[0][2] == '2 of 2' and found.repeated == ['2']
    assert 'left out' in str(found)
    assert not any('observers' in k for k in compare_runs(runs[:2]).differences)
    with pytest.raises(ConfigError, match='at least one'): summarise_seeds([])


@pytest.mark.parametrize('options, labels', [
    ((['data.dataset_name=arithmetic'], ['data.dataset_name=gsm8k', 'model.model_name_or_path=other/model']),
     ['builtin-tiny, arithmetic, lr 0.003', 'other/model, gsm8k, lr 5e-06']),
    (([], ['reward.reward_functions[1].weight=2']),
     ['match_format_exactly weight 1.0', 'match_format_exactly weight 2.0']),
    (([], ['~reward.reward_functions[1]']), ['+ match_format_exactly', 'without match_format_exactly']),
    ((['name=baseline'], []), ['baseline', '11:00:00']),
    ((['name=sweep'], ['name=sweep']), ['10:00:00', '11:00:00']),
    ((['train.grpo.beta=0.0'], ['+train.grpo.epsilon_high=0.3', 'train.grpo.beta=0.04', 'train.learning_rate=1e-4',
                                'train.num_generations=4', 'train.max_steps=7']),
     ['lr 0.003, beta 0.0, group size 8', 'lr 0.0001, beta 0.04, group size 4'])])
def test_a_run_is_called_by_what_sets_it_apart(tmp_path, options, labels):
    for hour, each in zip((10, 11), options):
        RunDir.create(tmp_path/f'2026-01-01_{hour}-00-00_rlvr').write_config(cfg := load_config(*each))
        RunDir(tmp_path/f'2026-01-01_{hour}-00-00_rlvr').write_manifest({'name': cfg.name})
    assert [label.text for label in run_labels([label_facts(p) for p in sorted(tmp_path.iterdir())])] == labels
