"""The blocks of Python on a page are one program: run it, and keep the pictures that it draws beside the page.

``python docs/blocks.py docs/first_steps/numpy.md``
"""

import os
import pathlib
import re
import sys


def program(page):
    """The blocks of a page, one after the other."""
    return "\n".join(re.findall(r"```python\n(.*?)```", pathlib.Path(page).read_text(), re.S))


def promised(code):
    """What the comments behind its ``print`` say that it prints, line by line."""
    return re.findall(r"^print\(.*\)  # (.*)$", code, re.M)


if __name__ == "__main__":
    for page in sys.argv[1:]:
        code = program(page)
        os.chdir(pathlib.Path(page).resolve().parent)
        exec(compile(code, page, "exec"), {})
