"""The configuration language: what the guide's commands and files compose to, and what is refused."""
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rlvr_nb import config
from rlvr_nb.config import (BUILTIN_MODEL, COMPONENTS, CONF_DIR, GRPO_FIELDS, GUIDE_FOLDERS, RECIPES, TRAIN_OWNED,
                            ConfigError, PipelineConfig, check_target, expand_sweep, load_config,
                            load_file, markers_for, override_text, parse_override, redact, register_component,
                            resolve_target)
from rlvr_nb.grpo_fields import GRPO_CHOICES, INERT, NEEDS, NOT_YAML, inert_grpo
from rlvr_nb.yamlfile import read_yaml

ROOT = Path(__file__).resolve().parents[1]


def errors(*overrides, **kwargs):
    "The error lines of a configuration that must not load."
    with pytest.raises(ConfigError) as e: load_config(*overrides, **kwargs)
    return e.value.errors


def error(*overrides, **kwargs):
    "The one error line of a configuration."
    lines = errors(*overrides, **kwargs)
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    "Another working directory, with a function that writes files of a user's own conf/."
    monkeypatch.chdir(tmp_path)
    def write(name, text):
        (tmp_path/"conf"/name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/"conf"/name).write_text(text)
    return write


# --- the guide's commands

@pytest.mark.parametrize("command, expected", [
    (["model.max_seq_length=2048"], {"model.max_seq_length": 2048}),
    (["model.lora_config.r=16", "train.learning_rate=1e-5", "train.max_steps=2000"],
     {"model.lora_config.r": 16, "train.learning_rate": 1e-5, "train.max_steps": 2000}),
    (["data_component=gsm8k", "model_component=gemma_1b_lora", "train.max_steps=500"],
     {"data.dataset_path": "openai/gsm8k", "data.dataset_config_name": "main",
      "model.model_name_or_path": "unsloth/gemma-3-1b-it", "train.max_steps": 500, "train.learning_rate": 5e-6,
      "train.max_completion_length": 1024, "model.markers.reasoning_start": "<start_working_out>"}),
    (["model.load_in_4bit=true", "train.per_device_train_batch_size=8", "train.gradient_accumulation_steps=2"],
     {"model.load_in_4bit": True, "train.gradient_accumulation_steps": 2}),
    (["reward.reward_functions[0].params.correct_reward=5.0", "reward.reward_functions[1].params.reward_value=2.0"],
     {"reward.reward_functions.0.type": "gsm8k_answer_check", "reward.reward_functions.0.params.correct_reward": 5.0,
      "reward.reward_functions.1.type": "match_format_exactly", "reward.reward_functions.1.params.reward_value": 2.0}),
    (["data.max_train_samples=1000", "train.max_steps=100"], {"data.max_train_samples": 1000}),
    (["logging_level=DEBUG", "train.logging_steps=1"], {"logging_level": "DEBUG"}),
    (["train.per_device_train_batch_size=4", "train.gradient_accumulation_steps=4", "model.load_in_4bit=true"],
     {"train.per_device_train_batch_size": 4}),
])
@pytest.mark.parametrize("away", [False, True])
def test_guide_commands(command, expected, away, tmp_path, monkeypatch):
    if away: monkeypatch.chdir(tmp_path)
    tree = load_config(*command).model_dump()
    for path, value in expected.items():
        node = tree
        for step in path.split("."): node = node[int(step) if step.isdigit() else step]
        assert node == value, path


def test_torchrun_command(monkeypatch):
    "Four processes with a batch of four make two groups of eight; alone they make half a group."
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert load_config("train.per_device_train_batch_size=4").train.num_generations == 8
    monkeypatch.delenv("WORLD_SIZE")
    assert "divisor" in error("train.per_device_train_batch_size=4")


def test_markers_of_a_model_file_read_alone():
    load = "OmegaConf.load('conf/model_component/default.yaml')"
    code = f"from omegaconf import OmegaConf; print('Markers:', {load}.markers)"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out == ("Markers: {'reasoning_start': '<reasoning>', 'reasoning_end': '</reasoning>', "
                   "'solution_start': '<answer>', 'solution_end': '</answer>'}\n")


def test_defaults_list():
    assert yaml.safe_load((CONF_DIR/"config.yaml").read_text())["defaults"][:6] == [
        {"data_component@data": "default"}, {"model_component@model": "default"},
        {"training_loop_component@train": "default"},
        {"reward_component@reward": "default"}, {"evaluation_component@eval": "default"},
        {"prompts@prompts": "math_reasoning"}]


@pytest.mark.parametrize("file",
                         sorted(p.relative_to(CONF_DIR).with_suffix("").as_posix() for p in CONF_DIR.rglob("*.yaml")
                                if p.parent != CONF_DIR and p.parent.name not in ("schema", "accelerate")))
def test_every_packaged_file_loads(file):
    group, _, name = file.partition("/")
    model = ["model_component=gemma_1b_lora"] if file.startswith("training_loop_component/grpo_default") else []
    assert load_config(f"{group}={name}", *model).to_yaml()


def test_the_guides_files_are_there():
    names = {p.relative_to(CONF_DIR).with_suffix("").as_posix() for p in CONF_DIR.rglob("*.yaml")}
    wanted = """data_component/default data_component/gsm8k data_component/finqa data_component/small_dataset
        data_component/custom model_component/default model_component/gemma_1b_lora
        training_loop_component/default training_loop_component/grpo_default training_loop_component/quick_train
        training_loop_component/full_train reward_component/default reward_component/tasks/math_reasoning
        reward_component/tasks/financial_reasoning evaluation_component/default
        evaluation_component/comprehensive_eval prompts/default prompts/math_reasoning
        prompts/financial_reasoning config config_dev config_prod"""
    assert set(wanted.split()) <= names


def test_grpo_default_is_the_recipe():
    "Any other model gets what the file says, whether it is chosen or not."
    chosen = load_config("model_component=gemma_1b_lora", "training_loop_component=grpo_default")
    assert load_config("model_component=gemma_1b_lora").train == chosen.train
    file = yaml.safe_load((CONF_DIR/"training_loop_component/grpo_default.yaml").read_text())
    given = {key: value for key, value in file.items() if value is not None and key != "_target_"}
    assert given and all(RECIPES["grpo_default"]["train"][key] == chosen.train[key] for key in given)


def test_small_recipe_is_the_schemas_default():
    assert PipelineConfig().train == config.TrainConfig() and PipelineConfig().eval == config.EvalConfig()
    assert load_config().train.model_dump(exclude={"target"}) == config.TrainConfig().model_dump(exclude={"target"})


# --- files of the user's

def test_config_dev_and_prod():
    dev, prod = load_config(config_name="config_dev"), load_config(config_name="config_prod")
    assert (dev.data.max_train_samples, dev.train.max_steps) == (512, 20)
    assert (prod.train.max_steps, prod.eval.samples_per_prompt) == (2000, 8)


def test_guide_spelling_in_a_users_files(elsewhere):
    elsewhere("config_mine.yaml",
              "defaults:\n  - config\n  - override data: small\n  - override train: fast\nseed: 9\n")
    elsewhere("data_component/small.yaml",
              "_target_: src.components.data.default_data_component.DefaultDataComponent\n"
              "dataset_name: arithmetic\nmax_train_samples: 77\n")
    elsewhere("training_loop_component/fast.yaml", "max_steps: 3\n")
    cfg = load_config(config_name="config_mine")
    assert (cfg.seed, cfg.data.max_train_samples, cfg.train.max_steps, cfg.train.learning_rate) == (9, 77, 3, 3e-3)
    assert load_config("train.max_steps=4", "data=default", config_name="config_mine").data.max_train_samples is None


def test_yaml_written_for_the_guide_loads_unchanged(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(Path(__file__).parent/"guide_conf", tmp_path/"conf")
    cfg = load_config("model_component=gemma_1b_lora", "reward_component=tasks/math_reasoning",
                      config_name="config_dev")
    assert cfg.train.output_dir == "./output/checkpoints"
    assert cfg.model.save_model_path == "./output/trained_model" and cfg.eval.eval_datasets_names == ["gsm8k"]
    prompt = cfg.prompts.system_prompts["reasoning_mode"]
    assert prompt.startswith("Place it between <start_working_out> and <end_working_out>.")
    assert [resolve_target(kind, None).__name__ for kind in ("data",)] == ["DefaultDataComponent"]
    assert cfg.train.target.startswith("src.components.training_loop")


def test_users_files_come_first(elsewhere, tmp_path):
    elsewhere("data_component/gsm8k.yaml", "dataset_name: gsm8k\ndataset_path: mine\n")
    assert load_config("data_component=gsm8k").data.dataset_path == "mine"
    (tmp_path/"other/data_component").mkdir(parents=True)
    (tmp_path/"other/data_component/gsm8k.yaml").write_text("dataset_name: gsm8k\ndataset_path: other\n")
    assert load_config("data_component=gsm8k", config_dir="other").data.dataset_path == "other"
    assert load_config("data_component=finqa", config_dir="other").data.dataset_name == "finqa"
    assert "no such folder" in error(config_dir="nowhere")


def test_a_file_of_a_group_may_build_on_another(elsewhere):
    elsewhere("reward_component/mine.yaml", "defaults:\n  - tasks/math_reasoning\n  - _self_\ndeadline_seconds: 3.0\n")
    cfg = load_config("reward_component=mine")
    assert (cfg.reward.deadline_seconds, cfg.reward.reward_functions[0].type) == (3.0, "gsm8k_answer_check")


def test_a_group_of_the_users_own(elsewhere):
    "Experiments as Hydra's users write them: a file that switches groups and sets values anywhere."
    elsewhere("experiment/wide.yaml",
              "# @package _global_\ndefaults:\n  - override /training_loop_component@train: quick_train\n"
              "  - override /data: small_dataset\nseed: 5\ntrain:\n  learning_rate: 1e-4\n")
    elsewhere("config_wide.yaml", "defaults:\n  - config\n  - experiment: wide\n  - _self_\nname: wide\n")
    for cfg in (load_config("+experiment=wide"), load_config("experiment=wide"),
                load_config(config_name="config_wide")):
        assert (cfg.seed, cfg.train.max_steps, cfg.train.learning_rate,
                cfg.data.max_train_samples) == (5, 20, 1e-4, 512)
    assert "did you mean experiment=wide" in error("+experiment=wid")


@pytest.mark.parametrize("name, text, expected", [
    ("data_component/x.yaml", "dataset_nam: a\n",
     "data.dataset_nam: unknown key (got 'a'); did you mean 'dataset_name'? (conf/data_component/x.yaml:1)"),
    ("data_component/x.yaml", "max_train_samples: 010\n", "conf/data_component/x.yaml:1: `010` is octal 8"),
    ("data_component/x.yaml", "dataset_name: no\n", "`no` is false to YAML 1.1"),
    ("data_component/x.yaml", "a: 1\na: 2\n", "conf/data_component/x.yaml:2: the key 'a' is there twice"),
    ("data_component/x.yaml", "- a\n", "a list at the top"),
    ("data_component/x.yaml", "a:\n\t- b\n", "not tabs"),
    ("data_component/x.yaml", "a: [1\n", "not valid YAML"),
    ("data_component/x.yaml", "x: " + "[" * 30 + "]" * 30, "nested deeper than 24"),
    ("data_component/x.yaml", "x: " + "y" * 300_000, "300,003 bytes"),
    ("data_component/x.yaml", "x: !!python/object/apply:os.system [id]\n", "not allowed"),
    ("data_component/x.yaml", "1: x\n", "is not text"),
    ("data_component/x.yaml", "x: 1:30\n", "base 60"),
    ("data_component/x.yaml", "params: {x: .nan}\n", "finite number"),
    ("data_component/x.yaml", "params:\n  x: ???\n", "has no value yet"),
    ("data_component/x.yaml",
     "a: &a [x,x,x,x,x,x,x,x,x]\n"
     + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi")),
     "once aliases are expanded"),
    ("data_component/x.yaml", "a: &a {b: *a}\n", "contains itself"),
    ("data_component/x.yaml", "defaults: 5\n", "expected a list"),
    ("data_component/x.yaml", "defaults:\n  - nope\n", "'data_component/nope', which isn't there"),
    ("data_component/x.yaml", "defaults:\n  - x\n", "includes itself"),
    ("data_component/x.yml", "dataset_name: a\n", "rename it to x.yaml"),
])
def test_faulty_files(elsewhere, name, text, expected):
    elsewhere(name, text)
    assert any(expected in line for line in errors("data_component=x")), errors("data_component=x")


def test_not_utf8_and_unreadable(elsewhere, tmp_path):
    elsewhere("data_component/x.yaml", "")
    (tmp_path/"conf/data_component/x.yaml").write_bytes(b"dataset_name: \xff\xfe\n")
    assert "not UTF-8" in error("data_component=x")
    (tmp_path/"conf/data_component/x.yaml").write_bytes(b"\xef\xbb\xbfdataset_name: arithmetic\n")
    assert load_config("data_component=x").data.dataset_name == "arithmetic"
    (tmp_path/"conf/data_component/x.yaml").write_text("")
    assert load_config("data_component=x").data.dataset_name == "arithmetic"


def test_missing_files():
    assert "did you mean 'config_dev'" in error(config_name="config_de")
    assert "did you mean data_component=gsm8k" in error("data_component=gsm8")
    assert "conf/data_component/custom_dataset.yaml" in error("data_component=custom_dataset")
    for name in ("../secrets", "/etc/passwd", "a/../../b", ""): assert "no" in error(f"data_component='{name}'")


# --- the grammar of overrides

@pytest.mark.parametrize("override, path, value", [
    ("+train.max_steps=5", ("train", "max_steps"), 5), ("++train.max_steps=5", ("train", "max_steps"), 5),
    ("train.grpo.beta=0.1", ("train", "grpo", "beta"), 0.1),
    ("data.params.size=9", ("data", "params", "size"), 9),
    ("data={max_train_samples: 5}", ("data", "max_train_samples"), 5),
    ("data@data=gsm8k", ("data", "dataset_name"), "gsm8k"),
    ("data_component@data=gsm8k", ("data", "dataset_name"), "gsm8k"),
    ("+data_component=gsm8k", ("data", "dataset_name"), "gsm8k"), ("data=gsm8k", ("data", "dataset_name"), "gsm8k"),
    ("reward.reward_functions.0.weight=2", ("reward", "reward_functions", 0, "weight"), 2),
    ("model.markers.solution_start=<think>", ("model", "markers", "solution_start"), "<think>"),
    ("run_dir=~/läufe", ("run_dir",), "~/läufe"), ("run_dir='a b'", ("run_dir",), "a b"),
    ("name=${oc.env:NOT_SET_AT_ALL,fallback}", ("name",), "fallback"),
    ("train.max_steps=${train.num_generations}", ("train", "max_steps"), 8),
    ("eval.eval_datasets_names=[a,b]", ("eval", "eval_datasets_names"), ["a", "b"]),
    ("reward.reward_functions[2]={type: check_numbers, weight: 0.5}", ("reward", "reward_functions", 2, "type"),
     "check_numbers"),
    ("train.learning_rate=1", ("train", "learning_rate"), 1),
    ("data_component=gsm8k.yaml", ("data", "dataset_name"), "gsm8k"),
])
def test_overrides(override, path, value):
    node = load_config(override).model_dump()
    for step in path: node = node[step]
    assert node == value


def test_removal():
    assert load_config("train.max_steps=5", "~train.max_steps").train.max_steps == 100
    assert len(load_config("~reward.reward_functions[1]").reward.reward_functions) == 1
    assert load_config("~data_component", "data.max_train_samples=3").data.max_train_samples == 3
    assert "did you mean ~train.max_steps" in error("~train.max_stepz")
    assert "its value is 42 and not 3" in error("~seed=3")


@pytest.mark.parametrize("override, expected", [
    ("train.max_steps", "expected key=value"), ("config_dev.yaml", "--config-name config_dev"),
    ("train.max_steps=1,2", "needs --multirun"), ("hydra.run.dir=x", "run_dir=PATH"),
    ("run_dir=a(b", 'run_dir="a(b"'), ("a b=1", "not a key"), ("train.max_steps=[", "can't be read"),
    ("data.params.x=" + "[" * 400, "nested deeper"), ("x=" + "y" * 9000, "characters"),
    ("data.params.x=[" + "1," * 600 + "]", "put long lists in a file"),
    ("reward.reward_functions[9].weight=1", "index from 0 to 1"), ("seed.x=1", "no parts"),
    ("data_component=[gsm8k,nope]", "no file 'nope'"),
])
def test_faulty_overrides(override, expected): assert expected in error(override)


def test_not_a_string(): assert "an override is text" in error(5)


def test_sweeps():
    assert expand_sweep(["seed=1,2", "train.max_steps=5", "name=choice(a,b)"]) == [[f"seed={s}", "train.max_steps=5",
                                                                                    f"name={n}"] for s in (1, 2)
                                                                                    for n in "ab"]
    assert expand_sweep(["data_component=gsm8k,finqa"]) == [["data_component=gsm8k"], ["data_component=finqa"]]
    assert expand_sweep(["data=glob(f*)"]) == [["data=finqa"]]
    assert expand_sweep(["train.grpo.loss_type='a,b'"]) == [["train.grpo.loss_type='a,b'"]]
    for bad in (["seed=range(0,1000)"], ["seed=interval(0,1)"], ["seed=range(3,1)"]):
        with pytest.raises(ConfigError): expand_sweep(bad)


def test_several_loads_leave_hydra_alone():
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    for _ in range(3): load_config()
    assert not GlobalHydra.instance().is_initialized()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"): assert compose("config").train.max_steps is None
    assert load_config().train.max_steps == 100


def test_hydra_composes_the_packaged_files_too():
    "The files are ordinary Hydra files: stock Hydra reads them with its own spelling."
    from hydra import compose, initialize_config_dir
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        assert compose("config", ["data_component@data=gsm8k"]).data.dataset_name == "gsm8k"


# --- types, bounds and rules

@pytest.mark.parametrize("override, expected", [
    ("train.max_steps=True", "got true, expected a whole number"), ("train.max_steps=1.0", "write train.max_steps=1"),
    ("train.max_steps='5'", "write train.max_steps=5"), ("train.max_steps=010", "write train.max_steps=10 or 8"),
    ("train.max_steps=0", "write train.max_steps=1"), ("train.max_steps=null", None),
    ("train.learning_rate=abc", "expected a number"), ("train.learning_rate=nan", "finite"),
    ("train.learning_rate=inf", "finite"),
    ("train.learning_rate=true", "expected a number"), ("train.learning_rate=0", "> 0"),
    ("model.load_in_4bit=yes", "write model.load_in_4bit=true"),
    ("model.load_in_4bit=1", "write model.load_in_4bit=true"),
    ("model.load_in_4bit=no", "write model.load_in_4bit=false"), ("name=5", 'write name=\'"5"\''),
    ("name=../x", "no spaces"), ("seed=-1", "write seed=0"),
    ("logging_level=debug", "did you mean logging_level=DEBUG"),
    ("model.backend=trl", "expected one of auto, transformers, unsloth"),
    ("train.lr_scheduler_type=cosin", "train.lr_scheduler_type=cosine"),
    ("train.lr_scheduler_type=reduce_lr_on_plateau", "expected one of"),
    ("train.optim_name=adamw", "train.optim_name=adamw_torch"),
    ("eval.eval_datasets_names=gsm8k", "write eval.eval_datasets_names=[gsm8k]"),
    ("reward.reward_functions=[]", "isn't empty"),
    ("train.num_generations=1", "write train.num_generations=2"), ("model.push_to_hub=me", "such as owner/name"),
    ("model.lora_config.target_modules=q_proj", "model.lora_config.target_modules"),
    ("train.warmup_ratio=1", "< 1"), ("prompts.prompting_mode=nope", "write prompts.prompting_mode=reasoning_mode"),
    ("reward.reward_functions[0].params.x=nan", "finite"),
])
def test_strict_values(override, expected):
    if expected is None: assert load_config(override).train.max_steps == 100 # unset
    else: assert expected in error(override)


@pytest.mark.parametrize("override, expected", [
    ("train.learnin_rate=1", "did you mean 'learning_rate'?"), ("train.beta=0.1", "write train.grpo.beta=0.1"),
    ("train.optim=sgd", "did you mean 'optim_name'?"), ("max_steps=5", "did you mean train.max_steps?"),
    ("train.warmup_steps=5", "did you mean 'warmup_ratio'?"),
    ("train.evaluation_strategy=steps", "use eval.eval_steps"), ("Train.max_steps=5", "did you mean 'train'?"),
    ("hydra={}", "unknown key"),
    ("train.grpo.bet=0.1", "did you mean 'beta'?"), ("train.grpo.learning_rate=0.1", "write train.learning_rate=0.1"),
    ("train.grpo.loss_type=dappo", "did you mean dapo?"), ("train.grpo.optim=sgd", "write train.optim_name=sgd"),
    ("train.grpo.vllm_guided_decoding_regex=x", "vllm_structured_outputs_regex"),
    ("train.grpo.report_to=wandb", "WANDB_API_KEY"), ("train.grpo.beta=-1", ">= 0"),
    ("train.grpo.num_iterations=1.5", "a whole number"),
    ("train.grpo.mask_truncated_completions=yes", "write train.grpo.mask_truncated_completions=true"),
    ("train.grpo.scale_rewards=std", "one of group, batch, none"), ("train.grpo.reward_weights=[1]", "weight"),
    ("train.grpo.temperature=" + "9" * 400, "below 2^63"), ("data.params.x=-" + "9" * 30, "below 2^63"),
    ("train.grpo.generation_batch_size=100",
     "write train.grpo.generation_batch_size=64 or train.grpo.generation_batch_size=128"),
])
def test_unknown_and_misplaced_keys(override, expected): assert expected in error(override)


@pytest.mark.parametrize("overrides, expected", [
    (["train.num_generations=6"],
     ["train.num_generations: got 6", "64 completions",
      "write train.per_device_train_batch_size=60 or train.per_device_train_batch_size=66 or "
      "train.num_generations=4 or train.num_generations=8"]),
    (["train.num_generations=12", "train.grpo.steps_per_generation=3"], None),
    (["train.grpo.steps_per_generation=2", "train.grpo.generation_batch_size=128"], ["only one of the two"]),
    (["train.max_prompt_length=64"], ["less than model.max_seq_length (64)", "model_component=gemma_1b_lora"]),
    (["train.max_completion_length=45", "model.max_seq_length=64"], ["at most 44", "model.max_seq_length=65"]),
    (["model.load_in_4bit=true", "model.lora_config.use_lora=false"], ["quantized weights can't be trained"]),
    (["model.load_in_4bit=true", "model.load_in_8bit=true"], ["one of the two"]),
    (["model.markers.solution_end='<answer>'"], ["four different texts"]),
    (["model.markers.solution_start='<reasoning> x'"], ["neither contains"]),
    (["model.markers.solution_start=''"], ["isn't empty"]),
    (["~model.markers.solution_end"], None),
    (["train.grpo.vllm_importance_sampling_clip_min=4.0"], ["less than"]),
])
def test_rules(overrides, expected):
    if expected is None: load_config(*overrides)
    else: assert all(part in error(*overrides) for part in expected), errors(*overrides)


def test_geometry_follows_gradient_accumulation(monkeypatch):
    assert load_config("train.per_device_train_batch_size=2",
                       "train.gradient_accumulation_steps=4").train.num_generations == 8
    for world, fits in (("2", True), ("3", False), ("8", True)):
        monkeypatch.setenv("WORLD_SIZE", world)
        if fits: load_config("train.per_device_train_batch_size=4")
        else: assert "4 x 3 processes" in error("train.per_device_train_batch_size=4")
    monkeypatch.setenv("WORLD_SIZE", "many")
    assert "unset WORLD_SIZE" in error()


def test_suggested_fixes_work():
    "What a message of the geometry says to write does load."
    import re
    for generations, batch in ((6, 64), (7, 16), (5, 12), (48, 64), (10, 3)):
        line = error(f"train.num_generations={generations}", f"train.per_device_train_batch_size={batch}")
        fixes = re.findall(r"train\.[a-z_]+=\d+", line.split("; write ")[1])
        assert fixes, line
        for fix in fixes:
            load_config(f"train.num_generations={generations}", f"train.per_device_train_batch_size={batch}", fix)


def test_all_errors_at_once(elsewhere):
    elsewhere("data_component/x.yaml", "dataset_nam: a\nmax_eval_samples: -1\n")
    lines = errors("data_component=x", "train.learnin_rate=1e-5", "train.max_steps=True", "nonsense",
                   "data.params.api_key=x", "train.grpo.loss_type=dappo", "train.num_generations=6",
                   "reward_component=nope", "name=${nope}")
    assert len(lines) == 10 and [any(k in line for line in lines)
                                 for k in ("dataset_nam", "max_eval_samples", "learnin_rate", "max_steps", "nonsense",
                                           "api_key", "loss_type", "num_generations", "reward_component",
                                           "name:")] == [True] * 10
    assert all("\n" not in line and ": " in line for line in lines)
    assert any("(conf/data_component/x.yaml:2)" in line for line in lines)


def test_one_mistake_is_not_told_twice():
    assert "expected a whole number" in error("train.num_generations=x")
    assert "expected a whole number" in error("train.per_device_train_batch_size=x")
    assert "expected a whole number" in error("model.max_seq_length=x")


# --- defaults by model

def test_recipes():
    small, other = load_config(), load_config("model.model_name_or_path=Qwen/Qwen3-0.6B")
    assert (small.train.learning_rate, small.train.num_generations, small.train.grpo["loss_type"],
            small.model.max_seq_length, small.eval.eval_steps) == (3e-3, 8, "dapo", 64, 0)
    assert (other.train.learning_rate, other.train.num_generations, other.train.grpo, other.model.max_seq_length,
            other.train.max_completion_length, other.eval.eval_batch_size) == (5e-6, 16, {}, 1536, 1024, 8)
    for cfg, recipe in ((small, RECIPES["small"]), (other, RECIPES["grpo_default"])):
        for section in ("train", "eval"):
            assert all(cfg[section][key] is not None for key in recipe[section])
    assert load_config("model.model_name_or_path=x/y", "train.learning_rate=1e-4").train.learning_rate == 1e-4
    assert load_config("model.model_name_or_path=${oc.env:NOT_SET_AT_ALL,x/y}").train.learning_rate == 5e-6


def test_completion_length_is_computed():
    assert load_config("model_component=gemma_1b_lora", "model.max_seq_length=2048").train.max_completion_length == 1536
    assert load_config("model_component=gemma_1b_lora",
                       "train.max_prompt_length=1000").train.max_completion_length == 536
    assert load_config("model.model_name_or_path=x/y", "train.max_completion_length=2048").model.max_seq_length == 2560
    assert load_config("model.max_seq_length=2048").train.max_completion_length == 44
    assert load_config("model.max_seq_length=40").train.max_completion_length == 20


def test_every_model_file_has_its_markers():
    for file in (CONF_DIR/"model_component").glob("*.yaml"):
        cfg = load_config(f"model_component={file.stem}")
        assert cfg.model.markers.model_dump() == markers_for(cfg.model.model_name_or_path)


# --- components

@pytest.mark.parametrize("kind, alias",
                         [("data", "src.components.data.default_data_component.DefaultDataComponent"),
                          ("model", "src.components.model.default_model_component.DefaultModelComponent"),
    ("train", "src.components.training_loop.default_training_loop.DefaultTrainingLoopComponent"),
    ("reward", "src.components.reward.default_reward_component.DefaultRewardComponent"),
    ("eval", "src.components.evaluation.default_evaluation_component.DefaultEvaluationComponent")])
def test_the_guides_class_paths(kind, alias):
    module, name = COMPONENTS[kind]
    for target in (alias, None, f"{module}.{name}"):
        assert resolve_target(kind, target) is getattr(sys.modules[module], name)
    for target in (alias.replace("Default", "Defualt"), alias.replace("src.components", "src.component"),
                   alias + ".build", name):
        with pytest.raises(ConfigError): resolve_target(kind, target)


def test_registered_classes(monkeypatch):
    monkeypatch.setattr("rlvr_nb.rules._registered", {})
    @register_component
    class Mine: pass
    @register_component("short")
    class Named: pass
    assert resolve_target("data",
                          f"{Mine.__module__}.{Mine.__qualname__}") is Mine and resolve_target("data", "short") is Named
    assert load_config("data._target_=short").data.target == "short"
    assert "write data._target_=short" in error("data._target_=shot")
    with pytest.raises(TypeError): register_component(lambda: 1)


def test_a_component_of_another_kind_is_refused(monkeypatch):
    from rlvr_nb.rewards import DefaultRewardComponent
    monkeypatch.setattr("rlvr_nb.rules._registered", {})
    register_component(type("Mine", (DefaultRewardComponent,), {}), "mine")
    assert "which is a component of 'reward'" in error("data._target_=mine")


def test_identity_is_checked_after_resolution(monkeypatch):
    import rlvr_nb.prompts
    monkeypatch.setitem(config.COMPONENTS, "data", ("rlvr_nb.prompts", "DefaultDataComponent"))
    monkeypatch.setattr(rlvr_nb.prompts, "DefaultDataComponent", os.system, raising=False)
    with pytest.raises(ConfigError, match="not the class it should be"): resolve_target("data", None)


@pytest.mark.parametrize("target",
                         ["setuptools.sandbox.run_setup", "pathlib.Path.write_text", "builtins.open", "shutil.copyfile",
                          "urllib.request.urlopen", "os.system", "rlvr_nb.config.load_config",
                          "rlvr_nb.data.DefaultDataComponent.build"])
def test_functions_are_not_targets(target):
    assert all(check_target(kind, target) for kind in COMPONENTS)
    assert "expected rlvr_nb.data" in error(f"data._target_={target}")
    assert "nothing is instantiated" in error(f"reward.reward_functions[0].params._target_={target}")
    assert "_partial_" in error("data.params._partial_=true")


# --- secrets

TOKENS = ["hf_" + "aB3" * 11, "sk-" + "abc123" * 5, "ghp_" + "a1" * 18, "0123456789abcdef" * 2 + "01234567"]


@pytest.mark.parametrize("token", TOKENS)
def test_tokens_are_hidden_everywhere(token):
    cfg = load_config(f"data.params.x={token}", f"data.params.y='text {token} more'")
    assert token not in cfg.to_yaml() + cfg.to_yaml(resolve=True) + cfg.command() + "".join(cfg.overrides)
    assert cfg.data.params["x"] == token
    assert all(token not in line
               for line in errors(f"train.max_steps={token}", f"{token}=1", f"data.{token}=1",
                                  f"data_component={token}", f"train.lr_scheduler_type={token}"))


@pytest.mark.parametrize("key", ["name", "run_dir", "train.output_dir", "model.save_model_path"])
def test_folders_are_not_named_after_tokens(key): assert "name of a folder" in error(f"{key}={TOKENS[0]}")


@pytest.mark.parametrize("key",
                         ["data.hf_token", "data.params.api_key", "train.grpo.hub_token", "wandb_api_key",
                          "data.params.deep.password", "model.token"])
def test_keys_named_like_secrets_are_refused(key):
    line = error(f"+{key}=canary-value-123")
    assert "canary" not in line and ("environment" in line)


def test_environment_stays_unresolved(monkeypatch, tmp_path):
    monkeypatch.setenv("MY_SECRET_TOKEN", "canary-in-the-environment")
    cfg = load_config("data.params.x=${oc.env:MY_SECRET_TOKEN}", "data.params.y=${data.params.x}")
    assert cfg.data.params["y"] == "canary-in-the-environment"
    assert "${oc.env:MY_SECRET_TOKEN}" in cfg.to_yaml()
    assert "canary" not in cfg.to_yaml() + cfg.to_yaml(resolve=True) + cfg.command()
    assert "canary" not in "".join(errors("data.params.x=${oc.env:MY_SECRET_TOKEN}",
                                          "train.max_steps=${data.params.x}"))
    (tmp_path/"config.yaml").write_text(cfg.to_yaml())
    assert load_file(tmp_path/"config.yaml").data.params == cfg.data.params


def test_a_hidden_value_is_asked_for_again(tmp_path):
    (tmp_path/"config.yaml").write_text(load_config(f"data.params.x={TOKENS[0]}").to_yaml())
    with pytest.raises(ConfigError, match=r"data.params.x: got <redacted>"): load_file(tmp_path/"config.yaml")
    assert load_file(tmp_path/"config.yaml", "data.params.x=5").data.params["x"] == 5


def test_ordinary_text_is_not_redacted():
    assert "0" * 40 in load_config("data.params.revision=" + "0" * 40).to_yaml()
    for text in ("eval_max_new_tokens: 44", "revision=" + "0" * 40, "unsloth/gemma-3-1b-it", "TOKENIZERS_PARALLELISM",
                 "0.1234567890123456", "openai/gsm8k@main"):
        assert redact(text) == text


# --- interpolations

@pytest.mark.parametrize("override, expected", [
    ("name=${nope}", "can't be filled in"), ("name=${name}", "refers to itself"),
    ("name=${oc.env:NOT_SET_AT_ALL}", "not found"),
    ("prompts.system_prompts.x=${get_marker:reasoning_strat}", "did you mean 'reasoning_start'?"),
    ("train.max_steps=${name}", "got 'rlvr', expected a whole number"),
])
def test_faulty_interpolations(override, expected): assert expected in error(override)


def test_growing_texts_are_refused(elsewhere):
    elsewhere("data_component/bomb.yaml",
              "dataset_name: a\nparams:\n" + "".join(f"  k{i}: ${{.k{i+1}}}${{.k{i+1}}}\n" for i in range(40))
              + "  k40: boom\n")
    assert any("grows beyond" in line for line in errors("data_component=bomb"))


# --- a configuration in Python

def test_assignment_is_checked():
    cfg = load_config()
    cfg.train.max_steps = 20
    assert cfg.train.max_steps == 20
    for section, key, value, expected in ((cfg.train, "max_steps", "5", "train.max_steps: got '5'"),
                                          (cfg.train, "max_stesp", 5, "did you mean 'max_steps'?"),
                                          (cfg.model.lora_config, "r", 0, "model.lora_config.r"),
                                          (cfg, "seed", True, "seed: got true")):
        with pytest.raises(ConfigError, match=".*") as e: setattr(section, key, value)
        assert expected in str(e.value)
    cfg.train.num_generations = 6
    with pytest.raises(ConfigError, match="expected a divisor"): cfg.check()
    cfg.train.per_device_train_batch_size = 66
    cfg.check()


def test_equal_pickled_and_copied():
    cfg = load_config("train.max_steps=7")
    assert pickle.loads(pickle.dumps(cfg)) == cfg == cfg.model_copy(deep=True) and cfg != load_config()
    assert pickle.loads(pickle.dumps(cfg)).command() == cfg.command()
    assert PipelineConfig.model_validate(cfg.model_dump()) == cfg
    e = pickle.loads(pickle.dumps(ConfigError(["a", "b"])))
    assert e.errors == ["a", "b"] and str(e) == "a\nb" and e.status == 2


def test_command_gives_the_same_configuration():
    import shlex
    cfg = load_config("data_component=gsm8k", "model_component=gemma_1b_lora")
    cfg.train.max_steps, cfg.name, cfg.run_dir = 20, "no", "a b/ü"
    cfg.reward.reward_functions[0].params["correct_reward"] = 5.0
    cfg.prompts.system_prompts["short"] = "Say 'it', then\nstop: {x}, \"y\"."
    cfg.prompts.prompting_mode = "short"
    cfg.model.lora_config.target_modules = ["q_proj", "v_proj"]
    words = shlex.split(cfg.command())
    assert words[:2] == ["python", "run_pipeline.py"] and load_config(*words[2:]) == cfg


@pytest.mark.parametrize("value",
                         [0, 1.5, 1e-5, True, None, "x", "", "no", "010", "1e5", "a b", "it's", 'say "x"',
                          "both ' and \"", "a,b", "[x]", "${x}", "ä", "~/x", "back\\slash", ["a", 1, None],
                          {"a": {"b": [1, "c d"]}}, "trailing\\", "null", "a=b", "a: b", "é{x}(y)"])
def test_a_value_survives_the_command_line(value):
    if value == "${x}": return # an interpolation on purpose
    assert parse_override(override_text("data.params.x", value)).value == value


def test_written_and_read_again(tmp_path):
    for overrides in ([], ["model_component=gemma_1b_lora", "data_component=gsm8k"],
                      ["name=no", "data.params={a: '010', b: 'yes', c: 1e-05, d: '1e-05', e: '2024-01-01', f: '1:30', "
                                  "g: 'x: y', h: ' z ', i: '', j: '~', k: 'a\nb'}"]):
        cfg = load_config(*overrides)
        (tmp_path/"config.yaml").write_text(cfg.to_yaml(), encoding="utf-8")
        again = load_file(tmp_path/"config.yaml")
        assert again == cfg and again.to_yaml() == cfg.to_yaml()


def test_dumps_keep_interpolations_that_still_hold():
    cfg = load_config("model_component=gemma_1b_lora", "train.max_steps=${train.num_generations}")
    assert "markers: ${get_model_markers_dict:}" in cfg.to_yaml()
    assert "max_steps: ${train.num_generations}" in cfg.to_yaml()
    cfg.train.max_steps = 5
    assert "max_steps: 5\n" in cfg.to_yaml()
    assert "${get_marker:reasoning_start}" in cfg.to_yaml() and "${" not in cfg.to_yaml(resolve=True)


def test_inert_options_warn():
    assert load_config().warnings == []
    why = "model.lora_config.r: has no effect, because model.lora_config.use_lora is false"
    assert load_config("model.lora_config.use_lora=false", "model.lora_config.r=4").warnings == [why]
    assert len(load_config("eval.enabled=false", "eval.eval_steps=5").warnings) == 1
    assert load_config("data_component=gsm8k", f"data.dataset_path={ROOT}").warnings == []
    assert len(load_config(f"data.dataset_path={ROOT}", "data.dataset_config_name=x").warnings) == 1


def test_every_option_explains_itself():
    def visit(section):
        for name, field in section.model_fields.items():
            assert field.description and "common" in (field.json_schema_extra
                                                      or {}) and "unit" in field.json_schema_extra, name
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, config.Section): visit(inner)
    visit(PipelineConfig)
    visit(config.RewardFunctionConfig)


def test_builtin():
    assert load_config().is_builtin_model
    assert not load_config("model_component=gemma_1b_lora").is_builtin_model and BUILTIN_MODEL == "builtin-tiny"


def test_data_of_other_evaluation_sets(elsewhere):
    elsewhere("data_component/mine.yaml", "dataset_name: gsm8k\ndataset_path: here\n")
    cfg = load_config()
    assert (cfg.data_component("mine").dataset_path, cfg.data_component("finqa").dataset_name) == ("here", "finqa")
    with pytest.raises(ConfigError, match="did you mean mine"): cfg.data_component("min")


# --- the table of GRPOConfig

def test_grpo_table_is_the_installed_one():
    assert read_yaml(CONF_DIR/"schema/grpo_fields.yaml")[0] == config.installed_grpo_fields()
    assert set(GRPO_CHOICES) <= set(GRPO_FIELDS) and GRPO_FIELDS["loss_type"]["choices"] == GRPO_CHOICES["loss_type"]


EFFECTIVE = set(
    """lr_scheduler_kwargs optim_args weight_decay adam_beta1 adam_beta2 adam_epsilon optim_target_modules
max_grad_norm tf32 gradient_checkpointing gradient_checkpointing_kwargs torch_compile
use_liger_kernel use_cache neftune_noise_alpha torch_empty_cache_steps logging_first_step log_on_each_node
logging_nan_inf_filter log_level log_level_replica save_only_model save_on_each_node
save_total_limit restore_callback_states_from_checkpoint full_determinism
accelerator_config dataloader_drop_last dataloader_num_workers dataloader_pin_memory dataloader_in_order
ddp_find_unused_parameters ddp_bucket_cap_mb ddp_broadcast_buffers ddp_static_graph ddp_backend ddp_timeout fsdp
deepspeed debug skip_memory_metrics router_aux_loss_coef disable_dropout cast_lm_head_to_fp32 shuffle_dataset
pad_to_multiple_of generation_batch_size steps_per_generation temperature top_p top_k min_p generation_kwargs
repetition_penalty cache_implementation use_vllm beta num_iterations importance_sampling_level
multi_objective_aggregation scale_rewards loss_type mask_truncated_completions top_entropy_quantile entropy_coef
use_adaptive_entropy off_policy_mask_threshold use_transformers_continuous_batching""".split()
)


def test_every_field_of_trl_is_ours_refused_inert_or_has_an_effect():
    groups = [set(TRAIN_OWNED), set(NOT_YAML), set(INERT), set(NEEDS), EFFECTIVE]
    for field in GRPO_FIELDS: assert sum(field in group for group in groups) == 1, f'{field}: say what it does here'
    for field in [*INERT, *NEEDS]:
        changed = {
            field: 'something else',
            'loss_type': 'bnpo' if field not in ('delta', 'epsilon', 'epsilon_high') else 'sapo',
        }
        assert field in [key for key, why in inert_grpo(changed) if why], field


def test_a_field_without_an_effect_is_warned_about():
    cfg = load_config(
        'data_component=gsm8k', '+train.grpo.max_tool_calling_iterations=3', '+train.grpo.vllm_server_port=8001'
    )
    assert [w.partition(':')[0] for w in cfg.warnings] == [
        'train.grpo.max_tool_calling_iterations',
        'train.grpo.vllm_server_port',
    ]
    assert 'train.grpo.use_vllm is false (it needs true)' in cfg.warnings[1]


def test_closed_sets_are_what_trl_names():
    "Each value of a closed set occurs in TRL's own description of the field or in its code."
    import dataclasses
    import inspect

    from trl import GRPOConfig
    from trl.trainer import grpo_trainer
    text = inspect.getsource(grpo_trainer) + " ".join(str(f.metadata.get("help"))
                                                      for f in dataclasses.fields(GRPOConfig))
    for field, choices in config.GRPO_CHOICES.items():
        assert all(f"'{c}'" in text or f'"{c}"' in text or f"`{c}`" in text for c in choices), field


def test_owned_fields_name_options_that_exist():
    for path in TRAIN_OWNED.values():
        node = PipelineConfig().model_dump()
        for step in config.split_path(path): node = node[step]
    assert set(GUIDE_FOLDERS) == set(COMPONENTS)


def test_a_group_s_file_can_be_chosen_on_top_of_a_run(tmp_path):
    from rlvr_nb.config import load_file
    cfg = load_config("data_component=gsm8k", "model_component=gemma_1b_lora", "eval.eval_num_samples=7",
                      "train.max_steps=11")
    (tmp_path/"config.yaml").write_text(cfg.to_yaml())
    control = load_file(tmp_path/"config.yaml", "reward_component=random_baseline",
                        "evaluation_component=comprehensive_eval", "eval.temperature=0.5")
    e, same = control.eval, load_config("model_component=gemma_1b_lora", "data_component=gsm8k").eval
    assert [f.type for f in control.reward.reward_functions] == ["random_reward"]
    assert (e.eval_num_samples, e.samples_per_prompt, e.temperature) == (1319, 8, 0.5)
    assert e.eval_max_new_tokens == same.eval_max_new_tokens, "values left open follow the run's model"
    assert (control.train.max_steps, control.data, control.model) == (11, cfg.data, cfg.model)
    with pytest.raises(ConfigError, match="random_baseline"):
        load_file(tmp_path/"config.yaml", "reward_component=randm")
    with pytest.raises(ConfigError, match="choose one"):
        load_file(tmp_path/"config.yaml", "reward_component=[default,random_baseline]")
    with pytest.raises(ConfigError, match="needs --multirun"):
        load_file(tmp_path/"config.yaml", "reward_component=default,random_baseline")
