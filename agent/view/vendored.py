"""The files of the page that come from elsewhere; `python -m agent.view.vendored` makes them.

Needs the extra `vendor` and, for htmx, the tarball that `npm pack htmx.org@2.0.10` writes. A
build elsewhere must give the same bytes: a test holds the files to these digests.
"""

import argparse
import sys
import tarfile
from pathlib import Path

from logs.canonical import sha256
from logs.files import write_whole

STATIC = Path(__file__).parent / "static"
VEGA_LITE = "6.4"
SNIPPET = "window.vegaEmbed=vegaEmbed; window.vega=vega; window.vegaLite=vegaLite;"
FILES: tuple[dict[str, str], ...] = (
    {
        "file": "htmx.min.js",
        "name": "htmx",
        "parts": "htmx.org 2.0.10, dist/htmx.min.js as published",
        "licence": "0BSD",
        "sha256": "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de",
    },
    {
        "file": "vega.js",
        "name": "Vega, Vega-Lite, vega-embed",
        "parts": "Vega 6.2.0, Vega-Lite 6.4, vega-embed 7.0.2 and what they import,"
        " bundled by vl-convert-python 1.9.0",
        "licence": "BSD-3-Clause (what they import: BSD-3-Clause, ISC, MIT)",
        "sha256": "3425bd951a44d478d0505c6b5d1e8d57656b6e9a4da7bfe88a718ce61d76e572",
    },
)
"""Each file, what is in it, and the digest that it must have."""


def listed() -> list[dict[str, str]]:
    """What is carried."""
    return [dict(one) for one in FILES]


def faults() -> list[str]:
    """Names of the files that are not what this module says."""
    return [
        one["file"]
        for one in FILES
        if not (STATIC / one["file"]).is_file()
        or sha256((STATIC / one["file"]).read_bytes()) != one["sha256"]
    ]


def main(argv: list[str] | None = None) -> int:
    """Write both files again, and say whether they are what they were."""
    parser = argparse.ArgumentParser(description="Write the files that come from elsewhere.")
    parser.add_argument("--htmx", metavar="TGZ", type=Path, help="from npm pack htmx.org@2.0.10")
    given = parser.parse_args(argv)
    import vl_convert

    bundle = vl_convert.javascript_bundle(SNIPPET, vl_version=VEGA_LITE)
    write_whole(STATIC / "vega.js", bundle.encode())
    if given.htmx:
        with tarfile.open(given.htmx) as packed:
            found = packed.extractfile("package/dist/htmx.min.js")
            assert found is not None
            write_whole(STATIC / "htmx.min.js", found.read())
    for name in faults():
        print(f"{name} is not what {Path(__file__).name} says it is", file=sys.stderr)
    return 1 if faults() else 0


if __name__ == "__main__":
    sys.exit(main())
