"""Models: small ones that are built in, timm's by name, and what a file of weights keeps."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from reassess.errors import DataError, FileError, OptionError
from reassess.records import Classes
from reassess.training import (
    ImageTransform,
    TrainedModel,
    build_model,
    open_model,
    predict_logits,
    predicted_probabilities,
    read_model,
    train_model,
    transform_for,
    write_model,
)
from reassess.training.models import BUILT_IN
from tests.training.small import FAST, small

N_PARAMETERS = {"resnet-20": 269_722 + 2_752}
"""He et al. (2016) state 0.27 M; ours has projections where theirs pads with zeros."""


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_models_have_their_shape_and_their_seed(name):
    model = build_model(name, 10, seed=3)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    again, other = build_model(name, 10, seed=3), build_model(name, 10, seed=4)
    assert torch.equal(model.head.weight, again.head.weight)
    assert not torch.equal(model.head.weight, other.head.weight)
    if name in N_PARAMETERS:
        assert sum(one.numel() for one in model.parameters()) == N_PARAMETERS[name]


def test_a_model_of_timm_s_has_the_classes_that_are_asked_for():
    if find_spec("timm") is None:
        pytest.skip("the extra zoo is not installed")
    model = build_model("timm:test_resnet", 7, objective="sigmoid")
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 7)
    assert torch.allclose(model.get_classifier().bias, torch.tensor(-np.log(7)).float())
    with pytest.raises(OptionError, match=r"near it: .*resnet50"):
        build_model("timm:resnet5", 7)
    for use in (lambda name: transform_for(name, None), open_model):
        with pytest.raises(OptionError, match="timm has no model of that name"):
            use("timm:resnet5")
        with pytest.raises(OptionError, match=r"near it: resnet18\.a1_in1k"):
            use("timm:resnet18.of_nobody")


def test_a_model_comes_back_from_its_file_with_all_that_it_needs(tmp_path):
    images, path = small(), tmp_path / "m.safetensors"
    model = train_model(images, FAST, "resnet-8")
    write_model(model, path)
    again = read_model(path)
    logits = predict_logits(model, images.pixels)
    assert predict_logits(again, images.pixels).tobytes() == logits.tobytes()
    assert (again.transform, again.n_classes, again.objective) == (ImageTransform(16), 4, "softmax")
    assert again.classes == images.classes
    np.testing.assert_allclose(predicted_probabilities(logits, "softmax").sum(axis=1), 1, rtol=1e-5)
    apart = predicted_probabilities(logits, "sigmoid")
    np.testing.assert_allclose(apart, 1 / (1 + np.exp(-logits)), rtol=1e-5)
    again.check_classes(4, images.classes, "here")
    with pytest.raises(DataError, match="must have 5"):
        again.check_classes(5, None, "here")
    with pytest.raises(DataError, match=r"class\[0\] is 'c0', but must be 'c1'"):
        again.check_classes(4, Classes.from_names(["c1", "c0", "c2", "c3"]), "here")


def test_what_is_no_model_is_said(tmp_path):
    path = tmp_path / "m.safetensors"
    with pytest.raises(OptionError, match="a model without weights"):
        open_model("resnet-8")
    with pytest.raises(FileError, match="no such file"):
        open_model(str(path))
    path.write_bytes(b"nothing")
    with pytest.raises(FileError, match="unfinished, corrupt or no safetensors"):
        open_model(str(path))
    with pytest.raises(OptionError, match="must be one of resnet-8"):
        build_model("resnet-9", 4)
    module = build_model("resnet-8", 4)
    write_model(TrainedModel(module, "resnet-20", 4, None, ImageTransform()), path)
    with pytest.raises(FileError, match="not those of 'resnet-20'"):
        open_model(str(path))
