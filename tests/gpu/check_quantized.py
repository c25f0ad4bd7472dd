"""Does the rollout engine generate with 4-bit and 8-bit weights what `generate` does, and how fast is each?

    python tests/gpu/check_quantized.py             small models of two families, then the shape of SmolLM2
    python tests/gpu/check_quantized.py FOLDER      a model of one's own instead of that shape

Needs bitsandbytes. Greedy tokens are compared in float32 for 4 bits (weights, cache and products of the small models);
for 8 bits and half precision the share of equal tokens and the distance of the log-probabilities are printed.
"""
import sys
import time

import torch
import transformers
from check_rollout import FAMILIES, SMALL, NoText, prompts, teacher_forced
from peft import LoraConfig, get_peft_model

from rlvr_nb.rollout import RolloutEngine
from rlvr_nb.sampling import Sampling

SMOLLM2 = dict(vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
               num_key_value_heads=3, max_position_embeddings=8192, tie_word_embeddings=True)


def replaced(model, make):
    "The model with every linear layer but the head replaced by what `make` gives for it."
    for name, child in list(model.named_children()):
        if isinstance(child, torch.nn.Linear) and name != 'lm_head': setattr(model, name, make(child))
        else: replaced(child, make)
    return model


def in_4_bits(layer):
    import bitsandbytes as bnb
    new = bnb.nn.Linear4bit(layer.in_features, layer.out_features, layer.bias is not None, layer.weight.dtype,
                            quant_type='nf4')
    new.weight = bnb.nn.Params4bit(layer.weight.data.cpu(), requires_grad=False, quant_type='nf4')
    new.bias = layer.bias
    return new.cuda()


def in_8_bits(layer):
    import bitsandbytes as bnb
    new = bnb.nn.Linear8bitLt(layer.in_features, layer.out_features, layer.bias is not None, has_fp16_weights=False)
    new.weight = bnb.nn.Int8Params(layer.weight.data.cpu(), requires_grad=False, has_fp16_weights=False)
    new.bias = layer.bias
    return new.cuda()


def build(family, dtype, shape):
    torch.manual_seed(7)
    cls = getattr(transformers, FAMILIES[family][0])
    model = cls(cls.config_class(**{**shape, **FAMILIES[family][1]})).to(dtype)
    for p in model.parameters(): torch.nn.init.normal_(p, std=.08 if shape is SMALL else .02)
    model.generation_config.eos_token_id = None
    return model.cuda().eval()


def adapted(model):
    names = ['q_proj', 'v_proj', 'down_proj']
    return get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=names, init_lora_weights=False)).eval()


def alike(model, dtype, tokens=40):
    "The engine, and the share of greedy tokens before the first difference."
    some, engine = prompts(8, 30, 5), RolloutEngine(model, NoText(), dtype=dtype, backend='auto')
    ours, same = [r[0].token_ids for r in engine.generate_ids(some, 1, tokens)], 0
    for prompt, ids in zip(some, ours):
        out = model.generate(input_ids=torch.tensor([prompt]).cuda(), do_sample=False, max_new_tokens=tokens,
                             pad_token_id=0)
        theirs = out[0, len(prompt):].tolist()
        same += next((i for i, (a, b) in enumerate(zip(ids, theirs)) if a != b), tokens)
    return engine, same / tokens / len(some)


def told(engine):
    sampler = engine.decoder.sampler if engine.decoder else None
    if sampler is None: return ' '.join(engine.notes)
    how = 'fused' if not sampler.unfused else f'as modules ({sampler.unfused})'
    return f'engine, layers {how}, kernels {"used" if sampler.step else "not used"}, 4-bit weights kept as ' \
           f'{"16-bit numbers" if sampler.dense else "they are"}. {" ".join(engine.notes)}'


def check(family, bits):
    "Equal tokens with and without an adapter."
    dtype = torch.float32 if bits == 4 else torch.float16
    for lora in (False, True):
        model = replaced(build(family, dtype, SMALL), in_4_bits if bits == 4 else in_8_bits)
        if lora: model = adapted(model)
        engine, same = alike(model, dtype)
        rows = engine.generate_ids([[5, 6, 7]], 8, 30, Sampling(1.), seed=1)[0]
        gap = 'none' if rows[0].logprobs is None else max(
            (teacher_forced(model, [5, 6, 7], r.token_ids, 1.) - torch.tensor(r.logprobs)).abs().max().item()
            for r in rows)
        print(f'{family} in {bits} bits{" + LoRA" if lora else ""}: {same:.0%} of greedy tokens before a difference, '
              f'log-probabilities {gap} apart; {told(engine)}', flush=True)
        assert bits == 8 or same == 1, same


def seconds(engine, some, group, tokens):
    best = []
    for seed in range(3):
        torch.cuda.synchronize()
        start = time.perf_counter()
        engine.generate_ids(some, group, tokens, Sampling(1.), seed=seed)
        torch.cuda.synchronize()
        best.append(time.perf_counter() - start)
    return min(best[1:])


def speed(bits, folder=None, tokens=100):
    "Tokens a second of the engine and of transformers, 64 completions."
    model = build('llama', torch.bfloat16, SMOLLM2) if folder is None else None
    if model is None: model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).cuda()
    model = adapted(replaced(model, in_4_bits if bits == 4 else in_8_bits))
    some, found = prompts(8, 60, 3), {}
    for backend in ('engine', 'transformers'):
        engine = RolloutEngine(model, NoText(), tokens, None if backend == 'engine' else 64, backend)
        found[backend] = 64 * tokens / seconds(engine, some, 8, tokens)
        if backend == 'engine': print(f'speed in {bits} bits: {told(engine)}', flush=True)
        engine.release()
    print(f'{bits} bits, 64 x {tokens}: engine {found["engine"]:,.0f} tokens/s, transformers '
          f'{found["transformers"]:,.0f}, ratio {found["engine"] / found["transformers"]:.1f}', flush=True)


if __name__ == '__main__':
    torch.backends.cuda.matmul.allow_tf32 = False
    for bits in (4, 8):
        for family in ('llama', 'qwen3'): check(family, bits)
        speed(bits, *sys.argv[1:2])
