"""Is the rollout engine right on a GPU? Token for token with `generate`, past the window, in half precision, with
adapters.

    python tests/gpu/check_rollout.py                              everything
    python tests/gpu/check_rollout.py llama gemma3                 these families
    python tests/gpu/check_rollout.py --only tokens current        these checks
    python tests/gpu/check_rollout.py --seed 40                    other weights and other prompts

Prints a line a check. The exit status is the number of checks that failed; a check that fails doesn't keep the others
from running.
"""
import argparse
import sys
import time
import traceback

import torch
import transformers
from torch.nn.attention import SDPBackend, sdpa_kernel

from rlvr_nb.decode import NonFiniteLogits
from rlvr_nb.rollout import RolloutEngine
from rlvr_nb.sampling import Sampling

SMALL = dict(vocab_size=512, hidden_size=192, intermediate_size=256, num_hidden_layers=4, num_attention_heads=6,
             num_key_value_heads=2, head_dim=32)
FAMILIES = dict(
    llama=('LlamaForCausalLM', {}),
    qwen2=('Qwen2ForCausalLM', {}),
    qwen3=('Qwen3ForCausalLM', {}),
    gemma3=('Gemma3ForCausalLM',
            dict(num_key_value_heads=1, sliding_window=24,
                 layer_types=['sliding_attention', 'sliding_attention', 'full_attention',
                                                 'sliding_attention'], query_pre_attn_scalar=32)),
)
SEED = 7
REAL = dict(   # the heads and widths of SmolLM2-135M, Qwen2.5-0.5B, Qwen3-0.6B and Gemma 3 1B
    llama=dict(hidden_size=576, intermediate_size=1536, num_attention_heads=9, num_key_value_heads=3, head_dim=64),
    qwen2=dict(hidden_size=896, intermediate_size=4864, num_attention_heads=14, num_key_value_heads=2, head_dim=64),
    qwen3=dict(hidden_size=1024, intermediate_size=3072, num_attention_heads=16, num_key_value_heads=8, head_dim=128),
    gemma3=dict(hidden_size=1152, intermediate_size=6912, num_attention_heads=4, num_key_value_heads=1, head_dim=256,
                query_pre_attn_scalar=256),
)


class NoText:
    pad_token_id, eos_token_id = 0, 1

    def batch_decode(self, ids, **kwargs): return [''] * len(ids)
    def decode(self, ids, **kwargs): return ''


def build(family, dtype, **sizes):
    torch.manual_seed(SEED)
    cls = getattr(transformers, FAMILIES[family][0])
    model = cls(cls.config_class(**{**SMALL, **FAMILIES[family][1], **sizes})).cuda().to(dtype)
    for p in model.parameters(): torch.nn.init.normal_(p, std=.08)
    model.generation_config.eos_token_id = 1
    return model.eval()


def prompts(n, longest, seed):
    draw = torch.Generator().manual_seed(seed)
    return [torch.randint(2, 512, (int(torch.randint(1, longest, (1,), generator=draw)),), generator=draw).tolist()
            for _ in range(n)]


def teacher_forced(model, prompt, ids, temperature):
    with torch.no_grad(): logits = model(torch.tensor([prompt
                                                       + ids]).cuda()).logits[0, len(prompt)
                                                                              - 1:-1].float() / temperature
    return logits.log_softmax(-1).gather(-1, torch.tensor(ids)[:, None].cuda()).squeeze(-1).cpu()


def generated(model, some, tokens):
    "Greedy completions by `generate`, each prompt alone."
    with torch.no_grad():
        return [model.generate(input_ids=torch.tensor([p]).cuda(), do_sample=False, max_new_tokens=tokens,
                               pad_token_id=0)[0, len(p):].tolist() for p in some]


def is_tie(model, prompt, ours, theirs):
    "Whether two greedy completions part where two tokens are equally probable to the last digits of float32."
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), None)
    if at is None: return False
    with torch.no_grad(): logits = model(torch.tensor([prompt + ours[:at]]).cuda()).logits[0, -1]
    return (logits[ours[at]] - logits[theirs[at]]).abs().item() < 1e-4


def same_tokens(model, engine, some, tokens):
    "How many completions are those of `generate`, token for token, and how many part at a tie; no other does."
    ours, theirs = [r.token_ids for r, in engine.generate_ids(some, 1, tokens)], generated(model, some, tokens)
    equal = [a == b for a, b in zip(ours, theirs)]
    ties = [not e and is_tie(model, p, a, b) for e, p, a, b in zip(equal, some, ours, theirs)]
    wrong = [i for i, (e, tie) in enumerate(zip(equal, ties)) if not e and not tie]
    assert not wrong, [(len(some[i]), ours[i], theirs[i]) for i in wrong[:2]]
    return sum(equal), sum(ties)


def tokens(family):
    "Small models: greedy tokens, log-probabilities and repeatability, past the window of Gemma 3."
    model = build(family, torch.float32)
    for seed, longest, new in ((SEED + 1, 20, 70), (SEED + 2, 90, 150)):
        some = prompts(8, longest, seed)
        engine = RolloutEngine(model, NoText(), dtype=torch.float32, backend='engine')
        equal, ties = same_tokens(model, engine, some, new)
        assert engine.decoder.captured and engine.decoder.sampler.step and not engine.notes, engine.notes
        sampled = engine.generate_ids(some, 5, new, Sampling(.9), seed=3)
        gap = max((teacher_forced(model, p, r.token_ids, .9) - torch.tensor(r.logprobs)).abs().max().item()
                  for p, group in zip(some, sampled) for r in group)
        again = engine.generate_ids(some, 5, new, Sampling(.9), seed=3)
        assert gap < 1e-4, gap
        assert [r.token_ids for g in again for r in g] == [r.token_ids for g in sampled for r in g], 'not repeatable'
        print(family, 'seed', seed, 'greedy equal', equal, 'of', len(some), 'ties', ties, 'logprob gap', f'{gap:.1e}',
              'graphs', len(engine.decoder.captured), flush=True)


def edges(family):
    "Heads and widths of real models; one prompt, one token, an end token at once, top_k 1, the same prompt twice."
    model = build(family, torch.float32, **REAL[family])
    engine = RolloutEngine(model, NoText(), dtype=torch.float32, backend='engine')
    some = [[7], *prompts(3, 120, SEED + 3)]
    equal, ties = same_tokens(model, engine, some, 60)
    assert same_tokens(model, engine, [[9]], 40)[0] == 1 and same_tokens(model, engine, [[5, 6], [5, 6]], 20)[0] == 2
    first = [r.token_ids for r, in engine.generate_ids(some, 1, 12)]
    only = engine.generate_ids(some, 3, 12, Sampling(.8, top_k=1), seed=SEED)
    assert all(r.token_ids == ids for ids, group in zip(first, only) for r in group), 'top_k 1 is not greedy'
    model.generation_config.eos_token_id = [1, first[0][0]]
    ended = RolloutEngine(model, NoText(), dtype=torch.float32, backend='engine')
    assert same_tokens(model, ended, some, 12)[0] == len(some), 'an end token at once'
    assert [len(r.token_ids) for r, in ended.generate_ids(some, 1, 12)][0] == 1
    print(family, 'at real sizes: greedy equal', equal, 'of', len(some), 'ties', ties, 'and the edges', flush=True)


def half(family):
    "float16 on the memory-efficient kernel, as on a T4."
    model = build(family, torch.float16)
    some = prompts(16, 40, 4)
    with sdpa_kernel(SDPBackend.EFFICIENT_ATTENTION):
        engine = RolloutEngine(model, NoText(), backend='engine')
        out = engine.generate_ids(some, 4, 60, Sampling(1.), seed=1)
    gap = max((teacher_forced(model, p, r.token_ids, 1.) - torch.tensor(r.logprobs)).abs().max().item() for p,
              group in zip(some, out) for r in group)
    assert engine.decoder.captured and gap < .05, (gap, engine.notes)
    print(family, 'float16 on the memory-efficient kernel, logprob gap', f'{gap:.1e}', flush=True)
    with torch.no_grad(): model.lm_head.weight.fill_(float('inf'))
    try: RolloutEngine(model, NoText(), backend='engine').generate_ids(some, 4, 10, Sampling(1.))
    except NonFiniteLogits: pass
    else: raise AssertionError('logits that are not numbers were sampled')


def adapters(family):
    from peft import LoraConfig, get_peft_model
    model = build(family, torch.float32)
    base = {k: v.clone() for k, v in model.state_dict().items()}
    lora = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=['q_proj', 'v_proj', 'down_proj'],
                                            init_lora_weights=False)).cuda().eval()
    engine, some = RolloutEngine(lora, NoText(), dtype=torch.float32, backend='engine'), prompts(8, 30, 5)
    for _ in range(3):
        ours = engine.generate_ids(some, 1, 40)
        theirs = [lora.generate(input_ids=torch.tensor([p]).cuda(), do_sample=False, max_new_tokens=40,
                                pad_token_id=0)[0, len(p):].tolist() for p in some]
        assert [a[0].token_ids for a in ours] == theirs
        with torch.no_grad():
            for n, p in lora.named_parameters():
                if 'lora_' in n: p.add_(torch.randn_like(p) * .05)
    now = {k.replace('.base_layer', ''): v for k, v in lora.get_base_model().state_dict().items() if 'lora_' not in k}
    assert all(torch.equal(now[k], v) for k, v in base.items())
    print(family, 'LoRA follows three updates, base weights are the same bit by bit, adapted layers', engine.adapters,
          flush=True)


def current(family):
    "Copies that are today's are told from older ones: in each precision, with and without adapters."
    from peft import LoraConfig, get_peft_model
    for dtype, lora in ((torch.float32, True), (torch.bfloat16, True), (torch.float16, True), (torch.bfloat16, False)):
        weights = torch.float32 if not lora else dtype
        model = build(family, weights)
        if lora:
            model = get_peft_model(model, LoraConfig(r=8, lora_alpha=12, init_lora_weights=False, target_modules=[
                'q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'])).eval()
        trained = [p for n, p in model.named_parameters() if ('lora_' in n) == lora]
        engine = RolloutEngine(model, NoText(), dtype=dtype, backend='engine')
        for step in range(3):
            engine.generate_ids(prompts(4, 20, step), 2, 12, Sampling(1.), seed=step)
            assert engine.decoder.sampler.is_current(), (family, dtype, lora, step, 'new copies count as old')
            with torch.no_grad(): trained[step % len(trained)].add_(1e-2)   # one tensor, as little as a step moves it
            copied = lora or dtype != weights
            assert engine.decoder.sampler.is_current() != copied, (family, dtype, lora, step, 'old copies count as new')
    print(family, 'old copies are told from new ones in float32, bfloat16 and float16', flush=True)


def real_sizes(rows=64, tokens=512):
    "Heads of Gemma 3 1B and SmolLM2 in bfloat16, contexts past the window, prompts of unequal length."
    gemma = dict(hidden_size=1152, intermediate_size=6912, num_attention_heads=4, num_key_value_heads=1, head_dim=256,
                 sliding_window=512, query_pre_attn_scalar=256)
    small = dict(hidden_size=576, intermediate_size=1536, num_attention_heads=9, num_key_value_heads=3, head_dim=64)
    for family, sizes in (('gemma3', gemma), ('llama', small)):
        torch.manual_seed(7)
        cls, kinds = getattr(transformers, FAMILIES[family][0]), FAMILIES[family][1]
        model = cls(cls.config_class(**{**SMALL, **kinds, **sizes})).cuda().bfloat16().eval()
        model.generation_config.eos_token_id = None
        engine = RolloutEngine(model, NoText(), backend='engine')
        for seed in (1, 2):
            some = prompts(rows // 8, 280, seed)
            out = engine.generate_ids(some, 8, tokens, Sampling(1.), seed=seed)
            gaps = [(teacher_forced(model, p, r.token_ids, 1.) - torch.tensor(r.logprobs)).abs()
                    for p, group in zip(some, out) for r in group[:2]]
            gaps = torch.cat(gaps)
            assert gaps.mean() < .02, (family, gaps.mean().item(), gaps.max().item(), len(gaps))
        print(f'{family}, {rows} x {tokens} in bfloat16 at real sizes: log-probabilities {gaps.mean():.1e} apart, '
              f'at most {gaps.max():.1e}', flush=True)


def frequencies():
    "Sampled tokens occur as often as the model's own probabilities say."
    model, firsts = build('llama', torch.float32), torch.arange(2, 10)
    engine = RolloutEngine(model, NoText(), dtype=torch.float32, backend='engine')
    asked = [[5, 6, 7, int(first)] for first in firsts]
    def firsts_of(p): return [r.token_ids[0] for seed in range(5) for r in engine.generate_ids(
        [p], 512, 1, Sampling(.05), seed=10 * p[-1] + seed)[0]]   # other noise for each prompt
    drawn = [firsts_of(p) for p in asked]
    with torch.no_grad(): logits = model(torch.tensor(asked).cuda()).logits[:, -1].float().cpu()
    chi = degrees = 0
    for tokens_of_one, logits_V in zip(drawn, logits):
        expected = (logits_V / .05).softmax(-1) * len(tokens_of_one)
        found, often = torch.bincount(torch.tensor(tokens_of_one), minlength=len(expected)).float(), expected > 5
        wanted, seen = (torch.cat([part[often], part[~often].sum()[None]]) for part in (expected, found))
        chi, degrees = chi + ((seen - wanted)**2 / wanted).sum().item(), degrees + len(wanted) - 1
    assert degrees > 30 and abs(chi - degrees) < 5 * (2 * degrees)**.5, (chi, degrees)
    print(f'{sum(map(len, drawn)):,} tokens: chi-square {chi:.0f} with {degrees} degrees of freedom', flush=True)


def memory():
    "Nothing grows over 200 generations of changing sizes."
    model = build('llama', torch.bfloat16)
    engine, seen = RolloutEngine(model, NoText(), backend='engine'), []
    for i in range(200):
        engine.generate_ids(prompts(3 + i % 14, 10 + i % 60, i), 4, 40, Sampling(1.), seed=i)
        seen.append(torch.cuda.memory_allocated())
    assert seen[-1] <= max(seen[:60]) * 1.02, (max(seen[:60]), seen[-1])
    engine.release()
    print('200 generations:',
          f'{max(seen[:60]) / 2**20:.0f} MiB at most in the first 60, {seen[-1] / 2**20:.0f} at the end,',
          f'{torch.cuda.memory_allocated() / 2**20:.0f} after release', flush=True)


def choosing():
    "The kernel that samples, as the engine's own start of it does: log-probabilities for many shapes."
    from rlvr_nb.kernels import choice_gap
    shapes = [(rows, words) for rows in (1, 3, 16, 128, 512) for words in (512, 49152)]
    found = {shape: choice_gap('cuda', *shape) for shape in shapes}
    assert max(found.values()) < 1e-4, found
    print(f'sampling kernel, {len(found)} shapes: log-probabilities at most {max(found.values()):.1e} off', flush=True)


OF_A_FAMILY = dict(tokens=tokens, edges=edges, half=half, adapters=adapters, current=current)
OTHERS = dict(choosing=choosing, real_sizes=real_sizes, frequencies=frequencies, memory=memory)


def ran(check, *given):
    "Whether a check passes; a traceback where it doesn't."
    start = time.perf_counter()
    try: check(*given)
    except Exception:
        traceback.print_exc()
        print(check.__name__, *given, 'FAILED', flush=True)
        return False
    print(f'  {time.perf_counter() - start:.0f} s', flush=True)
    return True


def main():
    "The number of checks that failed."
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument('families', nargs='*', metavar='family', help=', '.join(FAMILIES))
    args.add_argument('--only', nargs='+', choices=[*OF_A_FAMILY, *OTHERS], default=[*OF_A_FAMILY, *OTHERS])
    args.add_argument('--seed', type=int, default=SEED)
    a = args.parse_args()
    globals()['SEED'] = a.seed
    if unknown := set(a.families) - set(FAMILIES): args.error(f'no family: {", ".join(unknown)}')
    torch.backends.cuda.matmul.allow_tf32 = False
    each, others = ({name: checks[name] for name in a.only if name in checks} for checks in (OF_A_FAMILY, OTHERS))
    passed = [ran(check, family) for family in a.families or FAMILIES for check in each.values()]
    return (passed + [ran(check) for check in others.values()]).count(False)


if __name__ == '__main__': sys.exit(main())
