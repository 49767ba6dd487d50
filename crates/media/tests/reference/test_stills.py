"""Stills against OpenCV's default reader (`imread` and `BGR2RGB`), and Pillow where OpenCV has no say."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from conftest import Program

SIZE = (61, 43)  # odd on purpose: blocks and chroma do not fit


def scene(channels: int = 3, depth: int = 8) -> np.ndarray:
    """Smooth colours with a few hard edges."""
    height, width = SIZE[1], SIZE[0]
    y, x = np.mgrid[0:height, 0:width]
    planes = [x / width, y / height, (x + y) / (width + height), 0.25 + 0.5 * (x > y)]
    picture = np.stack(planes[:channels], axis=-1)
    picture[10:20, 10:30, : min(channels, 3)] = np.linspace(1, 0, min(channels, 3))
    return (picture * (2**depth - 1)).round().astype(np.uint8 if depth == 8 else np.uint16)


def rgb() -> Image.Image:
    return Image.fromarray(scene())


def rgba() -> Image.Image:
    return Image.fromarray(scene(4))


def grey() -> Image.Image:
    return Image.fromarray(scene(1)[..., 0])


def turned(number: int) -> dict[str, object]:
    exif = Image.Exif()
    exif[0x0112] = number
    return {"exif": exif}


def animation() -> dict[str, object]:
    return {"save_all": True, "append_images": [Image.new("RGB", SIZE, "red"), Image.new("RGB", SIZE, "blue")]}


# name: (picture, how it is saved). Every pixel has to be OpenCV's.
EXACT = {
    "rgb.png": (rgb, {}),
    "rgba.png": (rgba, {}),
    "grey.png": (grey, {}),
    "grey_alpha.png": (lambda: rgba().convert("LA"), {}),
    "palette.png": (lambda: rgb().quantize(16), {}),
    "palette_see_through.png": (lambda: rgb().quantize(16), {"transparency": 3}),
    "one_bit.png": (lambda: grey().convert("1"), {}),
    "grey16.png": (lambda: Image.fromarray(scene(1, 16)[..., 0]), {}),
    "animated.png": (rgb, animation()),
    "upside_down.png": (rgb, turned(3)),
    "sideways.png": (rgb, turned(6)),
    "rgb.bmp": (rgb, {}),
    "grey.bmp": (grey, {}),
    "palette.bmp": (lambda: rgb().quantize(16), {}),
    "one_bit.bmp": (lambda: grey().convert("1"), {}),
    "rgba.bmp": (rgba, {}),
    "rgb.tiff": (rgb, {}),
    "lzw.tiff": (rgb, {"compression": "tiff_lzw"}),
    "deflate.tiff": (rgb, {"compression": "tiff_adobe_deflate"}),
    "grey.tiff": (grey, {}),
    "grey16.tiff": (lambda: Image.fromarray(scene(1, 16)[..., 0]), {}),
    "one_bit.tiff": (lambda: grey().convert("1"), {}),
    "palette.tiff": (lambda: rgb().quantize(16), {}),
    "rgb.gif": (lambda: rgb().quantize(64), {}),
    "animated.gif": (lambda: rgb().quantize(64), animation()),
    "lossless.webp": (rgb, {"lossless": True}),
    "lossless_alpha.webp": (rgba, {"lossless": True, "exact": True}),
    "animated.webp": (rgb, {"lossless": True, **animation()}),
    "lossy.webp": (rgb, {"quality": 80}),
    "lossy_alpha.webp": (rgba, {"quality": 80, "exact": True}),
}
# OpenCV darkens see-through pixels of TIFF and replaces those of GIF by the background: it does not ignore transparency
# there as it does elsewhere. Pillow shows the colours that the file holds.
SEE_THROUGH = {
    "rgba.tiff": (rgba, {}),
    "see_through.gif": (lambda: rgb().quantize(64), {"transparency": 3}),
}
# Another decoder rounds its transforms and colours differently than libjpeg-turbo.
JPEG = {
    "rgb.jpg": (rgb, {"quality": 90}),
    "full_chroma.jpg": (rgb, {"quality": 90, "subsampling": 0}),
    "half_chroma.jpg": (rgb, {"quality": 90, "subsampling": 1}),
    "progressive.jpg": (rgb, {"quality": 75, "progressive": True}),
    "grey.jpg": (grey, {"quality": 90}),
    "cmyk.jpg": (lambda: rgb().convert("CMYK"), {"quality": 90}),
    **{f"exif_{number}.jpg": (rgb, {"quality": 90, **turned(number)}) for number in range(1, 9)},
}


def made(folder: Path, name: str) -> Path:
    picture, how = {**EXACT, **SEE_THROUGH, **JPEG}[name]
    path = folder / name
    picture().save(path, **how)
    return path


def by_opencv(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize("name", EXACT)
def test_a_still_is_what_opencv_reads(program: Program, tmp_path: Path, name: str) -> None:
    path = made(tmp_path, name)
    given, expected = program.still(path), by_opencv(path)
    assert given.shape == expected.shape
    off = np.abs(given.astype(np.int16) - expected)
    assert off.max() == 0, f"{off.max()}, mean {off.mean():.3f}, {(off > 0).mean():.2%} of bytes"


@pytest.mark.parametrize("name", SEE_THROUGH)
def test_see_through_pixels_keep_their_colour(program: Program, tmp_path: Path, name: str) -> None:
    path = made(tmp_path, name)
    assert np.array_equal(program.still(path), np.array(Image.open(path).convert("RGB")))


@pytest.mark.parametrize("name", JPEG)
def test_a_jpeg_is_what_opencv_reads_but_for_rounding(program: Program, tmp_path: Path, name: str) -> None:
    path = made(tmp_path, name)
    given, expected = program.still(path), by_opencv(path)
    assert given.shape == expected.shape
    off = np.abs(given.astype(np.int16) - expected)
    mean_off = 1.0 if name == "cmyk.jpg" else 0.5  # the mix of four inks rounds once more
    assert off.max() <= 4
    assert off.mean() <= mean_off


@pytest.mark.parametrize(
    ("channels", "name"), [(1, "grey16.png"), (3, "rgb16.png"), (1, "grey16.tiff"), (3, "rgb16.tiff")]
)
def test_sixteen_bits_are_cut_as_opencv_cuts_them(program: Program, tmp_path: Path, channels: int, name: str) -> None:
    path = tmp_path / name
    every_value = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert cv2.imwrite(str(path), np.dstack([every_value] * channels))
    assert np.array_equal(program.still(path), by_opencv(path))
