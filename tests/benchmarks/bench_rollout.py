"""How fast the rollout engine generates, beside transformers' `generate` in the same process.

    python tests/benchmarks/bench_rollout.py                                  a CPU: the built-in model
    python tests/benchmarks/bench_rollout.py --cpu-time                       the same on a machine that others use too
    python tests/benchmarks/bench_rollout.py --model smollm2 --sizes 16 128 512 --tokens 200
    python tests/benchmarks/bench_rollout.py --model gemma3_1b --sizes 16 64 256 --tokens 512
    python tests/benchmarks/bench_rollout.py --model FOLDER --lora             a model of one's own, with an adapter

Weights are random where a shape is named: speed doesn't depend on them, and no end token is sampled, so that every
completion has its full length. The backends take turns, and the shortest time of each counts, since other programs can
only lengthen one. On a CPU the engine runs with the threads that a training would give it, and `generate` with one
thread and with one for each core, of which the faster counts. With --cpu-time both have one thread, and processor time
counts, which other programs hardly change. Prints a table and writes JSON to --out.
"""
import argparse
import json
import time

import torch
import transformers

from rlvr_nb.rollout import RolloutEngine
from rlvr_nb.sampling import Sampling

SHAPES = {
    'smollm2': ('LlamaForCausalLM',
                dict(vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
                                         num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192,
                                         rms_norm_eps=1e-5, tie_word_embeddings=True)),
    'qwen3_0_6b': ('Qwen3ForCausalLM',
                   dict(vocab_size=151936, hidden_size=1024, intermediate_size=3072, num_hidden_layers=28,
                                            num_attention_heads=16, num_key_value_heads=8, head_dim=128,
                        tie_word_embeddings=True)),
    'gemma3_1b': ('Gemma3ForCausalLM',
                  dict(vocab_size=262144, hidden_size=1152, intermediate_size=6912, num_hidden_layers=26,
                                            num_attention_heads=4, num_key_value_heads=1, head_dim=256,
                       sliding_window=512,
                                            query_pre_attn_scalar=256, max_position_embeddings=32768)),
}


class NoText:
    "A tokenizer for models without words."
    pad_token_id, eos_token_id = 0, None

    def batch_decode(self, ids, **kwargs): return [''] * len(ids)
    def decode(self, ids, **kwargs): return ''


def load(name, device, lora):
    "The model, ready to generate."
    if name == 'tiny':
        from rlvr_nb.tiny import build_tiny_model
        model = build_tiny_model()[0].to(device)
    else:
        torch.manual_seed(0)
        dtype = torch.bfloat16 if device == 'cuda' else torch.float32
        if name in SHAPES:
            cls, shape = getattr(transformers, SHAPES[name][0]), SHAPES[name][1]
            with torch.device(device): model = cls(cls.config_class(**shape)).to(dtype)
        else: model = transformers.AutoModelForCausalLM.from_pretrained(name, dtype=dtype).to(device)
    model.generation_config.eos_token_id = None
    if lora:
        from peft import LoraConfig, get_peft_model
        names = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']
        model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=names))
    return model.eval()


def contestants(backends, name, device, cpu_time):
    "(backend, threads) to measure; threads are None on a GPU."
    if device == 'cuda': return [(backend, None) for backend in backends]
    if cpu_time: return [(backend, 1) for backend in backends]
    from rlvr_nb.tiny import limit_threads
    every = torch.get_num_threads()
    ours = limit_threads(small=name == 'tiny')
    return [(b, n) for b in backends for n in ([ours] if b == 'engine' else sorted({1, every}))]


def seconds(engine, threads, prompts, group, tokens, seed, clock):
    "Seconds of a generation."
    if threads: torch.set_num_threads(threads)
    start = clock()
    engine.generate_ids(prompts, group, tokens, Sampling(1.), seed=seed)
    if torch.cuda.is_available(): torch.cuda.synchronize()
    return clock() - start


def measured(model, who, prompts, a, size, tokens):
    "For each contestant its engine, the seconds of its first generation, and the shortest after it."
    engines = {key: RolloutEngine(model, NoText(), tokens, None if key[0] == 'engine' else size, key[0]) for key in who}
    taken, clock = {key: [] for key in who}, time.process_time if a.cpu_time else time.perf_counter
    for turn in range(a.repeats + 1):
        for key, engine in engines.items():
            taken[key].append(seconds(engine, key[1], prompts, a.group, tokens, turn, clock))
            if key[1] is None and turn == a.repeats: engine.release()   # room for the next on a GPU
    return {key: (engines[key], first, min(rest)) for key, (first, *rest) in taken.items()}


def kernel_table(engine, prompts, group, tokens):
    "Print where the time on the GPU goes, a kernel a line, the longest first."
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        engine.generate_ids(prompts, group, tokens, Sampling(1.), seed=9)
        torch.cuda.synchronize()
    found = {}
    for event in profile.events():
        if event.device_type != torch.autograd.DeviceType.CUDA: continue
        total, count = found.get(event.name, (0, 0))
        found[event.name] = total + event.time_range.elapsed_us(), count + 1
    whole = sum(total for total, _ in found.values())
    print(f'   kernels: {whole / tokens:.0f} us and {sum(n for _, n in found.values()) / tokens:.0f} starts a token')
    for name, (total, count) in sorted(found.items(), key=lambda item: -item[1][0])[:24]:
        each = f'{count / tokens:7.1f} starts {total / count:7.2f} us each'
        print(f'   {total / tokens:8.1f} us a token {each}  {name[:100]}', flush=True)


def cell(backend, tokens_per_second, ms_a_token, first, threads, **rest):
    "What the table says of a backend."
    how = f', {threads} threads' if threads else ''
    return f'{backend} {tokens_per_second:9,.0f} tokens/s {ms_a_token:7.2f} ms a token (first {first:.1f} s{how})'


def main():
    "Measure every size with every backend."
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument('--model', default='tiny', help='tiny, a shape (' + ', '.join(SHAPES) + ') or a folder')
    args.add_argument('--sizes', type=int, nargs='+', default=[16, 64, 128, 256, 512], help='completions at once')
    args.add_argument('--group', type=int, default=8, help='completions of a prompt')
    args.add_argument('--prompt', type=int, default=None, help='tokens of the longest prompt')
    args.add_argument('--tokens', type=int, default=None, help='new tokens')
    args.add_argument('--repeats', type=int, default=5)
    args.add_argument('--backends', nargs='+', default=['engine', 'transformers'])
    args.add_argument('--lora', action='store_true')
    args.add_argument('--cpu-time', action='store_true', help='on a CPU: processor time, with one thread')
    args.add_argument('--profile', action='store_true', help='on a GPU: print where the time of the engine goes')
    args.add_argument('--out', help='a JSON file')
    a = args.parse_args()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    RolloutEngine.hears = False   # transformers as it stands gives no log-probabilities
    model = load(a.model, device, a.lora)
    vocab = model.config.get_text_config().vocab_size
    longest, tokens = a.prompt or (14 if a.model == 'tiny' else 160), a.tokens or (40 if a.model == 'tiny' else 200)
    who = contestants(a.backends, a.model, device, a.cpu_time)
    what = torch.cuda.get_device_name() if device == 'cuda' else 'a CPU'
    print(
        f'{a.model}{" + LoRA" if a.lora else ""}, {what}, torch {torch.__version__}, '
        f'transformers {transformers.__version__}'
    )
    rows = []
    for size in a.sizes:
        draw = torch.Generator().manual_seed(size)
        lengths = torch.randint(longest // 2, longest + 1, (size // a.group,), generator=draw).tolist()
        prompts = [torch.randint(2, vocab, (n,), generator=draw).tolist() for n in lengths]
        row = dict(size=size)
        for (backend, threads), (engine, first, best) in measured(model, who, prompts, a, size, tokens).items():
            for note in engine.notes: print('  ', note)
            if a.profile and backend == 'engine': kernel_table(engine, prompts, a.group, tokens)
            if backend in row and row[backend]['seconds'] <= best: continue
            row[backend] = dict(seconds=best, first=first, tokens_per_second=size * tokens / best, threads=threads,
                                ms_a_token=1000 * best / tokens)
        if len(a.backends) == 2: row['ratio'] = row[a.backends[1]]['seconds'] / row[a.backends[0]]['seconds']
        print(f'{size:5} x {tokens}: ' + ' | '.join(cell(b, **row[b]) for b in a.backends)
              + (f' | {row["ratio"]:.2f} x' if 'ratio' in row else ''), flush=True)
        rows.append(row)
    if a.out:
        with open(a.out, 'w') as f: json.dump(dict(model=a.model, lora=a.lora, device=what, torch=torch.__version__,
                                                   rows=rows), f, indent=1)


if __name__ == '__main__': main()
