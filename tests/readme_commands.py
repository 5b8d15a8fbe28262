"""The two set-up commands of the README and its Python, read from it, so that what is tested is what is printed."""

import re
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def readme_commands() -> dict[str, str]:
    """{"demo": ..., "test": ...} from the console blocks under the heading "Two commands"."""
    text = README.read_text(encoding="utf-8")
    section = text.split("## Two commands", 1)[1].split("\n## ", 1)[0]
    lines = [
        line.strip()
        for block in re.findall(r"```(?:bash|sh|console)\n(.*?)```", section, re.S)
        for line in block.splitlines()
    ]
    demo, test = [line for line in lines if line]
    return {"demo": demo, "test": test}


def readme_python() -> str:
    """The program under "From Python"."""
    return "\n".join(re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S))


if __name__ == "__main__":
    print({**readme_commands(), "python": readme_python()}[sys.argv[1]])
