"""How fast do unsloth, transformers and the engine generate with the same model? Tokens a second, a line as it comes.

    python tests/gpu/unsloth_table.py                        16 and 128 completions of 100 tokens, 250 s at most
    python tests/gpu/unsloth_table.py --sizes 16 --tokens 64 smaller
    python tests/gpu/unsloth_table.py --ways unsloth --seconds 400
    python tests/gpu/unsloth_table.py --model FOLDER         a model of your own; unsloth_vllm needs one
    python tests/gpu/unsloth_table.py --cpu                  what of it works without a GPU: a very small model

The model has the shape of SmolLM2-135M with an adapter and random weights, bf16; nothing ends a completion early. Each
way is a process of its own, because unsloth replaces parts of transformers for good. The first generation of a size is
a line of its own: it holds the compiling. A process that reaches the limit is ended, and its lines stay. With
`UNSLOTH_COMPILE_DISABLE=1` in the environment unsloth compiles nothing. Needs a GPU, unsloth for the lines of unsloth,
and vLLM for those of unsloth_vllm, whose tokenizer must know every token of the model, since vLLM writes texts.
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
WAYS = {'engine': ('transformers', 'engine'), 'unsloth': ('unsloth', 'auto'), 'unsloth_vllm': ('unsloth', 'vllm'),
        'transformers': ('transformers', 'transformers')}
USUAL = ['engine', 'unsloth', 'transformers']
KEPT_BACK = 60   # seconds that unsloth leaves to transformers


def make_folder(folder, shape):
    "Random weights in a shape of `bench_rollout`, with a tokenizer that only has to load."
    import torch
    from bench_rollout import load
    from rlvr_nb.tiny import build_tiny_tokenizer
    tokenizer = build_tiny_tokenizer()
    model = load(shape, 'cpu', lora=False).to(torch.bfloat16)
    model.config.pad_token_id, model.config.eos_token_id = tokenizer.pad_token_id, tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def settings(way, folder, size, tokens):
    "The configuration of a way; nothing ends a completion before its limit."
    from rlvr_nb.config import load_config
    vllm = ['+train.grpo.generation_kwargs={ignore_eos: true, stop_token_ids: []}'] if way == 'unsloth_vllm' else []
    return load_config(f'model.model_name_or_path={folder}', f'model.backend={WAYS[way][0]}',
                       'model.max_seq_length=1536', 'model.lora_config.use_lora=true', 'train.warm_start=null',
                       f'train.rollout={WAYS[way][1]}', f'train.per_device_train_batch_size={size}',
                       f'train.max_completion_length={tokens}', *vllm)


def loaded(config):
    "The model with its adapter, from which no end token is sampled, and its tokenizer."
    import torch
    from rlvr_nb.model import DefaultModelComponent
    from rlvr_nb.vllm_sampling import shared_serving
    model, tokenizer = DefaultModelComponent(config.model, bf16=torch.cuda.is_available(),
                                             serving=shared_serving(config)).load()
    model.generation_config.eos_token_id = None
    return model, tokenizer


def sampler(way, config, model, tokenizer, size, tokens):
    "The engine that generates in a way."
    from bench_rollout import NoText
    from rlvr_nb.rollout import RolloutEngine
    from rlvr_nb.training import DefaultTrainingLoopComponent
    if way == 'unsloth_vllm':
        with tempfile.TemporaryDirectory() as place:
            return DefaultTrainingLoopComponent(config.train).vllm_engine(model, tokenizer, place)
    return RolloutEngine(model, NoText(), tokens, None if way == 'engine' else size, WAYS[way][1])


def graphs_of(model):
    "How often unsloth has replayed its CUDA graphs, where it has any."
    known = [vars(module).get('_unsloth_decode_graphs') for module in model.modules()]
    return [dict(captures=k.captures, replays=k.replays, eager=k.eager_steps, disabled=k.disabled)
            for k in known if k is not None]


def measure(way, folder, sizes, tokens, group=8, longest=160, repeats=3):
    "A line of JSON for each generation: its seconds and its tokens a second."
    start = time.perf_counter()
    config = settings(way, folder, max(sizes), tokens)
    model, tokenizer = loaded(config)
    print(json.dumps(dict(way=way, loaded=time.perf_counter() - start)), flush=True)
    import torch
    from rlvr_nb.sampling import Sampling
    vocabulary = model.config.get_text_config().vocab_size
    for size in sizes:
        draw = torch.Generator().manual_seed(size)
        lengths = torch.randint(longest // 2, longest + 1, (size // group,), generator=draw).tolist()
        prompts = [torch.randint(2, vocabulary, (n,), generator=draw).tolist() for n in lengths]
        engine = sampler(way, config, model, tokenizer, size, tokens)
        for repeat in range(repeats + 1):
            start = time.perf_counter()
            made = engine.generate_ids(prompts, group, tokens, Sampling(1.), seed=repeat)
            if torch.cuda.is_available(): torch.cuda.synchronize()
            taken = time.perf_counter() - start
            count = sum(len(r.token_ids) for group_of in made for r in group_of)
            assert count == size * tokens, f'{count} tokens in place of {size * tokens}'
            notes = [*engine.notes, *map(str, graphs_of(model))] if repeat == repeats else []
            print(json.dumps(dict(way=way, size=size, repeat=repeat, seconds=taken, rate=count / taken, notes=notes)),
                  flush=True)
        engine.release()


def show(line, tokens):
    "Print a line of a process."
    if 'size' not in line: return print(f'{line["way"]}: loaded in {line["loaded"]:.1f} s', flush=True)
    which = f'repeat {line["repeat"]}' if line['repeat'] else 'first   '
    print(f'{line["way"]:>13} {line["size"]:5} x {tokens}, {which}: {line["rate"]:9,.0f} tokens/s '
          f'({line["seconds"]:.2f} s) {" ".join(line["notes"])}', flush=True)


def run_way(way, folder, a, limit):
    "Print what a process of its own measures, as it comes, for `limit` seconds at most; its lines."
    words = [sys.executable, __file__, '--way', way, '--folder', folder, '--tokens', str(a.tokens), '--sizes',
             *map(str, a.sizes)]
    lines, end = [], time.monotonic() + limit
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place)/'out', Path(place)/'err'
        with out.open('w') as o, err.open('w') as e:   # files: a compiler's workers may outlive the process
            process = subprocess.Popen(words, stdout=o, stderr=e, start_new_session=True)
        code = None
        while code is None:
            try: code = process.wait(.5)
            except subprocess.TimeoutExpired:
                if time.monotonic() > end: code = f'stopped after {limit:.0f} s'
            whole = [json.loads(text) for text in out.read_text().split('\n')[:-1] if text.startswith('{"way"')]
            for line in whole[len(lines):]: show(line, a.tokens)
            lines = whole
        try: os.killpg(process.pid, 9)   # and the workers
        except ProcessLookupError: pass
        process.wait()
        if code: print(f'{way}: {code}\n{err.read_text(errors="replace")[-3000:]}', flush=True)
    return lines


def table(lines):
    "The best repeat of each size and way beside the engine's."
    best = {}
    for line in lines:
        if line.get('repeat'):
            key = line['size'], line['way']
            best[key] = max(best.get(key, 0), line['rate'])
    for (size, way), rate in sorted(best.items()):
        engine = best.get((size, 'engine'))
        beside = f', the engine {engine / rate:.1f} x' if engine and way != 'engine' else ''
        print(f'{size:5} {way:>13}: {rate:9,.0f} tokens/s{beside}', flush=True)


def main():
    "The lines of each way, then the table."
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument('--sizes', type=int, nargs='+', default=[16, 128], help='completions at once')
    args.add_argument('--tokens', type=int, default=100, help='new tokens')
    args.add_argument('--seconds', type=int, default=250, help='limit for all ways together')
    args.add_argument('--ways', nargs='+', choices=WAYS, default=USUAL)
    args.add_argument('--model', help='a folder with a model and its tokenizer')
    args.add_argument('--cpu', action='store_true', help='a very small model, and no unsloth')
    args.add_argument('--way', choices=WAYS, help=argparse.SUPPRESS)
    args.add_argument('--folder', help=argparse.SUPPRESS)
    a = args.parse_args()
    if a.way: return measure(a.way, a.folder, a.sizes, a.tokens)
    os.environ.update(HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false')
    end, lines = time.monotonic() + a.seconds - 5, []
    ways = [way for way in a.ways if not (a.cpu and way == 'unsloth')]
    with tempfile.TemporaryDirectory() as folder:
        if not a.model: make_folder(folder, 'tiny' if a.cpu else 'smollm2')
        for way in ways:
            left = end - time.monotonic()
            if way == 'unsloth' and ways[-1] == 'transformers': left -= KEPT_BACK
            lines += run_way(way, a.model or folder, a, max(1, left))
    table(lines)


if __name__ == '__main__': main()
