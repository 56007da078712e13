"""`python -m api_base.cli`."""

from api_base.cli import main

main()
