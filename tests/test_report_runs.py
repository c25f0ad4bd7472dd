"""Several runs: curves over each other, what differs, and the mean over seeds."""
import pytest
from run_factory import make_run
from scipy import stats

from rlvr_nb.config import ConfigError
from rlvr_nb.tracking import compare_runs, differences, flatten, summarise_seeds


@pytest.fixture(scope='module')
def sweep(tmp_path_factory):
    root = tmp_path_factory.mktemp('sweep')
    return [make_run(root/f'{rate}-{seed}', f'train.learning_rate={rate}', seed=seed, skill=(.2, top),
                     steps=6) for rate, top in (('1e-3', .6), ('3e-3', .9)) for seed in (0, 1, 2)]


def test_a_comparison_shows_only_what_differs(sweep):
    found = compare_runs([sweep[0], sweep[3]])
    assert found.differences == {'train.learning_rate': [1e-3, 3e-3]}
    assert 'train.learning_rate' in str(found) and str(found).count('arithmetic') == 3, 'two results and the pair'
    assert [(one, other) for one, other, _ in found.pairs] == [tuple(found.names)]
    page = found.html()
    assert page.count('<figure>') >= 4 and "default-src 'none'" in page and '<script' not in page
    assert '1e-3-0' in page and '3e-3-0' in page


def test_runs_of_the_same_name_are_told_apart(tmp_path):
    runs = [make_run(tmp_path/part/'run', steps=3, finish=False) for part in 'ab']
    found = compare_runs(runs)
    assert len(set(found.names)) == 2 and 'The configurations are the same.' in str(found)
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
    assert set(rows) == {'train.learning_rate=1e-3', 'train.learning_rate=3e-3'}
    for rate, runs, count in (('1e-3', sweep[:3], '3 of 3'), ('3e-3', sweep[3:], '3 of 4')):
        values = [r.evaluations()['after']['arithmetic'].accuracy for r in runs]
        mean = sum(values) / 3
        low, high = stats.t.interval(.95, 2, loc=mean, scale=stats.sem(values))
        assert rows[f'train.learning_rate={rate}'][2] == count
        interval = f'({100 * max(0, low):.1f} to {100 * min(1, high):.1f})'
        assert rows[f'train.learning_rate={rate}'][4] == f'{100 * mean:.1f} % {interval}'


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
