"""Layers and small networks that several papers share."""

from course_lib.nn.augment import random_shift
from course_lib.nn.choice import Choice
from course_lib.nn.conv import conv_decoder, conv_encoder
from course_lib.nn.dcgan import dcgan_critic, dcgan_generator, dcgan_init, mlp_critic, mlp_generator
from course_lib.nn.mlp import mlp

__all__ = [
    "Choice",
    "conv_decoder",
    "conv_encoder",
    "dcgan_critic",
    "dcgan_generator",
    "dcgan_init",
    "mlp",
    "mlp_critic",
    "mlp_generator",
    "random_shift",
]
