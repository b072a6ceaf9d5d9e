"""Layers and small networks that several papers share."""

from course_lib.nn.conv import conv_decoder, conv_encoder
from course_lib.nn.mlp import mlp

__all__ = ["conv_decoder", "conv_encoder", "mlp"]
