"""Programs that look for harm, as data, by family. `tests/acceptance/test_attacks.py` runs them."""
