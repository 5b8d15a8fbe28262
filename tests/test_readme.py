"""The README has exactly two set-up commands, and they are the ones that continuous integration runs."""

from pathlib import Path

from readme_commands import README, readme_commands


def test_there_are_exactly_two_setup_commands() -> None:
    assert readme_commands() == {
        "demo": "pip install . && electrosaxs demo",
        "test": "pip install '.[test]' && pytest",
    }


def test_the_picture_of_the_readme_exists() -> None:
    import re

    for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README.read_text(encoding="utf-8")):
        assert (Path(README).parent / target).is_file(), target
