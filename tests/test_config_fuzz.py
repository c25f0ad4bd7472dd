"""A short, seeded sample of tests/slow/fuzz_config.py."""
import random
import sys
from pathlib import Path

import pytest
from slower import some

sys.path.insert(0, str(Path(__file__).parent/"slow"))
import fuzz_config


def test_random_mutations(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path/"mine").mkdir()
    fuzzer = fuzz_config.Fuzzer(seed=11, folder=tmp_path/"mine")
    assert fuzzer.run(150) is None
    assert min(fuzzer.counts.values()) > 15


@pytest.mark.parametrize('count', some([1_500, 100_000], 1_500))
def test_public_callables_of_the_standard_library_are_refused(count):
    names = fuzz_config.public_callables()
    assert len(names) > 10_000 and {"os.system", "pathlib.Path.write_text", "shutil.copyfile", "urllib.request.urlopen",
                                    "subprocess.Popen.kill"} <= set(names)
    assert fuzz_config.admitted(random.Random(1).sample(names, min(count, len(names)))) == []
    for name in random.Random(0).sample(names, 25): assert fuzz_config.load_error(f"data._target_={name}")
