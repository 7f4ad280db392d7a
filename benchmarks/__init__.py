"""What the code costs: `python -m benchmarks` measures jobs next to what others take for the same.

Each job runs in processes of its own, alternating with its peers; every result is compared with
what the seeded generator of its input knows. The scripts beside the package measure single things
and are run by themselves.
"""
