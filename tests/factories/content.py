"""Files of many formats, and uploads that lie about what they are. Everything is made by code."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from PIL import Image

OFFICE: Final = "application/vnd.openxmlformats-officedocument."
DOCX: Final = f"{OFFICE}wordprocessingml.document"
EICAR: Final = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The test signature of every scanner, in two parts, so that a scanner of this machine leaves the file alone."""


def picture(kind: str, width: int = 40, height: int = 30, **options: object) -> bytes:
    """A valid image of a format of Pillow."""
    written = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(written, kind, **options)
    return written.getvalue()


PNG: Final = picture("PNG")
JPEG: Final = picture("JPEG")
GIF: Final = picture("GIF")
WEBP: Final = picture("WEBP")
PDF: Final = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"
MP4: Final = struct.pack(">I", 24) + b"ftypmp42\0\0\0\0mp42isom" + bytes(600)
HTML: Final = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
SVG: Final = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
EXE: Final = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0" + bytes(200)
ELF: Final = b"\x7fELF\x02\x01\x01" + bytes(200)


def zipped(entries: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name) if method == zipfile.ZIP_STORED else name, data)
    return written.getvalue()


ZIP: Final = zipped({"a.txt": b"text", "folder/b.txt": b"more"})


def document(**more: bytes) -> bytes:
    """A document of Word, as far as an archive shows it."""
    return zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>"} | more)


def with_comment(jpeg: bytes, comment: bytes) -> bytes:
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + jpeg[2:]


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """With a chunk before the last one."""
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return png[:-12] + chunk + png[-12:]


def with_extension(gif: bytes, comment: bytes) -> bytes:
    """With a comment before the trailer."""
    return gif[:-1] + b"\x21\xfe" + bytes([len(comment)]) + comment + b"\0;"


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header claims dimensions."""
    header = struct.pack(">II", width, height) + PNG[24:29]
    return PNG[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + PNG[33:]


def jpeg_of(width: int, height: int) -> bytes:
    at = JPEG.index(b"\xff\xc0")
    return JPEG[: at + 5] + struct.pack(">HH", height, width) + JPEG[at + 9 :]


def gif_of(width: int, height: int, frame: tuple[int, int] = (1, 1), frames: int = 1) -> bytes:
    one = b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x4c\x01\0"
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + bytes(6) + one * frames + b";"


def webp_of(width: int, height: int) -> bytes:
    """A lossless WebP whose header claims dimensions."""
    data = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(5)
    return b"RIFF" + struct.pack("<I", 12 + len(data)) + b"WEBPVP8L" + struct.pack("<I", len(data)) + data


def script_gif() -> bytes:
    """A GIF that is JavaScript too: its width is the beginning of a comment."""
    return with_extension(gif_of(0x2A2F, 1), b"*/=1;alert(1)")


def entry(name: str, mode: int = 0o644, data: bytes = b"x") -> bytes:
    """An archive of one entry with a name as it is."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        info.external_attr = mode << 16
        archive.writestr(info, data)
    return written.getvalue()


def overlapping() -> bytes:
    """An archive whose list names one entry three times."""
    one = bytearray(zipped({"a": bytes(1000)}))
    start, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    listed = one[start:end]
    return bytes(one[:start] + listed * 3) + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 3, 3, len(listed) * 3, start, 0)


def encrypted() -> bytes:
    one = bytearray(ZIP)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        one[one.index(signature) + offset] |= 1
    return bytes(one)


def understated() -> bytes:
    """An archive that declares 10 bytes for an entry of 50 MB."""
    one = bytearray(zipped({"a": bytes(50_000_000)}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", one, one.index(signature) + offset, 10)
    return bytes(one)


def far_away() -> bytes:
    """An archive whose list says that its second entry is beyond 64 bits with a sign [APPNOTE 4.5.3]."""
    one = bytearray(zipped({"a": b"x", "b": b"y"}))
    second, end, extra = one.rindex(b"PK\x01\x02"), one.rindex(b"PK\x05\x06"), struct.pack("<HHQ", 1, 8, 2**64 - 1)
    struct.pack_into("<I", one, end + 12, struct.unpack_from("<I", one, end + 12)[0] + len(extra))
    struct.pack_into("<H", one, second + 30, len(extra))
    struct.pack_into("<I", one, second + 42, 0xFFFFFFFF)
    return bytes(one[: second + 47] + extra + one[second + 47 :])


def nested(levels: int) -> bytes:
    archive = b"text"
    for level in range(levels):
        archive = zipped({f"{level}.zip": archive})
    return archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    """An upload with the type that its sender declares, and the code of its refusal."""

    name: str
    declared: str
    content: bytes
    code: str


@cache
def lies() -> list[Lie]:
    png, jpeg, gif, webp, pdf, archive, text = (
        "image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "application/zip", "text/plain",
    )  # fmt: skip
    comment, utf16 = b"<!-- " + b"x" * 500 + b" -->", "\ufeff<svg xmlns='a'/>".encode("utf-16-le")
    found = {
        "web page as PNG": (png, HTML, "type_not_allowed"),
        "web page after spaces and a comment": (text, b"\r\n \t" + comment + HTML, "type_not_allowed"),
        "web page after a byte order mark": (text, b"\xef\xbb\xbf" + HTML, "type_not_allowed"),
        "program of Windows as JPEG": (jpeg, EXE, "type_not_allowed"),
        "program of Linux without a type": ("", ELF, "type_not_allowed"),
        "PNG as JPEG": (jpeg, PNG, "type_mismatch"),
        "GIF as PNG": (png, GIF, "type_mismatch"),
        "JPEG as PDF": (pdf, JPEG, "type_mismatch"),
        "text as PNG": (png, b"hello", "type_mismatch"),
        "PHP as PNG": (png, b"<?php system($_GET['c']); ?>", "type_mismatch"),
        "nothing as PNG": (png, b"", "type_mismatch"),
        "text as JSON": ("application/json", b"hello", "type_mismatch"),
        "archive as document": (DOCX, ZIP, "type_mismatch"),
        "SVG with script": ("image/svg+xml", SVG, "active_content"),
        "SVG as text": (text, SVG, "active_content"),
        "SVG as PNG": (png, SVG, "active_content"),
        "SVG after a prologue": ("", b'\xef\xbb\xbf<?xml version="1.0"?>\n' + comment + SVG, "active_content"),
        "SVG with a document type": ("", b"<!DOCTYPE svg [<!ENTITY x 'y'>]>" + SVG, "active_content"),
        "SVG with a prefix": ("", b"<s:svg xmlns:s='http://www.w3.org/2000/svg'/>", "active_content"),
        "SVG in UTF-16": (text, utf16, "active_content"),
        "PNG with a web page behind it": (png, PNG + HTML, "trailing_data"),
        "JPEG with a program behind it": (jpeg, JPEG + EXE, "trailing_data"),
        "GIF with a script behind it": (gif, GIF + b"/*<script>*/alert(1)", "trailing_data"),
        "WebP with a web page behind it": (webp, WEBP + HTML, "trailing_data"),
        "PDF with a program behind it": (pdf, PDF + EXE, "trailing_data"),
        "archive with data behind it": (archive, ZIP + b"more", "trailing_data"),
        "PNG with an archive behind it": (png, PNG + ZIP, "polyglot"),
        "JPEG with an archive behind it": (jpeg, JPEG + ZIP, "polyglot"),
        "GIF with an archive behind it": (gif, GIF + ZIP, "polyglot"),
        "PDF with an archive behind it": (pdf, PDF + ZIP, "polyglot"),
        "video with an archive behind it": ("video/mp4", MP4 + ZIP, "polyglot"),
        "archive behind the beginning of an archive": (archive, b"PK\x03\x04" + bytes(60) + ZIP, "polyglot"),
        "archive in a chunk of a PNG": (png, with_chunk(PNG, b"zZip", ZIP), "polyglot"),
        "GIF that is JavaScript": (gif, script_gif(), "polyglot"),
        "JPEG with a web page in its comment": (jpeg, with_comment(JPEG, HTML), "polyglot"),
        "JPEG with PHP in its comment": (jpeg, with_comment(JPEG, b"<?php phpinfo(); ?>"), "polyglot"),
        "JPEG that begins a PDF": (jpeg, with_comment(JPEG, PDF), "polyglot"),
        "PNG with script in its text": (png, with_chunk(PNG, b"tEXt", b"Comment\0<sCrIpT>alert(1)</script>"), "polyglot"),
        "PNG that is an archive of PHP": (png, with_chunk(PNG, b"phAr", b"__HALT_COMPILER(); ?>"), "polyglot"),
        "GIF with a web page in its comment": (gif, with_extension(GIF, b"<iframe src=x>"), "polyglot"),
        "zip bomb": (archive, zipped({"zeros": bytes(20_000_000)}), "decompression_bomb"),
        "zip bomb of many entries": (archive, zipped({str(number): bytes(2_000_000) for number in range(8)}), "decompression_bomb"),
        "zip bomb as document": (DOCX, document(zeros=bytes(20_000_000)), "decompression_bomb"),
        "zip bomb in an archive": (archive, zipped({"in.zip": zipped({"zeros": bytes(20_000_000)})}), "decompression_bomb"),
        "zip bomb of overlapping entries": (archive, overlapping(), "decompression_bomb"),
        "zip bomb that declares ten bytes": (archive, understated(), "malformed"),
        "gzip bomb": ("application/gzip", gzip.compress(bytes(20_000_000)), "decompression_bomb"),
        "gzip bomb in an archive": (archive, zipped({"a.gz": gzip.compress(bytes(20_000_000))}), "decompression_bomb"),
        "archives in archives": (archive, nested(5), "nested_archives"),
        "too many entries": (archive, zipped({str(number): b"" for number in range(10_001)}, zipfile.ZIP_STORED), "too_many_entries"),
        "another compression": (archive, zipped({"a": b"x" * 100}, zipfile.ZIP_BZIP2), "compression_method"),
        "encrypted archive": (archive, encrypted(), "encrypted"),
        "path out of the folder": (archive, entry("../../etc/cron.d/job"), "archive_path"),
        "absolute path": (archive, entry("/etc/passwd"), "archive_path"),
        "path of Windows": (archive, entry("..\\..\\run.bat"), "archive_path"),
        "path with a drive": (archive, entry("C:\\run.bat"), "archive_path"),
        "symbolic link": (archive, entry("link", 0o120777, b"/etc/passwd"), "archive_path"),
        "document with macros": (DOCX, document(**{"word/vbaProject.bin": b"x"}), "type_not_allowed"),
        "archive that Java runs": (archive, zipped({"META-INF/MANIFEST.MF": b"Main-Class: A"}), "type_not_allowed"),
        "UTF-16 with an archive behind it": (text, "\ufeffhello".encode("utf-16-le") + ZIP, "polyglot"),
        "JPEG with a second size": (jpeg, jpeg_of(65_535, 65_535)[:-2] + JPEG[JPEG.index(b"\xff\xc0") :], "too_many_pixels"),
        "PNG of 4 gigapixels": (png, png_of(65_535, 65_535), "too_many_pixels"),
        "JPEG of 4 gigapixels": (jpeg, jpeg_of(65_535, 65_535), "too_many_pixels"),
        "GIF with a frame of 4 gigapixels": (gif, gif_of(1, 1, frame=(65_535, 65_535)), "too_many_pixels"),
        "WebP of 268 megapixels": (webp, webp_of(16_384, 16_384), "too_many_pixels"),
        "GIF of too many frames": (gif, gif_of(1, 1, frames=1001), "too_many_frames"),
        "GIF of too many pixels": (gif, gif_of(3000, 3000, frame=(3000, 3000), frames=60), "too_many_frames"),
        "PNG without pixels": (png, png_of(0, 5), "malformed"),
        "half a PNG": (png, PNG[: len(PNG) // 2], "malformed"),
        "half a JPEG": (jpeg, JPEG[: len(JPEG) // 2], "malformed"),
        "half a GIF": (gif, GIF[: len(GIF) // 2], "malformed"),
        "half a WebP": (webp, WEBP[: len(WEBP) // 2], "malformed"),
        "half a PDF": (pdf, PDF[: len(PDF) // 2], "malformed"),
        "half an archive": (archive, ZIP[: len(ZIP) // 2], "malformed"),
        "archive with an entry beyond any file": (archive, far_away(), "malformed"),
        "text that goes on as a program": (text, b"x" * 5000 + EXE, "binary_data"),
    }
    return [Lie(name=name, declared=declared, content=content, code=code) for name, (declared, content, code) in found.items()]
