"""`tidegate.serving.stack.embedded` with `UnrecordedRouter` in the router's place; the same arguments."""

import sys

from loadtests.compare.unrecorded_router import UnrecordedRouter
from tidegate.serving import app
from tidegate.serving.stack import embedded

if __name__ == "__main__":
    app.ModerationRouter = UnrecordedRouter  # type: ignore[attr-defined]  # this process deploys nothing else
    sys.exit(embedded.main())
