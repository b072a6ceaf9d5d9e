"""Layers and small networks that several papers share."""

from course_lib.nn.augment import random_shift
from course_lib.nn.choice import Choice
from course_lib.nn.conv import conv_decoder, conv_encoder
from course_lib.nn.dcgan import dcgan_critic, dcgan_generator, dcgan_init, mlp_critic, mlp_generator
from course_lib.nn.flow import Chain, FlowLayer, OnHalf, Squeeze, Unsqueeze
from course_lib.nn.flow_layers import ActNorm, Coupling, Invertible1x1, Logit, channel_mask, checkerboard_mask, conditioner
from course_lib.nn.mlp import mlp
from course_lib.nn.spline import SplineCoupling, spline

__all__ = [
    "ActNorm",
    "Chain",
    "Choice",
    "Coupling",
    "FlowLayer",
    "Invertible1x1",
    "Logit",
    "OnHalf",
    "SplineCoupling",
    "Squeeze",
    "Unsqueeze",
    "channel_mask",
    "checkerboard_mask",
    "conditioner",
    "conv_decoder",
    "conv_encoder",
    "dcgan_critic",
    "dcgan_generator",
    "dcgan_init",
    "mlp",
    "mlp_critic",
    "mlp_generator",
    "random_shift",
    "spline",
]
