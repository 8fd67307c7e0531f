"""``python -m oqiga``."""

from oqiga.cli import main

main()
