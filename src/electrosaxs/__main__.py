"""`python -m electrosaxs`: the command line where the script is not on the path."""

from .command_line.app import main

if __name__ == "__main__":
    main()
