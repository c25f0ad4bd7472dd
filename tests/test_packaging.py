"""The wheel holds the modules and every configuration file, and works from an empty folder."""
import configparser
import re
import subprocess
import sys
import zipfile

import pytest


@pytest.fixture(scope='module')
def wheel(tmp_path_factory, root):
    "The wheel, built from the source archive as an installer would."
    import shutil
    base = tmp_path_factory.mktemp('build')
    names = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '-z'], cwd=root, capture_output=True,
                           text=True, check=True).stdout
    for name in filter(None, names.split('\0')):
        if not (root/name).exists(): continue
        (base/'tree'/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root/name, base/'tree'/name, follow_symlinks=False)
    done = subprocess.run([sys.executable, '-m', 'build', '--no-isolation', '--outdir', base/'dist', base/'tree'],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return next((base/'dist').glob('*.whl'))


def test_wheel_holds_every_module_and_configuration_file(wheel, root):
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {p.relative_to(root).as_posix() for pattern in ('*.py', 'py.typed', 'assets/*', 'conf/**/*.py',
                                                             'conf/**/*.yaml') for p in (root/'rlvr_nb').glob(pattern)}
    assert 'rlvr_nb/conf/config.yaml' in wanted
    assert wanted <= held, sorted(wanted - held)


def test_wheel_says_what_settings_ini_says(wheel, root):
    settings = configparser.ConfigParser(delimiters=['='], interpolation=None)
    settings.read(root/'settings.ini')
    meta = next(n for n in zipfile.ZipFile(wheel).namelist() if n.endswith('dist-info/METADATA'))
    text = zipfile.ZipFile(wheel).read(meta).decode()
    version = re.search(r'"(.+)"', (root/'rlvr_nb/__init__.py').read_text().split('__version__')[1])[1]
    assert f'\nVersion: {version}\n' in text
    assert '\nLicense-Expression: Apache-2.0\n' in text
    assert (root/'README.md').read_text().splitlines()[0] in text
    for key, value in settings['DEFAULT'].items():
        if key.startswith('extra_'): assert f"\nProvides-Extra: {key.removeprefix('extra_')}\n" in text
        if key == 'requirements':
            for name in (re.match(r'[\w.-]+', line.strip())[0]
                         for line in value.splitlines()): assert f'\nRequires-Dist: {name}' in text, name


def test_configuration_loads_from_an_empty_folder(wheel, tmp_path):
    subprocess.run([sys.executable, '-m', 'pip', 'install', '-q', '--no-deps', '--target', tmp_path/'site', wheel],
                   check=True, timeout=300)
    (tmp_path/'cwd').mkdir()
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import rlvr_nb.config as c; "
        "assert c.__file__.startswith(sys.argv[1]), c.__file__; "
        "print(c.load_config('train.max_steps=7').train.max_steps)"
    )
    done = subprocess.run([sys.executable, '-c', program, str(tmp_path/'site')], cwd=tmp_path/'cwd',
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ['7']


@pytest.mark.parametrize('name', ['constraints.txt', 'constraints-latest.txt'])
def test_constraints_pin_everything_that_is_asked_for_by_default(name, root):
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
    pins = {canonicalize_name(r.name): str(r.specifier)
            for r in map(Requirement,
                         filter(None, (line.split('#')[0].strip() for line in (root/name).read_text().splitlines())))}
    settings = configparser.ConfigParser(delimiters=['='], interpolation=None)
    settings.read(root/'settings.ini')
    for line in f"{settings['DEFAULT']['requirements']}\n{settings['DEFAULT']['extra_dev']}".splitlines():
        wanted = Requirement(line.strip())
        if wanted.name == 'setuptools': continue   # torch brings the one it needs
        assert pins.get(canonicalize_name(wanted.name), '').startswith('=='), f'{wanted.name} is not pinned in {name}'
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)][2:]), (
            f'{name} pins {wanted.name} outside the range of settings.ini'
        )
