"""Any folder of pictures through the server's pipeline, beside what Pillow (with pillow-heif) and Chromium make of each: which
are taken, and whether what comes out has the same size, colours, alpha, frames and timing, and none of the metadata. Run by
`make corpus DIR=…`; PROGRAM is the server's binary.

A difference of colours counts from 3 ΔE (CIELAB, mean of the picture scaled to 200 pixels, alpha over grey) beyond what WebP
of the same quality costs the reference itself.
"""

import base64
import collections
import io
import itertools
import json
import os
import struct
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import pillow_heif
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

PROGRAM = os.environ["PROGRAM"]
ENDINGS = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".avif", ".heic", ".heif", ".hif"}
QUALITY, EFFORT = 86.5, 2
SPECS = f'[[variant]]\nname = "full"\nformat = "webp"\nquality = {QUALITY}\neffort = {EFFORT}\n'
SIDE, UNSEEN, UNSEEN_ALPHA = 200, 3.0, 6.0
# Of Chromium's pixels, which come as text.
COARSE = 64
pillow_heif.register_heif_opener()
warnings.simplefilter("ignore")
# What the server takes too; more would be memory.
Image.MAX_IMAGE_PIXELS = 50_000_000
SRGB = ImageCms.createProfile("sRGB")
# What Pillow raises at files that it does not take.
REFUSALS = (
    OSError, EOFError, ValueError, TypeError, SyntaxError, IndexError, KeyError, RuntimeError, struct.error,
    UnidentifiedImageError, Image.DecompressionBombError,
)


def ours(file, folder):
    """What the server says of a file, and its picture in full size."""
    env = {**os.environ, "VARIANTS": str(folder / "specs.toml"), "DATA_DIR": str(folder / "data"), "RUST_LOG": "off"}
    out = tempfile.mkdtemp(dir=folder)
    ran = subprocess.run([PROGRAM, "variants", str(file), "--json", "--out", out], capture_output=True, env=env, check=False)
    report = json.loads(ran.stdout.decode(errors="replace").splitlines()[0])
    return report, Path(out) / Path(report["variants"][0]["path"]).name if report["variants"] else None


def primary(file):
    image = Image.open(file)
    if image.format in ("HEIF", "AVIF") and getattr(image, "n_frames", 1) > 1 and "primary" in image.info:
        for frame in range(image.n_frames):
            image.seek(frame)
            if image.info.get("primary"):
                break
    else:
        image.load()
    return image


def upright(image):
    """In sRGB, as Pillow understands it."""
    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if profile and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            mode = "RGBA" if image.mode == "RGBA" else "RGB"
            image = ImageCms.profileToProfile(image, source, SRGB, outputMode=mode)
        except (ImageCms.PyCMSError, OSError):
            pass
    if image.mode.startswith("I"):
        image = Image.fromarray((numpy.asarray(image) / 257).clip(0, 255).astype("uint8"))
    return image.convert("RGBA")


def lab(image):
    grey = Image.new("RGBA", image.size, (128, 128, 128, 255))
    grey.alpha_composite(image)
    light = numpy.asarray(grey.convert("RGB")) / 255
    light = numpy.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    matrix = [[0.412456, 0.357576, 0.180437], [0.212673, 0.715152, 0.072175], [0.019334, 0.119192, 0.950304]]
    xyz = light @ numpy.array(matrix).T / numpy.array([0.95047, 1, 1.08883])
    f = numpy.where(xyz > 216 / 24389, numpy.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return numpy.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def small(image):
    return image.resize((min(SIDE, image.width), min(SIDE, image.height)), Image.Resampling.BOX)


def distance(one, other):
    return float(numpy.sqrt(((lab(small(one)) - lab(small(other))) ** 2).sum(-1)).mean())


def by_webp(image):
    file = io.BytesIO()
    image.save(file, "WEBP", quality=round(QUALITY), method=EFFORT)
    return Image.open(file).convert("RGBA")


def timing(image):
    """Milliseconds of all frames together, as far as they are whole."""
    total = 0
    for frame in itertools.count():
        try:
            image.seek(frame)
            image.load()
        except REFUSALS:
            break
        total += image.info.get("duration", 0)
    return total


def differences(file, made, reference):
    """What is not as in the reference, by name."""
    picture = Image.open(made)
    left = [name for name in ("exif", "xmp", "icc_profile") if picture.info.get(name)]
    found = {"metadata left": ", ".join(left)} if left else {}
    shown, theirs = picture.convert("RGBA"), upright(reference)
    if shown.size != theirs.size:
        is_turned = shown.size == theirs.size[::-1]
        found["orientation" if is_turned else "size"] = f"{shown.size} for {theirs.size}"
        return found
    colours = distance(shown, theirs)
    if colours > UNSEEN and colours > UNSEEN + distance(by_webp(theirs), theirs):
        found["colours"] = f"ΔE {colours:.1f}"
    alphas = [numpy.asarray(small(image))[..., 3].astype(float) for image in (shown, theirs)]
    if abs(alphas[0] - alphas[1]).mean() > UNSEEN_ALPHA:
        found["alpha"] = f"{abs(alphas[0] - alphas[1]).mean():.0f} of 255"
    if Path(file).suffix.lower() in (".gif", ".webp") and getattr(picture, "is_animated", False):
        shown, wanted = timing(picture), timing(Image.open(file))
        if shown != wanted:
            found["timing"] = f"{shown} ms for {wanted}"
    return found


def in_chromium(files):
    """What Chromium shows, by file."""
    names = "\n".join(map(str, files))
    script = Path(__file__).with_name("chromium.mjs")
    ran = subprocess.run(["node", script, str(COARSE)], input=names, capture_output=True, text=True, check=True)
    return {Path(row["file"]): row for row in map(json.loads, ran.stdout.splitlines())}


def averaged(picture, columns, rows):
    """The means of parts of whole pixels, as the script has them for Chromium."""
    pixels = numpy.asarray(picture, dtype=numpy.float64)
    high, wide = pixels.shape[:2]
    part = (numpy.arange(high) * rows // high)[:, None] * columns + (numpy.arange(wide) * columns // wide)[None, :]
    sums = lambda values: numpy.bincount(part.ravel(), values.ravel(), minlength=rows * columns)
    alphas = sums(pixels[..., 3])
    colours = [sums(pixels[..., channel] * pixels[..., 3]) / numpy.maximum(alphas, 1) for channel in range(3)]
    means = numpy.stack([*colours, alphas / numpy.maximum(sums(numpy.ones((high, wide))), 1)], -1)
    return Image.fromarray(means.reshape(rows, columns, 4).astype(numpy.uint8), "RGBA")


def beside_chromium(made, shown):
    """What is not as in Chromium, by name."""
    picture = Image.open(made).convert("RGBA")
    if picture.size != (shown["width"], shown["height"]):
        return {"size, of Chromium's": f"{picture.size} for {(shown['width'], shown['height'])}"}
    size = (shown["columns"], shown["rows"])
    theirs = Image.frombytes("RGBA", size, base64.b64decode(shown["pixels"]))
    colours = float(numpy.sqrt(((lab(averaged(picture, *size)) - lab(theirs)) ** 2).sum(-1)).mean())
    if colours > UNSEEN and colours > UNSEEN + distance(by_webp(picture), picture):
        return {"colours, of Chromium's": f"ΔE {colours:.1f}"}
    return {}


def compare(file, folder, shown):
    """The row of one file: our end, theirs, and what is different."""
    report, made = ours(file, folder)
    row = beside_pillow(file, report, made)
    if "error" in shown:
        return row
    row["shown by Chromium"] = None
    if made is None:
        row["refused, shown by Chromium"] = report["error"]
        if "refused" in row:
            row["refused, shown by both"] = report["error"]
    else:
        row.update(beside_chromium(made, shown))
    return row


def beside_pillow(file, report, made):
    try:
        reference = primary(file)
        upright(reference)
    except REFUSALS as error:
        reference, refusal = None, f"{type(error).__name__}: {error}"
    if made is None:
        return {"refused": report["error"]} if reference else {"refused by both": report["error"]}
    if reference is None:
        return {"taken by us alone": refusal}
    return differences(file, made, reference)


def main():
    folder = Path(sys.argv[1])
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix.lower() in ENDINGS)
    kinds = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor() as pool:
        (Path(work) / "specs.toml").write_text(SPECS)
        shown = in_chromium(files)
        rows = zip(files, pool.map(lambda file: compare(file, Path(work), shown[file]), files))
        for file, row in rows:
            kind = kinds[file.suffix.lower()]
            kind["files"] += 1
            kind.update(row.keys())
            kind["alike"] += not set(row) - {"shown by Chromium"}
            for what, detail in row.items():
                if detail is None:
                    continue
                print(f"{file.relative_to(folder)}: {what}: {detail[:150]}", file=sys.stderr)
    columns = ["files", "alike", "shown by Chromium", "refused", "refused by both", "taken by us alone"]
    columns += sorted({name for kind in kinds.values() for name in kind} - set(columns))
    print("| kind |", " | ".join(columns), "|")
    print("|---|" + "---|" * len(columns))
    for kind in sorted(kinds):
        print(f"| {kind} |", " | ".join(str(kinds[kind][column]) for column in columns), "|")


main()
