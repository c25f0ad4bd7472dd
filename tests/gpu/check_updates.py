"""Are fused layers, sliced log-probabilities and lean adapters right on this GPU, and what do they cost?

    python tests/gpu/check_updates.py

Prints a line a check. The exit status is the number of checks that failed; a check that fails doesn't keep the
others from running.
"""
import sys
import time
import traceback

import torch
from check_rollout import FAMILIES, NoText, build, prompts
from peft import LoraConfig, get_peft_model

from rlvr_nb.adapters import make_lean
from rlvr_nb.logprobs import TokenLogprobs
from rlvr_nb.rollout import RolloutEngine
from rlvr_nb.sampling import Sampling

ALL = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']


def seconds(f):
    "Median of three calls."
    taken = []
    for _ in range(4):
        torch.cuda.synchronize()
        start = time.perf_counter()
        f()
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return sorted(taken[1:])[1]


def fused():
    "Fused layers: for every family and precision they are taken, captured, and in float32 give the same greedy tokens."
    for family in FAMILIES:
        for dtype in (torch.float32, torch.bfloat16, torch.float16):
            model = (
                get_peft_model(build(family, dtype), LoraConfig(r=8, target_modules=ALL, init_lora_weights=False))
                .cuda()
                .eval()
            )
            tokens, engines = [], []
            for fuse in (True, False):
                RolloutEngine.fuse = fuse
                engine = RolloutEngine(model, NoText(), dtype=dtype, backend='engine')
                tokens.append([r.token_ids for g in engine.generate_ids(prompts(6, 20, 1), 2, 40) for r in g])
                engines.append(engine)
            RolloutEngine.fuse = True
            first = engines[0]
            assert first.decoder.sampler.unfused is None, (family, dtype, first.decoder.sampler.unfused)
            assert first.decoder.captured and not first.notes, first.notes
            same = sum(a == b for a, b in zip(*tokens)) / len(tokens[0])
            assert dtype != torch.float32 or same == 1, (family, same)
            print(f'fused {family} {dtype}: greedy completions equal {same:.0%}', flush=True)


def slices():
    "Log-probabilities and gradients in bfloat16 beside float32, and their time beside TRL's function."
    from trl.trainer.utils import _ChunkedLogProbFunction
    for vocabulary, width, rows in ((49152, 576, 8192), (262144, 1152, 8192)):
        torch.manual_seed(0)
        hidden = torch.randn(rows, width, device='cuda', dtype=torch.bfloat16)
        weight = torch.randn(vocabulary, width, device='cuda', dtype=torch.bfloat16) * .05
        token, factor = torch.randint(vocabulary, (rows,), device='cuda'), torch.randn(rows, device='cuda')

        def ours(dtype=torch.bfloat16, n=rows):
            h = hidden[:n].to(dtype).requires_grad_()
            logp, entropy = TokenLogprobs.apply(h, weight.to(dtype), None, token[:n], 1.)
            (logp * factor[:n]).sum().backward()
            return logp.detach(), entropy, h.grad.float()

        def theirs():
            h = hidden.clone().requires_grad_()
            logp, _ = _ChunkedLogProbFunction.apply(h, weight, None, token, 1., 8192)
            (logp * factor).sum().backward()
        exact, half = ours(torch.float32, 512), ours(n=512)
        gaps = [((a - b).norm() / a.norm()).item() for a, b in zip(exact, half)]
        assert max(gaps) < .02, gaps
        mine, trl = seconds(ours), seconds(theirs)
        print(
            f'slices {rows} x {vocabulary}: off by {max(gaps):.1e}; {mine * 1e3:.0f} ms, TRL {trl * 1e3:.0f} ms',
            flush=True,
        )


def lean():
    "Gradients of lean adapters beside PEFT's, under autocast."
    model = (
        get_peft_model(build('llama', torch.bfloat16), LoraConfig(r=8, target_modules=ALL, init_lora_weights=False))
        .cuda()
        .train()
    )
    ids = torch.randint(2, 512, (64, 256), device='cuda')

    def gradients():
        model.zero_grad()
        with torch.autocast('cuda', dtype=torch.bfloat16): model(input_ids=ids, labels=ids).loss.backward()
        return torch.cat([p.grad.float().flatten() for p in model.parameters() if p.grad is not None])
    usual, before = gradients(), seconds(gradients)
    count = make_lean(model)
    gap = ((gradients() - usual).norm() / usual.norm()).item()
    assert count == 28 and gap < .05, (count, gap)
    print(
        f'lean adapters: gradients off by {gap:.1e}; {seconds(gradients) * 1e3:.1f} ms, PEFT {before * 1e3:.1f} ms',
        flush=True,
    )


def sampled():
    "Frequencies of sampled tokens on the GPU, by a chi-square test."
    from scipy.stats import chisquare

    from rlvr_nb.sampling import choose
    many = torch.tensor([[1., 0., -1., -2., 2.]], device='cuda', dtype=torch.bfloat16).expand(200_000, -1)
    tokens, logps = choose(many, Sampling(temperature=.7), torch.Generator('cuda').manual_seed(0))
    expected = (many[0].double() / .7).softmax(-1)   # in double precision, so that the shares add up to one
    p = chisquare(tokens.bincount(minlength=5).cpu(), (expected * len(tokens)).cpu()).pvalue
    assert p > .001 and torch.allclose(logps.double(), expected.log()[tokens], atol=1e-5), p
    print(f'sampled frequencies: p {p:.2f}', flush=True)


if __name__ == '__main__':
    failed = 0
    for check in (fused, slices, lean, sampled):
        try: check()
        except Exception:
            traceback.print_exc()
            print(f'{check.__name__} FAILED', flush=True)
            failed += 1
    sys.exit(failed)
