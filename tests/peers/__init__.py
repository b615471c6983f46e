"""Tests with the libraries that people train with; see `conftest`.

A torchvision that was built for another torch is made to import first, as torchmetrics and timm
import it.
"""

import contextlib

with contextlib.suppress(ImportError):
    from reassess.training.models import let_torchvision_import

    let_torchvision_import()
