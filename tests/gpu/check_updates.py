"""Are fused layers, sliced log-probabilities, lean adapters and passes without padding right on this GPU, and what do
they cost?

    python tests/gpu/check_updates.py
    python tests/gpu/check_updates.py unpadded    this check

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


def unpadded():
    "Sequences without padding are taken for every family, trained whole or with an adapter, and what they bring."
    from rlvr_nb.packed import find_packed
    for family in FAMILIES:
        for adapter in (False, True):
            model = build(family, torch.bfloat16 if adapter else torch.float32).cuda().train()
            lora = LoraConfig(r=8, target_modules=ALL, init_lora_weights=False)
            if adapter: model = get_peft_model(model, lora).train()
            if adapter: make_lean(model)
            plain = model.get_base_model() if adapter else model
            with torch.autocast('cuda', torch.bfloat16): reader, why = find_packed(plain, torch.bfloat16)
            assert reader is not None, (family, adapter, why)
            lengths = torch.randint(60, 250, (64,), generator=torch.Generator().manual_seed(0)).cuda()
            mask = torch.arange(250, device='cuda') < lengths[:, None]
            ids, counts = torch.randint(2, 512, mask.shape, device='cuda'), mask.clone()
            counts[:, :40] = False

            def ours():
                model.zero_grad()
                with torch.autocast('cuda', torch.bfloat16): reader.logprobs(ids, mask, counts)[0].mean().backward()

            def usual():
                model.zero_grad()
                with torch.autocast('cuda', torch.bfloat16): out = plain.base_model(ids, mask.long())
                head = plain.get_output_embeddings()
                chosen = out.last_hidden_state[:, :-1][counts[:, 1:]].bfloat16()
                TokenLogprobs.apply(chosen, head.weight.bfloat16(), None, ids[counts], 1.)[0].mean().backward()

            def gradients(f):
                f()
                return torch.cat([p.grad.float().flatten() for p in model.parameters() if p.grad is not None])
            gap = ((gradients(ours) - gradients(usual)).norm() / gradients(usual).norm()).item()
            assert gap < .05, (family, adapter, gap)
            print(f'unpadded {family}{" + adapter" if adapter else ""}: gradients off by {gap:.1e}, proved with '
                  f'{reader.gaps[0]:.1e} and {reader.gaps[1]:.1e}; {seconds(ours) * 1e3:.1f} ms, padded '
                  f'{seconds(usual) * 1e3:.1f} ms', flush=True)


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
    checks = dict(fused=fused, slices=slices, lean=lean, unpadded=unpadded, sampled=sampled)
    for check in [checks[name] for name in sys.argv[1:] or checks]:
        try: check()
        except Exception:
            traceback.print_exc()
            print(f'{check.__name__} FAILED', flush=True)
            failed += 1
    sys.exit(failed)
