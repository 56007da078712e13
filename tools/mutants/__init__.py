"""Mutation testing: change one place of the code, run the tests, and see whether one fails.

`make mutants SAMPLE=300 SEED=7` tries a seeded sample; `docs/mutants.md` holds the last result.
"""
