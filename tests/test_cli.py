"""The command line: flags, exit statuses, jobs of a sweep, plugins and completion. The pipeline is a stand-in here."""
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest

from rlvr_nb import cli, config
from rlvr_nb.config import ConfigError, RLVRError, UnavailableError, load_config

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = [sys.executable, str(ROOT/"run_pipeline.py")]


class Pipeline:
    "Stands in for the pipeline: writes down what it was asked for, and fails where it is told to."
    calls = []
    failure = None

    def __init__(self, cfg): self.cfg, self.run_dir = cfg, None

    def run(self):
        Pipeline.calls.append(("run", self.cfg))
        self.run_dir = types.SimpleNamespace(path=Path(self.cfg.run_dir or "outputs/now"))
        if Pipeline.failure and (not callable(Pipeline.failure) or Pipeline.failure(self.cfg)):
            raise Pipeline.failure(self.cfg) if callable(Pipeline.failure) else Pipeline.failure
        before, after = ({"arithmetic": {"accuracy": share, "n": 256}} for share in (0.25, 0.75))
        return types.SimpleNamespace(status="finished", run_dir=self.run_dir, before=before, after=after)

    @staticmethod
    def check(cfg):
        Pipeline.calls.append(("check", cfg))
        if Pipeline.failure: raise Pipeline.failure
        return "everything is fine"

    @classmethod
    def resume(cls, run_dir, overrides=(), force=False):
        Pipeline.calls.append(("resume", run_dir))
        return types.SimpleNamespace(status="finished", run_dir=run_dir)

    @classmethod
    def from_run(cls, run_dir,
                 *overrides): return cls(config.load_file(f"{run_dir}/config.yaml", "run_dir=null", *overrides))

    @classmethod
    def evaluate(cls, path,
                 cfg=None): Pipeline.calls.append(("evaluate", path,
                                                   cfg)); return {"arithmetic": "75.0 % of arithmetic"}


@pytest.fixture(autouse=True)
def fake(monkeypatch, tmp_path):
    module = types.ModuleType("rlvr_nb.pipeline")
    module.Pipeline = Pipeline
    monkeypatch.setitem(sys.modules, "rlvr_nb.pipeline", module)
    monkeypatch.setattr(Pipeline, "calls", [])
    monkeypatch.setattr(Pipeline, "failure", None)
    monkeypatch.chdir(tmp_path)
    return Pipeline


def run(capsys, *argv):
    "Exit status, stdout and stderr of one command line."
    status = cli.main(list(argv))
    out = capsys.readouterr()
    return status, out.out, out.err


def process(*argv, **kwargs): return subprocess.run([*PROGRAM, *argv], capture_output=True, text=True, **kwargs)


# --- running

def test_a_run(fake, capsys):
    status, out, _ = run(capsys, "train.max_steps=7")
    assert status == 0 and "status='finished'" in out
    assert [(what, cfg.train.max_steps) for what, cfg in fake.calls] == [("run", 7)]


@pytest.mark.parametrize("flag", ["--dry-run", "dry_run=true"])
def test_dry_run(fake, capsys, flag):
    assert run(capsys, "--config-name=config", flag) == (0, "everything is fine\n", "")
    assert [what for what, _ in fake.calls] == ["check"]


@pytest.mark.parametrize("failure, status",
                         [(RLVRError("no"), 1), (ConfigError(["data.x: a", "data.y: b"]), 2),
                          (UnavailableError("the Hub can't be reached"), 3)])
@pytest.mark.parametrize("flags", [[], ["--dry-run"]])
def test_statuses(fake, capsys, failure, status, flags):
    fake.failure = failure
    assert run(capsys, *flags) == (status, "", f"{failure}\n")


def test_faults_of_ours_keep_their_traceback(fake):
    fake.failure = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError): cli.main([])


def test_ctrl_c(fake, capsys):
    fake.failure = KeyboardInterrupt()
    status, _, err = run(capsys, "run_dir=runs/my run")
    assert status == 130 and err == "Stopped and saved. Continue with: python run_pipeline.py --resume 'runs/my run'\n"


def test_a_stopped_run(fake, capsys, monkeypatch):
    monkeypatch.setattr(fake, "run",
                        lambda self: types.SimpleNamespace(status="stopped",
                                                           run_dir=types.SimpleNamespace(path="outputs/x")))
    assert run(capsys)[::2] == (130, "Stopped and saved. Continue with: python run_pipeline.py --resume outputs/x\n")


def test_errors_are_lines(capsys):
    status, out, err = run(capsys, "train.max_stesp=5", "data_component=gsm9k")
    assert (status, out, len(err.splitlines())) == (2, "", 2)
    assert "did you mean 'max_steps'" in err and "Traceback" not in err


def test_warnings_are_said(capsys):
    why = "model.lora_config.r: has no effect, because model.lora_config.use_lora is false"
    assert run(capsys, "model.lora_config.use_lora=false", "model.lora_config.r=4")[2] == f"warning: {why}\n"


# --- flags

@pytest.mark.parametrize("argv, expected", [
    (["--dryrun"], "did you mean --dry-run?"), (["--train.max_steps=5"], "write train.max_steps=5"),
    (["--config-name"], "expected one argument"), (["--cfg", "hydra"], "--cfg job"),
    (["--resolve"], "--cfg job --resolve"),
    (["--resume", "outputs/none"], "no such directory"), (["--from", "x"], "no such directory"),
    (["--evaluate", "nothing"], "no such directory"), (["--config-dir", "none"], "no such folder"),
    (["--multirun", "--resume", "x"], "choose one"), (["--plugin", "no_such.py"], "no such file"),
    (["--plugin", "no_such_module"], "no such module"), (["--shell-completion", "tcsh"], "bash, zsh or fish"),
    (["-p", "train"], "--cfg job --package train"),
    (["--cfg", "job", "-p", "trian"], "did you mean train?"), (["--info"], "--cfg job"), (["x"], "expected key=value"),
    (["train.max_steps=1,2"], "--multirun"),
])
def test_faulty_flags(capsys, argv, expected):
    status, out, err = run(capsys, *argv)
    assert status == 2 and expected in err and not out


def test_cfg_job(fake, capsys):
    status, out, _ = run(capsys, "--cfg", "job", "model_component=gemma_1b_lora", "train.max_steps=5")
    assert status == 0
    assert "markers: ${get_model_markers_dict:}" in out
    assert "max_steps: 5" in out and "learning_rate: 5.0e-06" in out and not fake.calls
    assert "reasoning_start: <start_working_out>" in run(capsys, "--cfg", "job", "--resolve",
                                                         "model_component=gemma_1b_lora")[1]
    assert run(capsys, "--cfg", "job", "-p", "train.max_steps")[1] == "100\n"
    assert run(capsys, "--cfg=job", "-p", "model.markers")[1].startswith("reasoning_start: <reasoning>\n")


def test_a_printed_configuration_loads(capsys, tmp_path):
    out = run(capsys, "--cfg", "job", "data_component=gsm8k", "model_component=gemma_1b_lora")[1]
    (tmp_path/"config.yaml").write_text(out)
    assert config.load_file("config.yaml") == load_config("data_component=gsm8k", "model_component=gemma_1b_lora")


def test_help_and_version(capsys):
    status, out, _ = run(capsys, "--help")
    assert status == 0 and all(names[0] in out for names, _, _ in cli.FLAGS)
    assert "train.per_device_train_batch_size" in out and "tasks/math_reasoning" in out
    assert run(capsys, "--version")[1].startswith("rlvr_nb ")


def test_config_dir_and_name(fake, capsys, tmp_path):
    (tmp_path/"mine").mkdir()
    (tmp_path/"mine/config_mine.yaml").write_text(
        "defaults:\n  - config\n  - override data: small_dataset\nname: mine\n")
    for argv in (["--config-dir", "mine", "--config-name", "config_mine"], ["-cd=mine", "-cn=config_mine"],
                 ["--config-path=mine", "--config-name=config_mine.yaml"]):
        assert run(capsys, *argv)[0] == 0
    assert {(cfg.name, cfg.data.max_train_samples) for _, cfg in fake.calls} == {("mine", 512)}
    assert "--config-name=config_mine --config-dir=mine" in fake.calls[0][1].command()


# --- jobs of a sweep

def test_multirun(fake, capsys):
    status, out, err = run(capsys, "-m", "train.learning_rate=1e-3,3e-3", "seed=1,2", "train.max_steps=5")
    assert status == 0 and len(fake.calls) == 4 and "[4/4] train.learning_rate=0.003 seed=2" in err
    dirs = [cfg.run_dir for _, cfg in fake.calls]
    assert len({Path(d).parent for d in dirs}) == 1
    assert dirs[0].endswith("0_learning_rate=0.001-seed=1") and dirs[0].startswith("outputs/")
    assert [(cfg.train.learning_rate, cfg.seed) for _, cfg in fake.calls] == [(1e-3, 1), (1e-3, 2), (3e-3, 1),
                                                                              (3e-3, 2)]
    table = out.splitlines()[-5:]
    assert table[0].startswith("job") and all("arithmetic 0.250 -> 0.750" in line for line in table[1:])


def test_multirun_over_groups(fake, capsys):
    assert run(capsys, "--multirun", "data_component=default,small_dataset", "run_dir=here")[0] == 0
    assert [(cfg.data.max_train_samples, cfg.run_dir) for _,
            cfg in fake.calls] == [(None, "here/0_data_component=default"),
                                   (512, "here/1_data_component=small_dataset")]


def test_every_job_is_checked_first(fake, capsys):
    status, _, err = run(capsys, "-m", "train.max_steps=5,0,-1")
    assert status == 2 and not fake.calls and "got 0" in err and "got -1" in err


def test_a_failing_job_leaves_the_others(fake, capsys):
    fake.failure = lambda cfg: UnavailableError("out of reach") if cfg.seed == 2 else None
    status, out, _ = run(capsys, "-m", "seed=1,2,3")
    assert status == 3 and len(fake.calls) == 3 and "out of reach" in out
    assert [line.split()[2] for line in out.splitlines()[-3:]] == ["ok", "failed", "ok"]


def test_ctrl_c_ends_the_sweep(fake, capsys):
    fake.failure = KeyboardInterrupt()
    assert run(capsys, "-m", "seed=1,2,3")[0] == 130 and len(fake.calls) == 1


def test_multirun_prints_configurations(fake, capsys):
    out = run(capsys, "-m", "--cfg", "job", "-p", "seed", "seed=1,2")[1]
    assert out == "# job 0: seed=1\n1\n---\n# job 1: seed=2\n2\n---\n" and not fake.calls


def test_processes_need_a_common_directory(capsys, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "write run_dir=PATH" in run(capsys, "-m", "seed=1,2")[2]
    assert run(capsys, "-m", "seed=1,2", "run_dir=here")[0] == 0


def test_another_process_waits_for_the_first_to_say_what_is_wrong(capsys, monkeypatch):
    waited = []
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("rlvr_nb.cli.time.sleep", waited.append)
    status, out, err = run(capsys, "train.max_stesp=1")
    assert (status, out, waited) == (2, "", [2]) and err.startswith("process 1: train.max_stesp")


# --- runs that are there already

@pytest.fixture
def old_run(tmp_path):
    "A run directory of an earlier run."
    folder = tmp_path/"outputs/old"
    folder.mkdir(parents=True)
    (folder/"config.yaml").write_text(load_config("train.max_steps=33", f"run_dir={folder}").to_yaml())
    (folder/"manifest.json").write_text("{}")
    return folder


def test_resume(fake, capsys, old_run):
    assert run(capsys, "--resume", "outputs/old")[0] == 0 and fake.calls == [("resume", "outputs/old")]
    assert "--from outputs/old train.max_steps=5" in run(capsys, "--resume", "outputs/old", "train.max_steps=5")[2]
    assert "did you mean outputs/old?" in run(capsys, "--resume", "outputs/odl")[2]


def test_from(fake, capsys, old_run):
    assert run(capsys, "--from", "outputs/old", "seed=9")[0] == 0
    cfg = fake.calls[0][1]
    assert (cfg.train.max_steps, cfg.seed, cfg.run_dir) == (33, 9, None)
    assert cfg.command() == "python run_pipeline.py --from=outputs/old seed=9"
    assert "max_steps: 33" in run(capsys, "--from", "outputs/old", "--cfg", "job")[1]
    assert run(capsys, "--from", "outputs/old", "train.max_steps=0")[0] == 2


def test_evaluate(fake, capsys, old_run):
    assert run(capsys, "--evaluate", "outputs/old", "eval.eval_num_samples=9",
               "observers=[]")[:2] == (0, "75.0 % of arithmetic\n")
    (_, path, cfg), = fake.calls
    assert (cfg.train.max_steps, cfg.eval.eval_num_samples, cfg.run_dir) == (33, 9, None)
    assert "did you mean outputs/old?" in run(capsys, "--evaluate", "outputs/odl")[2]
    assert run(capsys, "--evaluate", "Qwen/Qwen3-0.6B", "data_component=gsm8k")[0] == 0
    assert fake.calls[1][2].model.model_name_or_path == "Qwen/Qwen3-0.6B"
    assert fake.calls[1][2].data.dataset_name == "gsm8k"


# --- plugins

PLUGIN = '''
from functools import partial
from rlvr_nb.config import register_component
from rlvr_nb.rewards import DefaultRewardComponent


def custom_reward(prompts, completions, answers, **kwargs):
    scores = []
    for completion, answer in zip(completions, answers):
        scores.append(1.0 if answer in completion else 0.0)
    return scores


@register_component("custom_rewards")
class CustomRewards(DefaultRewardComponent):
    def _build_custom_reward_fn(self, fn_config, markers):
        if fn_config.get("type") == "custom_verification":
            return partial(custom_reward, **fn_config.get("params", {}))
'''


def test_a_plugin_registers_a_component(fake, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("rlvr_nb.rules._registered", {})
    (tmp_path/"my_rewards_file.py").write_text(PLUGIN)
    assert run(capsys, "--plugin", "my_rewards_file.py", "reward._target_=custom_rewards",
               "reward.reward_functions=[{type: custom_verification}]")[0] == 0
    cfg = fake.calls[0][1]
    cls = config.resolve_target("reward", cfg.reward.target)
    fn = cls._build_custom_reward_fn(None, cfg.reward.reward_functions[0], None)
    assert fn(["q"], ["it is 4"], ["4"]) == [1.0] and "--plugin=my_rewards_file.py" in cfg.command()
    assert sys.modules[cls.__module__].CustomRewards is cls


@pytest.mark.parametrize("text, expected",
                         [("x = 1\ny = x + nothing\n", "name 'nothing' is not defined"), ("def f(:\n", "line 1"),
                          ("import not_there_at_all\n", "not_there_at_all"), ("raise SystemExit(3)\n", None)])
def test_a_broken_plugin(capsys, tmp_path, text, expected):
    (tmp_path/"broken_plugin.py").write_text(text)
    if expected is None:
        with pytest.raises(SystemExit): cli.main(["--plugin", "broken_plugin.py"])
        return
    status, _, err = run(capsys, "--plugin", "broken_plugin.py")
    assert status == 2 and expected in err and "broken_plugin" in err and "Traceback" not in err


def test_a_plugin_may_be_a_module(fake, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("rlvr_nb.rules._registered", {})
    (tmp_path/"my_package").mkdir()
    (tmp_path/"my_package/__init__.py").write_text(
        "from rlvr_nb.config import register_component\n@register_component('packaged')\nclass P: pass\n")
    assert run(capsys, "--plugin", "my_package", "data._target_=packaged")[0] == 0


# --- as a program

HEAVY = {"torch", "transformers", "trl", "peft", "datasets", "pandas", "matplotlib", "unsloth"}


@pytest.mark.parametrize("argv", [["train.max_stesp=1"], ["--cfg", "job"], ["--help"],
                                  ["--cfg", "job", "data_component=gsm8k", "model_component=gemma_1b_lora"]])
def test_light(argv):
    "An error, the help and `--cfg job` import nothing that takes seconds to import."
    code = f"""
        import json, sys
        from rlvr_nb.cli import main
        main({argv!r})
        print(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}} & {HEAVY!r})))"""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True,
                          cwd=ROOT)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_from_another_directory(tmp_path):
    (tmp_path/"conf/data_component").mkdir(parents=True)
    (tmp_path/"conf/data_component/custom_dataset.yaml").write_text(
        'dataset_name: "custom_dataset"\ndataset_path: "your/dataset"\n')
    done = process("data_component=custom_dataset", "--cfg", "job", "-p", "data.dataset_path", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "your/dataset\n")


def test_a_closed_pipe():
    "`| head -1` ends quietly."
    done = subprocess.run(["bash", "-c", f"set -o pipefail; '{PROGRAM[0]}' '{PROGRAM[1]}' --help | head -1"],
                          capture_output=True, text=True)
    assert done.stdout.startswith("usage:") and done.stderr == "" and done.returncode in (0, 141)
    reader = subprocess.Popen([*PROGRAM, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    reader.stdout.close()
    assert reader.wait() == 141 and reader.stderr.read() == b""
    reader.stderr.close()


def test_a_terminal_that_is_not_utf8():
    done = process("name=ü", "run_dir=日本",
                   env={**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 2 and done.stderr.startswith("name: got '\\xfc'") and "Traceback" not in done.stderr
    done = process("--cfg", "job", "-p", "run_dir", "run_dir=日本",
                   env={**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert (done.returncode, done.stdout) == (0, "'\\u65e5\\u672c'\n")
    done = subprocess.run([*PROGRAM, b"name=\xff\xfe"], capture_output=True)
    assert done.returncode == 2 and b"Traceback" not in done.stderr


def test_ctrl_c_of_a_process(tmp_path):
    "A real interrupt during a run."
    code = textwrap.dedent("""
        import sys, time, types
        class Pipeline:
            def __init__(self, cfg): self.run_dir = "outputs/x"
            def run(self): print("running", flush=True); time.sleep(60)
        sys.modules["rlvr_nb.pipeline"] = types.ModuleType("rlvr_nb.pipeline")
        sys.modules["rlvr_nb.pipeline"].Pipeline = Pipeline
        from rlvr_nb.cli import main
        sys.exit(main([]))""")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          cwd=ROOT) as p:
        assert p.stdout.readline() == "running\n"
        p.send_signal(signal.SIGINT)
        assert p.wait(timeout=20) == 130
        assert p.stderr.read() == "Stopped and saved. Continue with: python run_pipeline.py --resume outputs/x\n"


# --- completion

def complete(*words):
    "What the program answers a shell that has these words, the last of them unfinished."
    return cli.complete(list(words[:-1]), words[-1])


def test_completion_answers():
    assert complete("train.max_s") == ["train.max_steps="]
    assert complete("reward_component=tasks/m") == ["reward_component=tasks/math_reasoning"]
    tolerance = "reward.reward_functions[0].params.tolerance="
    assert complete("reward_component=tasks/financial_reasoning", "reward.reward_functions[0].params.t") == [tolerance]
    assert complete("+train.grpo.loss_type=dr") == ["+train.grpo.loss_type=dr_grpo"]
    assert complete("~mod") == ["~model.", "~model_component="]
    assert complete("train.max_stesp=1", "logging_level=DE") == ["logging_level=DEBUG"]
    assert {"--config-dir", "--config-name"} <= set(complete("--conf"))
    assert complete("doc") == ["doctor"]


def test_nothing_is_offered_that_the_configuration_refuses():
    offered = {key: cli.complete([], f"{key}=") for key, _, _ in cli.option_lines()}
    listed = {key: values for key, values in offered.items() if values}
    assert {"train.lr_scheduler_type", "train.optim_name", "train.rollout", "train.bf16",
            "model.backend"} <= set(listed)
    for values in listed.values():
        for override in values: load_config(override, "train.warm_start.file=worked.csv")  # as one of the sources needs


def test_completion_in_bash(tmp_path):
    "A real shell, by the script that the program prints."
    (tmp_path/"rlvr-nb").write_text(f"#!/bin/sh\nexec '{sys.executable}' '{ROOT}/run_pipeline.py' \"$@\"\n")
    (tmp_path/"rlvr-nb").chmod(0o755)
    script = """eval "$(rlvr-nb --shell-completion bash)"
        try() { COMP_LINE="$1"; COMP_POINT=${#1}; COMP_TYPE=9; read -ra COMP_WORDS <<< "$1"
                COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _python_argcomplete rlvr-nb; echo "${COMPREPLY[@]}"; }
        try "rlvr-nb train.max_s"; try "rlvr-nb data_component=g"; try "rlvr-nb train.lr_scheduler_type=gr"
        complete -p rlvr-nb"""
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, cwd=ROOT)
    *answers, registered = [line.strip() for line in done.stdout.splitlines()]
    assert answers == ["train.max_steps=", "gsm8k", ""], (done.stdout, done.stderr)
    assert registered.endswith("_python_argcomplete rlvr-nb")


@pytest.mark.parametrize("shell, check", [("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])])
def test_scripts_of_other_shells_are_sound(tmp_path, shell, check):
    if not shutil.which(shell): pytest.skip(f"needs {shell}")
    (tmp_path/"script").write_text(cli.shell_completion(f"install={shell}"))
    assert subprocess.run([*check, "script"], cwd=tmp_path, capture_output=True, text=True).stderr == ""


# --- commands and modes

def test_the_package_is_a_program():
    done = subprocess.run([sys.executable, "-m", "rlvr_nb", "--cfg", "job", "-p", "seed"], capture_output=True,
                          text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "42\n")


def test_doctor(monkeypatch, capsys):
    from rlvr_nb import doctor
    missing = doctor.Finding("trl", "missing", "1.0 (needs >=1.14)", "pip install 'trl>=1.14'")
    monkeypatch.setattr(doctor, "diagnose", lambda: [doctor.Finding("torch", "ok", "2.13"), missing])
    status, out, _ = run(capsys, "doctor")
    assert status == 3 and out.splitlines()[-1] == "to mend: pip install 'trl>=1.14'"
    lines = out.splitlines()
    assert next(i for i, x in enumerate(lines) if "trl" in x) < next(i for i, x in enumerate(lines) if "torch" in x)
    assert run(capsys, "doctor", "please")[0] == 2


def test_doctor_of_this_machine_finds_what_is_required():
    from rlvr_nb import doctor
    findings = {f.name: f for f in map(doctor.package_finding, doctor.requirements())}
    assert findings["torch"].state == findings["trl"].state == "ok"


def test_what_is_printed_does_not_steer_the_terminal(fake, capsys):
    fake.failure = RLVRError("row 7: \x1b[2J\x07 \u202egnp.exe https://me:secret-word@host/x?token=abcdef")
    err = run(capsys)[2]
    assert err == "row 7: \\x1b[2J\\x07 \\u202egnp.exe https://<redacted>@host/x?token=<redacted>\n"
    assert "\x1b" not in run(capsys, "train.\x1b[31m=1")[2]
    assert "\u202e" not in run(capsys, "--cfg", "job", "data.params.x='a\u202eb'")[1]
