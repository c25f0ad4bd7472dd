"""Evaluation: every statistic against SciPy or against its definition, every number recounted from the lines."""
import itertools
import json
import math
import random
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import pytest
from run_factory import Adder, evaluation, problems
from scipy import stats

from rlvr_nb.config import ConfigError
from rlvr_nb.evaluation import (DefaultEvaluationComponent, Evaluation, compare, evaluate, maj_at_k, mcnemar_exact,
                                mean_interval, paired_difference_interval, pass_at_k,
                                wilson_interval)
from rlvr_nb.prompts import PLAIN
from rlvr_nb.verify import Judge


NO_WEIGHTS = SimpleNamespace(parameters=list, named_parameters=list)   # a model where another thing answers


def random_tables(count, most=60):
    rng = random.Random(5)
    for _ in range(count): yield tuple(rng.randint(0, most) for _ in range(4))


def test_wilson_agrees_with_scipy():
    rng = random.Random(1)
    for _ in range(300):
        n = rng.randint(1, 2000)
        c, confidence = rng.choice([0, n, rng.randint(0, n)]), rng.choice([.8, .95, .99])
        want = stats.binomtest(c, n).proportion_ci(confidence, method='wilson')
        assert wilson_interval(c, n, confidence) == pytest.approx((want.low, want.high), abs=1e-12)


def test_mean_interval_agrees_with_scipy():
    rng = random.Random(2)
    for n in [*range(2, 40), 500, 1001, 1002, 1500, 9999, 20_000]:
        values = [rng.gauss(.5, .2) for _ in range(n)]
        want = stats.t.interval(.95, n - 1, loc=sum(values) / n, scale=stats.sem(values))
        assert mean_interval(values) == pytest.approx(want, abs=1e-5)


def test_mcnemar_agrees_with_scipy():
    for gains, losses, *_ in random_tables(300):
        want = stats.binomtest(gains, gains + losses, .5).pvalue if gains + losses else 1.
        assert mcnemar_exact(gains, losses) == pytest.approx(want, rel=1e-9)


def test_pass_at_k_counts_subsets():
    for n in range(1, 8):
        for c, k in itertools.product(range(n + 1), range(1, n + 1)):
            subsets = list(itertools.combinations([True] * c + [False] * (n - c), k))
            assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))
            assert pass_at_k(n, c, k) == pytest.approx(1 - stats.hypergeom.pmf(0, n, c, k))


def test_pass_at_k_is_unbiased():
    "Its mean over draws of n samples is 1 - (1-p)^k, which the plug-in estimate misses."
    p, n, k = .2, 10, 4
    expected = sum(stats.binom.pmf(c, n, p) * pass_at_k(n, c, k) for c in range(n + 1))
    plug_in = sum(stats.binom.pmf(c, n, p) * (1 - (1 - c / n) ** k) for c in range(n + 1))
    assert expected == pytest.approx(1 - (1 - p) ** k, abs=1e-12)
    assert abs(plug_in - expected) > .02


def test_votes_against_a_plain_count():
    rng = random.Random(3)
    for _ in range(200):
        values = [rng.choice(['1', '2', '3', None]) for _ in range(rng.randint(1, 9))]
        right = [v == '1' for v in values]
        votes = Counter(v for v in values if v)
        winners = [v for v in votes if votes[v] == max(votes.values())]
        assert maj_at_k(values, right, len(values)) == pytest.approx(winners.count('1') / len(winners) if winners
                                                                     else 0.)


def newcombe(e, f, g, h, z=stats.norm.ppf(.975)):
    "Method 10 written down once more, from the paper's own letters: e both, f first only, g second only, h neither."
    n = e + f + g + h
    def wilson(x):
        mid, half = (2*x + z*z) / (2*(n + z*z)), z * math.sqrt(z*z + 4*x*(n - x) / n) / (2*(n + z*z))
        return mid - half, mid + half
    (l2, u2), (l3, u3), p2, p3 = wilson(e + f), wilson(e + g), (e + f) / n, (e + g) / n
    dl2, du2, dl3, du3 = p2 - l2, u2 - p2, p3 - l3, u3 - p3
    b, c = (e + f) * (g + h) * (e + g) * (f + h), e*h - f*g
    d = c - n/2 if c > n/2 else 0 if c >= 0 else c
    phi = d / math.sqrt(b) if b else 0
    delta = math.sqrt(max(0, dl2**2 - 2*phi*dl2*du3 + du3**2))
    epsilon = math.sqrt(max(0, du2**2 - 2*phi*du2*dl3 + dl3**2))
    return p2 - p3 - delta, p2 - p3 + epsilon


def test_paired_interval_against_the_paper():
    for both, losses, gains, neither in random_tables(300):
        if both + losses + gains + neither == 0: continue
        low, high = newcombe(both, losses, gains, neither)      # of before less after
        assert paired_difference_interval(both, losses, gains, neither) == pytest.approx((-high, -low), abs=1e-9)


def test_paired_interval_covers_the_truth():
    "95 % of the intervals hold the true difference, over all tables of 30 pairs weighted by their probability."
    p = {'both': .3, 'losses': .1, 'gains': .35, 'neither': .25}
    truth, n, covered = p['gains'] - p['losses'], 30, 0.
    for both in range(n + 1):
        for losses in range(n + 1 - both):
            for gains in range(n + 1 - both - losses):
                table = (both, losses, gains, n - both - losses - gains)
                low, high = paired_difference_interval(*table)
                if low <= truth <= high: covered += stats.multinomial.pmf(table, n, list(p.values()))
    assert .935 < covered < .975


def test_every_number_can_be_recounted(tmp_path):
    path = tmp_path/'after-arithmetic.jsonl'
    made = evaluation(.7, 'after', 200, path=path, samples=6)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    s = made.summary()
    assert all(type(line['correct']) is bool for line in lines)
    assert {'prompt', 'completion', 'value', 'reason', 'correct', 'answer'} <= set(lines[0])
    assert s['n'] == len(lines) == 200 and s['correct'] == sum(line['correct'] for line in lines)
    assert s['accuracy'] == sum(line['completion'].endswith(f"<answer>{line['answer']}</answer>")
                                for line in lines) / 200
    assert s['truncated_rate'] == sum(line['truncated'] for line in lines) / 200 > 0
    assert s['format_rate'] == sum(line['completion'].endswith('</answer>') for line in lines) / 200
    assert sum(s['reasons'].values()) == 200
    assert s['mean_length_wrong'] == pytest.approx(sum(x['tokens'] for x in lines
                                                       if not x['correct']) / (200 - s['correct']))
    rights = [sum(x['correct'] for x in line['samples']) for line in lines]
    assert s['samples'] == 6 and s['sampled_accuracy'] == pytest.approx(sum(rights) / 1200)
    for k in (1, 2, 4): assert s[f'pass@{k}'] == pytest.approx(sum(1 - math.comb(6 - c, k) / math.comb(6, k)
                                                                   for c in rights) / 200)
    assert s['maj@4'] > s['pass@1']
    assert Evaluation.load(path) == made


def test_the_same_seed_gives_the_same_file(tmp_path):
    texts = []
    for name in 'ab':
        evaluation(.5, 'before', 40, path=tmp_path/name, samples=2)
        texts.append((tmp_path/name).read_text())
    assert texts[0] == texts[1]


def test_compare_pairs_by_problem_not_by_position():
    before, after = evaluation(.3, 'before'), evaluation(.9, 'after')
    shuffled = Evaluation('arithmetic', 'before', random.Random(0).sample(before.rows, before.n))
    a, b = compare(before, after), compare(shuffled, after)
    assert (a.gains, a.losses, a.both, a.neither) == (b.gains, b.losses, b.both, b.neither)
    assert a.gains - a.losses == after.correct - before.correct == a.net
    assert len(a.flips) == a.gains + a.losses and {f['change'] for f in a.flips} == {'gain', 'loss'}
    assert a.difference == pytest.approx(after.accuracy - before.accuracy)


def test_compare_pairs_a_repeated_problem_as_often_as_both_have_it():
    one = evaluation(.5, 'before', 4).rows
    c = compare(Evaluation('d', 'before', one + one[:2]), Evaluation('d', 'after', one + one[:1]))
    assert (c.n, c.gains, c.losses) == (5, 0, 0)
    assert c.notes == ["1 of 6 problems of 'before' have no partner and are left out"]


def test_compare_says_when_decoding_differs():
    before, after = evaluation(.5, 'before'), evaluation(.5, 'after')
    longer = Evaluation('arithmetic', 'after', [{**r, 'decoding': {'max_new_tokens': 500}} for r in after.rows])
    assert compare(before, after).notes == []
    assert compare(before, longer).notes == ['decoding differs: at most 44 new tokens before, 500 after']


def test_a_scorer_votes_with_the_answer_not_with_its_score():
    judge = Judge('gsm8k', PLAIN, scorer=lambda text, row: float(text == row['answer']))
    e = evaluate(None, None, problems(30), dataset='d', judge=judge, samples_per_prompt=4, engine=Adder(.5),
                 progress=False)
    row = next(r for r in e.rows if not r['truncated'])
    assert row['value'] == row['completion'].split('<answer>')[1].split('<')[0]
    assert all(s['vote'] is None or int(s['vote']) > 5 for s in row['samples'])


def config(**changed):
    return SimpleNamespace(**{**dict(enabled=True, eval_datasets_names=['a/b', 'c'], eval_num_samples=20,
                                     eval_max_new_tokens=44, eval_batch_size=8, eval_steps=10, samples_per_prompt=0,
                                     temperature=1., save_best=False, early_stopping_patience=None), **changed})


@pytest.fixture
def adder(monkeypatch):
    "Every evaluation made with an engine whose skill the test sets."
    import rlvr_nb.evaluation as module
    skills = SimpleNamespace(now=.5)
    monkeypatch.setattr(module, '_engine', lambda *args: Adder(skills.now))
    return skills


def test_component_evaluates_every_dataset_and_tells(tmp_path, adder):
    backlog = SimpleNamespace(write=lambda do, size: do())   # of a disk with room
    told, run_dir = [], SimpleNamespace(eval=tmp_path/'eval', backlog=backlog)
    observers = SimpleNamespace(evaluation=lambda when, e: told.append((when, e.dataset)))
    component = DefaultEvaluationComponent(config(), lambda name: Judge('gsm8k', PLAIN), lambda name: problems(50),
                                           run_dir, observers)
    results = component.run(NO_WEIGHTS, None, 'before')
    assert {name: e.n for name, e in results.items()} == {'a/b': 20, 'c': 20}
    assert told == [('before', 'a/b'), ('before', 'c')]
    assert sorted(p.name for p in run_dir.eval.iterdir()) == ['before-a--b.jsonl', 'before-c.jsonl']
    assert Evaluation.load(run_dir.eval/'before-a--b.jsonl').dataset == 'a/b'


def state(step, most=100): return SimpleNamespace(global_step=step, max_steps=most, is_world_process_zero=True)
def control(): return SimpleNamespace(should_save=False, should_training_stop=False)


def test_callback_keeps_the_best_and_stops(tmp_path, adder):
    notes = []
    component = DefaultEvaluationComponent(config(save_best=True, early_stopping_patience=2),
                                           lambda name: Judge('gsm8k', PLAIN), lambda name: problems(30))
    component.note = lambda kind, **details: notes.append((kind, details.get('step')))
    callback, args, seen = component.callback(lambda: NO_WEIGHTS, None), SimpleNamespace(output_dir=str(tmp_path)), []
    for step, skill in [(5, 1.), (10, .2), (20, .9), (30, .4), (40, .5)]:
        adder.now, flags = skill, control()
        callback.on_step_end(args, state(step), flags)
        if flags.should_save:
            (tmp_path/f'checkpoint-{step}').mkdir()
            (tmp_path/f'checkpoint-{step}'/'model.txt').write_text(str(step))
            (tmp_path/f'checkpoint-{step}'/'optimizer.pt').write_text('large')
            callback.on_save(args, state(step), flags)
        seen.append((step, flags.should_save, flags.should_training_stop))
    assert seen == [(5, False, False), (10, True, False), (20, True, False), (30, False, False), (40, False, True)]
    assert (tmp_path/'best'/'model.txt').read_text() == '20' and not (tmp_path/'best'/'optimizer.pt').exists()
    assert notes == [('best', 10), ('best', 20), ('early_stop', 40)]


def test_callback_leaves_the_last_step_to_the_pipeline(adder):
    component = DefaultEvaluationComponent(config(), lambda name: Judge('gsm8k', PLAIN), lambda name: problems(30))
    component.run = lambda *args: pytest.fail('evaluated')
    callback = component.callback(lambda: NO_WEIGHTS, None)
    for step in (100, 7): callback.on_step_end(None, state(step), control())


def test_two_processes_share_the_problems(tmp_path):
    "Every process answers its half and has the whole, and one of them writes."
    script = tmp_path/'share.py'
    script.write_text(f'''
import sys
sys.path[:0] = {[str(p) for p in sys.path]!r}
import torch.distributed as dist
dist.init_process_group('gloo')
from run_factory import Adder, problems
from rlvr_nb.evaluation import evaluate
from rlvr_nb.prompts import PLAIN
from rlvr_nb.verify import Judge
def say(text): sys.stdout.write(text + chr(10)); sys.stdout.flush()  # one write a line: two processes share the pipe
class Counting(Adder):
    def generate(self, prompts, **kw):
        say(f'ANSWERED {{len(prompts)}}')
        return super().generate(prompts, **kw)
judge = Judge('gsm8k', PLAIN)
e = evaluate(None, None, problems(7), dataset='d', judge=judge, engine=Counting(1.), path={str(tmp_path/"x.jsonl")!r},
             progress=False)
say(f"HAS {{e.n}} {{[r['index'] for r in e.rows]}}")
dist.destroy_process_group()
''')
    done = subprocess.run([sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2', '--master_port=0',
                           '--rdzv_backend=c10d', '--rdzv_endpoint=localhost:0', str(script)],
                          capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(line for line in done.stdout.splitlines() if line.startswith('ANSWERED')) == ['ANSWERED 3',
                                                                                                'ANSWERED 4']
    assert done.stdout.count('HAS 7 [0, 1, 2, 3, 4, 5, 6]') == 2
    assert Evaluation.load(tmp_path/'x.jsonl').n == 7


def test_import_needs_no_torch():
    heavy = ['torch', 'transformers', 'trl', 'peft', 'datasets', 'pandas', 'matplotlib', 'wandb', 'pyarrow']
    code = ("import sys, rlvr_nb.evaluation, rlvr_nb.forecast, rlvr_nb.tracking; "
            f"print([m for m in {heavy} if m in sys.modules])")
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          check=True).stdout.strip() == '[]'


def test_no_problem_is_an_error():
    with pytest.raises(ConfigError, match='eval.eval_num_samples'): evaluate(None, None, [], dataset='d', judge=None)


def test_a_saved_model_answers_as_it_did_in_memory(tmp_path):
    "The built-in model's shape through the real engine: greedy and sampled rows are the same after saving and loading."
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rlvr_nb.model import build_tiny_model
    model, tokenizer = build_tiny_model(seed=3)
    model.train()
    ask = dict(dataset='arithmetic', judge=Judge('gsm8k', PLAIN), max_new_tokens=12, batch_size=4, samples_per_prompt=3,
               seed=5, progress=False)
    here = evaluate(model, tokenizer, problems(9), **ask)
    assert model.training and here.n == 9 and all(len(r['samples']) == 3 for r in here.rows)
    assert any(r['truncated'] for r in here.rows) and here.summary()['truncated_rate'] == sum(r['tokens'] == 12
                                                                                              for r in here.rows) / 9
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    there = evaluate(AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path),
                     problems(9), **ask)
    assert there.rows == here.rows


class Says:
    "An engine that gives the same samples to every problem."
    def __init__(self, *answers): self.answers = answers
    def generate(self, prompts, num_generations=1, **kw):
        texts = [f'<reasoning>r</reasoning><answer>{answer}</answer>' for answer in self.answers[:num_generations]]
        return [[SimpleNamespace(text=text, token_ids=[0], truncated=False, prompt_tokens=1) for text in texts]
                for _ in prompts]


@pytest.mark.parametrize('answers, gold, share', [
    ([r'\frac{1}{2}'] * 3 + ['18'], '18', 0), (['x+1'] * 3 + ['18'], '18', 0),
                                                  (['(x+1)^2', 'x^2+2x+1', '7', '7'], 'x^2+2x+1', .5),
                                                  (['7', '7', '18', '18.0'], '18', .5),
                                                  (['18', '18', 'none', '7'], '18', 1)])
def test_wrong_answers_vote_too_and_equal_forms_vote_together(answers, gold, share):
    rows = [{'prompt': 'p', 'question': 'p', 'answer': gold}]
    e = evaluate(None, None, rows, dataset='d', judge=Judge('math', PLAIN), samples_per_prompt=4, engine=Says(*answers),
                 progress=False)
    assert e.summary()['maj@4'] == share and e.rows[0]['value'] == answers[0]


def test_every_sample_votes_as_often(tmp_path):
    assert maj_at_k(['1', '2', '2'], [True, False, False], 2) == pytest.approx((.5 + 0 + .5) / 3)


def test_intervals_of_samples_have_a_width():
    e = evaluate(None, None, problems(5), dataset='d', judge=Judge('gsm8k', PLAIN), samples_per_prompt=4,
                 engine=Adder(1.), progress=False)
    s = e.summary()
    if s['sampled_accuracy'] == 1: assert s['sampled_interval'] == s['interval']
    assert s['sampled_interval'][1] - s['sampled_interval'][0] > .3


def test_mcnemar_of_thousands_is_exact():
    assert mcnemar_exact(10_000, 9_000) == pytest.approx(stats.binomtest(9_000, 19_000).pvalue, rel=1e-9)
    assert mcnemar_exact(4_000, 0) == 0 or mcnemar_exact(4_000, 0) < 1e-300


def test_half_a_pair_is_written_and_negative_samples_are_refused(tmp_path):
    Evaluation('d', 'after', [{'completion': '\ud800', 'correct': True}]).save(tmp_path/'e.jsonl')
    assert Evaluation.load(tmp_path/'e.jsonl').rows[0]['completion'] == '?'
    with pytest.raises(ConfigError, match='samples_per_prompt'): evaluate(None, None, problems(2), dataset='d',
                                                                          judge=None, samples_per_prompt=-1)
