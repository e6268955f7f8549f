"""Random sequences: mistakes that need several steps in a certain order, which no single check takes."""

import pytest


@pytest.mark.requirement("WIRE-01.model-agrees")
def test_random_sequences_end_as_the_model_says(sequences):
    """Random sequences of uploads, parts, completions, aborts, reads, lists and deletes end as a model of S3 says."""
    sequences()
