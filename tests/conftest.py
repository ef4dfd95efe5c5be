"""What holds for all tests.

One thread for torch: the networks are so small that more only wait for each other, and two tests run at a time.

Generated cases are the same in every run, so that a red test stays red until it is mended.

`pytest --hypothesis-profile explore` draws new ones; so does `python -m tests.fuzz`.
"""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is first imported

settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", settings.get_profile("default"), derandomize=False, print_blob=True)
settings.load_profile("default")
