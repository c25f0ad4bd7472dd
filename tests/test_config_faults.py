"""What is wrong with a configuration, as records: fixes mend, places are right, nothing is said twice or in vain."""
import pickle

import pytest

from rlvr_nb import compose, config, grammar
from rlvr_nb.config import ConfigError, Fault, load_config, load_file
from rlvr_nb.redaction import REDACTED, is_plain, one_line, plain_text, redact
from rlvr_nb.yamlfile import parse_yaml


def faults(*overrides, **kwargs):
    "The faults of a configuration that must not load."
    with pytest.raises(ConfigError) as e: load_config(*overrides, **kwargs)
    assert e.value.errors == list(map(str, e.value.faults))
    return e.value.faults


def fault(*overrides, **kwargs):
    "The one fault of a configuration."
    found = faults(*overrides, **kwargs)
    assert len(found) == 1, list(map(str, found))
    return found[0]


# --- records

MENDABLE = ["train.max_steps=0", "train.max_steps=1.0", "train.max_steps='5'", "model.load_in_4bit=yes",
            "model.backend=trl", "logging_level=debug",
            "train.lr_scheduler_type=cosin", "train.optim_name=adamw", "train.grpo.loss_type=dappo",
            "train.grpo.learning_rate=0.1", "train.learnin_rate=1e-4",
            "train.beta=0.1", "max_steps=5", "eval.eval_datasets_names=gsm8k", "train.num_generations=6",
            "train.num_generations=1", "seed=-1", "name=5",
            "prompts.prompting_mode=nope", "model.lora_config.r=0", "train.rollout=egine", "train.dynamic_sampling=-1",
            "train.warm_start.source=solution", "data.difficulty.min=2", "data_component=gsm9k",
            "train.grpo.generation_batch_size=100", "train.max_steps=010"]


@pytest.mark.parametrize("override", MENDABLE)
def test_every_fix_mends(override):
    "With a fix in place of what was typed, or beside it, the fault is gone."
    found, key = fault(override), override.partition("=")[0]
    assert found.fixes, str(found)
    for path, value in found.fixes:
        is_beside = path not in (key, found.path) and found.path not in (f"train.{key}",
                                                                         ) and "unknown key" not in found.problem
        typed = [override] if is_beside and "option of its own" not in found.got else []
        load_config(*typed, grammar.override_text(path, value))


@pytest.mark.parametrize("override, path, got, expected", [
    ("train.max_steps=0", "train.max_steps", "0", "a whole number >= 1 and <= 10000000"),
    ("reward.reward_functions[0].weight=x", "reward.reward_functions[0].weight", "'x'", "a number"),
    ("prompts.system_prompts.x=5", "prompts.system_prompts.x", "5", "text"),
    ("train.warm_start.epochs=0", "train.warm_start.epochs", "0", "a number > 0 and <= 1000"),
    ("train.grpo.beta=-1", "train.grpo.beta", "-1", "a number >= 0"),
])
def test_the_parts_of_a_fault(override, path, got, expected):
    found = fault(override)
    assert (found.path, found.got, found.expected) == (path, got, expected) and found.where in ("command line", "")


def test_removing_is_a_fix():
    found = fault("train.grpo.steps_per_generation=2", "train.grpo.generation_batch_size=128")
    assert found.fixes == (("train.grpo.generation_batch_size", ...),
                           ) and str(found).endswith("write ~train.grpo.generation_batch_size (command line)")


def test_a_fault_survives_pickling_and_says_the_same():
    e = pickle.loads(pickle.dumps(ConfigError([Fault("a.b", "1", "2", (("a.b", 2),), "x.yaml:3"), "as a sentence"])))
    assert e.errors == ["a.b: got 1, expected 2; write a.b=2 (x.yaml:3)",
                        "as a sentence"] and e.faults[1] == Fault(problem="as a sentence")


def test_places_come_from_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path/"conf/training_loop_component").mkdir(parents=True)
    (tmp_path/"conf/training_loop_component/mine.yaml").write_text("max_steps: 5\nnum_generations: 6\nsave_steps: -1\n")
    found = {f.path: f.where for f in faults("training_loop_component=mine")}
    file = "conf/training_loop_component/mine.yaml"
    assert found == {"train.num_generations": f"{file}:2", "train.save_steps": f"{file}:3"}


# --- nothing hidden, nothing twice

def test_a_wrong_prompt_hides_no_other_fault(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert {f.path for f in faults("prompts.prompting_mode=nope", "prompts.nope=1")} == {"prompts.prompting_mode",
                                                                                         "prompts.nope"}
    (tmp_path/"conf/prompts").mkdir(parents=True)
    (tmp_path/"conf/prompts/mine.yaml").write_text("prompting_mode: nope\nsystem_prompts:\n  nope: 5\n")
    assert [f.path for f in faults("prompts=mine")] == ["prompts.system_prompts.nope"]


def test_the_recipe_is_filled_in_once(monkeypatch):
    calls = []
    from rlvr_nb.defaults import fill_recipe
    monkeypatch.setattr(config, "fill_recipe", lambda *a: calls.append(a) or fill_recipe(*a))
    monkeypatch.setattr("rlvr_nb.schema.fill_recipe", lambda *a: pytest.fail("a second time"))
    assert load_config("model_component=gemma_1b_lora").train.learning_rate == 5e-6 and len(calls) == 1


def test_null_from_an_interpolation_means_unset():
    assert load_config("train.max_steps=${oc.env:NOT_SET_AT_ALL,null}").train.max_steps == 100


def test_files_are_composed_again_only_when_they_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path/"conf/data_component").mkdir(parents=True)
    file, reads, real = tmp_path/"conf/data_component/mine.yaml", [], compose.read_yaml
    file.write_text("dataset_name: arithmetic\nmax_train_samples: 5\n")
    monkeypatch.setattr(compose, "read_yaml", lambda p: reads.append(p) or real(p))
    assert load_config("data_component=mine", "seed=1").data.max_train_samples == 5 and reads
    del reads[:]
    first = load_config("data_component=mine", "seed=2", "reward.reward_functions[0].params.correct_reward=9")
    assert first.seed == 2 and not reads
    kept = load_config("data_component=mine").reward.reward_functions[0].params
    assert kept["correct_reward"] == 3.0, "what is kept isn't changed by overrides"
    file.write_text("dataset_name: arithmetic\nmax_train_samples: 50\n")
    assert load_config("data_component=mine").data.max_train_samples == 50 and reads
    file.unlink()
    assert "no file 'mine'" in str(fault("data_component=mine"))
    file.write_text("dataset_name: arithmetic\nmax_train_samples: 500\n")
    assert load_config("data_component=mine").data.max_train_samples == 500


# --- the new options

def test_supervised_start_gets_the_learning_rate_of_what_is_trained():
    def rate(*overrides):
        return load_config("train.warm_start.examples=9", *overrides).train.warm_start.learning_rate

    assert (rate(), rate("model_component=gemma_1b_lora"),
            rate("model_component=gemma_1b_lora", "model.lora_config.use_lora=false")) == (3e-3, 2e-4, 2e-5)
    assert rate("train.warm_start.learning_rate=1e-6") == 1e-6 and load_config().train.warm_start is None


def test_recipes_have_a_goal_and_a_source():
    for name in config.ConfigFiles(config.search_dirs()).options("recipe"):
        cfg = load_config(f"+recipe={name}")
        assert cfg.name == name and cfg.goal.source and (cfg.goal.accuracy or cfg.goal.gain)


@pytest.mark.parametrize("overrides, path", [
    (["train.rollout=transformers", "train.grpo.use_vllm=true"], "train.grpo.use_vllm"),
    (["train.rollout=vllm", "model.load_in_4bit=true"], "model.load_in_4bit"),
    (["train.rollout=vllm", "model.load_in_8bit=true"], "model.load_in_8bit"),
    (["train.warm_start.source=file"], "train.warm_start.file"),
    (["data.difficulty={min: 0.5, max: 0.2}"], "data.difficulty.min"),
    (["train.grpo.chat_template_kwargs={enable_thinking: false}"], "train.grpo.chat_template_kwargs"),
])
def test_rules_of_the_new_options(overrides, path): assert fault(*overrides).path == path


def test_thinking_families_reason_between_their_own_tags():
    cfg = load_config("model_component=qwen3_0_6b_lora")
    assert cfg.model.markers.reasoning_start == "<think>"
    assert "<think> and </think>" in cfg.prompts.system_prompts["reasoning_mode"]


@pytest.mark.parametrize("overrides, reasoning_end", [
    (["model.model_name_or_path=deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"], "</think>"),
    (["model.model_name_or_path=unsloth/gemma-3-1b-it"], "<end_working_out>"),
    (["model.model_name_or_path=unsloth/gemma-3-1b-it", "~model.markers"], "<end_working_out>"),
    (["model.model_name_or_path=unsloth/gemma-3-1b-it", "model.markers.reasoning_end=</r>"], "</r>"),
    (["model_component=default"], "</reasoning>"),
])
def test_a_model_named_on_the_command_line_gets_its_family_s_markers(overrides, reasoning_end):
    "The default file writes the built-in model's markers out; they are not meant for another model."
    assert load_config(*overrides).model.markers.reasoning_end == reasoning_end


# --- what leaves the program

SECRETS = [("https://me:hunter22@host/x", "hunter22"), ("https://s3cr3tt0k3n@host/x.git", "s3cr3tt0k3n"),
           ("https://h/x?token=abcd1234&p=1", "abcd1234"),
           ("https://h/x?a=1&X-Amz-Signature=0a1b2c", "0a1b2c"), ("https://h/x?sig=Zm9v%3D",
                                                                  "Zm9v"), ("token=abcd1234",
                                                                            "abcd1234"), ("api_key='abcd-1234'",
                                                                                          "abcd-1234"),
           ("Authorization: Bearer abc.def-123", "abc.def-123"), ("{'authorization': 'Basic bWU6cHc='}",
                                                                  "bWU6cHc"), ("got bearer aaaaaaaaaaaaaaaaaaaaaaaa",
                                                                               "aaaaaaaaaaaaaaaaaaaaaaaa"),
           ("hf_token=abcd1234 next", "abcd1234"), ("ftp://u:p%40ss@h", "p%40ss")]


@pytest.mark.parametrize("text, secret", SECRETS)
def test_secrets_by_their_place(text, secret):
    assert secret not in redact(text) and REDACTED in redact(text) and redact(redact(text)) == redact(text)
    assert all(secret not in show(text) for show in (one_line, plain_text))
    cfg = load_config(grammar.override_text("data.params.x", text))
    assert cfg.data.params["x"] == text
    assert secret not in cfg.to_yaml() + cfg.to_yaml(resolve=True) + cfg.command() + "".join(cfg.overrides)
    assert all(secret not in line for line in map(str, faults(grammar.override_text("train.max_steps", text))))


ORDINARY = ["https://host/x?page=2", "bearer bonds of 2019 and bearer instruments", "max_new_tokens=44",
            "def f(token=None, password='')", "pad_token=<eos>", "a token = 3 characters",
            "git+https://github.com/a/b@main", "password=${oc.env:PW}", "https://host/a@b/c", "key=value", "token=12",
            "s3://bucket/key?versionId=abc"]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text): assert redact(text) == text


def test_a_path_in_the_environment_is_no_secret(monkeypatch, tmp_path):
    (tmp_path/"service-account.json").write_text("{}")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path/"service-account.json"))
    assert redact(str(tmp_path/"service-account.json")) == str(tmp_path/"service-account.json")


def test_what_was_hidden_inside_a_text_is_asked_for_again(tmp_path):
    (tmp_path/"config.yaml").write_text(load_config("data.dataset_path='https://me:hunter22@host/x.csv'").to_yaml())
    with pytest.raises(ConfigError, match="data.dataset_path.*was hidden"): load_file(tmp_path/"config.yaml")


@pytest.mark.parametrize("text", ["\x1b[2J", "a\x07", "\x9b31m", "gnp\u202e.exe", "\u2066x\u2069", "\u200e", "\ufeffx",
                                  "\x85"])
def test_control_characters_are_shown_and_not_obeyed(text):
    assert is_plain(one_line(text)) and is_plain(plain_text(text)) and not is_plain(text)
    assert all(is_plain(str(f)) for f in faults(f"train.max_steps='{text}'", f"name='{text}'", f"{text}=1",
                                                f"data_component='{text}'"))


def test_yaml_of_strangers_stays_small():
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a,
                                                   b in zip("abcdefgh", "bcdefghi"))
    for text, said in ((bomb, "once aliases are expanded"), ("[" * 500 + "]" * 500, "nested deeper"),
                       ("x: !!python/name:os.system y", "not allowed"), ("a: 1\n---\nb: 2", "not valid YAML")):
        with pytest.raises(ConfigError, match=said): parse_yaml(text)
