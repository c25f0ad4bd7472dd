"""Make the weights of the built-in model again and compare: python tests/slow/builtin_weights.py (about a minute)

On the kind of machine that made the packaged file they are the same to the last bit. Elsewhere the rounding of a
processor can lead 500 steps of training apart, so the two models then have to be right about as often, greedily and
sampled. Exits with 1 where they aren't.
"""
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from rlvr_nb.data import ArithmeticProcessor
from rlvr_nb.tiny import _PACKAGED, WarmUp, _load_weights, make_packaged


def accuracies(path):
    "Shares of right answers on held-out sums: greedy, and sampled."
    model, tokenizer = _load_weights(path, WarmUp(), 64)
    rows = ArithmeticProcessor(num_eval=512).load_raw_dataset('test')
    inputs = tokenizer([f"<s><|user|>{r['question']}<|assistant|>" for r in rows], add_special_tokens=False,
                       return_token_type_ids=False,
                       return_tensors='pt')
    torch.manual_seed(0)
    shares = []
    for sample in (False, True):
        out = model.generate(**inputs, max_new_tokens=52, do_sample=sample, **(dict(top_k=0) if sample else {}))
        texts = tokenizer.batch_decode(out, skip_special_tokens=True)
        shares.append(sum(f"<answer>{int(r['answer']):4}</answer>" in t for r, t in zip(rows, texts)) / len(rows))
    return shares


def main():
    "Make, compare, say."
    fresh = make_packaged(Path(tempfile.mkdtemp())/'w.safetensors', progress=False)
    old, new = load_file(_PACKAGED), load_file(fresh)
    same = all(torch.equal(old[k], new[k]) for k in old) and old.keys() == new.keys()
    packaged, made = accuracies(_PACKAGED), accuracies(fresh)
    print(f'bit-identical: {same}; greedy and sampled accuracy of the packaged weights {packaged}, made again {made}')
    return 0 if same or all(abs(a - b) < 0.06 for a, b in zip(packaged, made)) else 1


if __name__ == '__main__': sys.exit(main())
