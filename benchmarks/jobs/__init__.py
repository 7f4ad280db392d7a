"""The jobs: each module has a `job`, which makes what it needs in a folder."""
