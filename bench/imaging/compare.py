"""The image pipeline beside sharp and Pillow: same photos, one process each that stays, in turn; medians of CPU, wall,
peak memory and bytes, and the quality of each variant beside a Lanczos in floating point. Run by `make bench-imaging`.
"""

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile

import numpy
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

ROUNDS = int(os.environ.get("ROUNDS", "7"))
HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "..", "peers")
SIDES = {"thumbnail": 150, "small": 300, "medium": 600, "large": 1200, "webp": None}


class Peer:
    """A process that makes images as it is told to."""

    def __init__(self, name, command, **more):
        self.name, self.more = name, more
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def make(self, what, file, out=None):
        # From here on the kernel remembers a new peak.
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as refs:
            refs.write("5")
        self.process.stdin.write(json.dumps({"what": what, "file": file, "out": out, **self.more}) + "\n")
        self.process.stdin.flush()
        spent = json.loads(self.process.stdout.readline())
        with open(f"/proc/{self.process.pid}/status") as status:
            peak = next(line for line in status if line.startswith("VmHWM"))
        return {**spent, "peak": int(peak.split()[1]) / 1024}


def start():
    sharp = ["node", os.path.join(PEERS, "sharp", "make.js")]
    ours = Peer("Darkroom", [os.environ["BENCH_IMAGING"]])
    sharps = [
        Peer(f"sharp, {arrangement}, effort {effort}", sharp, arrangement=arrangement, effort=effort)
        for effort in (4, 2)
        for arrangement in ("apart", "chained", "once")
    ]
    return ours, sharps, Peer("Pillow", [sys.executable, os.path.join(PEERS, "pillow", "make.py")])


def reference(image, side):
    """Lanczos in floating point, of Pillow's own size."""
    if side is None:
        return numpy.asarray(image, dtype=numpy.float64)
    sized = image.copy()
    sized.thumbnail((side, side), reducing_gap=None)
    bands = [band.convert("F").resize(sized.size, Image.Resampling.LANCZOS) for band in image.split()]
    return numpy.clip(numpy.stack([numpy.asarray(band) for band in bands], axis=-1), 0, 255).astype(numpy.float64)


def quality(file, folder):
    image = Image.open(file).convert("RGB")
    found = {}
    for name, side in SIDES.items():
        wanted = reference(image, side)
        made = numpy.asarray(Image.open(os.path.join(folder, f"{name}.webp")).convert("RGB"), dtype=numpy.float64)
        if made.shape != wanted.shape:
            found[name] = (0.0, 0.0)
            continue
        found[name] = (
            structural_similarity(wanted, made, channel_axis=-1, data_range=255),
            peak_signal_noise_ratio(wanted, made, data_range=255),
        )
    return found


def measure(peers, what, file):
    results = {peer.name: [] for peer in peers}
    for peer in peers:
        peer.make(what, file)
    for _ in range(ROUNDS):
        for peer in peers:
            results[peer.name].append(peer.make(what, file))
    return {
        name: {
            **{key: statistics.median(result[key] for result in rows) for key in ("cpu", "wall", "peak")},
            "bytes": sum(size for _, size in rows[0]["sizes"]),
        }
        for name, rows in results.items()
    }


def large_photo(file, folder):
    """Twenty megapixels, of a photo that has twelve."""
    made = os.path.join(folder, "20mp.jpg")
    Image.open(file).resize((5184, 3888), Image.Resampling.LANCZOS).save(made, quality=92, subsampling="4:2:0")
    return made


def main():
    photo = sys.argv[1]
    others = sys.argv[2:]
    ours, sharps, pillow = start()
    bars = []
    with tempfile.TemporaryDirectory() as folder:
        for label, file in (("12 MP", photo), ("20 MP", large_photo(photo, folder))):
            print(f"\n| {label} | by | CPU ms | wall ms | peak MiB | bytes |\n|---|---|---|---|---|---|")
            best = {}
            for what in ("five", "four"):
                results = measure([ours, *sharps, pillow], what, file)
                for name, result in results.items():
                    row = [what, name, *(f"{result[key]:.0f}" for key in ("cpu", "wall", "peak", "bytes"))]
                    print("| " + " | ".join(row) + " |")
                usual = [results[peer.name] for peer in sharps if peer.more["effort"] == 4]
                any_effort = min(results[peer.name]["cpu"] for peer in sharps)
                best[what] = min(usual, key=lambda result: result["cpu"])
                mine = results[ours.name]
                bars.append((f"{label}, {what}: CPU, of sharp's best", mine["cpu"] / best[what]["cpu"], "≤ 0.75"))
                bars.append((f"{label}, {what}: CPU, of sharp's best at effort 2 too", mine["cpu"] / any_effort, ""))
                if what == "five":
                    bars.append((f"{label}: peak memory, of that", mine["peak"] / best[what]["peak"], "≤ 0.5"))
            stages = [ours_stages(ours, file) for _ in range(ROUNDS)]
            total = statistics.median(sum(stage.values()) for stage in stages)
            mine = statistics.median(ours.make("five", file)["cpu"] for _ in range(ROUNDS))
            bars.append((f"{label}: CPU, of the stages alone", mine / total, "≤ 1.1"))
            best_peer = min((peer for peer in sharps if peer.more["effort"] == 4), key=lambda peer: peer.make("two", file)["cpu"])
            two = measure([ours, best_peer], "two", file)
            ratio = two[best_peer.name]["cpu"] / two[ours.name]["cpu"]
            bars.append((f"{label}: two at once, images a CPU second, of sharp's", ratio, "≥ 1.4"))
        print("\n| quality | variant | SSIM | of Pillow's | PSNR dB | of Pillow's |\n|---|---|---|---|---|---|")
        worst = [1.0, 100.0]
        for file in [photo, *others]:
            found = []
            for peer in (ours, pillow):
                out = os.path.join(folder, peer.name)
                os.makedirs(out, exist_ok=True)
                peer.make("five", file, out)
                found.append(quality(file, out))
            for name in SIDES:
                (ssim, psnr), (their_ssim, their_psnr) = found[0][name], found[1][name]
                worst = [min(worst[0], ssim - their_ssim), min(worst[1], psnr - their_psnr)]
                print(f"| {os.path.basename(file)} | {name} | {ssim:.4f} | {ssim - their_ssim:+.4f} | {psnr:.2f} | {psnr - their_psnr:+.2f} |")
        bars.append(("SSIM, at worst, beside Pillow's", worst[0], "≥ -0.001"))
        bars.append(("PSNR, at worst, beside Pillow's", worst[1], "≥ -0.1"))
    print("\n| | measured | bar |\n|---|---|---|")
    for name, value, bar in bars:
        print(f"| {name} | {value:.3f} | {bar} |")


def ours_stages(ours, file):
    ours.process.stdin.write(json.dumps({"what": "stages", "file": file}) + "\n")
    ours.process.stdin.flush()
    return json.loads(ours.process.stdout.readline())


if __name__ == "__main__":
    main()
