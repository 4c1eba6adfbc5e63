"""``python -m lrdoctor``."""

from lrdoctor.cli import main

if __name__ == "__main__":
    main()
