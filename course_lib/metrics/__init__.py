"""How good are the samples? Metrics on features, on pixels and on modes; lesson 11 teaches them."""

from course_lib.metrics.checks import Spread
from course_lib.metrics.failures import FAILURES, spoil
from course_lib.metrics.features import Features, classifier_features, imagenet_features, inception_features, pixel_features
from course_lib.metrics.frechet import Extrapolation, frechet_at_infinity, frechet_distance
from course_lib.metrics.inception import inception_score, inception_score_splits
from course_lib.metrics.kernel import kernel_distance, kernel_distance_subsets
from course_lib.metrics.modes import ModeCoverage, class_coverage, mode_coverage
from course_lib.metrics.moments import Moments
from course_lib.metrics.neighbours import copying, nearest
from course_lib.metrics.parzen import parzen_bandwidth, parzen_log_likelihood
from course_lib.metrics.pixels import lpips, psnr, ssim
from course_lib.metrics.precision_recall import PrecisionRecall, precision_recall
from course_lib.metrics.report import Report, evaluate, plot_reports
from course_lib.metrics.single_image import random_filter_maps, single_image_fid
from course_lib.metrics.sliced import laplacian_pyramid, patch_sliced_wasserstein, sliced_wasserstein

__all__ = [
    "Extrapolation",
    "FAILURES",
    "Features",
    "ModeCoverage",
    "Moments",
    "PrecisionRecall",
    "Report",
    "Spread",
    "class_coverage",
    "classifier_features",
    "copying",
    "evaluate",
    "frechet_at_infinity",
    "frechet_distance",
    "imagenet_features",
    "inception_features",
    "inception_score",
    "inception_score_splits",
    "kernel_distance",
    "kernel_distance_subsets",
    "laplacian_pyramid",
    "lpips",
    "mode_coverage",
    "nearest",
    "parzen_bandwidth",
    "parzen_log_likelihood",
    "patch_sliced_wasserstein",
    "pixel_features",
    "plot_reports",
    "precision_recall",
    "psnr",
    "random_filter_maps",
    "single_image_fid",
    "sliced_wasserstein",
    "spoil",
    "ssim",
]
