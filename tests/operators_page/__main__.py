"""``python -m tests.operators_page`` writes docs/operators.md; with ``--print`` it prints what the page should be."""

import sys

from .page import PAGE, page
from .peers import installed

text = page(update_peers=installed())
if "--print" in sys.argv:
    print(text, end="")
else:
    PAGE.write_text(text, encoding="utf-8")
