"""`python -m f2b` is `f2b`."""

from f2b.cli.main import main

main()
