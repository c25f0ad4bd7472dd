"""Runs that look real, made through `RunDir`'s own API, for the tests of tracking and reports."""
import random
from types import SimpleNamespace

from rlvr_nb.config import load_config
from rlvr_nb.evaluation import evaluate
from rlvr_nb.prompts import PLAIN, build_messages
from rlvr_nb.tracking import JsonlObserver, Observers, RunDir
from rlvr_nb.verify import Judge

HOSTILE = [
    '</pre></body><script>document.title="owned"</script>',
    '<img src=x onerror="document.title=\'owned\'">',
    '<svg onload="document.title=\'owned\'"><style>*{display:none!important}</style>',
    '"><iframe srcdoc="<script>parent.document.title=\'owned\'</script>"></iframe>',
    '<a href="javascript:document.title=\'owned\'">click</a><base href="https://example.org/">'
    '<meta http-equiv="refresh" content="0;url=https://example.org">',
    '\x00\x1b[31m\u202eesrever\ufeff \ud800 <!-- <![CDATA[ {{7*7}} ${7*7} &lt;script&gt;',
    '<link rel=stylesheet href=https://example.org/x.css><object data=https://example.org></object>'
    '<form action=https://example.org><input autofocus onfocus="document.title=\'owned\'"></form>',
    'x' * 20_000, '\n' * 300, 'A' * 200 + 'Ω≈ç√∫ 漢字 🙂' * 20,
]


class Adder:
    "An engine whose additions are right with a given probability, drawn anew for each completion."
    def __init__(self, skill, seed=0): self.skill, self.rng = skill, random.Random(seed)

    def generate(self, prompts, num_generations=1, temperature=0., top_p=1., seed=0, progress=None):
        out = [[self.rollout(p[-1]['content']) for _ in range(num_generations)] for p in prompts]
        if progress: progress(len(prompts) * num_generations, len(prompts) * num_generations)
        return out

    def release(self): pass

    def rollout(self, question):
        a, b = map(int, question.rstrip('=?').split('+'))
        value = a + b if self.rng.random() < self.skill else a + b - self.rng.choice([10, 100, 110])
        if self.rng.random() < .03:
            return SimpleNamespace(text=f'<reasoning>{a}+{b}', token_ids=[0] * 44, truncated=True, prompt_tokens=9)
        text = f'<reasoning>{a % 10}+{b % 10}+0={a % 10 + b % 10:02d}</reasoning><answer>{value}</answer>'
        return SimpleNamespace(text=text, token_ids=[0] * self.rng.randint(34, 41), truncated=False, prompt_tokens=9)


def problems(n, seed=1):
    rng = random.Random(seed)
    pairs = [(rng.randint(100, 999), rng.randint(100, 999)) for _ in range(n)]
    return [{'prompt': build_messages(f'{a}+{b}=?'), 'question': f'{a}+{b}=?', 'answer': str(a + b)} for a, b in pairs]


def evaluation(skill, when, n=64, dataset='arithmetic', path=None, samples=0, seed=0):
    return evaluate(None, None, problems(n), dataset=dataset, judge=Judge('gsm8k', PLAIN), max_new_tokens=44,
                    samples_per_prompt=samples, path=path, when=when,
                    engine=Adder(skill, seed), progress=False)


def records(step, skill, rng, groups=4, size=8):
    out = []
    for group in range(groups):
        a, b = rng.randint(100, 999), rng.randint(100, 999)
        for _ in range(size):
            right = rng.random() < skill
            value, close = (a + b if right else a + b - 10), rng.random() < .5
            rewards = {'gsm8k_answer_check': 3. if right else .5 if close else -1., 'match_format_exactly': 3.}
            reasons = {'gsm8k_answer_check': f'{value} is {"" if right else "not "}{a + b}',
                       'match_format_exactly': 'each marker once, in order'}
            out.append({'step': step, 'group': group, 'prompt': f'{a}+{b}=?', 'answer': str(a + b),
                        'reward': sum(rewards.values()), 'rewards': rewards, 'reasons': reasons,
                        'advantage': rng.gauss(0, 1),
                        'correct': right,
                        'completion': f'<reasoning>{a % 10}+{b % 10}</reasoning><answer>{value}</answer>',
                        'verdict': 'equal' if right else 'different value', 'tokens': rng.randint(34, 44),
                        'truncated': rng.random() < .02})
    return out


def make_run(path, *overrides, steps=120, skill=(.15, .98), seed=0, hostile=False, datasets=('arithmetic',), samples=0,
             finish=True):
    "A run from start to end, its events passed through the observer that every run has."
    rng, cfg, run = random.Random(seed), load_config(f'train.max_steps={steps}', f'seed={seed}',
                                                     *overrides), RunDir.create(path)
    run.write_config(cfg)
    run.write_manifest({'data_hash': 'f00d', 'dropped': {'prompt longer than 20 tokens': 3},
                        'notes': ["the model's chat template leaves the system prompt out"]})
    crew = Observers([JsonlObserver()])
    crew.pipeline_start(cfg, run)
    def put(skill, when):
        for i, name in enumerate(datasets):
            crew.evaluation(when,
                            evaluation(skill, when, 256, name, run.eval/f'{when}-{name}.jsonl', samples,
                                       seed=seed + i + len(when)))
    put(skill[0], 'before')
    crew.stage_end('evaluate before', 2.1)
    for step in range(1, steps + 1):
        now = skill[0] + (skill[1] - skill[0]) * step / steps
        batch = records(step, now, rng)
        if hostile:
            for i, text in enumerate(HOSTILE):
                batch[i].update(completion=text, prompt=text, verdict=text[:80], answer=text[:60],
                                reward=(-1) ** i * 50 + 0., rewards={**batch[i]['rewards'], text[:40]: 1.})
        crew.completions(step, batch)
        crew.step(step, steps,
                  {'reward': sum(r['reward'] for r in batch) / len(batch), 'reward_std': 1.5 - now,
                   'accuracy': min(1., max(0., now + rng.gauss(0, .04))), 'frac_reward_zero_std': max(0, now - .4),
                                'monitor/side_rewards_only': .5 * (1 - now),
                                'rewards/gsm8k_answer_check/mean': 4 * now - 1 + rng.gauss(0, .1),
                                'rewards/match_format_exactly/mean': 3 - rng.random() / 10, 'loss': rng.gauss(0, .1),
                                'completions/mean_length': 38 + rng.gauss(0, 1),
                                'completions/clipped_ratio': abs(rng.gauss(0, .02)), 'entropy': .4 - .3 * now,
                                'grad_norm': abs(rng.gauss(.5, .2)),
                                'clip_ratio/region_mean': abs(rng.gauss(0, .01)),
                                'learning_rate': 3e-3 * (1 - step / steps), 'seconds/generate': .2 + rng.random() / 20,
                                'seconds/reward': .01, 'seconds/other': .02,
                                'seconds/update': .1 + rng.random() / 30, 'step_time': .33,
                                'tokens/per_second': 9000 + rng.gauss(0, 300), 'memory/gib': .58})
        if step in (steps // 3, 2 * steps // 3): put(now, f'step-{step}')
    crew.fault('reward gsm8k_answer_check', HOSTILE[0] if hostile else 'ZeroDivisionError: division by zero')
    if not finish: return run
    crew.stage_end('train', 38.4)
    put(skill[1], 'after')
    crew.stage_end('evaluate after', 2.0)
    summaries = {when: {name: e.summary() for name, e in run.evaluations()[when].items()} for when in ('before',
                                                                                                       'after')}
    result = {'status': 'finished', 'steps': steps, **summaries, 'seconds': {'train': 38.4}}
    run.write_result(result)
    crew.pipeline_end('finished', result)
    return run
