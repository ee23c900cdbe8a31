"""``python -m tests.operators_page`` writes docs/operators.md; with ``--print`` it prints what the page should be."""

import sys

from .page import main, page

if "--print" in sys.argv:
    print(page(update_peers=False), end="")
else:
    main()
