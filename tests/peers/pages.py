"""The pages of the docs whose code `make test-peers` runs, and what it imports."""

NEEDED = {
    "loops": ("torchvision", "timm", "torchmetrics", "lightning", "transformers"),
    "saving-predictions": ("torchvision", "timm", "lightning", "transformers", "keras"),
    "upstream/crowd-kit-scikit-learn": ("crowdkit",),
    "upstream/crowd-kit-stopping": ("crowdkit",),
}
"""By page: packages."""
