"""Package metadata comes from settings.ini; the version from rlvr_nb/__init__.py."""
import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

here = Path(__file__).parent
parser = ConfigParser(delimiters=["="], interpolation=None)
parser.read(here / "settings.ini", encoding="utf-8")
cfg = parser["DEFAULT"]


def listed(key):
    "The values of a multi-line key of settings.ini."
    return [line.strip() for line in cfg[key].splitlines() if line.strip()]


setup(
    name=cfg["lib_name"],
    version=re.search(r'__version__ = "(.+)"', (here / "rlvr_nb/__init__.py").read_text()).group(1),
    description=cfg["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8") if (here / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    author=cfg["author"],
    license_expression=cfg["license"],
    license_files=["LICENSE"],
    keywords=cfg["keywords"].split(),
    classifiers=[
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: {v}" for v in cfg["pythons"].split()),
    ],
    python_requires=f">={cfg['min_python']}",
    packages=["rlvr_nb", "rlvr_nb.conf"],
    package_data={"rlvr_nb": ["py.typed", "assets/*"], "rlvr_nb.conf": ["*.yaml", "**/*.yaml"]},
    install_requires=listed("requirements"),
    extras_require={key.removeprefix("extra_"): listed(key) for key in cfg if key.startswith("extra_")},
    entry_points={"console_scripts": listed("console_scripts"), "nbdev": ["rlvr_nb=rlvr_nb._modidx:d"]},
    zip_safe=False,
)
