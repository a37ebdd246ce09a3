"""`python -m tieout.cli`: how the process tree starts its own children."""

from tieout.cli.app import main

if __name__ == "__main__":
    main()
