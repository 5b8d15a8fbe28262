"""Hold the paper's claims against the model: `python examples/campaign/check_claims.py OUT`.

Leaves OUT/claims.md and OUT/images/claims_*.png; with OUT = docs these are the page and figures of the documentation.
"""

import sys
from pathlib import Path

from electrosaxs.recipes.claims.claims import summary, write_claims

if __name__ == "__main__":
    out = sys.argv[1] if len(sys.argv) > 1 else "claims"
    print(summary(write_claims(Path(__file__).parent, out)))
