"""`python -m gpucarve`: the same as the `gpucarve` command."""

from gpucarve.cli import main

if __name__ == "__main__":
    main()
