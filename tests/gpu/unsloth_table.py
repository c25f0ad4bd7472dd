"""How fast do unsloth, transformers and the engine generate with the same model? Tokens a second, one table.

    python tests/gpu/unsloth_table.py                        16, 128 and 512 completions of 200 tokens
    python tests/gpu/unsloth_table.py --sizes 16 --tokens 64 smaller
    python tests/gpu/unsloth_table.py --seconds 120          the limit for each of the three (200 unless given)

The model has the shape of SmolLM2-135M with an adapter and random weights, bf16; nothing ends a completion early. Each
way is a process of its own, because unsloth replaces parts of transformers for good. What has been measured when a
process reaches its limit is kept. Needs a GPU, and unsloth for its column; no network.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT/'tests/benchmarks')]
WAYS = {'engine': ('transformers', 'engine'), 'transformers': ('transformers', 'transformers'),
        'unsloth': ('unsloth', 'auto')}


def make_folder(folder):
    "Random weights in the shape of SmolLM2-135M, with a tokenizer that only has to load."
    import torch
    from bench_rollout import load
    from rlvr_nb.tiny import build_tiny_tokenizer
    tokenizer = build_tiny_tokenizer()
    model = load('smollm2', 'cpu', lora=False).to(torch.bfloat16)
    model.config.pad_token_id, model.config.eos_token_id = tokenizer.pad_token_id, tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def measure(way, folder, sizes, tokens, group=8, longest=160):
    "One line of JSON for each size: tokens a second, the median of three, and the seconds of the first."
    from rlvr_nb.config import load_config
    from rlvr_nb.model import DefaultModelComponent
    backend, rollout = WAYS[way]
    config = load_config(f'model.model_name_or_path={folder}', f'model.backend={backend}', 'model.max_seq_length=1536',
                         'model.lora_config.use_lora=true')
    start = time.perf_counter()
    model, _ = DefaultModelComponent(config.model, bf16=True).load()
    print(json.dumps(dict(way=way, loaded=time.perf_counter() - start)), flush=True)
    import torch
    from bench_rollout import NoText, seconds
    from rlvr_nb.rollout import RolloutEngine
    model.generation_config.eos_token_id = None
    for size in sizes:
        draw = torch.Generator().manual_seed(size)
        lengths = torch.randint(longest // 2, longest + 1, (size // group,), generator=draw).tolist()
        prompts = [torch.randint(2, 49152, (n,), generator=draw).tolist() for n in lengths]
        engine = RolloutEngine(model, NoText(), tokens, None if way == 'engine' else size, rollout)
        median, first = seconds(engine, prompts, group, tokens, 3)
        engine.release()
        print(json.dumps(dict(way=way, size=size, rate=size * tokens / median, first=first, notes=engine.notes)),
              flush=True)


def collected(way, folder, a):
    "What a process of its own prints, whether or not it ends in time."
    words = [sys.executable, __file__, '--way', way, '--folder', folder, '--tokens', str(a.tokens), '--sizes',
             *map(str, a.sizes)]
    with tempfile.TemporaryFile('w+') as out, tempfile.TemporaryFile('w+') as err:
        try: code = subprocess.run(words, stdout=out, stderr=err, timeout=a.seconds).returncode
        except subprocess.TimeoutExpired: code = f'stopped after {a.seconds} s'
        out.seek(0)
        err.seek(0)
        lines = [json.loads(line) for line in out if line.startswith('{"way"')]
        if code: print(f'{way}: {code}\n{err.read()[-3000:]}', flush=True)
    return lines


def main():
    "The table."
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument('--sizes', type=int, nargs='+', default=[16, 128, 512], help='completions at once')
    args.add_argument('--tokens', type=int, default=200, help='new tokens')
    args.add_argument('--seconds', type=int, default=200, help='limit for each way')
    args.add_argument('--way', choices=WAYS, help=argparse.SUPPRESS)
    args.add_argument('--folder', help=argparse.SUPPRESS)
    a = args.parse_args()
    if a.way: return measure(a.way, a.folder, a.sizes, a.tokens)
    os.environ.update(HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false')
    with tempfile.TemporaryDirectory() as folder:
        make_folder(folder)
        for way in WAYS:
            for line in collected(way, folder, a):
                if 'size' not in line: print(f'{way}: loaded in {line["loaded"]:.1f} s', flush=True)
                else: print(f'{way:>13} {line["size"]:5} x {a.tokens}: {line["rate"]:9,.0f} tokens/s '
                            f'(first {line["first"]:.1f} s) {" ".join(line["notes"])}', flush=True)


if __name__ == '__main__': main()
