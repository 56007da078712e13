"""Small pictures by Pillow (extra `images`), which decodes only what `inspector.py` has accepted."""

import io
from collections.abc import Mapping
from typing import Final

from PIL import Image, ImageCms
from PIL.ExifTags import Base

from api_base.core.errors.content import ContentRefused
from api_base.core.protocols import Thumbnail
from api_base.infrastructure.storage.inspection import Content
from api_base.infrastructure.storage.inspection.images import READERS
from api_base.infrastructure.storage.inspection.inspector import Rules, inspect

_FORMATS: Final[Mapping[str, str]] = {"image/gif": "GIF", "image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_QUALITY: Final = 80
_UPRIGHT: Final[Mapping[int, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By the orientation in the metadata [Exif 2.32]. Pillow's `exif_transpose` writes the metadata again, which fails at those that are malformed."""


def thumbnail(content: Content, max_side: int, max_pixels: int) -> Thumbnail:
    """Return the first frame as WebP in sRGB, upright, without metadata. Raises `ContentRefused`."""
    found = inspect(content, Rules(declared="", allowed=READERS, max_pixels=max_pixels))
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with Image.open(io.BytesIO(content), formats=[_FORMATS[found.media_type]]) as image:
            image.thumbnail((max_side, max_side))
            picture = _in_srgb(_upright(image), image.info.get("icc_profile"))
    except MemoryError:
        raise
    except Exception:  # Pillow fails at malformed content in many ways
        raise ContentRefused("malformed", f"The image ({found.media_type}) cannot be decoded.") from None
    written = io.BytesIO()
    picture.info = {}  # from which the writer would take metadata
    picture.save(written, "WEBP", quality=_QUALITY)
    return Thumbnail(media_type="image/webp", width=picture.width, height=picture.height, data=written.getvalue())


def _upright(image: Image.Image) -> Image.Image:
    turn = _UPRIGHT.get(image.getexif().get(Base.Orientation, 1))
    return image if turn is None else image.transpose(turn)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    picture = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if not profile or image.mode not in ("RGB", "RGBA"):
        return picture
    try:
        return ImageCms.profileToProfile(picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")) or picture
    except (ImageCms.PyCMSError, OSError):
        return picture  # a profile that is malformed is one that viewers ignore
