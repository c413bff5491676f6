"""How long the first answer takes when no container is there.

    python -m benchmarks.cold_start [--rounds N] [--json FILE] [--quick] [--ray]

From zero: the app runs, and its one container has gone. First: the app is started,
which starts the process that containers are forked from. Beside it: what the
standard library needs to get an answer from a process that is not there yet, and
with --ray an actor of a Ray that runs already.
"""

if __name__ == "__main__":
    # Children that multiprocessing spawns import this module again: whatever was
    # imported above, theirs would have to import as well.
    from benchmarks.cold_runs import main

    main()
