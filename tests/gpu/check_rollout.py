"""Is the rollout engine right on a GPU? Token for token with `generate`, past the window, in half precision, with
adapters.

    python tests/gpu/check_rollout.py
"""
import sys

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


class NoText:
    pad_token_id, eos_token_id = 0, 1

    def batch_decode(self, ids, **kwargs): return [''] * len(ids)
    def decode(self, ids, **kwargs): return ''


def build(family, dtype):
    torch.manual_seed(7)
    cls = getattr(transformers, FAMILIES[family][0])
    model = cls(cls.config_class(**{**SMALL, **FAMILIES[family][1]})).cuda().to(dtype)
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


def check(family):
    model = build(family, torch.float32)
    for seed, longest, tokens in ((1, 20, 70), (2, 90, 150)):
        some = prompts(12, longest, seed)
        engine = RolloutEngine(model, NoText(), dtype=torch.float32, backend='engine')
        ours = engine.generate_ids(some, 1, tokens)
        assert engine.decoder.captured and engine.decoder.sampler.step and not engine.notes, engine.notes
        theirs = [model.generate(torch.tensor([p]).cuda(), do_sample=False, max_new_tokens=tokens,
                                 pad_token_id=0)[0, len(p):].tolist() for p in some]
        same = [a[0].token_ids == b for a, b in zip(ours, theirs)]
        assert all(same), (family, seed, same)
        sampled = engine.generate_ids(some, 5, tokens, Sampling(.9), seed=3)
        gap = max((teacher_forced(model, p, r.token_ids, .9) - torch.tensor(r.logprobs)).abs().max().item() for p,
                  group in zip(some, sampled) for r in group)
        again = engine.generate_ids(some, 5, tokens, Sampling(.9), seed=3)
        assert gap < 1e-4 and [r.token_ids for g in again for r in g] == [r.token_ids for g in sampled for r in g], gap
        print(family, 'seed', seed, 'greedy equal', len(some), 'logprob gap', f'{gap:.1e}', 'graphs',
              len(engine.decoder.captured), flush=True)


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
            assert gaps.mean() < .02, (family, gaps.mean(), gaps.mean(0)[::64])
        print(f'{family}, {rows} x {tokens} in bfloat16 at real sizes: log-probabilities {gaps.mean():.1e} apart, '
              f'at most {gaps.max():.1e}', flush=True)


def frequencies():
    "Sampled tokens occur as often as the model's own probabilities say."
    model = build('llama', torch.float32)
    engine = RolloutEngine(model, NoText(), dtype=torch.float32, backend='engine')
    rows = engine.generate_ids([[5, 6, 7]], 512, 3, Sampling(.7), seed=1) + [
        row for seed in range(2, 40) for row in engine.generate_ids([[5, 6, 7]], 512, 3, Sampling(.7), seed=seed)]
    pairs = [r.token_ids[:2] for row in rows for r in row if len(r.token_ids) > 1]
    first = max({a for a, _ in pairs}, key=[a for a, _ in pairs].count)
    seconds = torch.tensor([b for a, b in pairs if a == first])
    with torch.no_grad(): logits = model(torch.tensor([[5, 6, 7, first]]).cuda()).logits[0, -1].float().cpu()
    expected = (logits / .7).softmax(-1) * len(seconds)
    found, often = torch.bincount(seconds, minlength=len(expected)).float(), expected > 5
    wanted, seen = (torch.cat([part[often], part[~often].sum()[None]]) for part in (expected, found))
    degrees = len(wanted) - 1
    chi = ((seen - wanted)**2 / wanted).sum().item()
    assert degrees > 3 and abs(chi - degrees) < 5 * (2 * degrees)**.5, (chi, degrees)
    print(f'{len(seconds)} sampled tokens: chi-square {chi:.0f} with {degrees} degrees of freedom', flush=True)


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


if __name__ == '__main__':
    torch.backends.cuda.matmul.allow_tf32 = False
    for name in sys.argv[1:] or FAMILIES:
        check(name); half(name); adapters(name)
    real_sizes()
    frequencies()
    memory()
