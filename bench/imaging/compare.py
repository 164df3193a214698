"""The image pipeline beside sharp: the same photos, one process each that stays, in turn; medians of CPU, wall and peak
memory, bytes, and the SSIMULACRA2 of each variant beside a Lanczos in floating point. Run by `make bench-imaging`.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile

import numpy
from PIL import Image, ImageOps

ROUNDS = int(os.environ.get("ROUNDS", "3"))
HERE = os.path.dirname(os.path.abspath(__file__))
SHARP = ["node", os.path.join(HERE, "..", "peers", "sharp", "make.js")]
SIDES = {"thumbnail": 150, "small": 300, "medium": 600, "large": 1200, "webp": None}
ARRANGEMENTS = ("apart", "chained", "once")


class Peer:
    """A process that makes images as it is told to."""

    def __init__(self, name, command, **more):
        self.name, self.more = name, more
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **order):
        self.process.stdin.write(json.dumps({**order, **self.more}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def make(self, what, file, out=None):
        # From here on the kernel remembers a new peak.
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as refs:
            refs.write("5")
        spent = self.ask(what=what, file=file, out=out)
        with open(f"/proc/{self.process.pid}/status") as status:
            peak = next(line for line in status if line.startswith("VmHWM"))
        return {**spent, "peak": int(peak.split()[1]) / 1024}


def ours(name="Darkroom", **more):
    return Peer(name, [os.environ["BENCH_IMAGING"]], **more)


def opened(file):
    return ImageOps.exif_transpose(Image.open(file)).convert("RGB")


def reference(image, side):
    """Lanczos in floating point, of Pillow's own size."""
    if side is None:
        return numpy.asarray(image)
    sized = image.copy()
    sized.thumbnail((side, side), reducing_gap=None)
    bands = [band.convert("F").resize(sized.size, Image.Resampling.LANCZOS) for band in image.split()]
    stacked = numpy.stack([numpy.asarray(band) for band in bands], axis=-1)
    return numpy.clip(numpy.rint(stacked), 0, 255).astype(numpy.uint8)


class Judge:
    """Scores variants by SSIMULACRA2, beside references that are made once."""

    def __init__(self, file, folder):
        self.scorer, self.folder, self.shapes = ours("judge"), folder, {}
        image = opened(file)
        for name, side in SIDES.items():
            pixels = reference(image, side)
            self.shapes[name] = pixels.shape
            pixels.tofile(os.path.join(folder, f"{name}.reference"))

    def scores(self, made):
        found = {}
        for name, shape in self.shapes.items():
            pixels = numpy.asarray(Image.open(os.path.join(made, f"{name}.webp")).convert("RGB"))
            if pixels.shape != shape:
                # Sizes are rounded in another way: by a pixel, which a reference of that size would hide.
                found[name] = math.nan
                continue
            other = os.path.join(self.folder, "made")
            pixels.tofile(other)
            order = {"file": os.path.join(self.folder, f"{name}.reference"), "out": other}
            found[name] = self.scorer.ask(what="score", width=shape[1], **order)
        return found

    def end(self):
        self.scorer.process.kill()


def measure(peers, what, file):
    results = {peer.name: [] for peer in peers}
    for peer in peers:
        peer.make(what, file)
    for _ in range(ROUNDS):
        for peer in peers:
            results[peer.name].append(peer.make(what, file))
    return {
        name: {
            **{key: statistics.median(result.get(key, 0) for result in rows) for key in ("cpu", "wall", "first", "peak")},
            "sizes": dict(rows[0]["sizes"]),
            "bytes": sum(size for _, size in rows[0]["sizes"]),
        }
        for name, rows in results.items()
    }


def best_of(results, effort):
    names = [f"sharp, {arrangement}, effort {effort}" for arrangement in ARRANGEMENTS]
    return min(names, key=lambda name: results[name]["cpu"])


def measure_photo(file, mine, equal, sharps):
    """Of one photo, by name of the figure."""
    row = {"scores": {}, "bytes": {}}
    for what in ("five", "four"):
        results = measure([mine, equal, *sharps], what, file)
        usual, fast = best_of(results, 4), best_of(results, 2)
        row[f"{what}, of effort 4"] = results[mine.name]["cpu"] / results[usual]["cpu"]
        row[f"{what}, equal effort"] = results[equal.name]["cpu"] / results[fast]["cpu"]
        row[f"{what}, bytes"] = results[mine.name]["bytes"] / results[usual]["bytes"]
        for key in ("cpu", "first", "peak"):
            row[f"{what}, {key}"] = results[mine.name][key]
        row[f"{what}, peak of sharp's"] = results[mine.name]["peak"] / results[usual]["peak"]
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(file, folder)
        for peer in (mine, equal, *[peer for peer in sharps if peer.more["arrangement"] == "chained"]):
            out = os.path.join(folder, peer.name)
            os.makedirs(out)
            row["bytes"][peer.name] = dict(peer.make("five", file, out)["sizes"])
            row["scores"][peer.name] = judge.scores(out)
        judge.end()
    return row


def main():
    mine, equal = ours(), ours("Darkroom, effort 2, quality 85", effort=2, quality=85, sharp_yuv=False)
    sharps = [
        Peer(f"sharp, {arrangement}, effort {effort}", SHARP, arrangement=arrangement, effort=effort)
        for effort in (4, 2)
        for arrangement in ARRANGEMENTS
    ]
    figures = ["cpu", "first", "peak", "of effort 4", "equal effort", "bytes", "peak of sharp's"]
    print("| photo | MP | what | CPU ms | until the first variant | peak MiB | CPU, of sharp's at effort 4 | CPU, at equal effort | bytes, of sharp's | peak, of sharp's |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    rows = []
    for file in sys.argv[1:]:
        row = measure_photo(file, mine, equal, sharps)
        rows.append(row)
        image = Image.open(file)
        megapixels = image.width * image.height / 1e6
        for what in ("five", "four"):
            cells = [f"{row[f'{what}, {name}']:.0f}" if name in figures[:3] else f"{row[f'{what}, {name}']:.2f}" for name in figures]
            print(f"| {os.path.basename(file)} | {megapixels:.1f} | {what} | {' | '.join(cells)} |", flush=True)
    print("\n| median of all photos | five | four | most, five | most, four |\n|---|---|---|---|---|")
    for name in figures[3:]:
        values = {what: [row[f"{what}, {name}"] for row in rows] for what in ("five", "four")}
        medians = [f"{statistics.median(values[what]):.3f}" for what in values]
        print(f"| {name} | {' | '.join(medians)} | {' | '.join(f'{max(values[what]):.3f}' for what in values)} |")
    theirs = "sharp, chained, effort 4"
    print("\n| SSIMULACRA2 | ours, median | sharp's, median | ours less sharp's, median | worst | at equal effort, median | bytes, of sharp's |")
    print("|---|---|---|---|---|---|---|")
    for name in SIDES:
        column = lambda peer: [row["scores"][peer][name] for row in rows]
        less = [a - b for a, b in zip(column(mine.name), column(theirs)) if not math.isnan(a - b)]
        alike = [a - b for a, b in zip(column(equal.name), column("sharp, chained, effort 2")) if not math.isnan(a - b)]
        size = [row["bytes"][mine.name][name] / row["bytes"][theirs][name] for row in rows]
        medians = [statistics.median(value for value in column(peer) if not math.isnan(value)) for peer in (mine.name, theirs)]
        cells = [*medians, statistics.median(less), min(less), statistics.median(alike)]
        print(f"| {name} | {' | '.join(f'{cell:.2f}' for cell in cells)} | {statistics.median(size):.3f} |")


if __name__ == "__main__":
    main()
