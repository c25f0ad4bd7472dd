"""Mutate configurations at random: each must load, or end in a named error, within a second of processor time.

    python tests/slow/fuzz_config.py     20,000 mutations and every public callable of the standard library (10 minutes)
    python tests/slow/fuzz_config.py --cases 500 --seed 7

Exits with 1 and prints the case when one ends in anything else.
"""
import argparse
import contextlib
import importlib
import inspect
import io
import os
import pkgutil
import random
import re
import string
import sys
import tempfile
import time
import warnings
from pathlib import Path

from rlvr_nb.cli import option_lines
from rlvr_nb.config import CONF_DIR, COMPONENTS, GRPO_FIELDS, GROUPS, ConfigError, check_target, load_config, load_file

VALUES = ["", "0", "1", "-1", "2", "7", "64", "1000000000000000000000", "0.5", "1e-5", "1e999", "-0.0", "nan", "inf",
          "-inf", "True", "false", "TRUE", "yes", "no", "off",
          "null", "None", "~", "010", "0x10", "1_000", "1:30", "[]", "[1]", "[a,b]", "[[[[]]]]", "{}", "{a:1}",
          "{a:{b:[1,{c:2}]}}", "{_target_:os.system}", "[", "]", "{", "}", "(", ")",
          "'", '"', "'x'", '"x y"', "a b", "a,b", "1,2,3", "range(1,5)", "choice(a,b)", "glob(*)", "interval(0,1)",
          "int(3.7)", "str(5)", "sort(3,1)", "shuffle(a,b)",
          "${", "${}", "${:}", "${train.max_steps}", "${.max_steps}", "${..seed}", "${seed}", "${nope}",
          "${oc.env:HOME}", "${oc.env:NO_SUCH_VARIABLE}", "${oc.env:NO_SUCH_VARIABLE,7}",
          "${get_marker:reasoning_start}", "${get_marker:x}", "${get_marker:}", "${get_model_markers_dict:}",
          "${oc.decode:'[1'}", "${oc.select:train}", "${model}", "${train}", "${oc.dict.keys:train}",
          "${prompts.system_prompts.reasoning_mode}", "\\${x}", "???", "<think>", "ä", "日本語", "\u202e", "\x00",
          "\x1b[31m", "\ud800", "hf_" + "A1b2" * 9, "sk-" + "x" * 30, "0" * 40, "9" * 5000,
          "x" * 30_000, "[" * 500, "[" + "1," * 900 + "1]", "os.system", "builtins.open", "../../etc/passwd",
          "/etc/passwd", "default", "gsm8k", "tasks/math_reasoning", "config", "gpt2", "=", "a=b", ":", ","]
SANE = ["train.max_steps=20", "+train.learning_rate=1e-4", "seed=7", "data_component=gsm8k", "data=finqa",
        "model_component=gemma_1b_lora", "training_loop_component=quick_train", "name=trial",
        "reward_component=tasks/financial_reasoning", "prompts=default", "evaluation_component=comprehensive_eval",
        "reward.reward_functions[0].weight=0.5", "reward.reward_functions[1].params.reward_value=2",
        "train.grpo.loss_type=dr_grpo", "train.grpo.delta=null", "++train.grpo.epsilon_high=0.28", "~train.max_steps",
        "train.seed=${seed}", "eval.eval_max_new_tokens=${train.max_completion_length}",
        "model.lora_config.target_modules=all-linear", "model.markers.solution_start=<solve>", "run_dir='/tmp/a b/ä'",
        "data.params={size: 3, names: [no, '010', '1e-5', 1e-5, null]}", "data.params.text='a: b # c'",
        "prompts.system_prompts.short='Answer between ${get_marker:solution_start} and ${get_marker:solution_end}.'",
        "logging_level=DEBUG", "model.load_in_4bit=true", "eval.enabled=false", "observers=[console]"]
CHARACTERS = string.ascii_letters + string.digits + "._-[]{}()@/~+=:,'\"\\$ \t\n\0ä€😀"


def keys():
    "Every option, group and field of GRPOConfig, as a user writes it."
    options = [key for key, _, _ in option_lines()]
    rewards = [f"reward.reward_functions[{i}].{k}" for i in (0, 1, 2)
               for k in ("category", "type", "params", "weight", "gate_on", "params.correct_reward")]
    return [*options, *rewards, *GROUPS, *(f"{g}@{s}" for g, s in GROUPS.items()),
            *(f"train.grpo.{k}" for k in GRPO_FIELDS), *(f"{k}._target_" for k in COMPONENTS), "data.params.size",
            "hydra.run.dir"]


class Fuzzer:
    "Random cases, the same for the same seed."

    def __init__(self, seed, folder):
        self.random, self.folder, self.keys = random.Random(seed), Path(folder), keys()
        self.files = sorted(CONF_DIR.rglob("*.yaml"))
        self.counts = dict(valid=0, error=0)
        self.slowest = 0.0

    def garble(self, text):
        "One edit anywhere."
        r, i = self.random, self.random.randrange(len(text) + 1)
        return r.choice([text[:i] + r.choice(CHARACTERS) + text[i:], text[:i] + text[i + 1:], text[:i],
                         text[:i] + text[i:i + 1] * r.choice((2, 3, 200)) + text[i + 1:], text.swapcase()])

    def override(self):
        r = self.random
        if r.random() < 0.4: return r.choice(SANE)
        key, value = r.choice(self.keys), r.choice(VALUES)
        if r.random() < 0.3: key = self.garble(key)
        if r.random() < 0.2: value = self.garble(value)
        if r.random() < 0.1: key = f"{key}{r.choice(('.x', '[0]', '[99]', '.0', '[-1]', '.' * 3))}"
        return r.choice(["", "", "", "", "+", "++", "~"]) + key + r.choice(["=", "=", "=", "=", "", " = "]) + value

    def file(self):
        "A packaged file with edits, as a file of the user's."
        r = self.random
        source = r.choice(self.files)
        lines = source.read_text().splitlines()
        for _ in range(r.choice((1, 1, 2, 5))):
            i = r.randrange(len(lines) + 1)
            new = r.choice([*VALUES[:60], "a: &x [*x]", "a: &x {b: *x}", "? [1, 2]\n: x", "!!python/object:os.system x",
                            "- x", "\tx: 1", "x: 1\nx: 2", "<<: {a: 1}", "%YAML 1.2", "---", "...", "defaults: 5",
                            "defaults:\n  - nope", "defaults:\n  - config"])
            if r.random() < 0.5 and i < len(lines): lines[i] = self.garble(lines[i])
            elif r.random() < 0.5 and i < len(lines) and ":" in lines[i]:
                lines[i] = lines[i].split(":")[0] + ": " + new.replace("\n", "\n  ")
            else: lines.insert(i, new)
        target = self.folder / source.relative_to(CONF_DIR)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass") if r.random() < 0.97 else r.randbytes(200))
        return target

    def case(self):
        "The overrides of one case, and a file or None."
        r = self.random
        file = self.file() if r.random() < 0.3 else None
        return [self.override() for _ in range(r.choice((0, 1, 1, 2, 5) if file else (1, 1, 2, 5)))], file

    def check(self, overrides, file):
        "What is wrong with the outcome of a case, or None."
        started = time.process_time() # of this process, so that another program's load isn't counted
        try: cfg = load_config(*overrides, config_dir=self.folder if file else None)
        except ConfigError as e: cfg, errors = None, e.errors
        seconds = time.process_time() - started
        self.slowest = max(self.slowest, seconds)
        self.counts["valid" if cfg else "error"] += 1
        if seconds > 1: return f"took {seconds:.1f} s"
        if cfg is None and not (errors and all(": " in e and len(e) < 3000 and "\n" not in e for e in errors)):
            return f"an error that isn't one named line: {errors}"
        if cfg is not None and self.random.random() < 0.2: return self.round_trip(cfg)

    def round_trip(self, cfg):
        "A valid configuration, written down and read again, is the same."
        text = cfg.to_yaml()
        (self.folder / "again.yaml").write_text(text, encoding="utf-8")
        if "<redacted>" in text: return None
        again = load_file(self.folder / "again.yaml")
        return None if again == cfg else f"not the same after writing and reading: {text}"

    def run(self, cases, report=lambda i: None):
        "The first case that ends badly, or None."
        for i in range(cases):
            overrides, file = self.case()
            try: fault = self.check(overrides, file)
            except Exception as e: fault = f"{type(e).__name__}: {e}"
            if fault: return dict(case=i, overrides=overrides, file=file and file.read_bytes(), fault=fault)
            if file: file.unlink()
            report(i)


def public_callables():
    "The dotted name of every public callable of the standard library, methods of classes included."
    skip = re.compile(r"antigravity|this|idlelib|test|lib2to3|turtledemo|turtle$|tkinter|__main__|ensurepip|pip"
                      r"|.*\.(tests?|__main__)(\.|$)|encodings\.(mbcs|oem)")
    names, seen = set(), set()
    for top in sorted(sys.stdlib_module_names):
        if skip.match(top) or top.startswith("_"): continue
        for module in _modules(top, skip):
            if module.__name__ in seen: continue
            seen.add(module.__name__)
            for name, value in list(vars(module).items()):
                if name.startswith("_") or not callable(value): continue
                names.add(f"{module.__name__}.{name}")
                if inspect.isclass(value):
                    names.update(f"{module.__name__}.{name}.{m}" for m,
                                 v in list(vars(value).items()) if not m.startswith("_") and callable(v))
    return sorted(names)


def _modules(top, skip):
    "A module of the standard library and its parts, as far as this platform has them."
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try: module = importlib.import_module(top)
        except ImportError: return
        yield module
        for info in pkgutil.walk_packages(getattr(module, "__path__", []), f"{top}."):
            if skip.match(info.name) or "._" in info.name: continue
            try: yield importlib.import_module(info.name)
            except (ImportError, SystemExit): continue


def admitted(names):
    "Those of `names` that some component would accept as `_target_`."
    return [(kind, name) for name in names for kind in COMPONENTS if check_target(kind, name) is None]


def load_error(override):
    "The error lines of one override, an empty list when it loads."
    try: load_config(override)
    except ConfigError as e: return e.errors
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    names, started = public_callables(), time.time()
    accepted = admitted(names)
    print(f"{len(names):,} callables of the standard library as _target_: {len(accepted)} accepted")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        fuzzer = Fuzzer(args.seed, Path(folder)/"mine")
        fuzzer.folder.mkdir()
        bad = fuzzer.run(args.cases,
                         lambda i: print(f"\r{i + 1:,} of {args.cases:,}", end="", flush=True) if (i + 1) % 100 == 0
                         else None)
    counts = f"{fuzzer.counts['valid']:,} valid, {fuzzer.counts['error']:,} named errors"
    print(f"\n{counts}, slowest {fuzzer.slowest:.2f} s, {time.time() - started:.0f} s in all")
    if bad: print(*(f"{k}: {str(v)[:2000]!r}" for k, v in bad.items()), sep="\n")
    sys.exit(bool(bad or accepted))


if __name__ == "__main__": main()
